import { readFile, stat } from 'node:fs/promises';
import { IskraError } from '../base/errors.ts';
import {
  type AddressesByName,
  checkRequestsAreMet,
  parseDiscovered,
  parseResourcesFile,
  type ResourceOwner,
  type ResourceRequest,
  resourceRequests,
} from '../config/custom-resources.ts';
import { RESOURCES_DISCOVERY_TIMEOUT } from '../config/executor-entries.ts';
import type { SparkConf } from '../config/spark-conf.ts';

/**
 * The custom resources of a worker, an executor or a driver: those in a file, and, of the others that the settings ask for, what
 * their scripts print.
 *
 * @param file what the settings or whoever started this process have named; null: there is none.
 * @param requests what there has to be; as the settings say when absent.
 * @throws IskraError when they cannot be found, or are less than asked for.
 *
 * Spark: ResourceUtils.getOrDiscoverAllResources
 */
export async function findResources(
  conf: SparkConf,
  owner: ResourceOwner,
  file: string | null,
  requests: readonly ResourceRequest[] = resourceRequests(conf, owner),
): Promise<AddressesByName> {
  const found = new Map<string, readonly string[]>();
  if (file !== null)
    for (const [name, addresses] of Object.entries(parseResourcesFile(await read(file), file, owner)))
      found.set(name, addresses);
  for (const request of requests)
    if (!found.has(request.name)) found.set(request.name, await discover(conf, owner, request));
  const all = Object.fromEntries(found);
  checkRequestsAreMet(requests, all);
  return all;
}

async function discover(
  conf: SparkConf,
  owner: ResourceOwner,
  { name, discoveryScript: script }: ResourceRequest,
): Promise<readonly string[]> {
  if (script === null)
    throw new IskraError(
      'RESOURCES',
      `User is expecting to use resource: ${name}, but didn't specify a discovery script! Set ${owner}.resource.${name}.discoveryScript`,
    );
  try {
    await stat(script);
  } catch {
    throw new IskraError('RESOURCES', `Resource script: ${script} to discover ${name} doesn't exist!`);
  }
  const { runCommand } = await import('../base/run-command.ts');
  return parseDiscovered(await runCommand(script, [], conf.get(RESOURCES_DISCOVERY_TIMEOUT)), name, script);
}

async function read(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    throw new IskraError('RESOURCES', `the resources file ${file} cannot be read: ${(error as Error).message}`);
  }
}
