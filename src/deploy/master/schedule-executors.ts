import type { ApplicationInfo } from './application-info.ts';
import type { WorkerInfo } from './worker-info.ts';

export type WorkerSelectionPolicy =
  | 'CORES_FREE_DESC'
  | 'CORES_FREE_ASC'
  | 'MEMORY_FREE_DESC'
  | 'MEMORY_FREE_ASC'
  | 'WORKER_ID';

const BEFORE: Readonly<Record<WorkerSelectionPolicy, (a: WorkerInfo, b: WorkerInfo) => number>> = {
  CORES_FREE_DESC: (a, b) => b.coresFree - a.coresFree,
  CORES_FREE_ASC: (a, b) => a.coresFree - b.coresFree,
  MEMORY_FREE_DESC: (a, b) => b.memoryFree - a.memoryFree,
  MEMORY_FREE_ASC: (a, b) => a.memoryFree - b.memoryFree,
  WORKER_ID: (a, b) => (a.id < b.id ? -1 : a.id > b.id ? 1 : 0),
};

/** The workers that could take one executor of this profile, in the order in which they are tried. */
export function usableWorkers(
  workers: Iterable<WorkerInfo>,
  app: ApplicationInfo,
  resourceProfileId: number,
  policy: WorkerSelectionPolicy,
): WorkerInfo[] {
  const { coresPerExecutor, memoryPerExecutor, resourcesPerExecutor } = app.demandOf(resourceProfileId);
  return [...workers]
    .filter(
      (worker) =>
        worker.state === 'ALIVE' &&
        worker.memoryFree >= memoryPerExecutor &&
        worker.coresFree >= (coresPerExecutor ?? 1) &&
        worker.resources.has(resourcesPerExecutor),
    )
    .sort(BEFORE[policy]);
}

/**
 * How many cores each of `usable` gives to the application, by index.
 *
 * Cores go out in steps of one executor, or of one core where executors have no size of their own (then one a worker, which
 * grows). Spread out: a step a worker in turns. Packed: a worker until it is full. Memory, custom resources and the limit of
 * executors count for each new executor. What is left and is less than a step is not given.
 *
 * Spark: Master.scheduleExecutorsOnWorkers
 */
export function assignCores(
  app: ApplicationInfo,
  resourceProfileId: number,
  usable: readonly WorkerInfo[],
  spreadOut: boolean,
): number[] {
  const { coresPerExecutor, memoryPerExecutor, resourcesPerExecutor } = app.demandOf(resourceProfileId);
  const step = coresPerExecutor ?? 1;
  const cores = usable.map(() => 0);
  const executors = usable.map(() => 0);
  let left = Math.min(
    app.coresLeft,
    usable.reduce((sum, worker) => sum + worker.coresFree, 0),
  );
  let mayStart = app.targetOf(resourceProfileId) - app.numExecutorsOf(resourceProfileId);

  const fits = (worker: WorkerInfo, i: number): boolean => {
    const given = executors[i] ?? 0;
    if (left < step || worker.coresFree - (cores[i] ?? 0) < step) return false;
    if (coresPerExecutor === null && given > 0) return true; // its executor only grows
    return (
      mayStart > 0 &&
      worker.memoryFree - given * memoryPerExecutor >= memoryPerExecutor &&
      worker.resources.has(resourcesPerExecutor, given + 1)
    );
  };

  let open = usable.map((_worker, i) => i);
  while (open.length > 0) {
    open = open.filter((i) => {
      const worker = usable[i];
      if (worker === undefined || !fits(worker, i)) return false;
      do {
        left -= step;
        cores[i] = (cores[i] ?? 0) + step;
        if (coresPerExecutor !== null || executors[i] === 0) {
          executors[i] = (executors[i] ?? 0) + 1;
          mayStart--;
        }
      } while (!spreadOut && fits(worker, i));
      return true;
    });
  }
  return cores;
}
