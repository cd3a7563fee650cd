import type { NarrowOp } from '../protocol/stage-program.ts';
import { type BatchSegment, compileBatchSegment, compileRangeSegment, type RangeSegment } from './segment-compiler.ts';
import type { SinkCode } from './segment-source.ts';

/**
 * Records after which a segment is compiled once more, for its stage alone.
 *
 * Code that equal stages share is warm from the first record on, but V8 sees several closures of it and cannot take the
 * captured functions for constants: 3.9 against 1.7 ns a record of a short pipeline. A copy of one's own costs some 10 ms
 * until it is optimised, which so many records pay back.
 */
const RECORDS_BEFORE_OWN_COPY = 2_000_000;

/**
 * The fused segments of one stage in one slot. When the stage's functions are the same for every task, so are its segments;
 * otherwise each task gets its own.
 */
export class StageSegments {
  readonly #keep: boolean;
  readonly #batch = new Map<string, BatchSegment>();
  readonly #range = new Map<string, RangeSegment>();

  /** @param stateless tasks all get the same functions. */
  constructor(stateless: boolean) {
    this.#keep = stateless;
  }

  batch(ops: readonly NarrowOp[], sink: SinkCode, functions: readonly unknown[]): BatchSegment {
    if (!this.#keep) return compileBatchSegment(ops, sink, functions);
    const key = keyOf(ops, sink);
    const known = this.#batch.get(key);
    if (known !== undefined) return known;
    let inner = compileBatchSegment(ops, sink, functions);
    let seen = 0;
    const segment: BatchSegment = (batch, from, to, S) => {
      if (seen < RECORDS_BEFORE_OWN_COPY) {
        seen += to - from;
        if (seen >= RECORDS_BEFORE_OWN_COPY) inner = compileBatchSegment(ops, sink, functions, 'alone');
      }
      return inner(batch, from, to, S);
    };
    this.#batch.set(key, segment);
    return segment;
  }

  range(ops: readonly NarrowOp[], sink: SinkCode, functions: readonly unknown[]): RangeSegment {
    if (!this.#keep) return compileRangeSegment(ops, sink, functions);
    const key = keyOf(ops, sink);
    const known = this.#range.get(key);
    if (known !== undefined) return known;
    let inner = compileRangeSegment(ops, sink, functions);
    let seen = 0;
    const segment: RangeSegment = (start, step, count, S) => {
      if (seen < RECORDS_BEFORE_OWN_COPY) {
        seen += count;
        if (seen >= RECORDS_BEFORE_OWN_COPY) inner = compileRangeSegment(ops, sink, functions, 'alone');
      }
      return inner(start, step, count, S);
    };
    this.#range.set(key, segment);
    return segment;
  }
}

function keyOf(ops: readonly NarrowOp[], sink: SinkCode): string {
  return JSON.stringify([ops, sink]);
}
