import { DRIVER_RESOURCE } from '../config/scheduler-entries.ts';
import type { SparkConf } from '../config/spark-conf.ts';
import type { ResourceAddresses } from '../protocol/deploy-description.ts';
import { DRIVER_RESOURCES_VARIABLE } from '../protocol/worker-process.ts';

/**
 * Custom resources of the driver: those that the worker has given it that started it, else what scripts find.
 *
 * @throws IskraError when they are less than the settings ask for.
 *
 * Spark: SparkContext's resources
 */
export async function driverResources(conf: SparkConf): Promise<ResourceAddresses> {
  const file = process.env[DRIVER_RESOURCES_VARIABLE] ?? null;
  if (file === null && !conf.getAll().some(([key]) => key.startsWith(DRIVER_RESOURCE.prefix))) return {};
  const { findResources } = await import('../io/find-resources.ts');
  return findResources(conf, 'spark.driver', file);
}
