import { configuredLocalDirs } from '../../config/local-roots.ts';
import {
  SHUFFLE_SERVICE_ENABLED,
  SHUFFLE_SERVICE_OWN_PROCESS,
  SHUFFLE_SERVICE_PORT,
} from '../../config/shuffle-service-entries.ts';
import type { Source } from '../../metrics/metrics-snapshot.ts';
import type { RpcAddress } from '../../rpc/rpc-address.ts';
import { rpcSettings } from '../../rpc/rpc-settings.ts';
import { SECRET_ENVIRONMENT_VARIABLE } from '../../rpc/security.ts';
import type { ShuffleServicePort } from '../../shuffle-service/shuffle-service-port.ts';
import type { ProcessPlan } from './process-plan.ts';
import type { ProcessKey } from './worker-events.ts';
import type { WorkerOptions } from './worker-loop.ts';

/** The shuffle service of a worker's machine, in its process or another. */
export interface WorkerShuffleService extends ShuffleServicePort {
  readonly address: RpcAddress;
  /** Absent: it measures itself, elsewhere. */
  measure?(): Promise<Source>;
  stop(): Promise<void>;
}

/**
 * The shuffle service of a worker; null when spark.shuffle.service.enabled is false.
 *
 * @throws IskraError when it cannot be: the worker does not start then. Spark: Worker.startExternalShuffleService
 */
export async function openShuffleService(
  options: WorkerOptions,
  workDir: string,
): Promise<WorkerShuffleService | null> {
  const { conf, host, bindAddress, security, log, environment = process.env } = options;
  if (!conf.get(SHUFFLE_SERVICE_ENABLED)) return null;
  if (conf.get(SHUFFLE_SERVICE_OWN_PROCESS)) {
    const { RemoteShuffleService } = await import('../../shuffle-service/remote-shuffle-service.ts');
    const env = { name: 'sparkWorker', security, ...rpcSettings(conf), logger: log };
    return RemoteShuffleService.open({ host, port: conf.get(SHUFFLE_SERVICE_PORT) }, env, log.named('Worker'));
  }
  const { ShuffleService } = await import('../../shuffle-service/shuffle-service.ts');
  return ShuffleService.start(conf, {
    host,
    bindAddress: bindAddress ?? host,
    security,
    stateParent: workDir,
    localRoots: configuredLocalDirs(conf, environment),
    onlyToldApplications: true,
    log,
  });
}

/**
 * Before an executor starts: the service learns whose files it will have, and who may read them.
 *
 * @param access what it gets over the plan's environment.
 */
export function announceExecutor(
  service: ShuffleServicePort | null,
  key: ProcessKey,
  plan: ProcessPlan,
  access: Readonly<Record<string, string>>,
): void {
  const [appId, execId] = key.split('/');
  if (service === null || appId === undefined || execId === undefined) return; // a driver
  const dirs = (plan.environment['SPARK_EXECUTOR_DIRS'] ?? '').split(':').filter((dir) => dir !== '');
  const secret = { ...plan.environment, ...access }[SECRET_ENVIRONMENT_VARIABLE];
  service.applicationStarted(appId, secret ?? null, dirs);
}
