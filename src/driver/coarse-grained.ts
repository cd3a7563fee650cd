// What all backends whose executors are processes have in common.
import type { StderrLogger } from '../base/stderr-logger.ts';
import { CoarseGrainedBackend } from '../cluster/coarse-grained/coarse-grained-backend.ts';
import type { ExecutorProvider } from '../cluster/coarse-grained/executor-provider.ts';
import {
  BROADCAST_BLOCK_SIZE,
  EXECUTOR_DECOMMISSION_FORCE_KILL_TIMEOUT,
  EXECUTOR_DECOMMISSION_SIGNAL,
  NETWORK_TIMEOUT_INTERVAL,
} from '../config/executor-entries.ts';
import { AUTHENTICATE_SECRET, BLOCK_MANAGER_PORT, NETWORK_TIMEOUT } from '../config/network-entries.ts';
import { MAX_REGISTERED_RESOURCES_WAITING_TIME, MIN_REGISTERED_RESOURCES_RATIO } from '../config/scheduler-entries.ts';
import { SHUFFLE_SERVICE_PORT } from '../config/shuffle-service-entries.ts';
import type { SparkConf } from '../config/spark-conf.ts';
import { CORES_MAX } from '../config/submit-entries.ts';
import type { RpcEnv } from '../rpc/rpc-env.ts';
import { type RpcSecurity, SECRET_ENVIRONMENT_VARIABLE } from '../rpc/security.ts';
import type { BackendNeeds } from './backend-needs.ts';
import { servePackages } from './serve-packages.ts';
import { goneExecutors } from './shuffle-services.ts';

export interface CoarseGrainedParts {
  readonly rpc: RpcEnv;
  readonly provider: ExecutorProvider;
  /** With the secret that the application's executors have. */
  readonly executorSecurity: RpcSecurity;
  /** Of shuffle services; null: as the settings say. */
  readonly servicePort: number | null;
  readonly log: StderrLogger;
}

export function coarseGrainedBackend(
  conf: SparkConf,
  needs: BackendNeeds,
  { rpc, provider, executorSecurity, servicePort, log }: CoarseGrainedParts,
): CoarseGrainedBackend {
  const { applicationId, mainScripts } = needs;
  const port = servicePort ?? conf.get(SHUFFLE_SERVICE_PORT);
  const portConf = servicePort === null ? {} : { [SHUFFLE_SERVICE_PORT.key]: String(port) };
  return new CoarseGrainedBackend({
    rpc,
    provider,
    app: {
      conf: { ...needs.metricsSettings, ...executorConf(conf), ...portConf },
      applicationId,
      mainScripts,
      packages: servePackages({ rpc, conf, mainScripts, addedFile: needs.addedFile, log }),
      logLevel: log.level,
    },
    answers: needs.answers,
    onBlock: needs.onBlock,
    rddLocations: needs.rddLocations,
    mapOutputs: needs.mapOutputs,
    onMapOutputMoved: needs.onMapOutputMoved,
    heartbeats: { timeoutMs: conf.get(NETWORK_TIMEOUT), checkIntervalMs: conf.get(NETWORK_TIMEOUT_INTERVAL) },
    readiness: {
      cores: (conf.get(CORES_MAX) ?? 0) * conf.get(MIN_REGISTERED_RESOURCES_RATIO),
      maxWaitMs: conf.get(MAX_REGISTERED_RESOURCES_WAITING_TIME),
    },
    forceKillTimeoutMs: conf.get(EXECUTOR_DECOMMISSION_FORCE_KILL_TIMEOUT) ?? null,
    broadcastPieceBytes: conf.get(BROADCAST_BLOCK_SIZE),
    goneExecutors: goneExecutors(conf, applicationId, executorSecurity, log, port),
    onFailed: needs.onFailed,
    log,
  });
}

/** The settings as executors get them: all but where the cluster's secret is, which opens more than an executor may. */
export function executorConf(conf: SparkConf): Record<string, string> {
  return Object.fromEntries(conf.getAll().filter(([key]) => !key.startsWith(AUTHENTICATE_SECRET.key)));
}

/**
 * The environment of an executor's process: what it has to know before it can ask the driver, and `spark.executorEnv.NAME`.
 *
 * @param secret the application's; null: nobody authenticates, or whoever starts it adds it.
 */
export function executorEnvironment(conf: SparkConf, secret: string | null): Record<string, string> {
  const startup = { ...startupConf(conf), ...(secret === null ? {} : { 'spark.authenticate': 'true' }) };
  return {
    ...userEnvironment(conf),
    ...(secret === null ? {} : { [SECRET_ENVIRONMENT_VARIABLE]: secret }),
    ISKRA_EXECUTOR_CONF: JSON.stringify(startup),
  };
}

/** spark.executorEnv.NAME */
function userEnvironment(conf: SparkConf): Record<string, string> {
  const prefix = 'spark.executorEnv.';
  return Object.fromEntries(
    conf.getAll().flatMap(([key, value]) => (key.startsWith(prefix) ? [[key.slice(prefix.length), value]] : [])),
  );
}

/**
 * Whether peers authenticate, how they reach each other, and how large slots are; never the secret.
 * Spark: SparkConf.isExecutorStartupConf
 */
function startupConf(conf: SparkConf): Record<string, string> {
  const prefixes = ['spark.rpc.', 'spark.network.', 'spark.port.', 'spark.memory.'];
  const keys = new Set([
    ...['spark.authenticate', 'spark.executor.memory'],
    ...[BLOCK_MANAGER_PORT.key, EXECUTOR_DECOMMISSION_SIGNAL.key],
  ]);
  return Object.fromEntries(
    conf.getAll().filter(([key]) => keys.has(key) || prefixes.some((prefix) => key.startsWith(prefix))),
  );
}
