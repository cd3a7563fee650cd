// Reads payloads of column-types.ts. Array reads are `as T`: indices come from loops below lengths just read.
import type { ByteReader } from './byte-reader.ts';
import { revivePrototype } from './class-codec.ts';
import { COLUMN, NULLS, PROTOTYPE, TYPED_ARRAYS } from './column-types.ts';
import { CorruptBlockError } from './errors.ts';
import { GraphReader } from './graph-reader.ts';
import { readLengths } from './lengths.ts';
import { shapeOf } from './shapes.ts';
import { readStrings } from './string-column.ts';

/** The values of a column; numbers come as views of the payload's memory, to be copied before it is reused. */
export function readColumn(r: ByteReader, n: number): ArrayLike<unknown> {
  const tag = r.u8();
  switch (tag) {
    case COLUMN.Empty:
      return [];
    case COLUMN.Int8:
      return r.int8s(n);
    case COLUMN.Int16:
      return r.int16s(n);
    case COLUMN.Int32:
      return r.int32s(n);
    case COLUMN.Double:
      return r.doubles(n);
    case COLUMN.Bool:
      return readBooleans(r, n);
    case COLUMN.Strings:
      return readStrings(r, n);
    case COLUMN.Dictionary:
      return readDictionary(r, n);
    case COLUMN.Nullable:
      return readNullable(r, n);
    case COLUMN.Tuple:
      return readTuples(r, n);
    case COLUMN.Struct:
      return readStructs(r, n);
    case COLUMN.List:
      return readLists(r, n);
    case COLUMN.Date:
      return Array.from(r.doubles(n), (time) => new Date(time));
    case COLUMN.BigInt:
      return r.int64s(n);
    case COLUMN.TypedArray:
      return readTypedArrays(r, n);
    case COLUMN.Graph:
      return readGraph(r, n);
    default:
      throw new CorruptBlockError(r.position, `unknown column tag ${tag}`);
  }
}

/** A column as an ordinary array with its own memory. */
export function readArray(r: ByteReader, n: number): unknown[] {
  const column = readColumn(r, n);
  if (Array.isArray(column)) return column as unknown[];
  // Array.from on a typed array goes through its iterator: 15 ns an element against 2.
  const out = new Array<unknown>(n);
  for (let i = 0; i < n; i++) out[i] = column[i];
  return out;
}

/** Keys and values of a block of pairs; null if its rows are not all arrays of two. */
export function readPairColumns(r: ByteReader, n: number): { keys: unknown[]; values: unknown[] } | null {
  if (n === 0) return { keys: [], values: [] };
  if (r.bytes[r.position] === COLUMN.Tuple && r.bytes[r.position + 1] === 2) {
    r.position += 2;
    return { keys: readArray(r, n), values: readArray(r, n) };
  }
  const rows = readArray(r, n);
  const keys = new Array<unknown>(n);
  const values = new Array<unknown>(n);
  for (let i = 0; i < n; i++) {
    const row = rows[i];
    if (!Array.isArray(row) || row.length !== 2) return null;
    keys[i] = row[0];
    values[i] = row[1];
  }
  return { keys, values };
}

function readBooleans(r: ByteReader, n: number): boolean[] {
  const bytes = r.uint8s(n);
  const out = new Array<boolean>(n);
  for (let i = 0; i < n; i++) out[i] = bytes[i] === 1;
  return out;
}

function readDictionary(r: ByteReader, n: number): string[] {
  const size = r.u32();
  const distinct = readStrings(r, size);
  const indices = size > 256 ? r.uint16s(n) : r.uint8s(n);
  const out = new Array<string>(n);
  for (let i = 0; i < n; i++) out[i] = distinct[indices[i] as number] as string;
  return out;
}

function readNullable(r: ByteReader, n: number): unknown[] {
  const kinds = r.u8();
  const both = kinds === NULLS.both;
  const bits = r.raw(both ? (n + 3) >> 2 : (n + 7) >> 3);
  const kept = readColumn(r, r.u32());
  const out = new Array<unknown>(n);
  let at = 0;
  if (both)
    for (let i = 0; i < n; i++) {
      const state = ((bits[i >> 2] as number) >> ((i & 3) * 2)) & 3;
      out[i] = state === 0 ? kept[at++] : state === 1 ? null : undefined;
    }
  else {
    const gap = kinds === NULLS.null ? null : undefined;
    for (let i = 0; i < n; i++) out[i] = ((bits[i >> 3] as number) & (1 << (i & 7))) !== 0 ? gap : kept[at++];
  }
  return out;
}

