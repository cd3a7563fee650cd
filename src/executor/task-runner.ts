import type { BatchIterator } from '../base/batch-iterator.ts';
import { systemClock } from '../base/clock.ts';
import { type ErrorData, errorToData, IskraError } from '../base/errors.ts';
import { threadCpuNs } from '../base/thread-cpu.ts';
import { hashString } from '../base/value-hash.ts';
import { ClosureError, type LoadedClosures } from '../closure/closure.ts';
import type { StageFacts } from '../protocol/executor-slot.ts';
import type { TaskId } from '../protocol/ids.ts';
import type { MapStatus } from '../protocol/map-output.ts';
import type { AccumulatorUpdate, TaskResult } from '../protocol/task.ts';
import type { TaskFailedReason } from '../protocol/task-end-reason.ts';
import { withBuiltIns } from '../rdd/built-in-functions.ts';
import { UnencodableRecordError } from '../serializer/serializer.ts';
import { FetchFailedError } from '../shuffle/shuffle-reader.ts';
import type { AsyncBatchIterator } from './async-batches.ts';
import { hasAsync, openAsync } from './async-run.ts';
import { openAsyncTask } from './async-task.ts';
import { CollectedRecords } from './collected-records.ts';
import { TaskKilledError } from './executor-link.ts';
import { CommitDeniedError, type IteratorSinkPlan, openPushSink, runIteratorSink } from './iterator-sinks.ts';
import type { RunningTask } from './running-task.ts';
import { StageRun } from './stage-run.ts';
import type { StageSegments } from './stage-segments.ts';
import { runTally } from './tally-run.ts';
import type { TaskEnv } from './task-env.ts';
import { createTaskSink, type TaskOutcome, type TaskSink } from './task-sink.ts';

/** A stage program in a slot, with its closures loaded. */
export interface LoadedStage {
  readonly facts: StageFacts;
  readonly closures: LoadedClosures | null;
  readonly segments: StageSegments;
  /** Text that tells the stage's code apart from other stages' (see codeKey); null before the first task. */
  codeKey: string | null;
}

/**
 * Names a stage's code: equal for the rounds of an iterative job, whose functions differ only in what they captured. Generated
 * loops carry it, so that rounds share V8's feedback and stages of other code do not spoil it.
 */
function codeKey(functions: readonly unknown[]): string {
  const text = functions.map((f) => (typeof f === 'function' ? String(f) : typeof f)).join();
  return `${text.length}.${(hashString(text) >>> 0).toString(36)}`;
}

/** Accumulators that the task's functions reached; see accumulator/accumulator.ts. */
export interface TaskAccumulatorsView {
  updates(): readonly AccumulatorUpdate[];
}

/**
 * Runs one task of a loaded stage and says how it ended; never throws.
 *
 * A program without async operators runs in one synchronous stretch.
 *
 * Spark: Executor.TaskRunner.run, ShuffleMapTask.runTask, ResultTask.runTask
 */
export async function runTask(
  stage: LoadedStage,
  task: RunningTask,
  makeEnv: (codeKey: string) => TaskEnv,
  mapStatus: (mapId: TaskId, sizes: readonly number[]) => MapStatus,
  accumulators: TaskAccumulatorsView,
  describeError: (thrown: unknown) => ErrorData,
): Promise<TaskResult> {
  const metrics = task.taskMetrics();
  let env: TaskEnv | null = null;
  const startedAt = systemClock.now();
  const cpuBefore = threadCpuNs();
  const ended = (): void => {
    metrics.executorRunTimeMs = systemClock.now() - startedAt;
    metrics.executorCpuTimeNs = threadCpuNs() - cpuBefore;
    metrics.peakExecutionMemoryBytes = env?.shuffle.memory.peakBytes ?? 0;
  };
  try {
    if (task.isInterrupted()) throw new TaskKilledError(task.taskAttemptId);
    const { program } = stage.facts;
    const closures = stage.closures === null ? [] : stage.closures.make(accumulators);
    const functions = withBuiltIns(program.builtIns, closures);
    stage.codeKey ??= codeKey(functions);
    env = makeEnv(stage.codeKey);
    const run = new StageRun(program, functions, stage.segments, env);
    const outcome = hasAsync(program) ? await runAsync(run) : runSync(run);
    task.end(null);
    ended();
    const updates = accumulators.updates();
    if (outcome.kind === 'MapOutput') {
      const status = mapStatus(task.taskAttemptId, outcome.sizes);
      return { kind: 'MapOutput', status, accumulators: updates, metrics };
    }
    metrics.resultSizeBytes = outcome.bytes.byteLength;
    return { kind: 'Result', bytes: outcome.bytes, accumulators: updates, metrics };
  } catch (thrown) {
    const error = thrown instanceof Error ? thrown : new Error(errorToData(thrown).message);
    try {
      task.end(error);
    } catch {
      // The listener's error must not hide the task's.
    }
    ended();
    return { kind: 'Failed', reason: failure(thrown, task, describeError), metrics };
  }
}

