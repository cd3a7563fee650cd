import { IskraError } from '../../base/errors.ts';
import { EXECUTOR_MEMORY } from '../../config/memory-entries.ts';
import type { SparkConf } from '../../config/spark-conf.ts';
import { planMemory } from '../../executor/memory-plan.ts';

/** How many executors there are, and how large. */
export interface ExecutorLayout {
  readonly executors: number;
  readonly coresPerExecutor: number;
  /** What cached blocks may take in memory, an executor. */
  readonly storageBytes: number;
}

/**
 * What a master would give to the application: on each worker as many executors as its cores and its memory allow, one
 * that takes all cores when `spark.executor.cores` is not set, and never more than `spark.cores.max` in all.
 *
 * @throws IskraError when an executor does not fit on a worker. Spark: LocalSparkCluster, Master.scheduleExecutorsOnWorkers
 */
export function layOutExecutors(
  conf: SparkConf,
  numWorkers: number,
  coresPerWorker: number,
  memoryMibPerWorker: number,
): ExecutorLayout {
  const refuse = (message: string): never => {
    throw new IskraError('CLUSTER_TOO_SMALL', message, { details: { numWorkers, coresPerWorker, memoryMibPerWorker } });
  };
  if (numWorkers < 1 || coresPerWorker < 1)
    refuse(
      `a local cluster needs a worker with a core, but local-cluster[${numWorkers},${coresPerWorker},${memoryMibPerWorker}] was asked for`,
    );
  const memoryMib = conf.get(EXECUTOR_MEMORY) / (1 << 20);
  if (memoryMib > memoryMibPerWorker)
    refuse(
      `Asked to launch cluster with ${memoryMibPerWorker} MiB/worker but requested ${memoryMib} MiB/executor; lower spark.executor.memory or give workers more`,
    );
  const asked = conf.getText('spark.executor.cores');
  const coresPerExecutor = asked === undefined ? coresPerWorker : Number(asked);
  if (coresPerExecutor > coresPerWorker)
    refuse(
      `an executor of ${coresPerExecutor} cores (spark.executor.cores) does not fit on a worker of ${coresPerWorker}`,
    );
  const perWorker =
    asked === undefined
      ? 1
      : Math.min(Math.floor(coresPerWorker / coresPerExecutor), Math.floor(memoryMibPerWorker / memoryMib));
  const max = conf.getText('spark.cores.max');
  const all = numWorkers * perWorker;
  const executors = max === undefined ? all : Math.min(all, Math.floor(Number(max) / coresPerExecutor));
  if (executors < 1)
    refuse(`spark.cores.max is ${max}, which is less than the ${coresPerExecutor} cores of one executor`);
  const { maxBytes } = planMemory(conf, conf.get(EXECUTOR_MEMORY), coresPerExecutor);
  return { executors, coresPerExecutor, storageBytes: maxBytes };
}
