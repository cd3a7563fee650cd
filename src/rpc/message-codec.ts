// Values to JSON and back, exactly. What JSON has not is a tag: an object with the one key `$`, whose value is a list
// beginning with a letter. Messages without such values cost one walk when they are sent and nothing when they arrive.
//
//   {"$":["u"]} undefined       {"$":["f","-0"]} a number     {"$":["n","-ff"]} bigint, hexadecimal
//   {"$":["d",ms]} Date         {"$":["m",[k,v,…]]} Map       {"$":["s",[v,…]]} Set
//   {"$":["b",type,part]} bytes {"$":["o",[k,v,…]]} an object that has a key `$` itself
import { FileRegion } from './file-region.ts';
import { RpcMessageError, RpcProtocolError } from './rpc-errors.ts';

/** Deeper values are refused on both sides: they are cycles, or meant to break a stack. */
const MAX_DEPTH = 500;

/** A value ready to travel. `parts` are the bytes in it; they are not copied. */
export interface EncodedValue {
  readonly json: string;
  readonly tagged: boolean;
  readonly parts: readonly (Uint8Array | FileRegion)[];
}

const NO_PARTS: readonly Uint8Array[] = [];

/** A value as JSON has it, with tags. `converted` is the value itself when it needs none. */
export interface PreparedValue {
  readonly converted: unknown;
  readonly tagged: boolean;
  readonly parts: readonly (Uint8Array | FileRegion)[];
}

/** @throws RpcMessageError naming the place of what cannot travel. */
export function prepareValue(value: unknown): PreparedValue {
  const encoder = new ValueEncoder();
  const converted = encoder.convert(value, 0);
  return { converted, tagged: encoder.tagged, parts: encoder.parts };
}

/** @throws as `prepareValue`. */
export function encodeValue(value: unknown): EncodedValue {
  const prepared = prepareValue(value);
  return { json: toJson(prepared), tagged: prepared.tagged, parts: prepared.parts };
}

export function toJson({ converted }: PreparedValue): string {
  try {
    return JSON.stringify(converted);
  } catch (error) {
    throw new RpcMessageError(`a message is too large for JSON: ${String(error)}`, { cause: error });
  }
}

/**
 * @param parts the bytes, one each for the sizes that came with the message, in memory of their own.
 * @throws RpcProtocolError when the text is no JSON, or its tags make no sense.
 */
export function decodeValue(json: string, tagged: boolean, parts: readonly Uint8Array[]): unknown {
  let value: unknown;
  try {
    value = JSON.parse(json);
  } catch {
    throw new RpcProtocolError('a message that is not JSON');
  }
  return tagged ? revive(value, parts, 0) : value;
}

class ValueEncoder {
  parts: readonly (Uint8Array | FileRegion)[] = NO_PARTS;
  tagged = false;
  /** Keys and indices on the way to the value at hand, for errors. */
  readonly #path: (string | number)[] = [];

  /** Gives back `value` itself when it and all in it is JSON as it stands, else a copy of what changed. */
  convert(value: unknown, depth: number): unknown {
    switch (typeof value) {
      case 'string':
      case 'boolean':
        return value;
      case 'number':
        if (Number.isFinite(value) && !(value === 0 && 1 / value < 0)) return value;
        return this.#tag(['f', Object.is(value, -0) ? '-0' : String(value)]);
      case 'undefined':
        return this.#tag(['u']);
      case 'bigint':
        return this.#tag(['n', value.toString(16)]);
      case 'object':
        break;
      default:
        throw this.#refused(`a ${typeof value}`);
    }
    if (value === null) return null;
    if (depth > MAX_DEPTH) throw this.#refused(`more than ${MAX_DEPTH} levels (a cycle?)`);
    if (Array.isArray(value)) return this.#array(value, depth);
    const prototype: unknown = Object.getPrototypeOf(value);
    if (prototype === Object.prototype || prototype === null)
      return this.#record(value as Record<string, unknown>, depth);
    return this.#special(value, depth);
  }

