import type { WorkerStateResponse } from '../../protocol/worker-process.ts';
import type { Gauges } from '../metrics.ts';

/** Spark: WorkerSource */
export function workerGauges(state: WorkerStateResponse): Gauges {
  const { executors, cores, coresUsed, memory, memoryUsed } = state;
  return {
    'worker.executors': executors.length,
    'worker.coresUsed': coresUsed,
    'worker.coresFree': cores - coresUsed,
    'worker.memUsed_MB': memoryUsed,
    'worker.memFree_MB': memory - memoryUsed,
  };
}
