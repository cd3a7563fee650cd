import type { StderrLogger } from '../base/stderr-logger.ts';
import { storageBytesPerExecutor } from '../cluster/coarse-grained/executor-storage.ts';
import { StandaloneExecutors } from '../cluster/standalone/standalone-executors.ts';
import { APP_NAME, DRIVER_HOST } from '../config/core-entries.ts';
import { resourceRequests } from '../config/custom-resources.ts';
import { STANDALONE_REGISTRATION_TIMEOUT } from '../config/deploy-entries.ts';
import type { MasterUrl } from '../config/master-url.ts';
import { EXECUTOR_CORES, EXECUTOR_MEMORY } from '../config/memory-entries.ts';
import { DRIVER_BIND_ADDRESS, DRIVER_PORT } from '../config/network-entries.ts';
import { TASK_MAX_FAILURES } from '../config/scheduler-entries.ts';
import type { SparkConf } from '../config/spark-conf.ts';
import { CORES_MAX, EXECUTOR_INSTANCES } from '../config/submit-entries.ts';
import type { ApplicationDescription, Command, ExecutorDemand } from '../protocol/deploy-description.ts';
import { SCHEDULER_ENDPOINT } from '../protocol/executor-registration.ts';
import { DEFAULT_RESOURCE_PROFILE, type ResourceProfile } from '../protocol/resource-profile.ts';
import { EXECUTOR_MAIN } from '../protocol/worker-process.ts';
import { endpointUrl, formatAddress, parseAddress, type RpcAddress } from '../rpc/rpc-address.ts';
import { RpcEnv } from '../rpc/rpc-env.ts';
import { rpcSettings } from '../rpc/rpc-settings.ts';
import { applicationSecret, driverSecurity, generateSecret, resolveSecurity, sharedSecret } from '../rpc/security.ts';
import { allocationSettings } from './allocation-settings.ts';
import { userName } from './application-events.ts';
import { type BackendNeeds, checkTaskCpus, type OpenBackend } from './backend-needs.ts';
import { coarseGrainedBackend, executorEnvironment } from './coarse-grained.ts';
import type { LiveUi } from './live-ui.ts';
import { workerLogUrls } from './log-urls.ts';
import { addressTowards } from './own-address.ts';

const MIB = 1 << 20;
/** As `ApplicationDescription.secretSalt` has it. */
const SALT_BITS = 256;

/**
 * `spark://h1:p1,h2:p2`: registers with the master that leads; workers start the executors, which connect to the driver.
 *
 * Who may connect follows the cluster. With `spark.authenticate` the driver shows the cluster's secret to masters, and its
 * executors have one of the application's own, so that an executor, which runs anybody's functions, never has the key to the
 * daemons. It does not travel: driver and workers derive it from the cluster's and a salt, which does. Without authentication
 * the driver's port is as open as the master's, and like it on loopback alone unless `spark.authenticate=false` is said: a secret
 * of the application's own would protect nothing, since an open master tells it to whoever registers as a worker.
 *
 * @throws IskraError when no master takes the application, or a setting is bad. Spark: StandaloneSchedulerBackend.start
 */
