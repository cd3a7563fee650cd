// Looks at the values of a block and writes each part in the tightest column that fits all rows (see column-types.ts).
// Array reads below are `as T`: every index is below `n`, which the caller checked.
import { isDate } from 'node:util/types';
import type { ByteWriter } from './byte-writer.ts';
import { describeClass } from './class-codec.ts';
import {
  COLUMN,
  MAX_COLUMN_DEPTH,
  MAX_COLUMNS,
  MAX_STRUCT_KEYS,
  MAX_TUPLE_WIDTH,
  NULLS,
  PROTOTYPE,
  TYPED_ARRAYS,
  typedArrayKind,
} from './column-types.ts';
import { NotColumnarSignal } from './errors.ts';
import { builtinPrototype, GraphWriter } from './graph-writer.ts';
import { writeLengths } from './lengths.ts';
import { sampleIsOrdinary } from './ordinary.ts';
import { shapeOf } from './shapes.ts';
import { RowOwners, SharingCheck } from './sharing.ts';
import { writeStrings } from './string-column.ts';

/** Larger lists of one block go to the graph, whose arrays grow as they are written. */
const MAX_LIST_ELEMENTS = 1 << 25;
/** A dictionary pays from this many rows on, when a sample of SAMPLE rows has fewer than SAMPLE_DISTINCT values. */
const DICTIONARY_ROWS = 256;
const DICTIONARY_SAMPLE = 128;
const SAMPLE_DISTINCT = 40;
const MAX_DICTIONARY = 1024;

type Row = Readonly<Record<string, unknown>>;

/** Writes one payload at a time. */
export class ColumnWriter {
  readonly #w: ByteWriter;
  readonly #sharing = new SharingCheck();
  #columns = 0;
  #depth = 0;

  constructor(writer: ByteWriter) {
    this.#w = writer;
  }

  /** @throws NotColumnarSignal when a record holds an object twice, or the records are no table. */
  writeRows(rows: readonly unknown[], n: number): void {
    this.#begin();
    this.#column(rows, n, null);
    this.#end();
  }

  /** The same bytes as writeRows of [key, value] arrays. */
  writePairs(keys: readonly unknown[], values: readonly unknown[], n: number): void {
    this.#begin();
    if (n === 0) this.#w.u8(COLUMN.Empty);
    else {
      this.#w.u8(COLUMN.Tuple);
      this.#w.u8(2);
      this.#depth = 1;
      this.#column(keys, n, null);
      this.#column(values, n, null);
    }
    this.#end();
  }

  /** Holds whatever can be encoded at all. */
  writeGraph(rows: readonly unknown[], n: number): void {
    this.#begin();
    this.#graph(rows, n, null);
    this.#sharing.clear();
  }