  #array(value: readonly unknown[], depth: number): unknown {
    let out: unknown[] | null = null;
    for (let i = 0; i < value.length; i++) {
      const element = value[i];
      if (typeof element === 'string') continue;
      this.#path.push(i);
      const converted = this.convert(element, depth + 1);
      this.#path.pop();
      // Not by ===: NaN and holes need a tag too, and a tag never is the value.
      if (!Object.is(converted, element)) {
        out ??= value.slice();
        out[i] = converted;
      }
    }
    return out ?? value;
  }

  #record(value: Readonly<Record<string, unknown>>, depth: number): unknown {
    let out: Record<string, unknown> | null = null;
    let escaped = false;
    for (const key of Object.keys(value)) {
      if (key === '$') escaped = true;
      const field = value[key];
      if (typeof field === 'string') continue;
      this.#path.push(key);
      const converted = this.convert(field, depth + 1);
      this.#path.pop();
      if (!Object.is(converted, field)) {
        out ??= { ...value };
        out[key] = converted;
      }
    }
    const result = out ?? value;
    if (!escaped) return result;
    return this.#tag(['o', entriesOf(result)]);
  }

  #special(value: object, depth: number): unknown {
    if (value instanceof FileRegion) {
      return this.#bytes(value, 0);
    }
    if (ArrayBuffer.isView(value)) {
      const type = viewTypes.findIndex(([name]) => name === Object.getPrototypeOf(value).constructor.name);
      if (type < 0) throw this.#refused(`an object of class ${value.constructor.name}`);
      return this.#bytes(new Uint8Array(value.buffer, value.byteOffset, value.byteLength), type);
    }
    if (value instanceof ArrayBuffer || value instanceof SharedArrayBuffer) {
      return this.#bytes(new Uint8Array(value), ARRAY_BUFFER);
    }
    if (value instanceof Date) {
      const ms = value.getTime();
      return this.#tag(['d', Number.isNaN(ms) ? null : ms]);
    }
    if (value instanceof Map) {
      const entries: unknown[] = [];
      for (const [key, element] of value) entries.push(key, element);
      return this.#tag(['m', this.#array(entries, depth + 1)]);
    }
    if (value instanceof Set) return this.#tag(['s', this.#array([...value], depth + 1)]);
    const name: unknown = value.constructor?.name;
    throw this.#refused(`an object of class ${typeof name === 'string' && name !== '' ? name : '(unknown)'}`);
  }

  #bytes(part: Uint8Array | FileRegion, type: number): unknown {
    const parts = this.parts === NO_PARTS ? [] : (this.parts as (Uint8Array | FileRegion)[]);
    this.parts = parts;
    parts.push(part);
    return this.#tag(['b', type, parts.length - 1]);
  }

  #tag(tag: readonly unknown[]): unknown {
    this.tagged = true;
    return { $: tag };
  }

  #refused(what: string): RpcMessageError {
    const path = this.#path.slice(0, 20).map((step) => (typeof step === 'number' ? `[${step}]` : `.${step}`));
    return new RpcMessageError(`message${path.join('')} holds ${what}, which cannot travel: send plain data`);
  }
}

type ViewMaker = (bytes: Uint8Array) => unknown;
type ArrayConstructor = new (buffer: ArrayBufferLike, offset: number, length: number) => unknown;

/** A typed array over the same memory, or over a copy when the bytes do not start where its elements may. */
const view =
  (make: ArrayConstructor, elementBytes: number): ViewMaker =>
  (bytes) => {
    if (bytes.length % elementBytes !== 0) throw new RpcProtocolError('a typed array of a broken size');
    const aligned = bytes.byteOffset % elementBytes === 0 ? bytes : new Uint8Array(bytes);
    return new make(aligned.buffer, aligned.byteOffset, aligned.length / elementBytes);
  };

