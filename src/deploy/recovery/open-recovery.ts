import type { Logger } from '../../base/logger.ts';
import { DEPLOY_RECOVERY_DIRECTORY, DEPLOY_RECOVERY_MODE } from '../../config/deploy-entries.ts';
import type { SparkConf } from '../../config/spark-conf.ts';
import { FileSystemEngine } from './file-system-engine.ts';
import { monarchy } from './leader-election.ts';
import { noPersistence } from './persistence-engine.ts';
import type { Recovery } from './recovery.ts';

/**
 * What `spark.deploy.recoveryMode` names.
 *
 * @throws IskraError when its place cannot be used: a directory, servers that do not answer, a module that is not there.
 */
export async function openRecovery(conf: SparkConf, log: Logger): Promise<Recovery> {
  const mode = conf.get(DEPLOY_RECOVERY_MODE);
  log.info(`Recovery mode: ${mode}`);
  switch (mode) {
    case 'NONE':
      return { persistence: noPersistence, election: monarchy() };
    case 'FILESYSTEM':
      return { persistence: new FileSystemEngine(conf.get(DEPLOY_RECOVERY_DIRECTORY), log), election: monarchy() };
    case 'ZOOKEEPER':
      return (await import('./zookeeper-recovery.ts')).openZooKeeperRecovery(conf, log);
    case 'CUSTOM':
      return (await import('./custom-recovery.ts')).openCustomRecovery(conf, log);
  }
}
