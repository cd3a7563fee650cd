import { delimiter } from 'node:path';
import { LOCAL_DIR } from './core-entries.ts';
import type { SparkConf } from './spark-conf.ts';

/**
 * Below which directories a process keeps blocks and shuffle files: those its worker has made for it, else those of the
 * machine, else those of the settings; none: the system's temporary directory is meant.
 *
 * Spark: Utils.getConfiguredLocalDirs
 */
export function configuredLocalDirs(
  conf: SparkConf,
  environment: Readonly<Record<string, string | undefined>>,
): readonly string[] {
  const split = (text: string, separator: string): string[] =>
    text
      .split(separator)
      .map((each) => each.trim())
      .filter((each) => each !== '');
  const ofWorker = split(environment['SPARK_EXECUTOR_DIRS'] ?? '', delimiter);
  if (ofWorker.length > 0) return ofWorker;
  const ofMachine = split(environment['SPARK_LOCAL_DIRS'] ?? '', ',');
  return ofMachine.length > 0 ? ofMachine : conf.get(LOCAL_DIR);
}