/** Errors of the engine that come of the records or functions themselves. */
const HOPELESS: ReadonlySet<string> = new Set([
  'GROUP_TOO_LARGE',
  'BAD_COMPARATOR',
  'UNKEYABLE_KEY',
  'UNORDERABLE_VALUES',
]);

function isHopeless(thrown: unknown): boolean {
  return IskraError.is(thrown) && HOPELESS.has(thrown.code);
}

function failure(thrown: unknown, task: RunningTask, describeError: (thrown: unknown) => ErrorData): TaskFailedReason {
  if (thrown instanceof TaskKilledError) return { kind: 'TaskKilled', reason: 'killed' };
  if (thrown instanceof CommitDeniedError)
    return { kind: 'TaskCommitDenied', partition: task.partitionId, attemptNumber: task.attemptNumber };
  if (thrown instanceof FetchFailedError) {
    return { kind: 'FetchFailed', ...thrown.failure, message: thrown.message };
  }
  // Trying again cannot make a value travel that does not, nor a group smaller.
  const retriable = !(thrown instanceof UnencodableRecordError || thrown instanceof ClosureError || isHopeless(thrown));
  return { kind: 'ExceptionFailure', error: describeError(thrown), retriable };
}

function runSync(run: StageRun): TaskOutcome {
  const { program, env } = run;
  const sink = createTaskSink(program, run.functions, env);
  const { split } = env.task;
  if (sink === null) {
    const source = run.open(program.root, split);
    return iteratorOutcome(run, source);
  }
  try {
    const root = run.node(program.root);
    const { ops, base } = root.persist === null ? run.chain(program.root, split) : { ops: [], base: program.root };
    const range = run.range(base, split);
    if (range !== null) {
      const segment = run.rangeSegment(ops, sink.code);
      for (let done = 0; done < range.count; done += sink.rangeChunk) {
        env.link.throwIfKilled(env.task.taskAttemptId);
        const n = Math.min(sink.rangeChunk, range.count - done);
        const more = segment(range.start + done * range.step, range.step, n, sink.state);
        sink.endBatch();
        if (!more) break;
      }
      return finish(run, sink);
    }
    if (!runTally(run, sink, ops, base)) run.run(ops, sink.code, base, split, sink.state, () => sink.endBatch());
    return finish(run, sink);
  } catch (error) {
    sink.abort();
    throw error;
  }
}

/** A function that ends early because its task is killed has not done its work. Spark: Executor.TaskRunner.run */
function finish({ env }: StageRun, sink: TaskSink): TaskOutcome {
  env.link.throwIfKilled(env.task.taskAttemptId);
  return sink.finish();
}

async function runAsync(run: StageRun): Promise<TaskOutcome> {
  const { program, env } = run;
  const sink = createTaskSink(program, run.functions, env);
  const task = openAsyncTask(env);
  let source: AsyncBatchIterator | null = null;
  try {
    source = await openAsync(run, task, program.root, env.task.split);
    const outcome = sink === null ? await iterateAsync(run, source) : await pump(run, sink, source);
    await source.close();
    return outcome;
  } catch (error) {
    sink?.abort();
    // What the user's own cleaning up throws must not hide the error, nor keep the slot.
    void Promise.resolve(source?.close()).catch(() => {});
    throw error;
  } finally {
    task.close();
  }
}

async function pump(run: StageRun, sink: TaskSink, source: AsyncBatchIterator): Promise<TaskOutcome> {
  const segment = run.batchSegment([], sink.code);
  for (let batch = await source.next(); batch !== null; batch = await source.next()) {
    run.env.link.throwIfKilled(run.env.task.taskAttemptId);
    const more = segment(batch, 0, batch.length, sink.state);
    sink.endBatch();
    if (!more) break;
  }
  return finish(run, sink);
}

/** Sinks follow what has to be awaited; only a function that wants an iterator gets all of it collected before. */
async function iterateAsync(run: StageRun, source: AsyncBatchIterator): Promise<TaskOutcome> {
  const { env } = run;
  const plan = run.program.sink as IteratorSinkPlan; // all others have a TaskSink
  if (plan.kind === 'iterator') {
    const records = new CollectedRecords(env);
    await records.addAll(source);
    return iteratorOutcome(run, records.open());
  }
  const sink = openPushSink(plan, env);
  try {
    for (let batch = await source.next(); batch !== null; batch = await source.next()) {
      env.link.throwIfKilled(env.task.taskAttemptId);
      sink.add(batch);
    }
    env.link.throwIfKilled(env.task.taskAttemptId);
    return { kind: 'Result', bytes: sink.finish() };
  } catch (error) {
    sink.abort();
    throw error;
  }
}

function iteratorOutcome(run: StageRun, source: BatchIterator): TaskOutcome {
  const sink = run.program.sink as IteratorSinkPlan; // all others have a TaskSink
  try {
    return { kind: 'Result', bytes: runIteratorSink(sink, run.functions, run.env, source) };
  } finally {
    source.close();
  }
}
