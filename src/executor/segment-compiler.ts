import { IskraError } from '../base/errors.ts';
import { valuesEqual } from '../base/value-equality.ts';
import { shortInspect } from '../base/value-errors.ts';
import { hashValue } from '../base/value-hash.ts';
import type { NarrowOp } from '../protocol/stage-program.ts';
import type { GroupBlock } from '../shuffle/group-block.ts';
import { type SegmentInput, type SinkCode, segmentSource } from './segment-source.ts';

/** A fused loop over `batch[from, to)`; `S` is the sink's state. False: the sink wants no more records. */
export type BatchSegment = (batch: readonly unknown[], from: number, to: number, S: object) => boolean;
/** The same over `count` numbers from `start` by `step`. */
export type RangeSegment = (start: number, step: number, count: number, S: object) => boolean;
/** The same over keys [from, to) of a block with their values. */
export type GroupSegment = (block: GroupBlock, from: number, to: number, S: object) => boolean;

/** What generated text may call. Only the cold paths are here. */
const runtime = {
  missing: [undefined] as readonly undefined[],
  none: [] as readonly unknown[],
  hash: hashValue as (key: unknown) => number,
  equal: valuesEqual as (a: unknown, b: unknown) => boolean,
  isPromise(v: unknown): boolean {
    if (typeof v !== 'object' || v === null) return false;
    try {
      return typeof (v as { then?: unknown }).then === 'function';
    } catch {
      return false; // a getter, or a revoked proxy: whoever reads the record will say so
    }
  },
  refusePromise(op: string): never {
    const asynchronous: Record<string, string> = {
      map: 'mapAsync',
      flatMap: 'flatMapAsync',
      filter: 'filterAsync',
      foreach: 'foreachConcurrent',
      mapPartitions: 'mapPartitionsAsync',
    };
    const instead = asynchronous[op];
    throw new IskraError(
      'PROMISE_AS_RECORD',
      `the function passed to ${op}() returned a promise, and a promise is not a record. ${
        instead ? `Use ${instead}(f, { concurrency }) instead.` : 'Give it a function that answers at once.'
      }`,
    );
  },
  notAPair(v: unknown, op: string): never {
    throw new IskraError(
      'NOT_A_PAIR',
      `${op} needs records that are [key, value] arrays, but got ${shortInspect(v)}. Use keyBy() or map() to make pairs.`,
    );
  },
  toArray(v: unknown, op: string): unknown[] {
    if (v !== null && v !== undefined && typeof (v as { [Symbol.iterator]?: unknown })[Symbol.iterator] === 'function')
      return [...(v as Iterable<unknown>)];
    throw new IskraError(
      'NOT_ITERABLE',
      `the function passed to ${op}() must return an array or another iterable, but it returned ${shortInspect(v)}`,
    );
  },
  truthy(v: unknown): boolean {
    if (runtime.isPromise(v)) runtime.refusePromise('filter');
    return Boolean(v);
  },
};

export { runtime as segmentRuntime };

type Factory = (R: typeof runtime, ...functions: unknown[]) => AnySegment;

/**
 * Compiled factories of this thread by source text, user functions' text included. Text that differs keeps V8's feedback
 * apart; text that is equal (the next round of an iterative job) starts warm.
 */
const factories = new Map<string, Factory>();
const MAX_FACTORIES = 1000;
let made = 0;

function makeFactory(text: string, functions: readonly unknown[]): Factory {
  const names = functions.map((_, i) => `f${i}`);
  return new Function('R', ...names, `"use strict"; /* ${made++} */ return ${text}`) as Factory;
}

function factoryFor(key: string, text: string, functions: readonly unknown[]): Factory {
  let factory = factories.get(key);
  if (factory === undefined) {
    factory = makeFactory(text, functions);
    if (factories.size >= MAX_FACTORIES) factories.delete(factories.keys().next().value as string);
    factories.set(key, factory);
  }
  return factory;
}

/**
 * Records after which a segment is compiled once more, for itself alone.
 *
 * Code that equal stages share is warm from the first record on, but V8 sees several closures of it and cannot take the
 * user's functions for constants: 3.9 against 1.7 ns a record of a short pipeline. A copy of one's own costs some 10 ms
 * until it is optimised, which so many records pay back.
 */
const RECORDS_BEFORE_OWN_COPY = 2_000_000;

type AnySegment = BatchSegment & RangeSegment & GroupSegment;

/** The latest segment of each text, with the very functions it was made of. */
const segments = new Map<string, { readonly functions: readonly unknown[]; readonly segment: AnySegment }>();

function compile(
  ops: readonly NarrowOp[],
  sink: SinkCode,
  source: SegmentInput,
  functions: readonly unknown[],
): AnySegment {
  const { text, refs } = segmentSource(ops, sink, source);
  const used = refs.map((r) => functions[r]);
  const key = `${text}\0${used.map(String).join('\0')}`;
  const known = segments.get(key);
  // Functions that capture nothing are one object for all stages of a thread, and so are their segments.
  if (known?.functions.every((f, i) => f === used[i])) return known.segment;
  let inner = factoryFor(key, text, used)(runtime, ...used) as (...args: unknown[]) => boolean;
  let seen = 0;
  const mayHaveOwn = (records: number): void => {
    seen += records;
    if (seen >= RECORDS_BEFORE_OWN_COPY) inner = makeFactory(text, used)(runtime, ...used) as typeof inner;
  };
  const segment =
    source === 'range'
      ? (start: number, step: number, count: number, S: object) => {
          if (seen < RECORDS_BEFORE_OWN_COPY) mayHaveOwn(count);
          return inner(start, step, count, S);
        }
      : (b: unknown, from: number, to: number, S: object) => {
          if (seen < RECORDS_BEFORE_OWN_COPY) mayHaveOwn(to - from);
          return inner(b, from, to, S);
        };
  segments.delete(key);
  segments.set(key, { functions: used, segment: segment as AnySegment });
  if (segments.size > MAX_FACTORIES) segments.delete(segments.keys().next().value as string);
  return segment as AnySegment;
}

/** Compiles a segment over batches. `functions` are the program's closures, by Ref. */
export function compileBatchSegment(
  ops: readonly NarrowOp[],
  sink: SinkCode,
  functions: readonly unknown[],
): BatchSegment {
  return compile(ops, sink, 'batch', functions);
}

/** Compiles a segment over a range. */
export function compileRangeSegment(
  ops: readonly NarrowOp[],
  sink: SinkCode,
  functions: readonly unknown[],
): RangeSegment {
  return compile(ops, sink, 'range', functions);
}

/** Compiles a segment over keys with their values. */
export function compileGroupSegment(
  ops: readonly NarrowOp[],
  sink: SinkCode,
  sides: number,
  functions: readonly unknown[],
): GroupSegment {
  return compile(ops, sink, { sides }, functions);
}
