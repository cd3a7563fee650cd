import {
  isAnyArrayBuffer,
  isBigIntObject,
  isBoxedPrimitive,
  isDate,
  isExternal,
  isGeneratorObject,
  isMap,
  isModuleNamespaceObject,
  isNativeError,
  isPromise,
  isRegExp,
  isSet,
  isSharedArrayBuffer,
  isSymbolObject,
  isWeakMap,
  isWeakSet,
} from 'node:util/types';
import type { ByteWriter } from './byte-writer.ts';
import { type Constructor, describeClass } from './class-codec.ts';
import { TYPED_ARRAYS, typedArrayKind } from './column-types.ts';
import { Refusal } from './errors.ts';
import {
  ARRAY_COLUMN_FROM,
  ERROR_FLAGS,
  ERROR_TYPES,
  MAX_GRAPH_DEPTH,
  MAX_GRAPH_SHAPES,
  SMALL_INT,
  TAG,
} from './graph-format.ts';
import { hasExtraKeys, isIndex, refuseProxy, refuseSymbolKeys } from './ordinary.ts';

/** Objects of one value are searched one by one up to here, then by a Map. */
const LINEAR = 16;
const LOOK_CLOSELY = 256;

interface ShapeNode {
  id: number;
  lastKey: string | null;
  lastNode: ShapeNode | null;
  more: Map<string, ShapeNode> | null;
}

/** Writes values as a graph; made for one column. */
export class GraphWriter {
  readonly strings: string[] = [];
  readonly arrays: (readonly unknown[])[] = [];
  /** The objects of the current value, in the order of their numbers: the first `count`, the rest is of older values. */
  readonly objects: object[] = [];
  count = 0;
  readonly #w: ByteWriter;
  readonly #shapes: ShapeNode = newNode();
  #shapeCount = 0;
  readonly #classes = new Map<Constructor, number>();
  #index: Map<object, number> | null = null;
  #depth = 0;
  #looked = 0;

  constructor(writer: ByteWriter) {
    this.#w = writer;
  }

  /** Starts a value: references do not reach over values. */
  begin(): void {
    // Not `objects.length = 0`: that gives the memory back, at 20 ns a value.
    this.count = 0;
    this.#index = null;
    this.#depth = 0;
  }

  write(value: unknown): void {
    const w = this.#w;
    switch (typeof value) {
      case 'string':
        w.u8(TAG.String);
        this.strings.push(value);
        return;
      case 'number':
        this.#writeNumber(value);
        return;
      case 'boolean':
        w.u8(value ? TAG.True : TAG.False);
        return;
      case 'undefined':
        w.u8(TAG.Undefined);
        return;
      case 'object':
        if (value === null) w.u8(TAG.Null);
        else this.#writeObject(value);
        return;
      case 'bigint': {
        const negative = value < 0n;
        const digits = (negative ? -value : value).toString(16);
        w.u8(TAG.BigInt);
        w.u8(negative ? 1 : 0);
        w.varint(digits.length);
        w.raw(Buffer.from(digits, 'latin1'));
        return;
      }
      case 'function':
        throw new Refusal(value, `it is a function (${value.name || 'anonymous'}); records are data`);
      case 'symbol':
        throw new Refusal(value, 'it is a symbol; symbols exist in one process only');
    }
  }

