import { IllegalArgumentError } from '../base/errors.ts';
import { runApproximate } from './approximate-job.ts';
import { callSite } from './call-site.ts';
import type { ApproximateEvaluator } from './evaluators.ts';
import { type ActionOptions, type FutureAction, startAction } from './future-action.ts';
import type { JobRunner } from './job-runner.ts';
import type { PartialResult } from './partial-result.ts';
import type { RDD } from './rdd.ts';
import { nodeOf } from './rdd-core.ts';
import { everyPartition } from './results.ts';
import { decodeResult } from './sink-results.ts';
import type { SinkSpec } from './sink-spec.ts';
import type { Site } from './site.ts';
import type { TaskContext } from './task-context.ts';
import { checkUserFunction, describe } from './user-function.ts';

// Jobs of the user's own making: what SparkContext's methods of the same names do.

/** Called once a partition, in a task. What it returns travels to the driver. */
export type PartitionFunction<T, U> = (records: IterableIterator<T>, context: TaskContext) => U;

/** Called on the driver with what a task returned, as they end; `index` is the position among the job's partitions. */
export type ResultHandler<U> = (index: number, result: U) => void;

/**
 * @param rest partitions (else all), a handler of results (else they are collected), options; each may be left out.
 * @throws IllegalArgumentError for a partition that does not exist.
 */
export function runJob(
  jobs: JobRunner,
  rdd: RDD<unknown>,
  f: PartitionFunction<never, unknown>,
  rest: readonly unknown[],
): FutureAction<unknown[]> | FutureAction<void> {
  const at = siteOf(jobs, rdd, 'runJob');
  const given = rest.slice();
  const partitions = checkPartitions(at, isList(given[0]) || given[0] === undefined ? given.shift() : undefined);
  const handler = typeof given[0] === 'function' ? (given.shift() as ResultHandler<unknown>) : null;
  // A handler that was left out may be named as undefined before the options.
  if (given.length > 1 && given[0] === undefined) given.shift();
  const options = checkOptions(at, given);
  const results: unknown[] = new Array(partitions.length);
  const keep = (index: number, result: unknown): void => {
    results[index] = result;
  };
  return start(at, f, partitions, handler ?? keep, () => (handler === null ? results : undefined), options) as
    | FutureAction<unknown[]>
    | FutureAction<void>;
}

/** As runJob, to a result of the caller's: `resultFunc` is called when all results were handed over. */
export function submitJob<T, U, R>(
  jobs: JobRunner,
  rdd: RDD<T>,
  f: PartitionFunction<T, U>,
  partitions: readonly number[],
  resultHandler: ResultHandler<U>,
  resultFunc: () => R,
  options?: ActionOptions,
): FutureAction<R> {
  const at = siteOf(jobs, rdd, 'submitJob');
  for (const [role, given] of Object.entries({ resultHandler, resultFunc })) {
    if (typeof given !== 'function')
      throw new IllegalArgumentError(`${role} of submitJob() must be a function, but is ${describe(given)}`);
  }
  // Left out is not all: a job of its own is where the caller says so.
  if (!isList(partitions))
    throw new IllegalArgumentError(`submitJob() needs a list of partitions, but was given ${describe(partitions)}`);
  return start(at, f, checkPartitions(at, partitions), resultHandler as ResultHandler<unknown>, resultFunc, options);
}

export function runApproximateJob<T, U, R>(
  jobs: JobRunner,
  rdd: RDD<T>,
  f: PartitionFunction<T, U>,
  evaluator: ApproximateEvaluator<U, R>,
  timeoutMs: number,
  options?: ActionOptions,
): FutureAction<PartialResult<R>> {
  const at = siteOf(jobs, rdd, 'runApproximateJob');
  if (typeof evaluator?.merge !== 'function' || typeof evaluator.currentResult !== 'function')
    throw new IllegalArgumentError(
      `runApproximateJob() needs an evaluator with merge() and currentResult(), but was given ${describe(evaluator)}`,
    );
  return runApproximate(at, at.node, sinkOf(at, f), evaluator, timeoutMs, options);
}

function start<R>(
  at: Site,
  f: PartitionFunction<never, unknown>,
  partitions: readonly number[],
  handler: ResultHandler<unknown>,
  result: () => R,
  options: ActionOptions | undefined,
): FutureAction<R> {
  const sink = sinkOf(at, f);
  return startAction(at.jobs, at.callSite, options, async (action) => {
    await action.run(at.node, sink, partitions, (index, bytes) => handler(index, decodeResult(sink, bytes)));
    return result();
  });
}

function siteOf(jobs: JobRunner, rdd: RDD<unknown>, operator: string): Site {
  jobs.assertNotStopped();
  const at = { jobs, operator, callSite: callSite(operator) };
  return { ...at, node: nodeOf(at, rdd) };
}

function sinkOf(at: Site, f: PartitionFunction<never, unknown>): SinkSpec {
  checkUserFunction(f, at.operator);
  return { kind: 'iterator', operator: at.operator, f, discard: false };
}

function isList(value: unknown): value is ArrayLike<unknown> {
  return Array.isArray(value) || (ArrayBuffer.isView(value) && !(value instanceof DataView));
}

function checkPartitions(at: Site, given: unknown): readonly number[] {
  if (given === undefined) return everyPartition(at.node);
  const { numPartitions } = at.node;
  const partitions = Array.from(given as ArrayLike<unknown>); // isList() said so
  for (const partition of partitions) {
    if (typeof partition !== 'number' || !Number.isInteger(partition) || partition < 0 || partition >= numPartitions)
      throw new IllegalArgumentError(
        `Attempting to access a non-existent partition: ${describe(partition)}. Total number of partitions: ${numPartitions}`,
      );
  }
  return partitions as number[]; // each was looked at
}

function checkOptions(at: Site, rest: readonly unknown[]): ActionOptions | undefined {
  const [options] = rest;
  if (rest.length <= 1 && (options === undefined || (typeof options === 'object' && options !== null))) return options;
  throw new IllegalArgumentError(
    `${at.operator}() takes a list of partitions, a handler of results and options, in this order, but was given ${describe(options)}`,
  );
}