export async function openStandalone(
  conf: SparkConf,
  master: Extract<MasterUrl, { kind: 'standalone' }>,
  url: string,
  ui: LiveUi | null,
  log: StderrLogger,
): Promise<OpenBackend> {
  const masters = master.masters.map((each) => each.replace(/^spark:\/\//, ''));
  const addresses = masters.map(parseAddress);
  const cores = conf.contains(EXECUTOR_CORES) ? conf.get(EXECUTOR_CORES) : null;
  if (cores !== null) checkTaskCpus(conf, url, cores);
  const demand = executorDemand(conf, cores);
  warnOfLeftCores(conf, cores, log);
  const allocation = allocationSettings(conf, log);
  const cluster = resolveSecurity(conf, { role: 'driver', environment: process.env });
  const salt = generateSecret(SALT_BITS);
  const secret = cluster.kind === 'none' ? null : applicationSecret(cluster.secret, salt);
  const host = conf.contains(DRIVER_HOST) ? conf.get(DRIVER_HOST) : await addressTowards(addresses);
  const bindAddress = conf.contains(DRIVER_BIND_ADDRESS) ? conf.get(DRIVER_BIND_ADDRESS) : host;
  const appUiUrl = (await ui?.listen(host, bindAddress)) ?? '';
  const rpc = await RpcEnv.create({
    name: 'sparkDriver',
    host,
    bindAddress,
    port: conf.get(DRIVER_PORT),
    security:
      cluster.kind === 'none' ? cluster : driverSecurity(cluster, secret as string, { encrypt: cluster.encrypt }),
    ...rpcSettings(conf),
    logger: log,
  });
  const address = rpc.address as RpcAddress; // it serves a port
  // Known before any profile but the first is asked for.
  let profiles: BackendNeeds['resourceProfiles'] | null = null;
  const executors = new StandaloneExecutors({
    masters,
    app: {
      name: conf.get(APP_NAME) ?? 'app',
      maxCores: conf.get(CORES_MAX) ?? null,
      command: executorCommand(conf, address),
      ...(secret === null ? {} : { secretSalt: salt }),
      appUiUrl,
      user: userName(),
      demand,
      initialExecutorLimit: allocation?.initialExecutors ?? conf.get(EXECUTOR_INSTANCES) ?? null,
      eventLogDir: null,
      eventLogCodec: null,
    } satisfies ApplicationDescription,
    driverAddress: formatAddress(address),
    registrationTimeoutMs: conf.get(STANDALONE_REGISTRATION_TIMEOUT),
    rpc,
    clusterKeyId: cluster.kind === 'none' ? null : cluster.keyId,
    demandOf: (id) => demandOfProfile(demand, profiles?.get(id) ?? DEFAULT_RESOURCE_PROFILE),
    logUrls: (appId, executor) => workerLogUrls(conf, appId, executor),
    log,
  });
  let applicationId: string;
  try {
    applicationId = await executors.register();
  } catch (error) {
    await rpc.stop();
    throw error;
  }
  return {
    applicationId,
    cores: null,
    coresPerExecutor: cores ?? conf.get(EXECUTOR_CORES),
    allocation,
    storageBytes: storageBytesPerExecutor(conf),
    maxTaskFailures: conf.get(TASK_MAX_FAILURES),
    isLocal: false,
    address,
    executorNeeds: executorNeeds(demand, conf.get(CORES_MAX)),
    make(needs) {
      profiles = needs.resourceProfiles;
      const executorSecurity =
        cluster.kind === 'none' ? cluster : sharedSecret(secret as string, { encrypt: cluster.encrypt });
      return coarseGrainedBackend(conf, needs, { rpc, provider: executors, executorSecurity, servicePort: null, log });
    },
    // The master and the executors see the connections break.
    endNow() {},
    close: async () => {
      await executors.stop();
      await rpc.stop();
    },
  };
}

/** What a worker runs for an executor. Spark: StandaloneSchedulerBackend, the Command */
function executorCommand(conf: SparkConf, driver: RpcAddress): Command {
  return {
    mainClass: EXECUTOR_MAIN,
    arguments: [
      ...['--driver-url', endpointUrl(SCHEDULER_ENDPOINT, driver)],
      ...['--executor-id', '{{EXECUTOR_ID}}', '--hostname', '{{HOSTNAME}}', '--cores', '{{CORES}}'],
      ...['--app-id', '{{APP_ID}}', '--worker-url', '{{WORKER_URL}}'],
      ...['--resourceProfileId', '{{RESOURCE_PROFILE_ID}}'],
    ],
    // Workers put the secret to it.
    environment: executorEnvironment(conf, null),
    // The heaps that count are those of its slots, which it makes as large as spark.executor.memory says.
    nodeOptions: [],
  };
}

/** Of the default profile. @throws IllegalArgumentError for amounts of custom resources that are none. */
function executorDemand(conf: SparkConf, cores: number | null): ExecutorDemand {
  const wanted = resourceRequests(conf, 'spark.executor').map(({ name, amount }) => [name, amount] as const);
  return {
    coresPerExecutor: cores,
    memoryPerExecutor: Math.ceil(conf.get(EXECUTOR_MEMORY) / MIB),
    resourcesPerExecutor: Object.fromEntries(wanted),
  };
}

/** Spark: SparkConf.validateSettings */
function warnOfLeftCores(conf: SparkConf, cores: number | null, log: StderrLogger): void {
  const total = conf.get(CORES_MAX);
  if (total === undefined || cores === null || total % cores === 0) return;
  log.warn(
    `Total executor cores: ${total} is not divisible by cores per executor: ${cores}, the left cores: ${total % cores} will not be allocated`,
  );
}

/** For whoever waits for executors. */
function executorNeeds(
  { coresPerExecutor, memoryPerExecutor, resourcesPerExecutor }: ExecutorDemand,
  coresMax: number | undefined,
): string {
  if (coresMax !== undefined && coresPerExecutor !== null && coresMax < coresPerExecutor)
    return `spark.cores.max is ${coresMax}, less than the ${coresPerExecutor} of spark.executor.cores that one needs`;
  const cores = coresPerExecutor ?? 1;
  const custom = Object.entries(resourcesPerExecutor).map(([name, amount]) => `, ${amount} ${name}`);
  return `one needs ${cores} core${cores === 1 ? '' : 's'}, ${memoryPerExecutor} MiB of memory${custom.join('')} free on one worker`;
}

/** What a profile does not say is as in the default one; but for custom resources, which it has to name. */
function demandOfProfile(base: ExecutorDemand, { id, executorResources }: ResourceProfile): ExecutorDemand {
  if (id === DEFAULT_RESOURCE_PROFILE.id || Object.keys(executorResources).length === 0) return base;
  const custom = Object.values(executorResources).filter(({ resourceName }) => !BUILT_IN.has(resourceName));
  return {
    coresPerExecutor: executorResources['cores']?.amount ?? base.coresPerExecutor,
    memoryPerExecutor: executorResources['memory']?.amount ?? base.memoryPerExecutor,
    resourcesPerExecutor: Object.fromEntries(custom.map(({ resourceName, amount }) => [resourceName, amount])),
  };
}

/** Spark: ResourceProfile.allSupportedExecutorResources */
const BUILT_IN: ReadonlySet<string> = new Set(['cores', 'memory', 'memoryOverhead', 'pyspark.memory', 'offHeap']);
