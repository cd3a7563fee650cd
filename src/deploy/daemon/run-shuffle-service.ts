import type { Logger } from '../../base/logger.ts';
import type { Environment } from '../../config/conf-file.ts';
import { configuredLocalDirs } from '../../config/local-roots.ts';
import { SHUFFLE_SERVICE_DB_ENABLED } from '../../config/shuffle-service-entries.ts';
import { formatAddress } from '../../rpc/rpc-address.ts';
import { resolveSecurity } from '../../rpc/security.ts';
import { ShuffleService } from '../../shuffle-service/shuffle-service.ts';
import type { ShuffleServiceArguments } from './daemon-arguments.ts';
import { variable } from './daemon-environment.ts';
import { DaemonMetrics } from './daemon-metrics.ts';
import { checkMayListen, logLoopback, type RunningDaemon } from './running-daemon.ts';

/**
 * Starts a shuffle service in a process of its own, which serves every application that has the cluster's secret.
 *
 * @throws IskraError that says why it cannot be. Spark: ExternalShuffleService.main
 */
export async function runShuffleService(
  args: ShuffleServiceArguments,
  env: Environment,
  log: Logger,
): Promise<RunningDaemon> {
  const { conf, host, bindAddress, port } = args;
  const security = resolveSecurity(conf, { environment: env });
  await checkMayListen('shuffleService', bindAddress, security);
  if (args.loopbackByDefault) logLoopback(log);
  const localRoots = configuredLocalDirs(conf, { SPARK_LOCAL_DIRS: variable(env, 'LOCAL_DIRS') });
  if (localRoots.length === 0 && conf.get(SHUFFLE_SERVICE_DB_ENABLED))
    log.warn(
      "'spark.local.dir' should be set first when we use db in ExternalShuffleService. Note that this only affects standalone mode. Until then a restart forgets which executors have registered.",
    );
  const metrics = await DaemonMetrics.open(conf, ['shuffleService'], log);
  const service = await ShuffleService.start(conf, {
    ...{ host, bindAddress, port, security, localRoots, log },
    stateParent: localRoots[0] ?? null,
    onlyToldApplications: false,
  });
  if (metrics.hasSinks('shuffleService')) {
    const source = await service.measure();
    metrics.start('shuffleService', () => [source]);
  }
  let ended = (): void => {};
  const finished = new Promise<{ readonly code: number; readonly message: string }>((resolve) => {
    ended = () => resolve({ code: 0, message: 'Shuffle service stopped' });
  });
  return {
    url: `spark://${formatAddress(service.address)}`,
    webUiUrl: '',
    finished,
    stop: async () => {
      await metrics.stop();
      await service.stop();
      ended();
    },
  };
}
