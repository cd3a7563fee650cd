import { IskraError } from '../base/errors.ts';
import { shortInspect } from '../base/value-errors.ts';
import type { AggregationTable } from './aggregation-table.ts';
import type { PairBlock } from './pair-stream.ts';
import { estimateBytes } from './size-estimator.ts';
import type { HeapStatistics, TaskMemory } from './task-memory.ts';

/** What a table keeps for a key: all values, or what the user's functions make of them. */
export type GroupKind = 'group' | 'combiner';

/** Loops that lengthen a group look up when these bits of its length are zero. */
export const GROUP_CHECK_MASK = 0x7fff;

/**
 * V8 ends the whole process, without a word that can be caught, when an array of pushes needs more than 2^27 slots. It grows by
 * half and 16, so from two thirds of that on the next push might.
 */
export const MAX_GROUP_VALUES = 89_000_000;

const MIB = 1 << 20;
/** Rows of a block with fewer rows than this may be huge (see blockEnd). */
export const FEW_ROWS = 8;
/** Rows below this are not. */
export const LARGE_ROW_BYTES: number = MIB;

/** What belongs to one key has to be together in memory, and is not. Trying again cannot help. */
export class GroupTooLargeError extends IskraError {
  override readonly name = 'GroupTooLargeError';

  private constructor(key: unknown, what: string, why: string, details: Readonly<Record<string, unknown>>) {
    super(
      'GROUP_TOO_LARGE',
      `the values of key ${shortInspect(key)} are too large to be together in memory: ${what} so far, and ${why}. ` +
        'Use reduceByKey, aggregateByKey or combineByKey with a combiner that stays small instead of groupByKey, cogroup or join; ' +
        'make the key finer (add a random part to it and group in two steps); or raise spark.executor.memory (spark.driver.memory in local mode) or have fewer slots',
      { details: { key: shortInspect(key), ...details } },
    );
  }

  static arrayFull(key: unknown, values: number): GroupTooLargeError {
    return new GroupTooLargeError(key, `${values} values`, 'an array cannot hold more', { values });
  }

  static heapFull(
    key: unknown,
    /** Null: it is not known how many. */
    values: number | null,
    bytes: number,
    memory: HeapStatistics,
    granted: number,
  ): GroupTooLargeError {
    const used = `${mib(memory.used_heap_size)} of the slot's ${mib(memory.heap_size_limit)} of heap are in use, ${mib(granted)} were granted to the task`;
    return new GroupTooLargeError(
      key,
      values === null ? `they need about ${mib(bytes)}` : `${values} values, which need about ${mib(bytes)},`,
      used,
      {
        values,
        bytes,
        heapBytes: memory.heap_size_limit,
      },
    );
  }
}

/** Watches over a table that cannot be made smaller by spilling. */
export class GroupLimit {
  readonly #memory: TaskMemory;
  readonly #kind: GroupKind;
  /** The largest combiner that came back from disk: another one like it may follow. */
  #largestRow = 0;

  constructor(memory: TaskMemory, kind: GroupKind) {
    this.#memory = memory;
    this.#kind = kind;
  }

  /** @throws GroupTooLargeError naming the largest entry when the heap has no room for what may come next. */
  check(table: AggregationTable): void {
    const entry = largestEntry(table);
    const combiner = table.values[entry];
    this.#need(growthBytes(combiner, this.#kind) + this.#largestRow, table.keys[entry], combiner);
  }

  /** Before combiners from disk are put into the table. @throws GroupTooLargeError */
  checkMerge(table: AggregationTable, block: PairBlock): void {
    const { keys, values } = block;
    if (keys.length >= FEW_ROWS) return;
    for (let i = 0; i < keys.length; i++) {
      const bytes = estimateBytes(values[i]);
      if (bytes < LARGE_ROW_BYTES) continue;
      this.#largestRow = Math.max(this.#largestRow, bytes);
      const entry = table.find(keys[i]);
      if (entry < 0) continue;
      const known = table.values[entry];
      const length = (countValues(known, this.#kind) ?? 0) + (countValues(values[i], this.#kind) ?? 0);
      if (length > MAX_GROUP_VALUES) throw GroupTooLargeError.arrayFull(keys[i], length);
      table.groupGrew(entry, 0);
      this.#need(growthBytes(known, this.#kind) + bytes, keys[i], known);
    }
  }

  #need(bytes: number, key: unknown, combiner: unknown): void {
    const full = this.#memory.heapWithoutRoomFor(bytes);
    if (full === null) return;
    const values = countValues(combiner, this.#kind);
    throw GroupTooLargeError.heapFull(key, values, estimateBytes(combiner), full, this.#memory.grantedBytes);
  }
}

/** A table that does not spill has one key, or a few of the same hash. */
function largestEntry(table: AggregationTable): number {
  let largest = 0;
  let most = -1;
  for (let entry = 0; entry < Math.min(table.size, 1000); entry++) {
    const bytes = estimateBytes(table.values[entry]);
    if (bytes <= most) continue;
    most = bytes;
    largest = entry;
  }
  return largest;
}

function countValues(combiner: unknown, kind: GroupKind): number | null {
  return kind === 'combiner' ? null : (combiner as readonly unknown[]).length;
}

/** What is needed in one piece when it grows once more, or is read: new slots of arrays and tables, a text's copy. */
function growthBytes(combiner: unknown, kind: GroupKind): number {
  const values = countValues(combiner, kind);
  if (values !== null) return 12 * values;
  if (typeof combiner === 'string') return combiner.length;
  if (Array.isArray(combiner)) return 12 * combiner.length;
  if (combiner instanceof Map || combiner instanceof Set) return 88 * combiner.size;
  return 0;
}

function mib(bytes: number): string {
  return `${Math.round(bytes / MIB)} MiB`;
}
