import { assertNever } from '../base/assert-never.ts';
import type { SinkPlan, StageProgram } from '../protocol/stage-program.ts';
import { encodeRecords } from '../rdd/record-blocks.ts';
import { encodeValue } from '../serializer/serializer.ts';
import { BoundedHeap } from '../shuffle/bounded-heap.ts';
import { zeroMaker } from '../shuffle/combiner.ts';
import { createCombiningWriter, createPartitioningWriter } from '../shuffle/shuffle-writer.ts';
import { comparatorOf, resolveOrdering } from '../shuffle/sorter.ts';
import { partitionFunction } from './partition-function.ts';
import { BATCH_SIZE } from './record-iterator.ts';
import type { SinkCode } from './segment-source.ts';
import type { TaskEnv } from './task-env.ts';

/** What a finished sink gives back to the driver. */
export type TaskOutcome =
  | { readonly kind: 'Result'; readonly bytes: Uint8Array }
  | { readonly kind: 'MapOutput'; readonly sizes: readonly number[] };

/** A sink that is part of the fused loop. */
export interface TaskSink {
  readonly code: SinkCode;
  readonly state: object;
  /** Records of a fused range between two calls of `endBatch`. */
  readonly rangeChunk: number;
  /** After each batch: flush, spill. */
  endBatch(): void;
  finish(): TaskOutcome;
  /** The task failed or was killed: leave nothing behind. */
  abort(): void;
}

/** Sinks whose state stays small may run long stretches of a range; the kill flag is looked at between them. */
const LONG_STRETCH = 1 << 17;

const nothing = (): void => {};

function result(
  code: SinkCode,
  state: object,
  finish: () => Uint8Array,
  endBatch: () => void = nothing,
  rangeChunk = LONG_STRETCH,
): TaskSink {
  return { code, state, rangeChunk, endBatch, abort: nothing, finish: () => ({ kind: 'Result', bytes: finish() }) };
}

/** The sinks that take part in fusion; null for those that read an iterator (iterator-sinks.ts). */
export function createTaskSink(program: StageProgram, functions: readonly unknown[], env: TaskEnv): TaskSink | null {
  const sink: SinkPlan = program.sink;
  switch (sink.kind) {
    case 'count': {
      const state = { n: 0 };
      return result({ kind: 'count' }, state, () => encodeValue(state.n));
    }
    case 'collect':
      return collectSink({ kind: 'push' }, { out: [] });
    case 'take':
      return collectSink({ kind: 'pushUpTo' }, { out: [], limit: sink.limit });
    case 'reduce': {
      const state = { has: false, acc: undefined as unknown };
      return result({ kind: 'reduce', f: sink.f }, state, () => encodeValue(state.has ? [state.acc] : []));
    }
    case 'fold': {
      const state = { acc: zeroMaker(functions[sink.zero])() };
      return result({ kind: 'fold', f: sink.op }, state, () => encodeValue(state.acc));
    }
    case 'sum': {
      const state = { acc: 0 };
      return result({ kind: 'sum' }, state, () => encodeValue(state.acc));
    }
    case 'takeOrdered': {
      const heap = new BoundedHeap(
        sink.limit,
        comparatorOf(resolveOrdering(sink.ordering, functions, env.shuffle.programKey)),
      );
      return result({ kind: 'offer' }, { heap }, () => encodeRecords(heap.sorted()), nothing, BATCH_SIZE);
    }
    case 'foreach':
      return result({ kind: 'foreach', f: sink.f }, {}, () => EMPTY);
    case 'drain':
      return result({ kind: 'count' }, { n: 0 }, () => EMPTY);
    case 'shuffleWrite':
      return sink.combine === null ? partitioningSink(sink, functions, env) : combiningSink(sink, functions, env);
    case 'iterator':
    case 'reservoir':
    case 'bernoulli':
    case 'saveFiles':
    case 'checkpoint':
      return null;
    default:
      return assertNever(sink);
  }
}

const EMPTY = new Uint8Array(0);

function collectSink(code: SinkCode, state: { out: unknown[]; limit?: number }): TaskSink {
  const pieces: Uint8Array[] = [];
  const flush = (least: number): void => {
    const { out } = state;
    if (out.length < least || out.length === 0) return;
    pieces.push(encodeRecords(out));
    out.length = 0;
  };
  // take() counts what it has in `out`, so it flushes only at the end; it is small by nature.
  const endBatch = code.kind === 'push' ? (): void => flush(BATCH_SIZE) : nothing;
  return result(
    code,
    state,
    () => {
      flush(0);
      return pieces.length === 1 ? (pieces[0] as Uint8Array) : Buffer.concat(pieces);
    },
    endBatch,
    BATCH_SIZE,
  );
}

type ShuffleWrite = Extract<SinkPlan, { kind: 'shuffleWrite' }>;

function partitioningSink(sink: ShuffleWrite, functions: readonly unknown[], env: TaskEnv): TaskSink {
  const { kind, numPartitions } = sink.partitioner;
  const partition = partitionFunction(sink.partitioner, functions, env.shuffle.programKey);
  const writer = createPartitioningWriter(env.shuffle, {
    shuffleId: sink.shuffleId,
    mapId: env.task.taskAttemptId,
    numPartitions,
    partition,
    usesHash: kind === 'hash',
  });
  return {
    code: kind === 'hash' ? { kind: 'addPairByHash', numPartitions } : { kind: 'addPair' },
    state: { writer, partition: (key: unknown) => partition(key, 0) },
    rangeChunk: BATCH_SIZE,
    endBatch: () => writer.endBatch(),
    finish: () => ({ kind: 'MapOutput', sizes: writer.commit().sizes }),
    abort: () => writer.abort(),
  };
}

function combiningSink(sink: ShuffleWrite, functions: readonly unknown[], env: TaskEnv): TaskSink {
  const combine = sink.combine as NonNullable<ShuffleWrite['combine']>;
  const writer = createCombiningWriter(env.shuffle, {
    shuffleId: sink.shuffleId,
    mapId: env.task.taskAttemptId,
    numPartitions: sink.partitioner.numPartitions,
    partition: partitionFunction(sink.partitioner, functions, env.shuffle.programKey),
  });
  const zero = combine.kind === 'aggregate' ? zeroMaker(functions[combine.zero]) : nothing;
  return {
    code: { kind: 'combine', combine },
    state: { table: writer.table, zero },
    rangeChunk: BATCH_SIZE,
    endBatch: () => writer.endBatch(),
    finish: () => ({ kind: 'MapOutput', sizes: writer.commit().sizes }),
    abort: () => writer.abort(),
  };
}
