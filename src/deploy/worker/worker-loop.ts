import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { CACHE_ENVIRONMENT_VARIABLE } from '../../app-package/package-cache.ts';
import { assertNever } from '../../base/assert-never.ts';
import { type Clock, systemClock } from '../../base/clock.ts';
import { errorToData, IllegalArgumentError, IskraError } from '../../base/errors.ts';
import type { Logger } from '../../base/logger.ts';
import { seededRandom } from '../../base/seeded-random.ts';
import { FILES_FETCH_TIMEOUT } from '../../config/context-entries.ts';
import { configuredLocalDirs } from '../../config/local-roots.ts';
import { PACKAGE_CACHE_MAX_SIZE, PACKAGE_CACHE_TTL } from '../../config/package-entries.ts';
import type { SparkConf } from '../../config/spark-conf.ts';
import type { Source } from '../../metrics/metrics-snapshot.ts';
import type { ResourceAddresses } from '../../protocol/deploy-description.ts';
import {
  MASTER_ENDPOINT,
  type MasterToWorker,
  type TellMaster,
  WORKER_ENDPOINT,
  type WorkerDescription,
  type WorkerToMaster,
} from '../../protocol/master-worker.ts';
import { SHUFFLE_STATE_DIRECTORY } from '../../protocol/shuffle-service.ts';
import type { AskWorker, WorkerStateResponse } from '../../protocol/worker-process.ts';
import { parseAddress, type RpcAddress } from '../../rpc/rpc-address.ts';
import type { RpcCaller } from '../../rpc/rpc-endpoint.ts';
import { RpcEnv } from '../../rpc/rpc-env.ts';
import {
  RpcConnectionError,
  RpcEnvStoppedError,
  RpcHandshakeError,
  RpcMessageError,
  RpcTimeoutError,
} from '../../rpc/rpc-errors.ts';
import { rpcSettings } from '../../rpc/rpc-settings.ts';
import type { RpcSecurity } from '../../rpc/security.ts';
import { applicationFetcher, type FetchApplication } from './fetch-application.ts';
import { logRolling } from './log-rolling.ts';
import { readMasterMessage } from './master-message.ts';
import { announceExecutor, openShuffleService, type WorkerShuffleService } from './own-shuffle-service.ts';
import { ProcessHost } from './process-host.ts';
import { Timers } from './timers.ts';
import { createWorkDir, WorkDirs } from './work-dirs.ts';
import { Worker } from './worker.ts';
import { WorkerAccessKeys } from './worker-access.ts';
import type { ConnectionId, NewsFault, ProcessKey, WorkerEffect, WorkerEvent, WorkerTimer } from './worker-events.ts';
import { type WorkerSettings, workerSettings } from './worker-settings.ts';

export interface WorkerOptions {
  readonly conf: SparkConf;
  /** What others reach it by. */
  readonly host: string;
  /** 0: any. */
  readonly port: number;
  /** Where it listens; `host` when absent. */
  readonly bindAddress?: string;
  readonly cores: number;
  /** MiB. */
  readonly memory: number;
  /** Made when it is not there. */
  readonly workDir: string;
  /** `host:port` of each; `spark://` before it is fine. */
  readonly masters: readonly string[];
  /** Of its pages, with the bound port; starts them, once there is a work directory, before a master hears of them. */
  readonly webUiUrl: string | (() => Promise<string>);
  /** What it has to give out; see `workerResources`. */
  readonly resources: ResourceAddresses;
  readonly security: RpcSecurity;
  readonly log: Logger;
  /** For the fuzz of its intervals, such that no two workers have the same. */
  readonly seed: number;
  /** Programs that may be launched: main class → the file that `node` runs. */
  readonly programs: Readonly<Record<string, string>>;
  /** The program of executors can wait until it is needed (see `SPARE_ARGUMENT`); false when absent. */
  readonly hasSpares?: boolean;
  readonly clock?: Clock;
  /** From masters, the web and this machine when absent. */
  readonly fetchApplication?: FetchApplication;
  /** Of this process; `process.env` when absent. */
  readonly environment?: Readonly<Record<string, string | undefined>>;
  /** What runs programs; this process's own `node` when absent. */
  readonly nodePath?: string;
}

