import { readFileSync } from 'node:fs';
import { IskraError } from '../base/errors.ts';
import {
  type AddressesByName,
  checkRequestsAreMet,
  parseDiscovered,
  parseResourcesFile,
  resourceRequests,
} from '../config/custom-resources.ts';
import { RESOURCES_DISCOVERY_TIMEOUT } from '../config/executor-entries.ts';
import type { SparkConf } from '../config/spark-conf.ts';

/**
 * The custom resources of an executor: those in the file that its worker has written, and, of those that it asks for
 * besides, what their scripts print.
 *
 * @param file null: there is none.
 * @param isDefaultProfile whether the settings say what it must have; other profiles are looked at by who asked for them.
 * @throws IskraError when they cannot be found, or are less than asked for.
 *
 * Spark: CoarseGrainedExecutorBackend.parseOrFindResources
 */
export async function executorResources(
  conf: SparkConf,
  file: string | null,
  isDefaultProfile: boolean,
): Promise<AddressesByName> {
  const given = file === null ? {} : parseResourcesFile(read(file), file, 'spark.executor');
  if (!isDefaultProfile) return given;
  const requests = resourceRequests(conf, 'spark.executor');
  const found = new Map<string, readonly string[]>(Object.entries(given));
  for (const { name, discoveryScript } of requests) {
    if (found.has(name) || discoveryScript === null) continue;
    const { runCommand } = await import('../base/run-command.ts');
    const text = await runCommand(discoveryScript, [], conf.get(RESOURCES_DISCOVERY_TIMEOUT));
    found.set(name, parseDiscovered(text, name, discoveryScript));
  }
  const all = Object.fromEntries(found);
  checkRequestsAreMet(requests, all);
  return all;
}

function read(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    throw new IskraError('RESOURCES', `resources file ${file} cannot be read: ${(error as Error).message}`);
  }
}