  #writeNumber(value: number): void {
    const w = this.#w;
    const int = value | 0;
    if (int === value && (int !== 0 || 1 / value > 0)) {
      if (int >= 0 && int < 128) w.u8(SMALL_INT | int);
      else {
        w.u8(TAG.Int);
        w.varint((int << 1) ^ (int >> 31));
      }
    } else {
      w.u8(TAG.Double);
      w.double(value);
    }
  }

  #writeObject(value: object): void {
    const known = this.#find(value);
    if (known >= 0) {
      this.#w.u8(TAG.Ref);
      this.#w.varint(known);
      return;
    }
    if (++this.#depth > MAX_GRAPH_DEPTH)
      throw new Refusal(value, `it is nested deeper than ${MAX_GRAPH_DEPTH} levels; keep such data in an array`);
    refuseProxy(value);
    const prototype: object | null = Object.getPrototypeOf(value);
    if (prototype === Object.prototype || prototype === null) {
      if (this.#looksClosely()) refuseSymbolKeys(value);
      this.#remember(value);
      this.#w.u8(prototype === null ? TAG.BareObject : TAG.Object);
      this.#writeFields(value, Object.keys(value));
    } else this.#writeBuiltinOrInstance(value, prototype);
    this.#depth--;
  }

  /** Symbol keys and extra properties of arrays cost 70 ns to look for: after the first objects, a sample will do. */
  #looksClosely(): boolean {
    return this.#looked++ < LOOK_CLOSELY || (this.#looked & 15) === 0;
  }

  #find(value: object): number {
    if (this.#index !== null) return this.#index.get(value) ?? -1;
    const objects = this.objects;
    for (let i = 0; i < this.count; i++) if (objects[i] === value) return i;
    return -1;
  }

  #remember(value: object): void {
    const id = this.count++;
    this.objects[id] = value;
    if (this.#index !== null) this.#index.set(value, id);
    else if (id >= LINEAR) this.#index = new Map(this.objects.slice(0, this.count).map((object, i) => [object, i]));
  }

  #writeFields(value: object, keys: readonly string[]): void {
    this.#writeShape(keys);
    for (let i = 0; i < keys.length; i++) this.write((value as Record<string, unknown>)[keys[i] as string]);
  }

  /** A number seen before in this column, or the next number and the keys. */
  #writeShape(keys: readonly string[]): void {
    let node = this.#shapes;
    for (let i = 0; i < keys.length; i++) {
      const key = keys[i] as string;
      if (node.lastKey === key) node = node.lastNode as ShapeNode;
      else node = this.#step(node, key);
    }
    const w = this.#w;
    if (node.id >= 0) {
      w.varint(node.id + 1);
      return;
    }
    if (this.#shapeCount < MAX_GRAPH_SHAPES) node.id = this.#shapeCount++;
    // 0: a shape in full; it gets the next number while there are any left.
    w.varint(0);
    w.varint(keys.length);
    for (let i = 0; i < keys.length; i++) this.strings.push(keys[i] as string);
  }

  #step(node: ShapeNode, key: string): ShapeNode {
    let next = node.more?.get(key);
    if (next === undefined) {
      next = newNode();
      // When keys are data, remembering them would be a second copy of the data.
      if (this.#shapeCount >= MAX_GRAPH_SHAPES) return next;
      node.more ??= new Map();
      node.more.set(key, next);
    }
    node.lastKey = key;
    node.lastNode = next;
    return next;
  }

  #writeClass(value: object, prototype: object): void {
    const ctor: unknown = Object.hasOwn(prototype, 'constructor') ? prototype.constructor : undefined;
    if (typeof ctor !== 'function' || ctor.prototype !== prototype)
      throw new Refusal(value, 'its prototype is not that of a class, so it could not be rebuilt; use a class or {}');
    const known = this.#classes.get(ctor);
    const w = this.#w;
    if (known !== undefined) {
      w.varint(known + 1);
      return;
    }
    const descriptor = describeClass(ctor);
    this.#classes.set(ctor, this.#classes.size);
    w.varint(0);
    w.varint(descriptor.byteLength);
    w.raw(descriptor);
  }

  #writeBuiltinOrInstance(value: object, prototype: object): void {
    const base = builtinPrototype(value);
    const closely = this.#looksClosely();
    if (closely) refuseSymbolKeys(value);
    if (base === null) {
      this.#remember(value);
      this.#w.u8(TAG.Instance);
      this.#writeClass(value, prototype);
      this.#writeFields(value, Object.keys(value));
      return;
    }
    if (base !== prototype) {
      this.#w.u8(TAG.Classed);
      this.#writeClass(value, prototype);
    }
    this.#remember(value);
    const extra = extraKeys(value, closely);
    if (extra.length > 0) this.#w.u8(TAG.Extra);
    this.#writeBuiltin(value);
    if (extra.length > 0) this.#writeFields(value, extra);
  }

  #writeBuiltin(value: object): void {
    const w = this.#w;
    if (Array.isArray(value)) this.#writeArray(value);
    else if (isDate(value)) {
      w.u8(TAG.Date);
      w.double(value.getTime());
    } else if (isMap(value)) {
      w.u8(TAG.Map);
      w.varint(value.size);
      for (const [key, item] of value) {
        this.write(key);
        this.write(item);
      }
    } else if (isSet(value)) {
      w.u8(TAG.Set);
      w.varint(value.size);
      for (const item of value) this.write(item);
    } else if (isRegExp(value)) {
      w.u8(TAG.RegExp);
      this.strings.push(value.source, value.flags);
      w.varint(value.lastIndex);
    } else if (isNativeError(value)) this.#writeError(value);
    else if (ArrayBuffer.isView(value)) {
      const bytes = new Uint8Array(value.buffer, value.byteOffset, value.byteLength);
      if (value instanceof DataView) w.u8(TAG.DataView);
      else {
        w.u8(TAG.TypedArray);
        w.u8(typedArrayKind(value));
      }
      w.varint(bytes.byteLength);
      w.raw(bytes);
    } else if (isAnyArrayBuffer(value)) {
      w.u8(TAG.ArrayBuffer);
      w.varint(value.byteLength);
      w.raw(new Uint8Array(value));
    } else {
      w.u8(TAG.Boxed);
      this.write((value as { valueOf(): unknown }).valueOf());
    }
  }

  #writeArray(array: readonly unknown[]): void {
    const w = this.#w;
    const length = array.length;
    if (length >= ARRAY_COLUMN_FROM && isPrimitiveColumn(array)) {
      w.u8(TAG.ArrayColumn);
      this.arrays.push(array);
      return;
    }
    w.u8(TAG.Array);
    w.varint(length);
    let holes = 0;
    for (let i = 0; i < length; i++) {
      const item = array[i];
      if (item === undefined && !Object.hasOwn(array, i)) {
        holes++;
        continue;
      }
      if (holes > 0) {
        w.u8(TAG.Holes);
        w.varint(holes);
        holes = 0;
      }
      this.write(item);
    }
    if (holes > 0) {
      w.u8(TAG.Holes);
      w.varint(holes);
    }
  }

  /** Own properties are the error: message, stack and cause are such, but not enumerable. */
  #writeError(error: Error): void {
    const w = this.#w;
    const base = builtinPrototype(error);
    const names: (string | symbol)[] = Object.getOwnPropertyNames(error);
    for (const symbol of Object.getOwnPropertySymbols(error))
      if (Symbol.keyFor(symbol) !== undefined) names.push(symbol);
    w.u8(TAG.Error);
    w.varint(ERROR_TYPES.findIndex((type) => type.prototype === base));
    w.varint(names.length);
    for (const name of names) {
      const enumerable = Object.prototype.propertyIsEnumerable.call(error, name) ? ERROR_FLAGS.enumerable : 0;
      w.u8(enumerable | (typeof name === 'symbol' ? ERROR_FLAGS.registeredSymbol : 0));
      this.strings.push(typeof name === 'symbol' ? (Symbol.keyFor(name) as string) : name);
      this.write((error as unknown as Record<string | symbol, unknown>)[name]);
    }
  }
}

