import { mkdirSync } from 'node:fs';
import { delimiter, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { IllegalArgumentError } from '../base/errors.ts';
import type { StderrLogger } from '../base/stderr-logger.ts';
import { layOutExecutors } from '../cluster/local-cluster/executor-layout.ts';
import { LocalCluster } from '../cluster/local-cluster/local-cluster.ts';
import { STORAGE_CLEANUP_FILES_AFTER_EXECUTOR_EXIT } from '../config/deploy-entries.ts';
import { MAX_EXECUTOR_RETRIES } from '../config/executor-entries.ts';
import type { MasterUrl } from '../config/master-url.ts';
import { AUTHENTICATE_SECRET_BITS, NETWORK_CRYPTO_ENABLED } from '../config/network-entries.ts';
import { TASK_MAX_FAILURES } from '../config/scheduler-entries.ts';
import { SHUFFLE_SERVICE_ENABLED } from '../config/shuffle-service-entries.ts';
import type { SparkConf } from '../config/spark-conf.ts';
import { RpcEnv } from '../rpc/rpc-env.ts';
import { rpcSettings } from '../rpc/rpc-settings.ts';
import { driverSecurity, generateSecret, type RpcSecurity } from '../rpc/security.ts';
import type { ShuffleService } from '../shuffle-service/shuffle-service.ts';
import type { LocalDirs } from '../storage/local-dirs.ts';
import { allocationSettings } from './allocation-settings.ts';
import { checkTaskCpus, type OpenBackend } from './backend-needs.ts';
import { coarseGrainedBackend, executorEnvironment } from './coarse-grained.ts';

/** The entry of an executor's process. */
const EXECUTOR_ENTRY = new URL('../main/executor-process.js', import.meta.url);

/** How long executors may take to end, ms. */
const STOP_GRACE_MS = 5000;

/** `local-cluster[W,C,M]`: the driver serves a port on this host; its executors are child processes. */
export async function openLocalCluster(
  conf: SparkConf,
  master: Extract<MasterUrl, { kind: 'local-cluster' }>,
  url: string,
  log: StderrLogger,
): Promise<OpenBackend> {
  const layout = layOutExecutors(conf, master.numWorkers, master.coresPerWorker, master.memoryMibPerWorker);
  const allocation = allocationSettings(conf, log);
  checkTaskCpus(conf, url, layout.coresPerExecutor);
  // Whoever may use this host could reach the port, and so run code: they need the secret, which only child processes get.
  const secret = generateSecret(conf.get(AUTHENTICATE_SECRET_BITS));
  const security = driverSecurity(null, secret, { encrypt: conf.get(NETWORK_CRYPTO_ENABLED) });
  const rpc = await RpcEnv.create({
    name: 'driver',
    host: '127.0.0.1',
    bindAddress: '127.0.0.1',
    port: 0,
    security,
    ...rpcSettings(conf),
    logger: log,
  });
  const service = conf.get(SHUFFLE_SERVICE_ENABLED)
    ? await openShuffleService(conf, security, log).catch(async (error: unknown) => {
        await rpc.stop();
        throw error;
      })
    : null;
  let cluster: LocalCluster | null = null;
  return {
    applicationId: null,
    // Spark: CoarseGrainedSchedulerBackend.defaultParallelism
    cores: Math.max(2, layout.executors * layout.coresPerExecutor),
    coresPerExecutor: layout.coresPerExecutor,
    allocation,
    storageBytes: layout.storageBytes,
    maxTaskFailures: conf.get(TASK_MAX_FAILURES),
    isLocal: false,
    address: rpc.address,
    executorNeeds: null,
    make(needs) {
      const executorDirs = service === null ? {} : serveExecutorsOf(service, needs.applicationId, needs.localDirs);
      cluster = new LocalCluster({
        ...layout,
        initialExecutors: allocation?.initialExecutors ?? layout.executors,
        executorEntry: fileURLToPath(EXECUTOR_ENTRY),
        applicationId: needs.applicationId,
        env: { ...executorEnvironment(conf, secret), ...executorDirs },
        shuffleService: service,
        cleanupFilesAfterExecutorExit: conf.get(STORAGE_CLEANUP_FILES_AFTER_EXECUTOR_EXIT),
        maxRetries: conf.get(MAX_EXECUTOR_RETRIES),
        stopGraceMs: STOP_GRACE_MS,
        log,
      });
      return coarseGrainedBackend(conf, needs, {
        rpc,
        provider: cluster,
        executorSecurity: security,
        // Executors find it where it is.
        servicePort: service?.address.port ?? null,
        log,
      });
    },
    endNow: () => cluster?.endAll(),
    close: async () => {
      await Promise.all([rpc.stop(), service?.stop()]);
    },
  };
}

/**
 * In this process, where Spark's has one in each of its workers. What it serves goes with the driver's own local directories, so
 * it keeps no state.
 */
async function openShuffleService(conf: SparkConf, security: RpcSecurity, log: StderrLogger): Promise<ShuffleService> {
  const { ShuffleService } = await import('../shuffle-service/shuffle-service.ts');
  const service = await ShuffleService.start(conf, {
    host: '127.0.0.1',
    port: 0,
    security,
    stateParent: null,
    localRoots: [],
    onlyToldApplications: true,
    log,
  });
  service.unref();
  return service;
}

/** @returns what tells executors where to keep their files: below the driver's directories, which outlive them. */
function serveExecutorsOf(service: ShuffleService, appId: string, driverDirs: LocalDirs): Record<string, string> {
  const roots = driverDirs.toData().dirs.map((dir) => join(dir, 'executors'));
  const impossible = roots.find((root) => root.includes(delimiter));
  if (impossible !== undefined)
    throw new IllegalArgumentError(
      `spark.local.dir names ${dirname(impossible)}, whose '${delimiter}' is what separates directories for executors: with spark.shuffle.service.enabled name another one`,
    );
  for (const root of roots) mkdirSync(root, { mode: 0o700 });
  service.applicationStarted(appId, null, roots);
  return { SPARK_EXECUTOR_DIRS: roots.join(delimiter) };
}
