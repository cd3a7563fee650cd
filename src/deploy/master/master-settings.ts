import {
  DEAD_WORKER_PERSISTENCE,
  DEPLOY_APP_ID_PATTERN,
  DEPLOY_APP_NUMBER_MODULO,
  DEPLOY_DEFAULT_CORES,
  DEPLOY_DRIVER_ID_PATTERN,
  DEPLOY_MAX_DRIVERS,
  DEPLOY_RECOVERY_TIMEOUT,
  DEPLOY_RETAINED_APPLICATIONS,
  DEPLOY_RETAINED_DRIVERS,
  DEPLOY_SPREAD_OUT_APPS,
  DEPLOY_SPREAD_OUT_DRIVERS,
  DEPLOY_WORKER_SELECTION_POLICY,
  WORKER_TIMEOUT,
} from '../../config/deploy-entries.ts';
import { MAX_EXECUTOR_RETRIES } from '../../config/executor-entries.ts';
import type { SparkConf } from '../../config/spark-conf.ts';
import type { WorkerSelectionPolicy } from './schedule-executors.ts';

/** What a master goes by. */
export interface MasterSettings {
  /** `spark://host:port` */
  readonly url: string;
  readonly webUiUrl: string;
  readonly spreadOutApps: boolean;
  readonly spreadOutDrivers: boolean;
  readonly workerSelectionPolicy: WorkerSelectionPolicy;
  readonly defaultCores: number;
  readonly maxDrivers: number;
  readonly maxExecutorRetries: number;
  readonly retainedApplications: number;
  readonly retainedDrivers: number;
  readonly workerTimeoutMs: number;
  readonly recoveryTimeoutMs: number;
  /** In worker timeouts. */
  readonly deadWorkerPersistence: number;
  readonly appIdPattern: string;
  readonly appNumberModulo: number | undefined;
  readonly driverIdPattern: string;
}

/** @throws IllegalArgumentError for a setting that cannot be. */
export function masterSettings(conf: SparkConf, url: string, webUiUrl: string): MasterSettings {
  const workerTimeoutMs = conf.get(WORKER_TIMEOUT);
  return {
    url,
    webUiUrl,
    spreadOutApps: conf.get(DEPLOY_SPREAD_OUT_APPS),
    spreadOutDrivers: conf.get(DEPLOY_SPREAD_OUT_DRIVERS),
    workerSelectionPolicy: conf.get(DEPLOY_WORKER_SELECTION_POLICY),
    defaultCores: conf.get(DEPLOY_DEFAULT_CORES),
    maxDrivers: conf.get(DEPLOY_MAX_DRIVERS),
    maxExecutorRetries: conf.get(MAX_EXECUTOR_RETRIES),
    retainedApplications: conf.get(DEPLOY_RETAINED_APPLICATIONS),
    retainedDrivers: conf.get(DEPLOY_RETAINED_DRIVERS),
    workerTimeoutMs,
    recoveryTimeoutMs: conf.get(DEPLOY_RECOVERY_TIMEOUT) ?? workerTimeoutMs,
    deadWorkerPersistence: conf.get(DEAD_WORKER_PERSISTENCE),
    appIdPattern: conf.get(DEPLOY_APP_ID_PATTERN),
    appNumberModulo: conf.get(DEPLOY_APP_NUMBER_MODULO),
    driverIdPattern: conf.get(DEPLOY_DRIVER_ID_PATTERN),
  };
}
