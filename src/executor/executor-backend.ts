import { readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ExecutorPackage, seesDriversFiles } from '../app-package/executor-package.ts';
import { openPackageCache } from '../app-package/package-cache.ts';
import { systemClock } from '../base/clock.ts';
import { keepCode } from '../base/code-cache.ts';
import { createStderrLogger, type StderrLogger } from '../base/stderr-logger.ts';
import { FILES_FETCH_TIMEOUT, FILES_OVERWRITE } from '../config/context-entries.ts';
import {
  BROADCAST_CHECKSUM,
  DECOMMISSION_ENABLED,
  EXECUTOR_HEARTBEAT_INTERVAL,
  EXECUTOR_HEARTBEAT_MAX_FAILURES,
  REDUCER_MAX_REQS_IN_FLIGHT,
  REDUCER_MAX_SIZE_IN_FLIGHT,
  SHUFFLE_IO_MAX_RETRIES,
  SHUFFLE_IO_RETRY_WAIT,
  STORAGE_DECOMMISSION_ENABLED,
  STORAGE_DECOMMISSION_INTERVAL,
  STORAGE_DECOMMISSION_MAX_FAILURES,
  STORAGE_DECOMMISSION_RDD_BLOCKS,
  STORAGE_DECOMMISSION_SHUFFLE_BLOCKS,
} from '../config/executor-entries.ts';
import { TASK_MAX_DIRECT_RESULT_SIZE } from '../config/io-entries.ts';
import { configuredLocalDirs } from '../config/local-roots.ts';
import { EXECUTOR_MEMORY } from '../config/memory-entries.ts';
import { METRICS_FILE_VARIABLE, saysMetrics } from '../config/metrics-entries.ts';
import { PACKAGE_CACHE_MAX_SIZE, PACKAGE_CACHE_TTL } from '../config/package-entries.ts';
import {
  SHUFFLE_REGISTRATION_MAX_ATTEMPTS,
  SHUFFLE_REGISTRATION_TIMEOUT,
  SHUFFLE_SERVICE_ENABLED,
  SHUFFLE_SERVICE_PORT,
} from '../config/shuffle-service-entries.ts';
import { SLOT_KILL_GRACE } from '../config/slot-entries.ts';
import { SparkConf } from '../config/spark-conf.ts';
import { findResources } from '../io/find-resources.ts';
import type { MetricsSystem } from '../metrics/metrics-system.ts';
import { type AskPackages, PACKAGES_ENDPOINT } from '../protocol/app-package.ts';
import type { AskExecutorProcess, FromExecutor, ToExecutor } from '../protocol/driver-executor.ts';
import {
  type AppConfig,
  type AskScheduler,
  BLOCK_TRANSFER_ENDPOINT,
  EXECUTOR_ENDPOINT,
  type ExecutorNews,
  SCHEDULER_ENDPOINT,
} from '../protocol/executor-registration.ts';
import type { StoredBlock } from '../protocol/executor-slot.ts';
import type { RpcRef } from '../rpc/rpc-endpoint.ts';
import { RpcEnv } from '../rpc/rpc-env.ts';
import type { RpcSettings } from '../rpc/rpc-settings.ts';
import type { RpcSecurity } from '../rpc/security.ts';
import { ShuffleServiceClient } from '../shuffle-service/shuffle-service-client.ts';
import { BlockManager } from '../storage/block-manager.ts';
import { LocalDirs } from '../storage/local-dirs.ts';
import { MemoryManager } from '../storage/memory-manager.ts';
import { BlockClient } from './block-client.ts';
import { BlockFetcher } from './block-fetcher.ts';
import { BlockMigration } from './block-migration.ts';
import { BlockServer } from './block-server.ts';
import { Executor } from './executor.ts';
import { type ExecutorArguments, logUrlsOf } from './executor-arguments.ts';
import { EXIT } from './executor-exit.ts';
import { FileFetcher, placeFromDriver } from './file-fetcher.ts';
import { HeartbeatFailures } from './heartbeat-failures.ts';
import { nextHeartbeat } from './heartbeat-timer.ts';
import { LargeResults } from './large-results.ts';
import { LaunchInbox } from './launch-inbox.ts';
import { planMemory } from './memory-plan.ts';
import { RemoteExecutors } from './other-executors.ts';
import { TorrentBroadcasts } from './torrent-broadcast.ts';

