import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { errorToData, IllegalArgumentError, IskraError } from '../../base/errors.ts';
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
  let loaded: { readonly createRecovery?: unknown };
  try {
    loaded = await import(urlOf(name));
  } catch (error) {
    throw fail(`the module cannot be loaded: ${errorToData(error).message}`, error);
  }
  const { createRecovery } = loaded;
  if (typeof createRecovery !== 'function') throw fail('the module exports no function createRecovery(conf, log)');
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

/** A path, as seen from the working directory; else a package, as that directory's programs see it. */
function urlOf(name: string): string {
  if (/^(file|node):/.test(name)) return name;
  const path = resolve(name);
  if (existsSync(path) || /^[./]/.test(name)) return pathToFileURL(path).href;
  return pathToFileURL(createRequire(resolve('iskra.js')).resolve(name)).href;
}
