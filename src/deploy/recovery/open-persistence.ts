import type { Logger } from '../../base/logger.ts';
import { DEPLOY_RECOVERY_DIRECTORY, DEPLOY_RECOVERY_MODE } from '../../config/deploy-entries.ts';
import type { SparkConf } from '../../config/spark-conf.ts';
import { FileSystemEngine } from './file-system-engine.ts';
import { noPersistence, type PersistenceEngine } from './persistence-engine.ts';

/** The engine that `spark.deploy.recoveryMode` names. @throws IskraError when its place cannot be used. */
export function openPersistence(conf: SparkConf, log: Logger): PersistenceEngine {
  const mode = conf.get(DEPLOY_RECOVERY_MODE);
  log.info(`Recovery mode: ${mode}`);
  return mode === 'NONE' ? noPersistence : new FileSystemEngine(conf.get(DEPLOY_RECOVERY_DIRECTORY), log);
}
