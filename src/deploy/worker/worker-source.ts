import { gauge } from '../../metrics/instruments.ts';
import type { Source } from '../../metrics/metrics-snapshot.ts';
import type { WorkerStateResponse } from '../../protocol/worker-process.ts';

/** Spark: WorkerSource */
export function workerSource(state: WorkerStateResponse): Source {
  const { executors, cores, coresUsed, memory, memoryUsed } = state;
  return {
    name: 'worker',
    metrics: {
      executors: gauge(() => executors.length),
      coresUsed: gauge(() => coresUsed),
      coresFree: gauge(() => cores - coresUsed),
      memUsed_MB: gauge(() => memoryUsed),
      memFree_MB: gauge(() => memory - memoryUsed),
    },
  };
}