/** How a worker ended: the exit code of its process, and why. */
export interface WorkerEnd {
  readonly code: number;
  readonly message: string;
}

/**
 * Starts a worker: makes its work directory, listens, and begins to register. It is there when the promise resolves,
 * whether or not a master is.
 *
 * @throws IskraError `WORK_DIR`, with which the process is to exit with 1; IllegalArgumentError for an address, a setting
 * or a policy that cannot be; IskraError `RPC_BIND`, also when its shuffle service cannot listen.
 *
 * Spark: Worker.startRpcEnvAndEndpoint, onStart
 */
export async function startWorker(options: WorkerOptions): Promise<WorkerLoop> {
  const { conf, host, port, bindAddress, cores, memory, resources, programs, log } = options;
  const masters = options.masters.map((master) => master.replace(/^spark:\/\//, ''));
  if (masters.length === 0) throw new IllegalArgumentError('a worker needs a master: give spark://host:port');
  for (const master of masters) parseAddress(master);
  const workDir = resolve(options.workDir);
  createWorkDir(workDir);
  const access = new WorkerAccessKeys(options.security);
  const shuffleService = await openShuffleService(options, workDir);
  const clock = options.clock ?? systemClock;
  const rpc = await RpcEnv.create({
    name: 'sparkWorker',
    host,
    bindAddress: bindAddress ?? host,
    port,
    security: access.security,
    ...rpcSettings(conf),
    clock,
    logger: log,
  }).catch(async (error: unknown) => {
    await shuffleService?.stop();
    throw error;
  });
  try {
    const address = rpc.address as RpcAddress; // it serves a port
    const webUiUrl = typeof options.webUiUrl === 'string' ? options.webUiUrl : await options.webUiUrl();
    const identity = {
      ...{ host, port: address.port, cores, memory, webUiUrl, resources, masters, workDir, programs },
      hasSpares: options.hasSpares === true && process.platform !== 'win32', // files that are open keep their names there
    };
    const settings = workerSettings(conf, identity, clock.now());
    return new WorkerLoop(options, settings, rpc, access, shuffleService, clock);
  } catch (error) {
    await Promise.all([rpc.stop(), shuffleService?.stop()]);
    throw error;
  }
}

/** In the work directory: parts of applications, for all drivers and executors. */
const PACKAGE_CACHE = 'cache';

/** An event without its time. */
type News = WorkerEvent extends infer E ? (E extends unknown ? Omit<E, 'at'> : never) : never;

/** The worker's loop: one event at a time; does what the machine wants. Spark: Worker */
export class WorkerLoop {
  readonly address: RpcAddress;
  readonly workerId: string;
  /** Resolves when it has ended, and with it all that it has started. */
  readonly finished: Promise<WorkerEnd>;
  readonly #rpc: RpcEnv;
  readonly #access: WorkerAccessKeys;
  readonly #shuffleService: WorkerShuffleService | null;
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #machine: Worker;
  readonly #timers: Timers<WorkerTimer>;
  readonly #processes: ProcessHost;
  readonly #dirs: WorkDirs;
  readonly #fetch: FetchApplication;
  readonly #queue: WorkerEvent[] = [];
  /** Connections that stand, in either direction. */
  readonly #callers = new Map<ConnectionId, RpcCaller>();
  /** The registration under way; attempts of an earlier one come to nothing. */
  #registration = 0;
  /** Of drivers: whoever takes long over one looks at its signal. */
  readonly #preparing = new Map<ProcessKey, AbortController>();
  #working = false;
  #end: WorkerEnd | null = null;
  #over = false;
  #finish: (end: WorkerEnd) => void = () => {};

  /** See `startWorker`. */
  constructor(
    options: WorkerOptions,
    settings: WorkerSettings,
    rpc: RpcEnv,
    access: WorkerAccessKeys,
    shuffleService: WorkerShuffleService | null,
    clock: Clock,
  ) {
    const { conf, host, cores, memory, log, seed, environment = process.env } = options;
    this.#rpc = rpc;
    this.#access = access;
    this.#shuffleService = shuffleService;
    this.#clock = clock;
    this.#log = log.named('Worker');
    this.address = { host, port: settings.port };
    this.workerId = settings.worker.id;
    this.finished = new Promise((resolve) => {
      this.#finish = resolve;
    });
    const roots = configuredLocalDirs(conf, environment);
    this.#dirs = new WorkDirs(settings.workDir, roots.length > 0 ? roots : [tmpdir()], this.#log);
    this.#dirs.removeLeftBehind();
    this.#timers = new Timers(clock, (timer) => this.#hear({ type: 'Woken', timer }));
    const cacheFolder = join(settings.workDir, PACKAGE_CACHE);
    this.#fetch =
      options.fetchApplication ??
      applicationFetcher({
        ...{ cacheFolder, rpc, clock, log: this.#log },
        masters: settings.masters.map(parseAddress),
        limits: { ttlMs: conf.get(PACKAGE_CACHE_TTL), maxBytes: conf.get(PACKAGE_CACHE_MAX_SIZE) },
        timeoutMs: conf.get(FILES_FETCH_TIMEOUT),
      });
    this.#processes = new ProcessHost({
      program: options.nodePath ?? process.execPath,
      environment: { ...environment, [CACHE_ENVIRONMENT_VARIABLE]: cacheFolder },
      workDir: settings.workDir,
      listener: {
        started: (key) => this.#hear({ type: 'ProcessStarted', key }),
        failed: (key, message) => {
          this.#access.revoke(key);
          this.#hear({ type: 'ProcessFailed', key, message });
        },
        exited: (key, exitCode) => {
          this.#access.revoke(key);
          this.#hear({ type: 'ProcessExited', key, exitCode });
        },
      },
      spareListener: {
        used: (id) => this.#hear({ type: 'SpareUsed', id }),
        ended: (id, message) => this.#hear({ type: 'SpareEnded', id, message }),
      },
      rolling: logRolling(conf, this.#log),
      clock,
      log: this.#log,
    });
    this.#machine = new Worker(settings, this.#log, seededRandom(seed));
    this.#log.info(`Starting Spark worker ${host}:${settings.port} with ${cores} cores, ${memory} MiB RAM`);
    rpc.register<MasterToWorker, AskWorker>(WORKER_ENDPOINT, {
      receive: (message, from) => this.#receive(message, from),
      receiveAndReply: (_ask, from) => {
        this.#checkCluster(from, 'RequestWorkerState');
        return this.state();
      },
      onConnected: (caller) => this.#callers.set(caller.id, caller),
      onDisconnected: ({ id }) => {
        this.#callers.delete(id);
        this.#hear({ type: 'Disconnected', connection: id });
      },
    });
    this.#hear({ type: 'Start' });
  }

  /** Where the shuffle service of its machine listens; null when it has none. */
  /** What its shuffle service does from now on; null: it has none in this process. */
  async measureShuffleService(): Promise<Source | null> {
    return (await this.#shuffleService?.measure?.()) ?? null;
  }

  get shuffleServiceAddress(): RpcAddress | null {
    return this.#shuffleService?.address ?? null;
  }

  /** A picture for pages. */
  state(): WorkerStateResponse {
    return this.#machine.state();
  }

  /** Takes nothing more, as its operator's signal says (`spark.worker.decommission.signal`). */
  decommission(): void {
    this.#hear({ type: 'DecommissionSignal' });
  }

  /** Ends it and all that it has started. Resolves as `finished` does; twice is fine. */
  async stop(): Promise<void> {
    this.#stop({ code: 0, message: 'Worker stopped' });
    await this.finished;
  }

  #receive(message: unknown, from: RpcCaller): void {
    let read: MasterToWorker;
    try {
      this.#checkCluster(from, 'a message of a master');
      read = readMasterMessage(message);
    } catch (error) {
      const { host, port } = from.remote;
      this.#log.warn(`Ignored a message from ${host}:${port}: ${(error as Error).message}`);
      return;
    }
    this.#hear({ type: 'FromMaster', from: from.id, message: read });
  }

  #checkCluster(from: RpcCaller, what: string): void {
    if (this.#access.isOfCluster(from)) return;
    throw new IllegalArgumentError(`${what} came from a process that this worker has started: it may only watch`);
  }

  #hear(news: News): void {
    if (this.#over) return;
    this.#queue.push({ ...news, at: this.#clock.now() } as WorkerEvent); // the event that it is, with its time
    if (this.#working) return;
    this.#working = true;
    for (let event = this.#queue.shift(); event !== undefined; event = this.#queue.shift()) this.#handle(event);
    this.#working = false;
    if (this.#end !== null && this.#machine.idle) void this.#close(this.#end);
  }

  #handle(event: WorkerEvent): void {
    try {
      for (const effect of this.#machine.handle(event)) this.#do(effect);
    } catch (error) {
      // A bug: what other machines rely on is the master's to see.
      this.#log.error(`An error happened while handling ${event.type}: ${errorToData(error).stack}`);
    }
  }

  #do(effect: WorkerEffect): void {
    switch (effect.type) {
      case 'RegisterAt':
        this.#registerAt(effect.masters, effect.worker);
        return;
      case 'CancelRegistration':
        this.#registration++;
        return;
      case 'SendToMaster':
        this.#callers.get(effect.connection)?.ref<WorkerToMaster>(MASTER_ENDPOINT).send(effect.message);
        return;
      case 'TellMaster':
        void this.#tellMaster(effect);
        return;
      case 'CloseConnection':
        this.#callers.get(effect.connection)?.close();
        return;
      case 'SetTimer':
        this.#timers.set(effect.timer, effect.at);
        return;
      case 'CancelTimer':
        this.#timers.cancel(effect.timer);
        return;
      case 'PrepareExecutor':
        void this.#prepareExecutor(effect);
        return;
      case 'PrepareDriver':
        void this.#prepareDriver(effect);
        return;
      case 'EndPreparation':
        this.#preparing.get(effect.key)?.abort(new IskraError('DRIVER_KILLED', `driver ${effect.key} was killed`));
        return;
      case 'StartProcess':
        this.#startProcess(effect);
        return;
      case 'StartSpare':
        this.#processes.startSpare(effect.id, effect.args);
        return;
      case 'EndSpare':
        this.#processes.endSpare(effect.id);
        return;
      case 'SignalProcess':
        this.#processes.signal(effect.key, effect.signal);
        return;
      case 'RemoveDirs':
        void this.#dirs.remove(effect.directories);
        return;
      case 'CleanWorkDir':
        void this.#dirs.clean(
          () => this.#needed(),
          effect.olderThan,
          (name) => this.#hear({ type: 'DirectoryRemoved', name }),
        );
        return;
      case 'ExecutorRemoved':
        this.#shuffleService?.executorRemoved(effect.appId, effect.execId);
        return;
      case 'ApplicationRemoved':
        this.#shuffleService?.applicationRemoved(effect.appId);
        return;
      case 'Exit':
        this.#stop({ code: effect.code, message: effect.message });
        return;
      default:
        assertNever(effect);
    }
  }

  #registerAt(masters: readonly string[], worker: WorkerDescription): void {
    const registration = ++this.#registration;
    const tryOne = async (master: string): Promise<void> => {
      try {
        const ref = await this.#rpc.connect<WorkerToMaster>(parseAddress(master), MASTER_ENDPOINT);
        if (registration === this.#registration) ref.send({ type: 'RegisterWorker', worker, masterAddress: master });
      } catch (error) {
        if (registration !== this.#registration) return;
        const why = (error as Error).message.replace(`Failed to connect to ${master}: `, '');
        // Who was refused has found somebody there.
        const hint = error instanceof RpcHandshakeError ? '' : ' Is one running there?';
        this.#log.warn(`Failed to connect to master ${master}: ${why}.${hint} It is tried again`);
      }
    };
    for (const master of masters) void tryOne(master);
  }

  async #tellMaster({ id, connection, news }: Extract<WorkerEffect, { type: 'TellMaster' }>): Promise<void> {
    let fault: NewsFault | null = null;
    try {
      const master = this.#callers.get(connection)?.ref<WorkerToMaster, TellMaster>(MASTER_ENDPOINT);
      if (master === undefined) fault = { kind: 'link', message: 'the connection is gone' };
      else if (news.type === 'ExecutorStateChanged') await master.ask(news.type, news);
      else await master.ask(news.type, news);
    } catch (error) {
      fault = faultOfNews(error);
    }
    this.#hear({ type: 'NewsAnswered', id, connection, fault });
  }

  async #prepareExecutor(effect: Extract<WorkerEffect, { type: 'PrepareExecutor' }>): Promise<void> {
    const { key, directory, appDirs, resources } = effect;
    const dirs = await this.#dirs.prepareExecutor(directory, appDirs, resources);
    if (dirs.type === 'Ready') this.#hear({ type: 'ExecutorPrepared', key, appDirs: dirs.appDirs });
    else this.#hear({ type: 'ExecutorNotPrepared', key, message: dirs.message, appDirs: dirs.appDirs });
  }

  async #prepareDriver(effect: Extract<WorkerEffect, { type: 'PrepareDriver' }>): Promise<void> {
    const { key, directory, appResource, resources } = effect;
    const preparing = new AbortController();
    this.#preparing.set(key, preparing);
    try {
      await this.#dirs.prepareDriver(directory, resources);
      preparing.signal.throwIfAborted();
      const userJar = await this.#fetch(appResource, directory, preparing.signal);
      this.#hear({ type: 'DriverPrepared', key, userJar });
    } catch (error) {
      this.#hear({ type: 'DriverNotPrepared', key, message: (error as Error).message });
    } finally {
      if (this.#preparing.get(key) === preparing) this.#preparing.delete(key);
    }
  }

  #startProcess({ key, plan, spare }: Extract<WorkerEffect, { type: 'StartProcess' }>): void {
    let access: Readonly<Record<string, string>>;
    try {
      access = { ...this.#access.secretOf(plan.secret), ...this.#access.grant(key) };
      announceExecutor(this.#shuffleService, key, plan, access);
    } catch (error) {
      this.#hear({ type: 'ProcessFailed', key, message: (error as Error).message });
      return;
    }
    this.#processes.start(key, plan, access, spare);
  }

  /** Directories of the work directory whose applications and drivers run here now; and what it keeps itself. */
  #needed(): ReadonlySet<string> {
    const { executors, drivers } = this.#machine.state();
    return new Set([
      SHUFFLE_STATE_DIRECTORY,
      PACKAGE_CACHE,
      ...executors.map(({ appId }) => appId),
      ...drivers.map(({ driverId }) => driverId),
    ]);
  }

  #stop(end: WorkerEnd): void {
    if (this.#end !== null) return;
    this.#end = end;
    if (end.code === 0) this.#log.info('The worker stops');
    else this.#log.error(`${end.message}: the worker ends with ${end.code}`);
    this.#hear({ type: 'Stop' });
  }

  async #close(end: WorkerEnd): Promise<void> {
    if (this.#over) return;
    this.#over = true;
    this.#registration++;
    this.#timers.cancelAll();
    this.#processes.close();
    const served = this.#shuffleService !== null;
    const ended = await Promise.allSettled([
      this.#rpc.stop(),
      this.#shuffleService?.stop(),
      this.#dirs.removeAppDirs(served),
    ]);
    for (const part of ended) if (part.status === 'rejected') this.#log.warn(`The worker's end: ${part.reason}`);
    if (end.code === 0) this.#log.info(end.message);
    this.#finish(end);
  }
}

function faultOfNews(error: unknown): NewsFault {
  const message = error instanceof Error ? error.message : String(error);
  if (error instanceof RpcConnectionError || error instanceof RpcEnvStoppedError) return { kind: 'link', message };
  if (error instanceof RpcTimeoutError) return { kind: 'timeout', message };
  // Neither would be another one the next time.
  const refused = error instanceof RpcMessageError || (IskraError.is(error) && error.code === 'BAD_MESSAGE');
  return { kind: refused ? 'refused' : 'failed', message };
}
