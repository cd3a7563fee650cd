import { checkConfidence, runApproximate } from './approximate-job.ts';
import { builtIn } from './built-in-functions.ts';
import { CountEvaluator, GroupedCountEvaluator, MeanEvaluator, SumEvaluator } from './evaluators.ts';
import type { ActionOptions, FutureAction } from './future-action.ts';
import type { BoundedDouble, PartialResult } from './partial-result.ts';
import type { SinkSpec } from './sink-spec.ts';
import { onto, type Site } from './site.ts';
import { NO_STATS } from './stat-counter.ts';
import { combinedInPlace, narrowOp } from './transformations.ts';

// Actions that answer in time with what they know by then.

type Answer<R> = FutureAction<PartialResult<R>>;

/** The sink that gives StatData for each partition. */
export function statsSink(at: Site): SinkSpec {
  return { kind: 'fold', operator: at.operator, zero: NO_STATS, op: builtIn('statsAdd', null) };
}

export function countApprox(
  at: Site,
  timeoutMs: number,
  confidence: number,
  options?: ActionOptions,
): Answer<BoundedDouble> {
  checkConfidence(confidence);
  const evaluator = new CountEvaluator(at.node.numPartitions, confidence);
  return runApproximate(at, at.node, { kind: 'count' }, evaluator, timeoutMs, options);
}

export function countByKeyApprox<K>(
  at: Site,
  timeoutMs: number,
  confidence: number,
  options?: ActionOptions,
): Answer<Map<K, BoundedDouble>> {
  return grouped(onto(at, narrowOp(at, { op: 'pairKeyWithOne' })), timeoutMs, confidence, options);
}

export function countByValueApprox<T>(
  at: Site,
  timeoutMs: number,
  confidence: number,
  options?: ActionOptions,
): Answer<Map<T, BoundedDouble>> {
  return grouped(onto(at, narrowOp(at, { op: 'pairWithOne' })), timeoutMs, confidence, options);
}

/** Each task counts by itself, without a shuffle, which would have to be done before the first count is known. */
function grouped<K>(
  at: Site,
  timeoutMs: number,
  confidence: number,
  options: ActionOptions | undefined,
): Answer<Map<K, BoundedDouble>> {
  checkConfidence(confidence);
  const counts = combinedInPlace(at, { kind: 'sum' });
  const evaluator = new GroupedCountEvaluator<K>(counts.numPartitions, confidence);
  return runApproximate(at, counts, { kind: 'collect' }, evaluator, timeoutMs, options);
}

export function meanApprox(
  at: Site,
  timeoutMs: number,
  confidence: number,
  options?: ActionOptions,
): Answer<BoundedDouble> {
  checkConfidence(confidence);
  const evaluator = new MeanEvaluator(at.node.numPartitions, confidence);
  return runApproximate(at, at.node, statsSink(at), evaluator, timeoutMs, options);
}

export function sumApprox(
  at: Site,
  timeoutMs: number,
  confidence: number,
  options?: ActionOptions,
): Answer<BoundedDouble> {
  checkConfidence(confidence);
  const evaluator = new SumEvaluator(at.node.numPartitions, confidence);
  return runApproximate(at, at.node, statsSink(at), evaluator, timeoutMs, options);
}
