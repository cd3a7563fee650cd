import { assertNever } from '../base/assert-never.ts';
import type { BatchIterator } from '../base/batch-iterator.ts';
import { IskraError } from '../base/errors.ts';
import { BernoulliSample, Reservoir } from '../base/reservoir.ts';
import { CheckpointFileWriter } from '../io/checkpoint-files.ts';
import { abortTask, commitTask, type OutputJob, type OutputTask, outputJob, setupTask } from '../io/file-output.ts';
import { openRecordWriter, partExtension } from '../io/open-record-writer.ts';
import type { RecordWriter } from '../io/record-writer.ts';
import type { OutputFormat } from '../protocol/file-formats.ts';
import type { SinkPlan } from '../protocol/stage-program.ts';
import { encodeRecords } from '../rdd/record-blocks.ts';
import { encodeValue, RecordEncoder } from '../serializer/serializer.ts';
import { RecordIterator } from './record-iterator.ts';
import { segmentRuntime } from './segment-compiler.ts';
import type { TaskEnv } from './task-env.ts';

/** The driver refused this attempt's output: another one has the partition. Spark: CommitDeniedException */
export class CommitDeniedError extends IskraError {
  override readonly name = 'CommitDeniedError';
  constructor(partition: number, attempt: number) {
    super('COMMIT_DENIED', `the driver did not let attempt ${attempt} commit partition ${partition}`);
  }
}

const NO_BYTES = new Uint8Array(0);

/** Sinks that read the partition instead of being part of its fused loop. */
export type IteratorSinkPlan = Extract<
  SinkPlan,
  { kind: 'iterator' | 'reservoir' | 'bernoulli' | 'saveFiles' | 'checkpoint' }
>;

/** Those that take one batch after another, and so can follow what has to be awaited. */
export type PushSinkPlan = Exclude<IteratorSinkPlan, { kind: 'iterator' }>;

export interface PushSink {
  add(batch: readonly unknown[]): void;
  /** @returns the result as rdd/sink-results.ts reads it. */
  finish(): Uint8Array;
  /** The task failed or was killed: leave nothing behind. */
  abort(): void;
}

/** @returns the result as rdd/sink-results.ts reads it. */
export function runIteratorSink(
  sink: IteratorSinkPlan,
  functions: readonly unknown[],
  env: TaskEnv,
  source: BatchIterator,
): Uint8Array {
  const batches = killable(source, env);
  if (sink.kind === 'iterator') {
    const f = functions[sink.f] as (records: RecordIterator, context: unknown) => unknown;
    const value = f(new RecordIterator(batches), env.task);
    if (segmentRuntime.isPromise(value)) segmentRuntime.refusePromise(sink.operator);
    return sink.discard ? new Uint8Array(0) : encodeValue(value);
  }
  const push = openPushSink(sink, env);
  try {
    for (let batch = batches.next(); batch !== null; batch = batches.next()) push.add(batch);
    return push.finish();
  } catch (error) {
    push.abort();
    throw error;
  }
}

export function openPushSink(sink: PushSinkPlan, env: TaskEnv): PushSink {
  switch (sink.kind) {
    case 'reservoir': {
      const reservoir = new Reservoir(sink.limit, sink.seed, env.task.partitionId);
      return {
        add: (batch) => reservoir.add(batch),
        finish: () => encodeValue([reservoir.count, reservoir.sample]),
        abort() {},
      };
    }
    case 'bernoulli': {
      const bernoulli = new BernoulliSample(sink.fraction, sink.seed, env.task.partitionId);
      return { add: (batch) => bernoulli.add(batch), finish: () => encodeRecords(bernoulli.sample), abort() {} };
    }
    case 'saveFiles':
      return filesSink(outputJob(sink.path, partExtension(sink.format), sink.jobUuid), sink.format, env);
    case 'checkpoint':
      return checkpointSink(sink, env);
    default:
      return assertNever(sink);
  }
}

function killable(source: BatchIterator, env: TaskEnv): BatchIterator {
  return {
    next() {
      env.link.throwIfKilled(env.task.taskAttemptId);
      const batch = source.next();
      // What a killed task's functions left out must not pass for the end.
      if (batch === null) env.link.throwIfKilled(env.task.taskAttemptId);
      return batch;
    },
    close: () => source.close(),
  };
}

/** Attempts of a partition write the same records, so the first that is done wins, without asking anybody. */
function checkpointSink({ dir, compress }: Extract<SinkPlan, { kind: 'checkpoint' }>, env: TaskEnv): PushSink {
  const { task } = env;
  const encoder = compress ? new RecordEncoder({ compression: 'lz4' }) : env.encoder;
  const file = new CheckpointFileWriter(dir, task.partitionId, task.taskAttemptId);
  return {
    add(batch) {
      if (batch.length === 0) return;
      task.taskMetrics().outputRecordsWritten += batch.length;
      file.write(encoder.encode(batch, 0, batch.length));
    },
    finish() {
      file.commit();
      task.taskMetrics().outputBytesWritten += file.bytesWritten;
      return NO_BYTES;
    },
    abort: () => file.abandon(),
  };
}

/** Writes to the attempt's own directory, then asks the driver, then renames: one attempt's file survives, whole. */
function filesSink(job: OutputJob, format: OutputFormat, env: TaskEnv): PushSink {
  const { task } = env;
  const attempt = { partition: task.partitionId, attempt: task.taskAttemptId };
  const writer = openAttempt(job, format, attempt);
  return {
    add: (batch) => writer.write(batch),
    finish() {
      writer.close();
      const { allowed } = env.link.ask('CanCommit', {
        stageId: task.stageId,
        stageAttemptId: task.stageAttemptNumber,
        partition: task.partitionId,
        attemptNumber: task.attemptNumber,
      });
      if (!allowed) throw new CommitDeniedError(task.partitionId, task.attemptNumber);
      commitTask(job, attempt);
      task.taskMetrics().outputBytesWritten += writer.bytesWritten;
      task.taskMetrics().outputRecordsWritten += writer.recordsWritten;
      return NO_BYTES;
    },
    abort() {
      writer.abandon();
      abortTask(job, attempt);
    },
  };
}

function openAttempt(job: OutputJob, format: OutputFormat, attempt: OutputTask): RecordWriter {
  const path = setupTask(job, attempt);
  try {
    return openRecordWriter(path, format, attempt.partition);
  } catch (error) {
    abortTask(job, attempt);
    throw error;
  }
}
