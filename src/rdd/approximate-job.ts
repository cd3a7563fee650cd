import { IllegalArgumentError } from '../base/errors.ts';
import { asFutureAction } from './as-future-action.ts';
import type { ApproximateEvaluator } from './evaluators.ts';
import { type ActionOptions, type FutureAction, startAction } from './future-action.ts';
import { PartialResult } from './partial-result.ts';
import type { RDDNode } from './rdd-node.ts';
import { everyPartition } from './results.ts';
import { decodeResult } from './sink-results.ts';
import type { SinkSpec } from './sink-spec.ts';
import type { Site } from './site.ts';
import { describe } from './user-function.ts';

/**
 * Runs a job and answers when it is done or when the time is over, with what its evaluator makes of the results by then. The
 * job goes on; `cancel` of the answer, or the signal of the options, still stops it then.
 *
 * @param timeoutMs 0: answer at once.
 *
 * Spark: SparkContext.runApproximateJob, ApproximateActionListener
 */
export function runApproximate<U, R>(
  at: Site,
  node: RDDNode,
  sink: SinkSpec,
  evaluator: ApproximateEvaluator<U, R>,
  timeoutMs: number,
  options?: ActionOptions,
): FutureAction<PartialResult<R>> {
  checkTimeout(at, timeoutMs);
  const final = startAction(at.jobs, at.callSite, options, async (action) => {
    await action.run(node, sink, everyPartition(node), (index, bytes) => {
      evaluator.merge(index, decodeResult(sink, bytes) as U); // the evaluator belongs to the sink
    });
    return evaluator.currentResult();
  });
  const { jobIds } = final;
  const cancel = (reason?: string) => final.cancel(reason);
  return asFutureAction<PartialResult<R>>(
    { jobIds, cancel, isCancelled: () => final.isCancelled },
    ({ resolve, reject }) => {
      const timer = setTimeout(() => {
        try {
          resolve(new PartialResult(evaluator.currentResult(), final));
        } catch (error) {
          reject(error); // an evaluator of the user's
        }
      }, timeoutMs);
      final
        .then(
          (value) => resolve(new PartialResult(value, null)),
          // An answer that was given passes it on to whoever asks that for the final value.
          reject,
        )
        .finally(() => clearTimeout(timer));
    },
  );
}

/** setTimeout takes no more; longer ones come at once. */
const LONGEST_TIMEOUT_MS = 2 ** 31 - 1;

function checkTimeout(at: { readonly operator: string }, timeoutMs: unknown): void {
  if (typeof timeoutMs === 'number' && timeoutMs >= 0 && timeoutMs <= LONGEST_TIMEOUT_MS) return;
  throw new IllegalArgumentError(
    `timeout of ${at.operator}() must be 0 to ${LONGEST_TIMEOUT_MS} ms, but is ${describe(timeoutMs)}`,
  );
}

export function checkConfidence(confidence: unknown): void {
  if (typeof confidence === 'number' && confidence >= 0 && confidence <= 1) return;
  throw new IllegalArgumentError(`confidence (${describe(confidence)}) must be in [0,1]`);
}