function readTuples(r: ByteReader, n: number): unknown[][] {
  const width = r.u8();
  const columns = new Array<ArrayLike<unknown>>(width);
  for (let c = 0; c < width; c++) columns[c] = readColumn(r, n);
  const out = new Array<unknown[]>(n);
  if (width === 2) {
    const left = columns[0] as ArrayLike<unknown>;
    const right = columns[1] as ArrayLike<unknown>;
    for (let i = 0; i < n; i++) out[i] = [left[i], right[i]];
    return out;
  }
  if (width === 3) {
    const [a, b, c] = columns as [ArrayLike<unknown>, ArrayLike<unknown>, ArrayLike<unknown>];
    for (let i = 0; i < n; i++) out[i] = [a[i], b[i], c[i]];
    return out;
  }
  for (let i = 0; i < n; i++) {
    const row: unknown[] = [];
    for (let c = 0; c < width; c++) row.push((columns[c] as ArrayLike<unknown>)[i]);
    out[i] = row;
  }
  return out;
}

function readStructs(r: ByteReader, n: number): object[] {
  const kind = r.u8();
  // Copied: the codec may keep the bytes.
  const prototype =
    kind === PROTOTYPE.class
      ? revivePrototype(Uint8Array.from(r.raw(r.u32())))
      : kind === PROTOTYPE.none
        ? null
        : Object.prototype;
  const width = r.u32();
  const keys = readStrings(r, width);
  const columns = new Array<ArrayLike<unknown>>(width);
  for (let c = 0; c < width; c++) columns[c] = readColumn(r, n);
  return shapeOf(keys).build(columns, n, prototype);
}

function readLists(r: ByteReader, n: number): unknown[][] {
  const lengths = readLengths(r, n);
  const elements = readColumn(r, r.u32());
  const out = new Array<unknown[]>(n);
  let at = 0;
  for (let i = 0; i < n; i++) {
    const length = lengths[i] as number;
    // Grown by push, so that the array has no holes for V8 either.
    const list: unknown[] = [];
    for (let j = 0; j < length; j++) list.push(elements[at++]);
    out[i] = list;
  }
  return out;
}

function readTypedArrays(r: ByteReader, n: number): NodeJS.TypedArray[] {
  const kind = r.u8();
  const width = TYPED_ARRAYS[kind]?.bytes ?? 1;
  const lengths = readLengths(r, n);
  const total = r.u32();
  r.align();
  const bytes = r.raw(total);
  const type = TYPED_ARRAYS[kind];
  if (type === undefined) throw new CorruptBlockError(r.position, `unknown typed array kind ${kind}`);
  // Each slice has memory of its own, also when the source is shared memory; nearly all of its cost is that allocation.
  const all = type.make(bytes.buffer as ArrayBuffer, bytes.byteOffset, total / width);
  const slice = Uint8Array.prototype.slice as (this: unknown, from: number, to: number) => NodeJS.TypedArray;
  const out = new Array<NodeJS.TypedArray>(n);
  let at = 0;
  for (let i = 0; i < n; i++) {
    const end = at + (lengths[i] as number);
    out[i] = slice.call(all, at, end);
    at = end;
  }
  return out;
}

function readGraph(r: ByteReader, n: number): unknown[] {
  const graphBytes = r.u32();
  const start = r.position;
  r.position = start + graphBytes;
  const strings = readStrings(r, r.u32());
  const arrays = new Array<unknown[]>(r.u32());
  for (let i = 0; i < arrays.length; i++) arrays[i] = readArray(r, r.u32());
  const end = r.position;
  r.position = start;
  const graph = new GraphReader(r, strings, arrays);
  const out = new Array<unknown>(n);
  for (let i = 0; i < n; i++) {
    graph.begin();
    out[i] = graph.read();
  }
  r.position = end;
  return out;
}
