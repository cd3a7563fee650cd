// Array reads in the hot loops say `as T`: the indices are below lengths just looked at.
import type { GroupedValues } from './group-block.ts';
import { estimateBytes } from './size-estimator.ts';
import { specialize } from './specialize.ts';

const CHUNK_BITS = 12;
/** Rows of a chunk at most; blocks of a shuffle are no larger. */
export const CHUNK_ROWS: number = 1 << CHUNK_BITS;
/** Rows of each block whose values are measured. */
const SAMPLES = 16;
/** A row beside its value: its slot in a chunk, its entry, its place in the order. */
const BYTES_PER_ROW = 16;
/** Blocks give at most so many values at once, unless one key has more. */
const BLOCK_VALUES = 8192;

/** Rows as they came: the values' own array, and to each the number of its key. */
interface Chunk {
  readonly values: unknown[];
  /** Maybe longer than `values`. */
  entries: Int32Array;
}

type GatherLoop = (
  rows: GroupedRows,
  ids: Int32Array | null,
  from: number,
  to: number,
  values: unknown[],
  starts: Int32Array,
) => void;

const GATHER = `return (rows, ids, from, to, values, starts) => {
  const chunks = rows.columns, order = rows.order, from0 = rows.starts;
  let n = 0;
  for (let i = from; i < to; i++) {
    const entry = ids === null ? i : ids[i];
    const end = from0[entry + 1];
    for (let at = from0[entry]; at < end; at++) {
      const row = order[at];
      values[n++] = chunks[row >>> ${CHUNK_BITS}][row & ${CHUNK_ROWS - 1}];
    }
    starts[i - from + 1] = n;
  }
};`;

/**
 * The values of one side of a grouping, in the order in which they came, each with the number of its key. Arrays of values are
 * kept as they come from the decoder; a list for each key there never is. When all are there a counting sort brings the row
 * numbers into the order of keys:
 *
 *   chunks   values │ entries   of some thousand rows each; row number = chunk << 12 | index
 *   order    the rows of key 0, of key 1, …
 *   starts   where those of each key begin in `order`
 */
export class GroupedRows {
  readonly #tag: string;
  #chunks: Chunk[] = [];
  #rows = 0;
  #valueBytes = 0;
  // For the generated loop; made by `arrange`.
  columns: unknown[][] = [];
  order: Int32Array = new Int32Array(0);
  starts: Int32Array = new Int32Array(1);

  constructor(tag: string) {
    this.#tag = tag;
  }

  get rows(): number {
    return this.#rows;
  }

  estimatedBytes(): number {
    return this.#rows * BYTES_PER_ROW + Math.round(this.#valueBytes);
  }

  /** How many values of the mean size are so many bytes; at least one. */
  valuesIn(bytes: number): number {
    return this.#valueBytes === 0 ? BLOCK_VALUES : Math.max(1, Math.floor((bytes * this.#rows) / this.#valueBytes));
  }

  /** Takes rows over, the arrays too. */
  append(entries: Int32Array, values: unknown[]): void {
    const n = values.length;
    if (n === 0) return;
    this.#rows += n;
    this.#estimate(values);
    for (let at = 0; at < n; at += CHUNK_ROWS) {
      if (n <= CHUNK_ROWS) this.#appendChunk(entries, values);
      else this.#appendChunk(entries.subarray(at, at + CHUNK_ROWS), values.slice(at, at + CHUNK_ROWS));
    }
  }

  // Two neighbours together have more rows than fit in one chunk, so chunks are half full and row numbers suffice.
  #appendChunk(entries: Int32Array, values: unknown[]): void {
    const last = this.#chunks.at(-1);
    if (last === undefined || last.values.length + values.length > CHUNK_ROWS) {
      this.#chunks.push({ values, entries });
      return;
    }
    const { length } = last.values;
    if (last.entries.length < CHUNK_ROWS) {
      const larger = new Int32Array(CHUNK_ROWS);
      larger.set(last.entries.subarray(0, length));
      last.entries = larger;
    }
    last.entries.set(entries.subarray(0, values.length), length);
    for (let i = 0; i < values.length; i++) last.values.push(values[i]);
  }

  #estimate(values: readonly unknown[]): void {
    const n = values.length;
    const step = Math.max(1, Math.floor(n / SAMPLES));
    let bytes = 0;
    let sampled = 0;
    for (let i = 0; i < n; i += step) {
      bytes += estimateBytes(values[i]);
      sampled++;
    }
    this.#valueBytes += (bytes / sampled) * n;
  }

  /** Sorts all rows by key; no more rows may come before `clear`. */
  arrange(numKeys: number): void {
    // One place further than they belong, so that placing the rows moves each start to where it belongs.
    const starts = new Int32Array(numKeys + 2);
    const order = new Int32Array(this.#rows);
    for (const { entries, values } of this.#chunks) countEntries(starts, entries, values.length);
    for (let i = 2; i < starts.length; i++) starts[i] = (starts[i] as number) + (starts[i - 1] as number);
    for (const [c, { entries, values }] of this.#chunks.entries())
      placeRows(order, starts, entries, values.length, c << CHUNK_BITS);
    this.columns = this.#chunks.map(({ values }) => values);
    this.#chunks = [];
    this.order = order;
    this.starts = starts;
  }

  /** The values of keys ids[from, to), or of keys [from, to) themselves. Only after `arrange`. */
  gather(ids: Int32Array | null, from: number, to: number): GroupedValues {
    let n = 0;
    if (ids === null) n = (this.starts[to] as number) - (this.starts[from] as number);
    else for (let i = from; i < to; i++) n += this.count(ids[i] as number);
    // Arrays made with a length are dictionaries from 2^25 on.
    const values: unknown[] = n <= 1 << 24 ? new Array(n) : [];
    const starts = new Int32Array(to - from + 1);
    specialize<GatherLoop>(this.#tag, GATHER)(this, ids, from, to, values, starts);
    return { values, starts };
  }

  /** How many values a key has. Only after `arrange`. */
  count(entry: number): number {
    return (this.starts[entry + 1] as number) - (this.starts[entry] as number);
  }

  clear(): void {
    this.#chunks = [];
    this.#rows = 0;
    this.#valueBytes = 0;
    this.columns = [];
    this.order = new Int32Array(0);
    this.starts = new Int32Array(1);
  }
}

/** The end of a block of keys that begins at `from`: at most `maxKeys`, and values of all sides for one array. */
export function groupBlockEnd(
  sides: readonly GroupedRows[],
  ids: Int32Array | null,
  from: number,
  to: number,
  maxKeys: number,
): number {
  const limit = Math.min(to, from + maxKeys);
  let values = 0;
  let i = from;
  while (i < limit) {
    const entry = ids === null ? i : (ids[i] as number);
    for (let s = 0; s < sides.length; s++) values += (sides[s] as GroupedRows).count(entry);
    if (values > BLOCK_VALUES && i > from) break;
    i++;
  }
  return i;
}

function countEntries(starts: Int32Array, entries: Int32Array, n: number): void {
  for (let i = 0; i < n; i++) {
    const at = (entries[i] as number) + 2;
    starts[at] = (starts[at] as number) + 1;
  }
}

function placeRows(order: Int32Array, starts: Int32Array, entries: Int32Array, n: number, base: number): void {
  for (let i = 0; i < n; i++) {
    const entry = (entries[i] as number) + 1;
    const place = starts[entry] as number;
    starts[entry] = place + 1;
    order[place] = base | i;
  }
}
