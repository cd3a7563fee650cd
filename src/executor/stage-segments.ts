import type { NarrowOp } from '../protocol/stage-program.ts';
import {
  type BatchSegment,
  compileBatchSegment,
  compileGroupSegment,
  compileRangeSegment,
  type GroupSegment,
  type RangeSegment,
} from './segment-compiler.ts';
import type { SinkCode } from './segment-source.ts';

/**
 * The fused segments of one stage in one slot. When the stage's functions are the same for every task its segments are, too,
 * and a task finds them without writing their text again.
 */
export class StageSegments {
  readonly #keep: boolean;
  readonly #batch = new Map<string, BatchSegment>();
  readonly #range = new Map<string, RangeSegment>();
  /** By the number of sides. */
  readonly #groups = new Map<number, Map<string, GroupSegment>>();

  /** @param stateless tasks all get the same functions. */
  constructor(stateless: boolean) {
    this.#keep = stateless;
  }

  batch(ops: readonly NarrowOp[], sink: SinkCode, functions: readonly unknown[]): BatchSegment {
    return this.#find(this.#batch, ops, sink, () => compileBatchSegment(ops, sink, functions));
  }

  range(ops: readonly NarrowOp[], sink: SinkCode, functions: readonly unknown[]): RangeSegment {
    return this.#find(this.#range, ops, sink, () => compileRangeSegment(ops, sink, functions));
  }

  groups(ops: readonly NarrowOp[], sink: SinkCode, sides: number, functions: readonly unknown[]): GroupSegment {
    const known = this.#groups.get(sides) ?? new Map<string, GroupSegment>();
    this.#groups.set(sides, known);
    return this.#find(known, ops, sink, () => compileGroupSegment(ops, sink, sides, functions));
  }

  #find<S>(known: Map<string, S>, ops: readonly NarrowOp[], sink: SinkCode, make: () => S): S {
    if (!this.#keep) return make();
    const key = JSON.stringify([ops, sink]);
    const segment = known.get(key) ?? make();
    known.set(key, segment);
    return segment;
  }
}
