import type { ByteReader } from './byte-reader.ts';
import { revivePrototype } from './class-codec.ts';
import { copyTypedArray } from './column-types.ts';
import { CorruptBlockError } from './errors.ts';
import { ERROR_FLAGS, ERROR_TYPES, MAX_GRAPH_SHAPES, SMALL_INT, TAG } from './graph-format.ts';
import { type Shape, setField, shapeOf } from './shapes.ts';

/** Objects of one shape in a column after which generated code may fill them. */
const OFTEN = 16;

interface SeenShape {
  readonly keys: readonly string[];
  uses: number;
  shape: Shape | null;
}

/** Reads what GraphWriter wrote; made for one column. */
export class GraphReader {
  readonly #r: ByteReader;
  readonly #strings: readonly string[];
  readonly #arrays: readonly unknown[][];
  readonly #objects: object[] = [];
  readonly #shapes: SeenShape[] = [];
  readonly #prototypes: object[] = [];
  #nextString = 0;
  #nextArray = 0;

  constructor(reader: ByteReader, strings: readonly string[], arrays: readonly unknown[][]) {
    this.#r = reader;
    this.#strings = strings;
    this.#arrays = arrays;
  }

  begin(): void {
    this.#objects.length = 0;
  }

  read(): unknown {
    const tag = this.#r.u8();
    return tag >= SMALL_INT ? tag - SMALL_INT : this.#readTagged(tag);
  }

  #readTagged(tag: number): unknown {
    const r = this.#r;
    switch (tag) {
      case TAG.String:
        return this.#string();
      case TAG.Undefined:
        return undefined;
      case TAG.Null:
        return null;
      case TAG.True:
        return true;
      case TAG.False:
        return false;
      case TAG.Int: {
        const zigzag = r.varint();
        return (zigzag >>> 1) ^ -(zigzag & 1);
      }
      case TAG.Double:
        return r.double();
      case TAG.BigInt: {
        const negative = r.u8() === 1;
        const value = BigInt(`0x${r.raw(r.varint()).toString('latin1')}`);
        return negative ? -value : value;
      }
      case TAG.Ref:
        return this.#objects[r.varint()];
      case TAG.Object:
        return this.#plainFields(this.#begun({}));
      case TAG.BareObject:
        return this.#fields(this.#begun(Object.create(null) as object));
      case TAG.Instance:
        return this.#fields(this.#begun(Object.create(this.#prototype()) as object));
      default:
        return this.#readBuiltin(tag);
    }
  }

  #readBuiltin(tag: number): unknown {
    const r = this.#r;
    switch (tag) {
      case TAG.Array:
        return this.#array();
      case TAG.ArrayColumn:
        return this.#begun(this.#arrays[this.#nextArray++] as unknown[]);
      case TAG.Map: {
        const map = this.#begun(new Map<unknown, unknown>());
        for (let left = r.varint(); left > 0; left--) {
          const key = this.read();
          map.set(key, this.read());
        }
        return map;
      }
      case TAG.Set: {
        const set = this.#begun(new Set<unknown>());
        for (let left = r.varint(); left > 0; left--) set.add(this.read());
        return set;
      }
      case TAG.Date:
        return this.#begun(new Date(r.double()));
      case TAG.RegExp: {
        const source = this.#string();
        const regExp = this.#begun(new RegExp(source, this.#string()));
        regExp.lastIndex = r.varint();
        return regExp;
      }
      case TAG.Error:
        return this.#error();
      case TAG.ArrayBuffer:
        return this.#begun(copyOf(r.raw(r.varint())));
      case TAG.DataView:
        return this.#begun(new DataView(copyOf(r.raw(r.varint()))));
      case TAG.TypedArray: {
        const kind = r.u8();
        return this.#begun(copyTypedArray(kind, r.raw(r.varint())));
      }
      case TAG.Boxed:
        return this.#begun(Object(this.read()) as object);
      case TAG.Classed: {
        const prototype = this.#prototype();
        return Object.setPrototypeOf(this.read() as object, prototype);
      }
      case TAG.Extra:
        return this.#fields(this.read() as object);
      default:
        throw new CorruptBlockError(r.position, `unknown value tag ${tag}`);
    }
  }

  #string(): string {
    return this.#strings[this.#nextString++] as string;
  }

  /** Gives the object its number, before its parts are read. */
  #begun<T extends object>(object: T): T {
    this.#objects.push(object);
    return object;
  }

  #plainFields(object: object): object {
    const seen = this.#shape();
    if (seen.shape === null && ++seen.uses > OFTEN) seen.shape = shapeOf(seen.keys);
    if (seen.shape !== null) seen.shape.fill(object, this);
    else for (const key of seen.keys) setField(object, key, this.read());
    return object;
  }

  #fields(object: object): object {
    for (const key of this.#shape().keys) setField(object, key, this.read());
    return object;
  }

  #shape(): SeenShape {
    const number = this.#r.varint();
    if (number > 0) return this.#shapes[number - 1] as SeenShape;
    const keys = new Array<string>(this.#r.varint());
    for (let i = 0; i < keys.length; i++) keys[i] = this.#string();
    const seen = { keys, uses: 0, shape: null };
    if (this.#shapes.length < MAX_GRAPH_SHAPES) this.#shapes.push(seen);
    return seen;
  }

  #prototype(): object {
    const number = this.#r.varint();
    if (number > 0) return this.#prototypes[number - 1] as object;
    // A copy: the codec may keep it.
    const prototype = revivePrototype(Uint8Array.from(this.#r.raw(this.#r.varint())));
    this.#prototypes.push(prototype);
    return prototype;
  }

  #array(): unknown[] {
    const r = this.#r;
    const length = r.varint();
    const array: unknown[] = this.#begun([]);
    for (let i = 0; i < length; ) {
      const tag = r.u8();
      if (tag === TAG.Holes) {
        i += r.varint();
        continue;
      }
      array[i++] = tag >= SMALL_INT ? tag - SMALL_INT : this.#readTagged(tag);
    }
    array.length = length;
    return array;
  }

  #error(): Error {
    const r = this.#r;
    const type = ERROR_TYPES[r.varint()] ?? Error;
    const error = this.#begun(new Error());
    if (type !== Error) Object.setPrototypeOf(error, type.prototype);
    for (const name of Object.getOwnPropertyNames(error)) Reflect.deleteProperty(error, name);
    for (let left = r.varint(); left > 0; left--) {
      const flags = r.u8();
      const name = this.#string();
      Object.defineProperty(error, (flags & ERROR_FLAGS.registeredSymbol) !== 0 ? Symbol.for(name) : name, {
        value: this.read(),
        writable: true,
        configurable: true,
        enumerable: (flags & ERROR_FLAGS.enumerable) !== 0,
      });
    }
    return error;
  }
}

function copyOf(bytes: Uint8Array): ArrayBuffer {
  const copy = new ArrayBuffer(bytes.byteLength);
  new Uint8Array(copy).set(bytes);
  return copy;
}