function newNode(): ShapeNode {
  return { id: -1, lastKey: null, lastNode: null, more: null };
}

/** Numbers only or strings only: what a column holds tightly. */
function isPrimitiveColumn(array: readonly unknown[]): boolean {
  const type = typeof array[0];
  if (type !== 'number' && type !== 'string') return false;
  for (let i = 1; i < array.length; i++) if (typeof array[i] !== type) return false;
  return true;
}

/** Enumerable own properties beside what the builtin itself is. */
function extraKeys(value: object, closely: boolean): readonly string[] {
  if (Array.isArray(value))
    return 'index' in value || (closely && hasExtraKeys(value))
      ? Object.keys(value).filter((key) => !isIndex(key, value.length))
      : [];
  // Errors carry theirs themselves; typed arrays and strings would list their elements.
  if (isNativeError(value) || ArrayBuffer.isView(value) || value instanceof String) return [];
  return Object.keys(value);
}

/**
 * The builtin prototype that fits a value's internal slots; null for instances of classes.
 *
 * @throws Refusal for builtins that are no data.
 */
export function builtinPrototype(value: object): object | null {
  if (Array.isArray(value)) return Array.prototype;
  if (isDate(value)) return Date.prototype;
  if (isMap(value)) return Map.prototype;
  if (isSet(value)) return Set.prototype;
  if (isRegExp(value)) return RegExp.prototype;
  if (isNativeError(value)) {
    for (let p: object | null = Object.getPrototypeOf(value); p !== null; p = Object.getPrototypeOf(p)) {
      const found = ERROR_TYPES.find((type) => type.prototype === p);
      if (found !== undefined) return found.prototype as object;
    }
    return Error.prototype;
  }
  if (ArrayBuffer.isView(value)) return TYPED_ARRAYS[typedArrayKind(value)]?.prototype ?? DataView.prototype;
  if (isSharedArrayBuffer(value)) throw new Refusal(value, 'shared memory stays in its process; copy it to a Buffer');
  if (isAnyArrayBuffer(value)) return ArrayBuffer.prototype;
  if (isBoxedPrimitive(value)) {
    if (isSymbolObject(value)) throw new Refusal(value, 'it is a symbol; symbols exist in one process only');
    if (isBigIntObject(value)) return BigInt.prototype;
    return value instanceof String ? String.prototype : value instanceof Number ? Number.prototype : Boolean.prototype;
  }
  if (isPromise(value))
    throw new Refusal(value, 'it is a Promise; use mapAsync, which waits for the value before the record goes on');
  if (isWeakMap(value) || isWeakSet(value) || value instanceof WeakRef)
    throw new Refusal(value, 'weak collections cannot be read; use a Map or Set');
  if (isGeneratorObject(value)) throw new Refusal(value, 'it is a running generator; use the array [...generator]');
  if (isModuleNamespaceObject(value) || isExternal(value)) throw new Refusal(value, 'it is not data');
  return null;
}
