import { hostname } from 'node:os';
import { steadyClock } from '../../base/clock.ts';
import { IllegalArgumentError } from '../../base/errors.ts';
import type { Logger } from '../../base/logger.ts';
import {
  DEPLOY_ZOOKEEPER_CONNECT_TIMEOUT,
  DEPLOY_ZOOKEEPER_DIR,
  DEPLOY_ZOOKEEPER_SESSION_TIMEOUT,
  DEPLOY_ZOOKEEPER_URL,
} from '../../config/deploy-entries.ts';
import type { SparkConf } from '../../config/spark-conf.ts';
import { connectZooKeeper, faultOfServers } from '../../zookeeper/zookeeper-client.ts';
import type { Recovery } from './recovery.ts';
import { ZooKeeperEngine } from './zookeeper-engine.ts';
import { ZooKeeperLeaderElectionLoop } from './zookeeper-leader-election-loop.ts';

/**
 * Records and election of the mode ZOOKEEPER. A session is open when this is settled.
 *
 * @throws IllegalArgumentError for servers that cannot be; ZooKeeperError that names them when none answers; IskraError
 * PACKAGE_NOT_INSTALLED.
 *
 * Spark: ZooKeeperRecoveryModeFactory
 */
export async function openZooKeeperRecovery(conf: SparkConf, log: Logger): Promise<Recovery> {
  const servers = conf.get(DEPLOY_ZOOKEEPER_URL);
  if (servers === '')
    throw new IllegalArgumentError(
      `spark.deploy.recoveryMode is ZOOKEEPER, but ${DEPLOY_ZOOKEEPER_URL.key} is not set: name its servers as host:port,host:port`,
    );
  const fault = faultOfServers(servers);
  if (fault !== null) throw new IllegalArgumentError(`${DEPLOY_ZOOKEEPER_URL.key}: ${fault}`);
  const directory = conf.get(DEPLOY_ZOOKEEPER_DIR);
  const election = new ZooKeeperLeaderElectionLoop({
    connect: (listener, signal) =>
      connectZooKeeper({
        servers,
        sessionTimeoutMs: conf.get(DEPLOY_ZOOKEEPER_SESSION_TIMEOUT),
        connectTimeoutMs: conf.get(DEPLOY_ZOOKEEPER_CONNECT_TIMEOUT),
        clock: steadyClock,
        listener,
        signal,
      }),
    directory: `${directory}/leader_election`,
    name: `${hostname()} ${process.pid}`,
    clock: steadyClock,
    log,
  });
  await election.open();
  return { persistence: new ZooKeeperEngine(`${directory}/master_status`, election, log), election };
}
