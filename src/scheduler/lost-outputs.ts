import type { ShuffleId } from '../protocol/ids.ts';
import type { ExecutorLoss, MapOutputRegistry } from './ports.ts';
import type { ExecutorState } from './running-task.ts';

/** Whether a map output went with the executor that wrote it. */
export type IsOutputLost = (shuffleId: ShuffleId, mapIndex: number) => boolean;

/**
 * Tells which map outputs go with a lost executor. One that was drained may have handed on what it wrote; of one whose
 * whole machine was drained, what lies with others on that machine goes too.
 *
 * Spark: TaskSetManager.executorLost
 */
export function lostOutputs(
  { id, host }: ExecutorState,
  loss: ExecutorLoss,
  shuffleServiceEnabled: boolean,
  locationOf: MapOutputRegistry['locationOf'],
): IsOutputLost {
  if (shuffleServiceEnabled && !loss.workerLost) return () => false;
  if (loss.decommissioned !== true) return () => true;
  return (shuffleId, mapIndex) => {
    const now = locationOf(shuffleId, mapIndex);
    return now === null || now.executorId === id || (loss.workerLost && now.host === host);
  };
}
