import { errorToData, IllegalArgumentError, IskraError } from '../../base/errors.ts';
import { loadFunction } from '../../base/load-function.ts';
import type { Logger } from '../../base/logger.ts';
import { DEPLOY_RECOVERY_FACTORY } from '../../config/deploy-entries.ts';
import type { SparkConf } from '../../config/spark-conf.ts';
import type { LeaderElection } from './leader-election.ts';
import type { PersistenceEngine } from './persistence-engine.ts';
import type { Recovery } from './recovery.ts';

const PERSISTENCE: readonly (keyof PersistenceEngine)[] = ['persist', 'unpersist', 'readAll', 'close'];
const ELECTION: readonly (keyof LeaderElection)[] = ['start', 'leads', 'stop'];

/**
 * Records and election of somebody else's making: `spark.deploy.recoveryMode.factory` is a module with a function
 * `createRecovery(conf, log)`, which gives, perhaps later, `{ persistence, election }`.
 *
 * @throws IskraError that names the module when it is not there, or does not give that.
 */
export async function openCustomRecovery(conf: SparkConf, log: Logger): Promise<Recovery> {
  const { key } = DEPLOY_RECOVERY_FACTORY;
  const name = conf.get(DEPLOY_RECOVERY_FACTORY);
  if (name === '')
    throw new IllegalArgumentError(`spark.deploy.recoveryMode is CUSTOM, but ${key} is not set: name a module`);
  const fail = (what: string, cause?: unknown): IskraError =>
    new IskraError('RECOVERY_FACTORY', `${key}=${name}: ${what}`, { cause });
  const createRecovery = await loadFunction(key, name, 'createRecovery(conf, log)', 'RECOVERY_FACTORY');
  let made: unknown;
  try {
    made = await createRecovery(conf, log);
  } catch (error) {
    throw fail(`createRecovery failed: ${errorToData(error).message}`, error);
  }
  const { persistence, election } = (typeof made === 'object' && made !== null ? made : {}) as Partial<Recovery>;
  for (const [part, value, functions] of [
    ['persistence', persistence, PERSISTENCE],
    ['election', election, ELECTION],
  ] as const)
    for (const each of functions)
      if (typeof (value as Readonly<Record<string, unknown>> | undefined)?.[each] !== 'function')
        throw fail(`what createRecovery gave has no function ${part}.${each}`);
  return made as Recovery; // both parts have all functions
}
