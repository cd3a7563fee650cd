import { configuredLocalDirs } from '../../config/local-roots.ts';
import { SHUFFLE_SERVICE_ENABLED } from '../../config/shuffle-service-entries.ts';
import { SECRET_ENVIRONMENT_VARIABLE } from '../../rpc/security.ts';
import type { ShuffleService, ShuffleServicePort } from '../../shuffle-service/shuffle-service.ts';
import type { ProcessPlan } from './process-plan.ts';
import type { ProcessKey } from './worker-events.ts';
import type { WorkerOptions } from './worker-loop.ts';

/**
 * The shuffle service of a worker, in its process; null when spark.shuffle.service.enabled is false.
 *
 * @throws IskraError when it cannot be: the worker does not start then. Spark: Worker.startExternalShuffleService
 */
export async function openShuffleService(options: WorkerOptions, workDir: string): Promise<ShuffleService | null> {
  const { conf, host, bindAddress, security, log, environment = process.env } = options;
  if (!conf.get(SHUFFLE_SERVICE_ENABLED)) return null;
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

/** Before an executor starts: the service learns whose files it will have, and who may read them. */
export function announceExecutor(service: ShuffleServicePort | null, key: ProcessKey, plan: ProcessPlan): void {
  const [appId, execId] = key.split('/');
  if (service === null || appId === undefined || execId === undefined) return; // a driver
  const dirs = (plan.environment['SPARK_EXECUTOR_DIRS'] ?? '').split(':').filter((dir) => dir !== '');
  service.applicationStarted(appId, plan.environment[SECRET_ENVIRONMENT_VARIABLE] ?? null, dirs);
}
