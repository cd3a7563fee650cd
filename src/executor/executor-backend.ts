import { tmpdir } from 'node:os';
import { systemClock } from '../base/clock.ts';
import { createStderrLogger, type StderrLogger } from '../base/stderr-logger.ts';
import {
  DECOMMISSION_ENABLED,
  EXECUTOR_HEARTBEAT_INTERVAL,
  EXECUTOR_HEARTBEAT_MAX_FAILURES,
  STORAGE_DECOMMISSION_INTERVAL,
} from '../config/executor-entries.ts';
import { configuredLocalDirs } from '../config/local-roots.ts';
import { METRICS_FILE_VARIABLE, saysMetrics } from '../config/metrics-entries.ts';
import {
  SHUFFLE_REGISTRATION_MAX_ATTEMPTS,
  SHUFFLE_REGISTRATION_TIMEOUT,
  SHUFFLE_SERVICE_ENABLED,
  SHUFFLE_SERVICE_PORT,
} from '../config/shuffle-service-entries.ts';
import { SparkConf } from '../config/spark-conf.ts';
import { findResources } from '../io/find-resources.ts';
import type { MetricsSystem } from '../metrics/metrics-system.ts';
import type { AskExecutorProcess, FromExecutor, ToExecutor } from '../protocol/driver-executor.ts';
import {
  type AppConfig,
  BLOCK_TRANSFER_ENDPOINT,
  EXECUTOR_ENDPOINT,
  type ExecutorNews,
  SCHEDULER_ENDPOINT,
} from '../protocol/executor-registration.ts';
import { RpcEnv } from '../rpc/rpc-env.ts';
import type { RpcSettings } from '../rpc/rpc-settings.ts';
import type { RpcSecurity } from '../rpc/security.ts';
import { ShuffleServiceClient } from '../shuffle-service/shuffle-service-client.ts';
import { LocalDirs } from '../storage/local-dirs.ts';
import type { Executor } from './executor.ts';
import { type ExecutorArguments, logUrlsOf } from './executor-arguments.ts';
import { EXIT } from './executor-exit.ts';
import { type Driver, makeExecutorParts, NO_LIMIT } from './executor-parts.ts';
import { HeartbeatFailures } from './heartbeat-failures.ts';
import { nextHeartbeat } from './heartbeat-timer.ts';
import { LaunchInbox } from './launch-inbox.ts';

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
    const parts = makeExecutorParts({
      ...{ executorId, applicationId: appId, host, cores, slotEntry: this.#options.slotEntry },
      ...{ app, conf, rpc, driver, dirs, services, servicePort, log: this.#log },
    });
    const { executor, results } = parts;
    const send = (message: FromExecutor | ExecutorNews): void => driver.send(message);
    this.#executor = executor;
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
        const left = await parts.migration.round();
        if (wasIdle && executor.isIdle && !left) break;
        await pause(left ? conf.get(STORAGE_DECOMMISSION_INTERVAL) : IDLE_CHECK_MS);
      }
      send({ type: 'ExecutorExiting', executorId, reason: 'Finished decommissioning' });
      this.end(EXIT.ok, 'Finished decommissioning');
    };
    rpc.register(BLOCK_TRANSFER_ENDPOINT, parts.server);
    const inbox = new LaunchInbox({
      tell: (taskIds) => send({ type: 'TasksStarted', executorId, taskIds }),
      handOn: (messages) => executor.receiveAll(messages),
      later: (work) => process.nextTick(work),
    });
    rpc.register<ToExecutor, AskExecutorProcess>(EXECUTOR_ENDPOINT, {
      receive: (message) => {
        if (message.type === 'StopExecutor') this.end(EXIT.ok, 'Driver commanded a shutdown');
        else if (message.type === 'DropResult') results.drop(message.taskId);
        else if (message.type === 'ReplicateBlock') parts.replicateAgain(message);
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
      const measured = {
        conf,
        applicationId: appId,
        executorId,
        environment,
        executor,
        memory: parts.memory,
        log: this.#log,
      };
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
