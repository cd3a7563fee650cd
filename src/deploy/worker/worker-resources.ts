import { readFile, stat } from 'node:fs/promises';
import { IskraError } from '../../base/errors.ts';
import type { Logger } from '../../base/logger.ts';
import { runCommand } from '../../base/run-command.ts';
import {
  checkRequestsAreMet,
  parseDiscovered,
  parseResourcesFile,
  resourceRequests,
} from '../../config/custom-resources.ts';
import { WORKER_RESOURCES_FILE } from '../../config/deploy-entries.ts';
import { RESOURCES_DISCOVERY_TIMEOUT } from '../../config/executor-entries.ts';
import type { SparkConf } from '../../config/spark-conf.ts';
import type { ResourceAddresses } from '../../protocol/deploy-description.ts';

/**
 * The custom resources that a worker has to give out: those in `spark.worker.resourcesFile`, and of the others that its
 * settings name what their scripts print.
 *
 * @throws IskraError when they cannot be found or are less than the settings say; the worker must not start then.
 *
 * Spark: Worker.setupWorkerResources
 */
export async function workerResources(conf: SparkConf, log: Logger): Promise<ResourceAddresses> {
  const requests = resourceRequests(conf, 'spark.worker');
  const found = new Map<string, readonly string[]>();
  const file = conf.get(WORKER_RESOURCES_FILE);
  if (file !== undefined) {
    const given = parseResourcesFile(await read(file), file, 'spark.worker');
    for (const [name, addresses] of Object.entries(given)) found.set(name, addresses);
  }
  const timeoutMs = conf.get(RESOURCES_DISCOVERY_TIMEOUT);
  for (const { name, discoveryScript } of requests)
    if (!found.has(name)) found.set(name, await discover(name, discoveryScript, timeoutMs));
  const resources = Object.fromEntries(found);
  checkRequestsAreMet(requests, resources);
  for (const [name, addresses] of found)
    log.info(`Custom resource for spark.worker: ${name} -> [${addresses.join(', ')}]`);
  return resources;
}

async function discover(name: string, script: string | null, timeoutMs: number): Promise<readonly string[]> {
  if (script === null)
    throw new IskraError(
      'RESOURCES',
      `User is expecting to use resource: ${name}, but didn't specify a discovery script! Set spark.worker.resource.${name}.discoveryScript or spark.worker.resourcesFile`,
    );
  try {
    await stat(script);
  } catch {
    throw new IskraError('RESOURCES', `Resource script: ${script} to discover ${name} doesn't exist!`);
  }
  return parseDiscovered(await runCommand(script, [], timeoutMs), name, script);
}

async function read(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    throw new IskraError('RESOURCES', `spark.worker.resourcesFile ${file} cannot be read: ${(error as Error).message}`);
  }
}