  #begin(): void {
    this.#sharing.clear();
    this.#columns = 0;
    this.#depth = 0;
  }

  #end(): void {
    const shared = this.#sharing.found();
    this.#sharing.clear();
    if (shared) throw new NotColumnarSignal();
  }

  #column(values: readonly unknown[], n: number, owners: RowOwners | null): void {
    if (n === 0) {
      this.#w.u8(COLUMN.Empty);
      return;
    }
    if (++this.#columns > MAX_COLUMNS || ++this.#depth > MAX_COLUMN_DEPTH) throw new NotColumnarSignal();
    if (!this.#typed(values, n, owners) && !this.#nullable(values, n, owners)) this.#graph(values, n, owners);
    this.#depth--;
  }

  /** False, with nothing written, if the values are not all of the kind of the first. */
  #typed(values: readonly unknown[], n: number, owners: RowOwners | null): boolean {
    const first = values[0];
    switch (typeof first) {
      case 'number':
        return this.#numbers(values, n);
      case 'string':
        return this.#strings(values, n);
      case 'boolean':
        return this.#booleans(values, n);
      case 'bigint':
        return this.#bigints(values, n);
      case 'object':
        if (first === null) return false;
        if (Array.isArray(first)) return this.#arrays(values, n, owners);
        return this.#objects(first, values, n, owners);
      default:
        return false;
    }
  }

  #numbers(values: readonly unknown[], n: number): boolean {
    let min = 0;
    let max = 0;
    let i = 0;
    for (; i < n; i++) {
      const value = values[i];
      if (typeof value !== 'number') return false;
      // -0 is no integer here.
      if ((value | 0) !== value || (value === 0 && 1 / value < 0)) break;
      if (value < min) min = value;
      else if (value > max) max = value;
    }
    const w = this.#w;
    const numbers = values as readonly number[];
    if (i < n) {
      for (; i < n; i++) if (typeof values[i] !== 'number') return false;
      w.u8(COLUMN.Double);
      const out = w.doubles(n);
      for (i = 0; i < n; i++) out[i] = numbers[i] as number;
    } else if (min >= -128 && max <= 127) {
      w.u8(COLUMN.Int8);
      const out = w.int8s(n);
      for (i = 0; i < n; i++) out[i] = numbers[i] as number;
    } else if (min >= -32768 && max <= 32767) {
      w.u8(COLUMN.Int16);
      const out = w.int16s(n);
      for (i = 0; i < n; i++) out[i] = numbers[i] as number;
    } else {
      w.u8(COLUMN.Int32);
      const out = w.int32s(n);
      for (i = 0; i < n; i++) out[i] = numbers[i] as number;
    }
    return true;
  }

  #strings(values: readonly unknown[], n: number): boolean {
    for (let i = 1; i < n; i++) if (typeof values[i] !== 'string') return false;
    const strings = values as readonly string[];
    if (n >= DICTIONARY_ROWS && this.#dictionary(strings, n)) return true;
    this.#w.u8(COLUMN.Strings);
    writeStrings(this.#w, strings, n);
    return true;
  }

  #dictionary(strings: readonly string[], n: number): boolean {
    const sample = new Set<string>();
    for (let k = 0; k < DICTIONARY_SAMPLE; k++) {
      sample.add(strings[Math.floor((k * n) / DICTIONARY_SAMPLE)] as string);
      if (sample.size >= SAMPLE_DISTINCT) return false;
    }
    const ids = new Map<string, number>();
    const distinct: string[] = [];
    const indices = new Uint16Array(n);
    for (let i = 0; i < n; i++) {
      const text = strings[i] as string;
      let id = ids.get(text);
      if (id === undefined) {
        if (distinct.length === MAX_DICTIONARY) return false;
        id = distinct.push(text) - 1;
        ids.set(text, id);
      }
      indices[i] = id;
    }
    const w = this.#w;
    w.u8(COLUMN.Dictionary);
    w.u32(distinct.length);
    writeStrings(w, distinct, distinct.length);
    if (distinct.length > 256) w.uint16s(n).set(indices);
    else {
      w.need(n);
      const bytes = w.bytes;
      let p = w.position;
      for (let i = 0; i < n; i++) bytes[p++] = indices[i] as number;
      w.position = p;
    }
    return true;
  }

  #booleans(values: readonly unknown[], n: number): boolean {
    for (let i = 0; i < n; i++) if (typeof values[i] !== 'boolean') return false;
    const w = this.#w;
    w.u8(COLUMN.Bool);
    w.need(n);
    const bytes = w.bytes;
    let p = w.position;
    for (let i = 0; i < n; i++) bytes[p++] = values[i] === true ? 1 : 0;
    w.position = p;
    return true;
  }

  #bigints(values: readonly unknown[], n: number): boolean {
    for (let i = 0; i < n; i++) {
      const value = values[i];
      if (typeof value !== 'bigint' || BigInt.asIntN(64, value) !== value) return false;
    }
    this.#w.u8(COLUMN.BigInt);
    const out = this.#w.int64s(n);
    for (let i = 0; i < n; i++) out[i] = values[i] as bigint;
    return true;
  }

  #arrays(values: readonly unknown[], n: number, owners: RowOwners | null): boolean {
    const width = (values[0] as unknown[]).length;
    let same = width > 0 && width <= MAX_TUPLE_WIDTH;
    let total = 0;
    let max = 0;
    for (let i = 0; i < n; i++) {
      const value = values[i];
      // A look at `constructor` costs a tenth of Object.getPrototypeOf; an array that overrides it goes to the graph.
      if (!Array.isArray(value) || value.constructor !== Array) return false;
      const length = value.length;
      if (length !== width) same = false;
      if (length > max) max = length;
      total += length;
    }
    if (total > MAX_LIST_ELEMENTS || !sampleIsOrdinary(values, n)) return false;
    const rows = values as readonly (readonly unknown[])[];
    return same ? this.#tuples(rows, n, width, owners) : this.#lists(rows, n, total, max, owners);
  }

  #tuples(rows: readonly (readonly unknown[])[], n: number, width: number, owners: RowOwners | null): boolean {
    const columns = new Array<unknown[]>(width);
    for (let c = 0; c < width; c++) {
      const column = new Array<unknown>(n);
      let gaps = false;
      for (let i = 0; i < n; i++) {
        const value = (rows[i] as readonly unknown[])[c];
        if (value === undefined) gaps = true;
        column[i] = value;
      }
      if (gaps && rows.slice(0, n).some((row) => !Object.hasOwn(row, c))) return false;
      columns[c] = column;
    }
    this.#sharing.add(rows, n, owners);
    this.#w.u8(COLUMN.Tuple);
    this.#w.u8(width);
    for (let c = 0; c < width; c++) this.#column(columns[c] as unknown[], n, owners);
    return true;
  }

  #lists(
    rows: readonly (readonly unknown[])[],
    n: number,
    total: number,
    max: number,
    owners: RowOwners | null,
  ): boolean {
    const elements = new Array<unknown>(total);
    let at = 0;
    for (let i = 0; i < n; i++) {
      const row = rows[i] as readonly unknown[];
      for (let j = 0; j < row.length; j++) {
        const value = row[j];
        if (value === undefined && !Object.hasOwn(row, j)) return false;
        elements[at++] = value;
      }
    }
    this.#sharing.add(rows, n, owners);
    const w = this.#w;
    w.u8(COLUMN.List);
    writeLengths(w, rows, n, max);
    w.u32(total);
    this.#column(elements, total, RowOwners.ofLists(owners, rows, n, total));
    return true;
  }

  #objects(first: object, values: readonly unknown[], n: number, owners: RowOwners | null): boolean {
    const prototype: object | null = Object.getPrototypeOf(first);
    if (prototype === Date.prototype) return this.#dates(values, n, owners);
    if (prototype === Object.prototype || prototype === null) return this.#structs(first, prototype, values, n, owners);
    if (ArrayBuffer.isView(first)) return this.#typedArrays(first, prototype, values, n, owners);
    if (builtinPrototype(first) !== null) return false;
    // Enumerable properties of the prototype look like own ones to the generated check.
    for (const _ in prototype) return false;
    return this.#structs(first, prototype, values, n, owners);
  }

  #structs(
    first: object,
    prototype: object | null,
    values: readonly unknown[],
    n: number,
    owners: RowOwners | null,
  ): boolean {
    const keys = Object.keys(first);
    if (keys.length > MAX_STRUCT_KEYS) return false;
    const shape = shapeOf(keys);
    if (!shape.matches(values, n, prototype) || !sampleIsOrdinary(values, n)) return false;
    const w = this.#w;
    let descriptor: Uint8Array | null = null;
    if (prototype !== null && prototype !== Object.prototype) {
      const ctor: unknown = Object.hasOwn(prototype, 'constructor') ? prototype.constructor : null;
      // The graph column refuses it with the reason.
      if (typeof ctor !== 'function' || ctor.prototype !== prototype) return false;
      descriptor = describeClass(ctor);
    }
    this.#sharing.add(values, n, owners);
    w.u8(COLUMN.Struct);
    if (descriptor === null) w.u8(prototype === null ? PROTOTYPE.none : PROTOTYPE.object);
    else {
      w.u8(PROTOTYPE.class);
      w.u32(descriptor.byteLength);
      w.raw(descriptor);
    }
    w.u32(keys.length);
    writeStrings(w, keys, keys.length);
    for (let k = 0; k < keys.length; k++) this.#column(shape.column(k, values, n), n, owners);
    return true;
  }

  #dates(values: readonly unknown[], n: number, owners: RowOwners | null): boolean {
    for (let i = 0; i < n; i++) {
      const value = values[i];
      if (!isDate(value) || Object.getPrototypeOf(value) !== Date.prototype || hasKeys(value)) return false;
    }
    this.#sharing.add(values, n, owners);
    this.#w.u8(COLUMN.Date);
    const out = this.#w.doubles(n);
    for (let i = 0; i < n; i++) out[i] = (values[i] as Date).getTime();
    return true;
  }

  #typedArrays(
    first: object,
    prototype: object,
    values: readonly unknown[],
    n: number,
    owners: RowOwners | null,
  ): boolean {
    const kind = typedArrayKind(first);
    if (TYPED_ARRAYS[kind]?.prototype !== prototype) return false;
    let max = 0;
    let total = 0;
    for (let i = 0; i < n; i++) {
      const value = values[i];
      if (!ArrayBuffer.isView(value) || Object.getPrototypeOf(value) !== prototype) return false;
      const length = (value as NodeJS.TypedArray).length;
      if (length > max) max = length;
      total += value.byteLength;
    }
    if (total > 0xf000_0000) return false;
    this.#sharing.add(values, n, owners);
    const w = this.#w;
    w.u8(COLUMN.TypedArray);
    w.u8(kind);
    writeLengths(w, values as readonly NodeJS.TypedArray[], n, max);
    w.u32(total);
    w.align();
    w.need(total);
    for (let i = 0; i < n; i++) {
      const view = values[i] as NodeJS.ArrayBufferView;
      w.raw(new Uint8Array(view.buffer, view.byteOffset, view.byteLength));
    }
    return true;
  }

  /** False if there is no null or undefined among the values: taking them out would not help. */
  #nullable(values: readonly unknown[], n: number, owners: RowOwners | null): boolean {
    let nulls = 0;
    let undefineds = 0;
    for (let i = 0; i < n; i++) {
      const value = values[i];
      if (value === null) nulls++;
      else if (value === undefined) undefineds++;
    }
    if (nulls + undefineds === 0) return false;
    const kept = n - nulls - undefineds;
    const both = nulls > 0 && undefineds > 0;
    const w = this.#w;
    w.u8(COLUMN.Nullable);
    w.u8(both ? NULLS.both : nulls > 0 ? NULLS.null : NULLS.undefined);
    // A row's bits: 0 kept, 1 null, 2 undefined; the second bit only if both occur.
    const bitBytes = both ? (n + 3) >> 2 : (n + 7) >> 3;
    w.need(bitBytes);
    const bytes = w.bytes;
    const start = w.position;
    bytes.fill(0, start, start + bitBytes);
    w.position += bitBytes;
    const rest = new Array<unknown>(kept);
    const rows = new Int32Array(kept);
    let at = 0;
    for (let i = 0; i < n; i++) {
      const value = values[i];
      if (value !== null && value !== undefined) {
        rows[at] = i;
        rest[at++] = value;
      } else if (both)
        bytes[start + (i >> 2)] = (bytes[start + (i >> 2)] as number) | ((value === null ? 1 : 2) << ((i & 3) * 2));
      else bytes[start + (i >> 3)] = (bytes[start + (i >> 3)] as number) | (1 << (i & 7));
    }
    w.u32(kept);
    this.#column(rest, kept, RowOwners.ofRows(owners, rows, true));
    return true;
  }

  #graph(values: readonly unknown[], n: number, owners: RowOwners | null): void {
    const w = this.#w;
    w.u8(COLUMN.Graph);
    const lengthAt = w.position;
    w.u32(0);
    const graph = new GraphWriter(w);
    // At the root there is no other column to share with.
    const nested = this.#depth > 1;
    const objects: object[] = [];
    const rows: number[] = [];
    for (let i = 0; i < n; i++) {
      graph.begin();
      graph.write(values[i]);
      for (let k = 0; nested && k < graph.count; k++) {
        objects.push(graph.objects[k] as object);
        rows.push(i);
      }
    }
    w.bytes.writeUInt32LE(w.position - lengthAt - 4, lengthAt);
    w.u32(graph.strings.length);
    writeStrings(w, graph.strings, graph.strings.length);
    w.u32(graph.arrays.length);
    for (const array of graph.arrays) {
      w.u32(array.length);
      if (!(typeof array[0] === 'number' ? this.#numbers(array, array.length) : this.#strings(array, array.length)))
        throw new NotColumnarSignal();
    }
    // Within one value the graph keeps what is shared; `single` false only says that a record has several of them.
    if (objects.length > 0)
      this.#sharing.add(objects, objects.length, RowOwners.ofRows(owners, Int32Array.from(rows), false));
  }
}

function hasKeys(value: object): boolean {
  for (const key in value as Row) if (Object.hasOwn(value, key)) return true;
  return false;
}
