import type { Logger } from '../../base/logger.ts';
import { WORKER_RESOURCES_FILE } from '../../config/deploy-entries.ts';
import type { SparkConf } from '../../config/spark-conf.ts';
import { findResources } from '../../io/find-resources.ts';
import type { ResourceAddresses } from '../../protocol/deploy-description.ts';

/**
 * The custom resources that a worker has to give out: all that `spark.worker.resourcesFile` and its discovery scripts name.
 *
 * @throws IskraError when they cannot be found or are less than the settings say; the worker must not start then.
 *
 * Spark: Worker.setupWorkerResources
 */
export async function workerResources(conf: SparkConf, log: Logger): Promise<ResourceAddresses> {
  const resources = await findResources(conf, 'spark.worker', conf.get(WORKER_RESOURCES_FILE) ?? null);
  for (const [name, addresses] of Object.entries(resources))
    log.info(`Custom resource for spark.worker: ${name} -> [${addresses.join(', ')}]`);
  return resources;
}