export interface ExecutorBackendOptions extends Omit<ExecutorArguments, 'workerUrl'> {
  readonly security: RpcSecurity;
  readonly rpc: RpcSettings;
  /** `spark.blockManager.port`: where it serves blocks. */
  readonly port: number;
  /** The compiled src/main/task-slot.ts. */
  readonly slotEntry: URL;
  /** What the worker has set: directories, where logs are to be seen. */
  readonly environment: Readonly<Record<string, string | undefined>>;
}

/** A thread that computes ends at once; one that waits in a call of the system does not before that returns. */
const LONGEST_STOP_MS = 3000;

/** How often a draining executor looks whether its tasks have ended. */
const IDLE_CHECK_MS = 200;

/** A driver whose program computes answers when it is done, and one that is gone closes the connection. */
const NO_LIMIT = { timeoutMs: Number.POSITIVE_INFINITY } as const;

type Driver = RpcRef<FromExecutor | ExecutorNews, AskScheduler>;

/**
 * An executor in a process of its own: registers with the driver, does what it says, serves blocks to the others, and ends
 * when the driver ends or is gone.
 *
 * Spark: CoarseGrainedExecutorBackend
 */
export class ExecutorBackend {
  readonly #options: ExecutorBackendOptions;
  readonly #log: StderrLogger;
  readonly #exit: (code: number, stuck: boolean) => void;
  #rpc: RpcEnv | null = null;
  #driver: Driver | null = null;
  #dirs: LocalDirs | null = null;
  /** A shuffle service has taken over the care for the files. */
  #filesAreServed = false;
  #executor: Executor | null = null;
  #metrics: MetricsSystem | null = null;
  #cancelHeartbeat: () => void = () => {};
  /** Null before it is registered. */
  #drain: (() => Promise<void>) | null = null;
  #draining = false;
  /** It was told to before it could. */
  #drainsLater = false;
  #ending = false;

  /** @param exit ends the process; called once. `stuck`: a slot's thread stands in a call of the system, which nothing ends. */
  constructor(options: ExecutorBackendOptions, exit: (code: number, stuck: boolean) => void) {
    this.#options = options;
    this.#exit = exit;
    this.#log = createStderrLogger(`Executor ${options.executorId}`);
  }

  /** Resolves when it is registered, or when it ends because it cannot be. */
  async start(): Promise<void> {
    const { driver, executorId, host, bindAddress, port, security } = this.#options;
    try {
      const rpc = await RpcEnv.create({
        name: `executor ${executorId}`,
        host,
        bindAddress: bindAddress ?? host,
        port,
        security,
        ...this.#options.rpc,
        logger: this.#log,
      });
      this.#rpc = rpc;
      const ref: Driver = await rpc.connect(driver, SCHEDULER_ENDPOINT, { whileReachable: true });
      this.#driver = ref;
      const app = await ref.ask('RetrieveSparkAppConfig', { executorId }, NO_LIMIT);
      await this.#register(rpc, ref, app);
    } catch (error) {
      this.fail(EXIT.failed, `Executor self-exiting due to : ${String((error as Error).message ?? error)}`);
    }
  }

