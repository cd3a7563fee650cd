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

/** An expression for the values of key `i` of a block `b`, as arrays of their own: a list, or a list of each of several sides. */
export function groupText(sides: number, b: string, i: string): string {
  const lists = Array.from({ length: sides }, (_, s) => {
    const side = `${b}.sides[${s}]`;
    return `${side}.values.slice(${side}.starts[${i}], ${side}.starts[${i} + 1])`;
  });
  return lists.length === 1 ? (lists[0] as string) : `[${lists.join(', ')}]`;
}

/** The groups of a block, one a key: arrays that nobody else has. */
export function groupsOf(tag: string, block: GroupBlock): unknown[] {
  const { keys, sides } = block;
  const { length } = sides;
  // A block of one key may be a huge one, and its arrays hold nothing else.
  if (keys.length === 1) return [length === 1 ? sides[0]?.values : sides.map(({ values }) => values)];
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
  readonly groups: GroupStream;
  readonly #tag: string;

  constructor(tag: string, groups: GroupStream) {
    this.#tag = tag;
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
