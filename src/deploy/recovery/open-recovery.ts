import type { Logger } from '../../base/logger.ts';
import { DEPLOY_RECOVERY_DIRECTORY, DEPLOY_RECOVERY_MODE } from '../../config/deploy-entries.ts';
import type { SparkConf } from '../../config/spark-conf.ts';
import { FileSystemEngine } from './file-system-engine.ts';
import { type LeaderElection, monarchy } from './leader-election.ts';
import { noPersistence, type PersistenceEngine } from './persistence-engine.ts';

/** What makes a cluster survive its master. */
export interface Recovery {
  readonly persistence: PersistenceEngine;
  readonly election: LeaderElection;
}

/** What `spark.deploy.recoveryMode` names. @throws IskraError when its place cannot be used. */
export async function openRecovery(conf: SparkConf, log: Logger): Promise<Recovery> {
  const mode = conf.get(DEPLOY_RECOVERY_MODE);
  log.info(`Recovery mode: ${mode}`);
  const persistence = mode === 'NONE' ? noPersistence : new FileSystemEngine(conf.get(DEPLOY_RECOVERY_DIRECTORY), log);
  return { persistence, election: monarchy() };
}