  /** Ends, and tells the driver why, where it can be told. Spark: exitExecutor with notifyDriver */
  fail(code: number, why: string): void {
    const { executorId } = this.#options;
    if (!this.#ending) this.#driver?.send({ type: 'ExecutorExiting', executorId, reason: why });
    this.end(code, why);
  }

  /** Takes no more tasks, hands on what it holds, and ends. Spark: CoarseGrainedExecutorBackend.decommissionSelf */
  decommission(): void {
    if (this.#drain === null) this.#drainsLater = true;
    if (this.#draining || this.#ending || this.#drain === null) return;
    this.#draining = true;
    this.#drain().catch((error: unknown) => {
      this.#log.error('could not decommission', { error: String(error) });
      this.#draining = false;
    });
  }

  /**
   * Ends slots, files and the process. Twice is fine.
   *
   * @param expected it was told to by who started it: nothing for the eyes of an operator.
   */
  end(code: number, why: string, expected: boolean = code === EXIT.ok): void {
    if (this.#ending) return;
    this.#ending = true;
    if (expected) this.#log.info(why);
    else this.#log.error(why);
    this.#cancelHeartbeat();
    void (async () => {
      const reported = this.#metrics?.stop();
      const slotsEnd = this.#executor?.stop().catch(() => {}) ?? Promise.resolve();
      const ended = await within(LONGEST_STOP_MS, slotsEnd);
      await reported;
      this.removeFiles();
      await within(LONGEST_STOP_MS, this.#rpc?.stop().catch(() => {}) ?? Promise.resolve());
      this.#exit(code, !ended);
    })();
  }

  /** All that can be done when the process ends at once. What a shuffle service serves stays. */
  removeFiles(): void {
    if (!this.#filesAreServed) this.#dirs?.removeAll();
  }

  /** @throws IskraError when the service of this host does not take it. Spark: BlockManager.registerWithExternalShuffleServer */
  async #registerWithService(
    client: ShuffleServiceClient,
    port: number,
    conf: SparkConf,
    dirs: LocalDirs,
  ): Promise<void> {
    const { executorId, host } = this.#options;
    const attempts = {
      maxAttempts: conf.get(SHUFFLE_REGISTRATION_MAX_ATTEMPTS),
      timeoutMs: conf.get(SHUFFLE_REGISTRATION_TIMEOUT),
    };
    try {
      await client.register({ host, port }, executorId, dirs.toData().dirs, attempts);
    } catch (cause) {
      throw new Error(`Unable to create executor due to ${(cause as Error).message}`, { cause });
    }
    this.#filesAreServed = true;
  }

  async #register(rpc: RpcEnv, driver: Driver, app: AppConfig): Promise<void> {
    const { executorId, host, cores, resourceProfileId, resourcesFile, environment } = this.#options;
    const appId = this.#options.applicationId;
    this.#log.setLevel(app.logLevel);
    const conf = new SparkConf(app.conf);
    // Those of other profiles are looked at by who asked for them.
    const resources = await findResources(
      conf,
      'spark.executor',
      resourcesFile,
      resourceProfileId === 0 ? undefined : [],
    );
    const port = rpc.address?.port ?? 0;
    const roots = configuredLocalDirs(conf, environment);
    const dirs = LocalDirs.open(
      roots.length > 0 ? roots : [tmpdir()],
      this.#log,
      conf.get(SHUFFLE_SERVICE_ENABLED), // those of executors that are gone are served still
    );
    this.#dirs = dirs;
    const servicePort = conf.get(SHUFFLE_SERVICE_ENABLED) ? conf.get(SHUFFLE_SERVICE_PORT) : null;
    const services = new ShuffleServiceClient(rpc, appId, systemClock, this.#log);
    if (servicePort !== null) await this.#registerWithService(services, servicePort, conf, dirs);
    /** Of map outputs. Spark: BlockManager.shuffleServerId */
    const location = { executorId, host, port: servicePort ?? port };
    const filesDir = join(dirs.toData().dirs[0] as string, 'userFiles'); // open() made one at least
    const memory = planMemory(conf, conf.get(EXECUTOR_MEMORY), cores);
    const results = new LargeResults(conf.get(TASK_MAX_DIRECT_RESULT_SIZE));
    const send = (message: FromExecutor | ExecutorNews): void => driver.send(message);
    const ask = <K extends keyof AskScheduler & string>(
      name: K,
      request: AskScheduler[K][0],
    ): Promise<AskScheduler[K][1]> => driver.ask(name, request, NO_LIMIT);
    const pool = new MemoryManager({ ...memory, slots: cores });
    const blocks = new BlockManager(executorId, pool, dirs, (update) =>
      send({ type: 'BlockUpdated', executorId, ...update }),
    );
    const client = new BlockClient({
      env: rpc,
      appId,
      servesOutputs: servicePort === null ? 'executors' : 'services',
      clock: systemClock,
      maxRetries: conf.get(SHUFFLE_IO_MAX_RETRIES),
      retryWaitMs: conf.get(SHUFFLE_IO_RETRY_WAIT),
      isAlive: async (id) => (await ask('IsExecutorAlive', { executorId: id })).alive,
    });
    const broadcasts = new TorrentBroadcasts(
      {
        info: (broadcastId) => ask('GetBroadcastInfo', { broadcastId }),
        locations: async (broadcastId, piece, insist) =>
          (await ask('GetBroadcastPieceLocations', { broadcastId, piece, executorId, insist })).locations,
        fetch: (owner, broadcastId, piece) => client.fetchBroadcastPiece(owner, broadcastId, piece),
        stored: (broadcastId, piece) => send({ type: 'BroadcastPieceStored', executorId, broadcastId, piece }),
      },
      conf.get(BROADCAST_CHECKSUM),
      Math.random,
      this.#log,
    );
    const others = new RemoteExecutors({
      me: executorId,
      client,
      fetcher: new BlockFetcher((owner, requests) => client.fetchShuffleBlocks(owner, requests), {
        maxBytesInFlight: conf.get(REDUCER_MAX_SIZE_IN_FLIGHT),
        maxRequestsInFlight: conf.get(REDUCER_MAX_REQS_IN_FLIGHT),
      }),
      broadcasts,
      ask,
      readBlock,
      hostLocalDirs: async (executorIds) => ({ localDirs: await services.localDirs(location, executorIds) }),
      random: Math.random,
      log: this.#log,
    });
    const { packages } = app;
    const connectToPackages = () =>
      rpc.connect<never, AskPackages>(driver.address, PACKAGES_ENDPOINT, { whileReachable: true });
    const shipped = new ExecutorPackage({
      connect: connectToPackages,
      openStore: () => openPackageCache(conf),
      limits: { ttlMs: conf.get(PACKAGE_CACHE_TTL), maxBytes: conf.get(PACKAGE_CACHE_MAX_SIZE) },
      clock: systemClock,
      log: this.#log.named('Packages'),
    });
    const executor = new Executor(
      {
        location,
        cores,
        slotEntry: this.#options.slotEntry,
        memory,
        killGraceMs: conf.get(SLOT_KILL_GRACE),
        conf: app.conf,
        mainScripts: app.mainScripts,
        localDirs: dirs.toData(),
        filesDir,
        files: new FileFetcher(
          filesDir,
          placeFromDriver(
            { overwrite: conf.get(FILES_OVERWRITE), timeoutMs: conf.get(FILES_FETCH_TIMEOUT) },
            packages === null ? null : { connect: connectToPackages, always: packages.ship === 'always' },
            this.#log,
          ),
        ),
        ...(packages === null || seesDriversFiles(packages) ? {} : { package: shipped }),
        logLevel: this.#log.level,
      },
      blocks,
      ask,
      others,
      (message) => {
        for (const each of results.keep(message)) send(each);
        if (message.type === 'StatusUpdate' || message.type === 'StatusUpdates') keepCode();
      },
      systemClock,
      this.#log,
    );
    this.#executor = executor;
    const migrates = conf.get(STORAGE_DECOMMISSION_ENABLED);
    const migration = new BlockMigration({
      me: executorId,
      client,
      dirs,
      ask,
      servicePort,
      cached: () => blocks.cached(),
      readBlock,
      migrated: (rddId, partition) => blocks.removeRddBlock(rddId, partition),
      shuffleBlocks: migrates && conf.get(STORAGE_DECOMMISSION_SHUFFLE_BLOCKS),
      rddBlocks: migrates && conf.get(STORAGE_DECOMMISSION_RDD_BLOCKS),
      maxFailuresPerBlock: conf.get(STORAGE_DECOMMISSION_MAX_FAILURES),
      log: this.#log,
    });
    const drain = async (): Promise<void> => {
      if (!conf.get(DECOMMISSION_ENABLED)) {
        this.#log.warn('told to decommission, but spark.decommission.enabled is false: the executor stays');
        this.#draining = false;
        return;
      }
      this.#log.info('decommissioning: no more tasks');
      send({ type: 'ExecutorDecommissioning', executorId });
      const pause = (ms: number) => new Promise<void>((resolve) => systemClock.after(ms, resolve));
      // A task that runs still may leave something, so that the last round comes after it.
      for (;;) {
        const wasIdle = executor.isIdle;
        const left = await migration.round();
        if (wasIdle && executor.isIdle && !left) break;
        await pause(left ? conf.get(STORAGE_DECOMMISSION_INTERVAL) : IDLE_CHECK_MS);
      }
      send({ type: 'ExecutorExiting', executorId, reason: 'Finished decommissioning' });
      this.end(EXIT.ok, 'Finished decommissioning');
    };
    rpc.register(
      BLOCK_TRANSFER_ENDPOINT,
      new BlockServer(
        { appId, executorId },
        blocks,
        dirs,
        (id, piece) => broadcasts.piece(id, piece),
        (shuffleId, mapId) => executor.adoptMapOutput(shuffleId, mapId),
      ),
    );
    // One after another: each is held whole while it travels. Spark: BlockManager.replicateBlock
    let replicating = Promise.resolve();
    const replicateAgain = (lost: Extract<ToExecutor, { type: 'ReplicateBlock' }>): void => {
      const { rddId, partition, holders, replicas } = lost;
      replicating = replicating
        .then(() => {
          const here = blocks.cachedBlock(rddId, partition);
          if (here === undefined) return undefined; // evicted meanwhile
          const level = { ...here.level, replication: replicas };
          return others.replicate(rddId, partition, level, here.block, holders);
        })
        .catch((error: unknown) => {
          this.#log.warn(`rdd_${rddId}_${partition} could not be replicated again`, { error: String(error) });
        });
    };
    const inbox = new LaunchInbox({
      tell: (taskIds) => send({ type: 'TasksStarted', executorId, taskIds }),
      handOn: (messages) => executor.receiveAll(messages),
      later: (work) => process.nextTick(work),
    });
    rpc.register<ToExecutor, AskExecutorProcess>(EXECUTOR_ENDPOINT, {
      receive: (message) => {
        if (message.type === 'StopExecutor') this.end(EXIT.ok, 'Driver commanded a shutdown');
        else if (message.type === 'DropResult') results.drop(message.taskId);
        else if (message.type === 'ReplicateBlock') replicateAgain(message);
        else if (message.type === 'DecommissionExecutor') this.decommission();
        else inbox.receive(message);
      },
      receiveAndReply: ({ request }) => ({ bytes: results.part(request.taskId, request.offset, request.length) }),
      onDisconnected: () => {
        if (driver.closed)
          this.end(EXIT.failed, `Driver ${driver.address.host}:${driver.address.port} disassociated! Shutting down.`);
      },
    });
    executor.warmUp();
    // Before there are tasks.
    if (saysMetrics(conf) || environment[METRICS_FILE_VARIABLE] !== undefined) {
      const { startExecutorMetrics } = await import('./executor-metrics.ts');
      const measured = { conf, applicationId: appId, executorId, environment, executor, memory: pool, log: this.#log };
      this.#metrics = await startExecutorMetrics(measured);
    }
    const registration = {
      ...{ executorId, host, port, cores, pid: process.pid },
      ...{ resourceProfileId, logUrls: logUrlsOf(environment), resources },
    };
    const { refused } = await driver.ask('RegisterExecutor', registration, NO_LIMIT);
    if (refused !== null) {
      this.end(EXIT.failed, `Executor self-exiting due to : Slave registration failed: ${refused}`);
      return;
    }
    this.#log.info('registered with the driver', { cores, host, port });
    this.#drain = drain;
    if (this.#drainsLater) this.decommission();
    const interval = conf.get(EXECUTOR_HEARTBEAT_INTERVAL);
    // Not all at the same time.
    const failures = new HeartbeatFailures(conf.get(EXECUTOR_HEARTBEAT_MAX_FAILURES), this.#log);
    this.#beat(driver, interval, executor, failures, interval + Math.random() * interval);
  }

  #beat(driver: Driver, interval: number, executor: Executor, failures: HeartbeatFailures, afterMs: number): void {
    this.#cancelHeartbeat = nextHeartbeat(executor, systemClock, afterMs, (running) => {
      const next = (): void => {
        if (!this.#ending) this.#beat(driver, interval, executor, failures, interval);
      };
      driver
        .ask('Heartbeat', { executorId: this.#options.executorId, running }, { timeoutMs: interval })
        .then(({ known }) => {
          failures.answered();
          if (known) next();
          else this.end(EXIT.failed, 'Executor self-exiting due to : the driver has given this executor up');
        })
        .catch((error: unknown) => {
          if (this.#ending) return;
          const why = failures.failed(error);
          if (why !== null) this.end(EXIT.heartbeatFailure, why);
          else next();
        });
    });
  }
}

/** @returns false when the time was up before. */
function within(ms: number, work: Promise<unknown>): Promise<boolean> {
  return new Promise((resolve) => {
    const cancel = systemClock.after(ms, () => resolve(false));
    void work.then(() => {
      cancel();
      resolve(true);
    });
  });
}

function readBlock(block: StoredBlock): Uint8Array {
  if (block.kind === 'disk') return readFileSync(block.path);
  return block.chunks.length === 1 ? (block.chunks[0] as Uint8Array) : Buffer.concat(block.chunks);
}
