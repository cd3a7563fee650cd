// Array reads in the hot loops say `as T`: the indices are below lengths just looked at.
import type { RecordEncoder } from '../serializer/serializer.ts';
import { AggregationTable } from './aggregation-table.ts';
import { type GroupBlock, type GroupStream, groupsOf } from './group-block.ts';
import { FEW_ROWS, GroupTooLargeError, LARGE_ROW_BYTES, MAX_GROUP_VALUES } from './group-limit.ts';
import { CHUNK_ROWS, GroupedRows, groupBlockEnd } from './grouped-rows.ts';
import type { OutputFile } from './output-file.ts';
import type { PairBlock } from './pair-stream.ts';
import { appendRows } from './row-blocks.ts';
import { estimateBytes } from './size-estimator.ts';
import type { Spillable } from './spilling-table.ts';
import type { TaskMemory } from './task-memory.ts';

/** Keys that are given at once. */
const BLOCK_KEYS = 2048;
/** A slot in the array that a key's values will be in. */
const BYTES_PER_VALUE = 8;

/** Values of a key in one row on disk: a block of it is packed and unpacked as a whole, in buffers several times as large. */
const ROW_BYTES = 512 * 1024;

/**
 * Values of one or several sides by key: a table of keys, and the values beside it as they came (see GroupedRows). A row
 * that spills is a key with its values: a list, or a list of lists when there are several sides. A key with many has several rows.
 */
export class GroupTable implements Spillable<GroupBlock> {
  readonly #tag: string;
  /** Only its keys are used. */
  readonly #table: AggregationTable = new AggregationTable();
  readonly #sides: readonly GroupedRows[];
  readonly #memory: TaskMemory;
  /** The largest row that came back from disk: another one like it may follow. */
  #largestRow = 0;

  constructor(memory: TaskMemory, tag: string, sides: number) {
    this.#memory = memory;
    this.#tag = tag;
    this.#sides = Array.from({ length: sides }, () => new GroupedRows(tag));
  }

  get size(): number {
    return this.#table.size;
  }

  get hashes(): Int32Array {
    return this.#table.hashes;
  }