/** Kinds of bytes by their number on the wire. */
const viewTypes: readonly (readonly [name: string, make: ViewMaker])[] = [
  ['Uint8Array', (bytes) => bytes],
  ['Buffer', (bytes) => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)],
  ['Int8Array', view(Int8Array, 1)],
  ['Uint8ClampedArray', view(Uint8ClampedArray, 1)],
  ['Int16Array', view(Int16Array, 2)],
  ['Uint16Array', view(Uint16Array, 2)],
  ['Int32Array', view(Int32Array, 4)],
  ['Uint32Array', view(Uint32Array, 4)],
  ['Float32Array', view(Float32Array, 4)],
  ['Float64Array', view(Float64Array, 8)],
  ['BigInt64Array', view(BigInt64Array, 8)],
  ['BigUint64Array', view(BigUint64Array, 8)],
  ['DataView', (bytes) => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)],
  ['ArrayBuffer', (bytes) => new Uint8Array(bytes).buffer],
];
const ARRAY_BUFFER = viewTypes.length - 1;

function revive(value: unknown, parts: readonly Uint8Array[], depth: number): unknown {
  if (typeof value !== 'object' || value === null) return value;
  if (depth > MAX_DEPTH * 3) throw new RpcProtocolError('a message of too many levels');
  if (Array.isArray(value)) {
    reviveElements(value, parts, depth);
    return value;
  }
  const record = value as Record<string, unknown>;
  if (Object.hasOwn(record, '$')) return reviveTag(record['$'], parts, depth);
  for (const key of Object.keys(record)) {
    const field = record[key];
    // The key is the object's own, `__proto__` too, so that this sets no prototype.
    if (typeof field === 'object' && field !== null) record[key] = revive(field, parts, depth + 1);
  }
  return record;
}

function reviveElements(list: unknown[], parts: readonly Uint8Array[], depth: number): void {
  for (let i = 0; i < list.length; i++) {
    const element = list[i];
    if (typeof element === 'object' && element !== null) list[i] = revive(element, parts, depth + 1);
  }
}

function reviveTag(tag: unknown, parts: readonly Uint8Array[], depth: number): unknown {
  const [letter, operand, index] = Array.isArray(tag) ? (tag as unknown[]) : [];
  switch (letter) {
    case undefined:
      break;
    case 'u':
      return undefined;
    case 'f':
      if (operand === 'NaN' || operand === 'Infinity' || operand === '-Infinity' || operand === '-0')
        return Number(operand);
      break;
    case 'n': {
      const match = typeof operand === 'string' ? /^(-?)([0-9a-f]+)$/.exec(operand) : null;
      if (match) return match[1] === '-' ? -BigInt(`0x${match[2]}`) : BigInt(`0x${match[2]}`);
      break;
    }
    case 'd':
      if (operand === null) return new Date(Number.NaN);
      if (typeof operand === 'number') return new Date(operand);
      break;
    case 'b': {
      const type = typeof operand === 'number' ? viewTypes[operand] : undefined;
      const part = typeof index === 'number' ? parts[index] : undefined;
      if (type !== undefined && part !== undefined) return type[1](part);
      break;
    }
    case 'm':
    case 's':
    case 'o': {
      if (!Array.isArray(operand)) break;
      const list = operand as unknown[];
      reviveElements(list, parts, depth + 1);
      if (letter === 's') return new Set(list);
      if (list.length % 2 !== 0) break;
      return letter === 'm' ? new Map(pairs(list)) : Object.fromEntries(pairs(list) as [string, unknown][]);
    }
  }
  throw new RpcProtocolError('a message with an unknown tag');
}

function entriesOf(record: Readonly<Record<string, unknown>>): unknown[] {
  const out: unknown[] = [];
  for (const key of Object.keys(record)) out.push(key, record[key]);
  return out;
}

function pairs(list: readonly unknown[]): [unknown, unknown][] {
  const out: [unknown, unknown][] = [];
  for (let i = 0; i < list.length; i += 2) out.push([list[i], list[i + 1]]);
  return out;
}
