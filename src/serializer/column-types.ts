// The wire format of a payload: a tree of columns, each a tag byte, then what the tag says. All integers are little
// endian; arrays of 2-, 4- and 8-byte numbers start at multiples of 8 from the payload's start, so that a decoder reads
// them through typed-array views.
//
//   payload  = column(rows)
//   Empty    = -                                         (zero rows)
//   Int8/16/32, Double = align, n numbers
//   Bool     = n bytes 0|1
//   Strings  = see string-column.ts
//   Dictionary = u32 m, strings(m), n u8 | align, n u16  (m <= 256: u8)
//   Nullable = u8 kinds, bits (1 a row, or 2 if null and undefined both occur), u32 kept, column(kept)
//   Tuple    = u8 width, width × column(n)
//   Struct   = u8 prototype, [descriptor], u32 keys, strings(keys), keys × column(n)
//   List     = lengths(n), u32 total, column(total)
//   Date     = align, n doubles
//   BigInt   = align, n i64
//   TypedArray = u8 kind, lengths(n), u32 bytes, align, bytes
//   Graph    = see graph-writer.ts                       (anything else)

// The numbers are in stored blocks: never change one, only add.
export const COLUMN = {
  Empty: 0,
  Int8: 1,
  Int16: 2,
  Int32: 3,
  Double: 4,
  Bool: 5,
  Strings: 6,
  Dictionary: 7,
  Nullable: 8,
  Tuple: 9,
  Struct: 10,
  List: 11,
  Date: 12,
  BigInt: 13,
  TypedArray: 14,
  Graph: 15,
} as const;

export const NULLS = { null: 1, undefined: 2, both: 3 } as const;
export const PROTOTYPE = { object: 0, none: 1, class: 2 } as const;

/** Tuples wider than this are lists. */
export const MAX_TUPLE_WIDTH = 16;
/** Objects with more properties go to the graph column. */
export const MAX_STRUCT_KEYS = 128;
/** Nested deeper, or with more columns, than this, records are no table: a tree, a list of nodes. */
export const MAX_COLUMN_DEPTH = 48;
export const MAX_COLUMNS = 1024;

interface TypedArrayKind {
  readonly name: string;
  readonly bytes: number;
  readonly prototype: object;
  readonly make: (buffer: ArrayBuffer, byteOffset: number, length: number) => NodeJS.TypedArray;
}

function kind(type: {
  new (buffer: ArrayBuffer, byteOffset: number, length: number): NodeJS.TypedArray;
  readonly BYTES_PER_ELEMENT: number;
  readonly prototype: NodeJS.TypedArray;
}): TypedArrayKind {
  return {
    name: type.name,
    bytes: type.BYTES_PER_ELEMENT,
    prototype: type.prototype,
    make: (buffer, offset, length) => new type(buffer, offset, length),
  };
}

/** The index is on the wire. */
export const TYPED_ARRAYS: readonly TypedArrayKind[] = [
  { name: 'Buffer', bytes: 1, prototype: Buffer.prototype, make: (b, o, n) => Buffer.from(b, o, n) },
  kind(Uint8Array),
  kind(Int8Array),
  kind(Uint8ClampedArray),
  kind(Int16Array),
  kind(Uint16Array),
  kind(Int32Array),
  kind(Uint32Array),
  kind(Float32Array),
  kind(Float64Array),
  kind(BigInt64Array),
  kind(BigUint64Array),
];

/** The index in TYPED_ARRAYS, looking up the prototype chain; -1 if it is none of them. */
export function typedArrayKind(value: object): number {
  for (let p: object | null = Object.getPrototypeOf(value); p !== null; p = Object.getPrototypeOf(p)) {
    const found = TYPED_ARRAYS.findIndex((k) => k.prototype === p);
    if (found >= 0) return found;
  }
  return -1;
}

/** Makes a typed array of a kind with its own memory and copies `bytes` into it. */
export function copyTypedArray(kindIndex: number, bytes: Uint8Array): NodeJS.TypedArray {
  const copy = new ArrayBuffer(bytes.byteLength);
  new Uint8Array(copy).set(bytes);
  const type = TYPED_ARRAYS[kindIndex];
  if (type === undefined) throw new RangeError(`unknown typed array kind ${kindIndex}`);
  return type.make(copy, 0, bytes.byteLength / type.bytes);
}