  /** Takes over a block of one side. */
  add(side: number, { keys, values }: PairBlock): void {
    const entries = new Int32Array(keys.length);
    this.#table.upsertAll(keys, entries);
    (this.#sides[side] as GroupedRows).append(entries, values);
  }

  estimatedBytes(): number {
    let bytes = this.#table.estimatedBytes();
    for (const side of this.#sides) bytes += side.estimatedBytes() + 4 * this.size;
    return bytes;
  }

  clear(): void {
    this.#table.clear();
    for (const side of this.#sides) side.clear();
  }

  write(output: OutputFile, encoder: RecordEncoder, buckets: Int32Array, numBuckets: number): Float64Array {
    this.#arrange();
    const { ids, ends } = sortedByBucket(buckets, numBuckets);
    const positions = new Float64Array(numBuckets + 1);
    let at = 0;
    for (let b = 0; b < numBuckets; b++) {
      positions[b] = output.position;
      const end = ends[b] as number;
      while (at < end) {
        const next = groupBlockEnd(this.#sides, ids, at, end, BLOCK_KEYS);
        const block = this.#block(ids, at, next);
        const { keys, values } = this.#rows(block);
        appendRows(output, encoder, keys, values, 0, keys.length);
        at = next;
      }
    }
    positions[numBuckets] = output.position;
    return positions;
  }

  merge({ keys, values }: PairBlock): void {
    const entries = new Int32Array(keys.length);
    this.#table.upsertAll(keys, entries);
    if (keys.length < FEW_ROWS) this.#checkRows(values);
    // `write` made the rows.
    if (this.#sides.length === 1) appendLists(this.#sides[0] as GroupedRows, entries, values as unknown[][], null);
    else for (const [s, rows] of this.#sides.entries()) appendLists(rows, entries, values as unknown[][][], s);
  }

  checkRoom(): void {
    let rows = 0;
    for (const side of this.#sides) rows += side.rows;
    const full = this.#memory.heapWithoutRoomFor(rows * BYTES_PER_VALUE + this.#largestRow);
    if (full === null) return;
    const { entry, values } = this.#largest();
    const bytes = Math.round((this.estimatedBytes() / Math.max(1, rows)) * values);
    throw GroupTooLargeError.heapFull(this.#table.keys[entry], values, bytes, full, this.#memory.grantedBytes);
  }

  results(): GroupStream {
    this.#arrange();
    let at = 0;
    return {
      next: () => {
        if (at >= this.size) return null;
        const from = at;
        at = groupBlockEnd(this.#sides, null, from, this.size, BLOCK_KEYS);
        return this.#block(null, from, at);
      },
      close: () => {
        at = this.size;
      },
    };
  }

  #rows(block: GroupBlock): PairBlock {
    const most = this.#sides.map((side) => side.valuesIn(ROW_BYTES / this.#sides.length));
    const isLarge = block.sides.some(({ starts }, s) =>
      starts.some((end, i) => i > 0 && end - (starts[i - 1] as number) > (most[s] as number)),
    );
    return isLarge ? inParts(block, most) : { keys: block.keys, values: groupsOf(this.#tag, block) };
  }

  /** Rows from disk may be large values; they are in memory twice while their values are taken out. */
  #checkRows(rows: readonly unknown[]): void {
    let large = 0;
    for (let i = 0; i < rows.length; i++) large = Math.max(large, estimateBytes(rows[i]));
    if (large < LARGE_ROW_BYTES) return;
    this.#largestRow = Math.max(this.#largestRow, large);
    this.checkRoom();
  }

  #largest(): { readonly entry: number; readonly values: number } {
    this.#arrange();
    let entry = 0;
    let most = 0;
    for (let e = 0; e < this.size; e++) {
      let values = 0;
      for (const side of this.#sides) values += side.count(e);
      if (values <= most) continue;
      most = values;
      entry = e;
    }
    return { entry, values: most };
  }

  #arrange(): void {
    for (const side of this.#sides) {
      side.arrange(this.size);
      for (let e = 0; e < this.size; e++)
        if (side.count(e) > MAX_GROUP_VALUES) throw GroupTooLargeError.arrayFull(this.#table.keys[e], side.count(e));
    }
  }

  #block(ids: Int32Array | null, from: number, to: number): GroupBlock {
    const all = this.#table.keys;
    const keys: unknown[] = new Array(to - from);
    for (let i = from; i < to; i++) keys[i - from] = all[ids === null ? i : (ids[i] as number)];
    return { keys, sides: this.#sides.map((side) => side.gather(ids, from, to)) };
  }
}

/** Rows with at most so many values of each side. */
function inParts(block: GroupBlock, most: readonly number[]): PairBlock {
  const keys: unknown[] = [];
  const values: unknown[] = [];
  for (const [i, key] of block.keys.entries()) {
    const parts = block.sides.map(({ values: all, starts }, s) =>
      slices(all, starts[i] as number, starts[i + 1] as number, most[s] as number),
    );
    for (let p = 0; parts.some((ofSide) => p < ofSide.length); p++) {
      const row = parts.map((ofSide) => ofSide[p] ?? []);
      keys.push(key);
      values.push(row.length === 1 ? row[0] : row);
    }
  }
  return { keys, values };
}

function slices(values: readonly unknown[], from: number, to: number, most: number): unknown[][] {
  const all: unknown[][] = [];
  for (let at = from; at < to; at += most) all.push(values.slice(at, Math.min(to, at + most)));
  return all;
}

/** Entries grouped by bucket, in order within each, and where each bucket ends. */
function sortedByBucket(
  buckets: Int32Array,
  numBuckets: number,
): { readonly ids: Int32Array; readonly ends: Int32Array } {
  const places = new Int32Array(numBuckets + 1);
  for (let i = 0; i < buckets.length; i++) {
    const b = (buckets[i] as number) + 1;
    places[b] = (places[b] as number) + 1;
  }
  for (let b = 1; b <= numBuckets; b++) places[b] = (places[b] as number) + (places[b - 1] as number);
  const ids = new Int32Array(buckets.length);
  for (let i = 0; i < buckets.length; i++) {
    const b = buckets[i] as number;
    const place = places[b] as number;
    places[b] = place + 1;
    ids[place] = i;
  }
  return { ids, ends: places };
}

/** Appends lists of values, those of one side when each row has several. */
function appendLists(
  rows: GroupedRows,
  entries: Int32Array,
  groups: readonly (readonly unknown[])[],
  side: number | null,
): void {
  let values: unknown[] = [];
  let owners = new Int32Array(CHUNK_ROWS);
  for (let i = 0; i < groups.length; i++) {
    const group = groups[i] as readonly unknown[];
    const list = side === null ? group : (group[side] as readonly unknown[]);
    for (let j = 0; j < list.length; j++) {
      owners[values.length] = entries[i] as number;
      values.push(list[j]);
      if (values.length === CHUNK_ROWS) {
        rows.append(owners, values);
        owners = new Int32Array(CHUNK_ROWS);
        values = [];
      }
    }
  }
  rows.append(owners, values);
}
