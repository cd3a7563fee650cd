import type { BatchIterator } from '../base/batch-iterator.ts';
import type { BlockStream } from './pair-stream.ts';
import { specialize } from './specialize.ts';

/** The values of one side: those of key i lie in values[starts[i], starts[i + 1]). */
export interface GroupedValues {
  readonly values: unknown[];
  readonly starts: Int32Array;
}

/** Some keys with all their values, side by side, as columns: whoever reads it may never make arrays of them. */
export interface GroupBlock {
  readonly keys: unknown[];
  readonly sides: readonly GroupedValues[];
}

export type GroupStream = BlockStream<GroupBlock>;

/**
 * An expression for the values of key `i` of a block `b`, as arrays that nobody else has: a list, or a list of each of several
 * sides. Each key of a block is taken once, so a key that has all values of a side may have their array.
 */
export function groupText(sides: number, b: string, i: string): string {
  const lists = Array.from({ length: sides }, (_, s) => {
    const side = `${b}.sides[${s}]`;
    const [all, from, to] = [`${side}.values`, `${side}.starts[${i}]`, `${side}.starts[${i} + 1]`];
    return `(${from} < ${to} && ${to} - ${from} === ${all}.length ? ${all} : ${all}.slice(${from}, ${to}))`;
  });
  return lists.length === 1 ? (lists[0] as string) : `[${lists.join(', ')}]`;
}

/** The groups of a block, one a key: arrays that nobody else has. */
export function groupsOf(tag: string, block: GroupBlock): unknown[] {
  const { length } = block.sides;
  const make = specialize<(block: GroupBlock) => unknown[]>(
    tag,
    `return (block) => {
  const n = block.keys.length;
  const groups = new Array(n);
  for (let i = 0; i < n; i++) groups[i] = ${groupText(length, 'block', 'i')};
  return groups;
};`,
  );
  return make(block);
}

/** Groups as the `[key, values]` or `[key, [values of side 0, values of side 1, …]]` records that stages work on. */
export class GroupRecords implements BatchIterator<[unknown, unknown]> {
  /** To be read instead of the records. */
  readonly groups: GroupStream;
  readonly sides: number;
  readonly #tag: string;

  constructor(tag: string, groups: GroupStream, sides: number) {
    this.#tag = tag;
    this.sides = sides;
    this.groups = groups;
  }

  next(): readonly [unknown, unknown][] | null {
    const block = this.groups.next();
    if (block === null) return null;
    const { keys } = block;
    const groups = groupsOf(this.#tag, block);
    const batch: [unknown, unknown][] = new Array(keys.length);
    for (let i = 0; i < batch.length; i++) batch[i] = [keys[i], groups[i]];
    return batch;
  }

  close(): void {
    this.groups.close();
  }
}
