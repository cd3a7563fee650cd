import { IskraError } from '../base/errors.ts';
import { valuesEqual } from '../base/value-equality.ts';
import { shortInspect } from '../base/value-errors.ts';
import { hashValue } from '../base/value-hash.ts';
import type { NarrowOp } from '../protocol/stage-program.ts';
import { type SinkCode, segmentSource } from './segment-source.ts';

/** A fused loop over `batch[from, to)`; `S` is the sink's state. False: the sink wants no more records. */
export type BatchSegment = (batch: readonly unknown[], from: number, to: number, S: object) => boolean;
/** The same over `count` numbers from `start` by `step`. */
export type RangeSegment = (start: number, step: number, count: number, S: object) => boolean;

/** What generated text may call. Only the cold paths are here. */
const runtime = {
  missing: [undefined] as readonly undefined[],
  none: [] as readonly unknown[],
  hash: hashValue as (key: unknown) => number,
  equal: valuesEqual as (a: unknown, b: unknown) => boolean,
  isPromise: (v: unknown): boolean =>
    typeof v === 'object' && v !== null && typeof (v as { then?: unknown }).then === 'function',
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

type Factory = (R: typeof runtime, ...functions: unknown[]) => BatchSegment & RangeSegment;

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

function factoryFor(text: string, functions: readonly unknown[]): Factory {
  const key = `${text}\0${functions.map(String).join('\0')}`;
  let factory = factories.get(key);
  if (factory === undefined) {
    factory = makeFactory(text, functions);
    if (factories.size >= MAX_FACTORIES) factories.delete(factories.keys().next().value as string);
    factories.set(key, factory);
  }
  return factory;
}

/** How a segment's loop is compiled: sharing the code of equal segments, which is warm, or alone, which is faster in the end. */
export type Sharing = 'shared' | 'alone';

function compile(
  ops: readonly NarrowOp[],
  sink: SinkCode,
  source: 'batch' | 'range',
  functions: readonly unknown[],
  sharing: Sharing,
): BatchSegment & RangeSegment {
  const { text, refs } = segmentSource(ops, sink, source);
  const used = refs.map((r) => functions[r]);
  const factory = sharing === 'shared' ? factoryFor(text, used) : makeFactory(text, used);
  return factory(runtime, ...used);
}

/** Compiles a segment over batches. `functions` are the program's closures, by Ref. */
export function compileBatchSegment(
  ops: readonly NarrowOp[],
  sink: SinkCode,
  functions: readonly unknown[],
  sharing: Sharing = 'shared',
): BatchSegment {
  return compile(ops, sink, 'batch', functions, sharing);
}

/** Compiles a segment over a range. */
export function compileRangeSegment(
  ops: readonly NarrowOp[],
  sink: SinkCode,
  functions: readonly unknown[],
  sharing: Sharing = 'shared',
): RangeSegment {
  return compile(ops, sink, 'range', functions, sharing);
}
