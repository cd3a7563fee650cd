import { readFileSync } from 'node:fs';
import { IskraError } from '../base/errors.ts';
import type { Logger } from '../base/logger.ts';
import { type Environment, findConfFile } from '../config/conf-file.ts';
import { SCHEDULER_ALLOCATION_FILE, SCHEDULER_MODE } from '../config/scheduler-entries.ts';
import type { SparkConf } from '../config/spark-conf.ts';
import { parseFairSchedulerFile } from '../scheduler/fair-scheduler-file.ts';
import type { PoolDefinition } from '../scheduler/pool.ts';

const DEFAULT_FILE = 'fairscheduler.xml';

/**
 * The pools that a file defines: the one that is named, else `fairscheduler.xml` of the folder `conf`; none under FIFO.
 *
 * @param env where the folder `conf` is said to be; `folder` is the working folder.
 * @throws IskraError, IllegalArgumentError for a file that cannot be read, or is none.
 *
 * Spark: FairSchedulableBuilder.buildPools
 */
export function schedulingPools(
  conf: SparkConf,
  logger: Logger,
  env: Environment = process.env,
  folder: string = process.cwd(),
): readonly PoolDefinition[] {
  if (conf.get(SCHEDULER_MODE) !== 'FAIR') return [];
  const log = logger.named('FairSchedulableBuilder');
  const named = conf.get(SCHEDULER_ALLOCATION_FILE);
  const path = named ?? findConfFile(env, folder, DEFAULT_FILE);
  if (path === undefined) {
    const { key } = SCHEDULER_ALLOCATION_FILE;
    log.warn(
      `Fair Scheduler configuration file not found so jobs will be scheduled in FIFO order. To use fair scheduling, configure pools in ${DEFAULT_FILE} or set ${key} to a file that contains the configuration.`,
    );
    return [];
  }
  log.info(`Creating Fair Scheduler pools from ${path}`);
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (cause) {
    const whose =
      named === undefined ? `the folder of settings has ${path}` : `${SCHEDULER_ALLOCATION_FILE.key} names ${path}`;
    throw new IskraError('ALLOCATION_FILE', `${whose}, which cannot be read: ${(cause as Error).message}`, { cause });
  }
  const { pools, warnings } = parseFairSchedulerFile(text, path);
  for (const warning of warnings) log.warn(warning);
  return pools;
}
