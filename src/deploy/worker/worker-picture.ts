import type { WorkerDriver, WorkerExecutor, WorkerStateResponse } from '../../protocol/worker-process.ts';
import type { DriverRunner } from './driver-runner.ts';
import type { ExecutorRunner } from './executor-runner.ts';
import type { Holdings } from './holdings.ts';
import type { ActiveMaster } from './registration.ts';
import type { ProcessKey } from './worker-events.ts';
import type { WorkerSettings } from './worker-settings.ts';

/** A worker as its pages show it. Spark: WorkerStateResponse */
export function workerPicture(of: {
  readonly settings: WorkerSettings;
  readonly master: ActiveMaster | null;
  readonly executors: ReadonlyMap<ProcessKey, ExecutorRunner>;
  readonly finishedExecutors: ReadonlyMap<string, WorkerExecutor>;
  readonly drivers: ReadonlyMap<ProcessKey, DriverRunner>;
  readonly finishedDrivers: ReadonlyMap<string, WorkerDriver>;
  readonly used: Holdings;
}): WorkerStateResponse {
  const { host, port, worker, cores, memory, resources } = of.settings;
  return {
    host,
    port,
    workerId: worker.id,
    executors: Array.from(of.executors.values(), (runner) => runner.summary()),
    finishedExecutors: [...of.finishedExecutors.values()],
    drivers: Array.from(of.drivers.values(), (runner) => runner.summary()),
    finishedDrivers: [...of.finishedDrivers.values()],
    masterUrl: of.master?.url ?? '',
    masterWebUiUrl: of.master?.webUiUrl ?? '',
    cores,
    coresUsed: of.used.cores,
    memory,
    memoryUsed: of.used.memory,
    resources,
    resourcesUsed: of.used.resources(),
  };
}
