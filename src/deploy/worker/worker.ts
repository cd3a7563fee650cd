import { assertNever } from '../../base/assert-never.ts';
import type { EpochMs } from '../../base/clock.ts';
import type { Logger } from '../../base/logger.ts';
import type { SeededRandom } from '../../base/seeded-random.ts';
import { FINISHED_EXECUTOR_STATES } from '../../protocol/deploy-states.ts';
import type { MasterToWorker, WorkerNews, WorkerToMaster } from '../../protocol/master-worker.ts';
import type { WorkerDriver, WorkerExecutor, WorkerStateResponse } from '../../protocol/worker-process.ts';
import { trimOldest } from '../retain.ts';
import { ApplicationDirectories } from './application-directories.ts';
import { type DriverEnd, DriverRunner, type LaunchDriver, logDriverEnd } from './driver-runner.ts';
import { type ExecutorChange, ExecutorRunner, type LaunchExecutor } from './executor-runner.ts';
import { Holdings } from './holdings.ts';
import { ORDERS, SAFE_ID } from './orders.ts';
import { type ActiveMaster, Registration } from './registration.ts';
import { SpareExecutors } from './spare-executors.ts';
import { UntoldNews } from './untold-news.ts';
import type {
  ConnectionId,
  ProcessEffect,
  ProcessKey,
  WorkerEffect,
  WorkerEvent,
  WorkerTimer,
} from './worker-events.ts';
import { checkWorkerInvariants } from './worker-invariants.ts';
import { workerPicture } from './worker-picture.ts';
import type { WorkerSettings } from './worker-settings.ts';

/**
 * Decides for one worker: whom it follows, what it starts, what it has left, what it cleans up.
 *
 * An executor or driver is accepted (its cores, memory and resources are in use from then on), prepared (directories, bundle),
 * started, and ends in one state that the master is told (and all is given back). `Registration`, `ExecutorRunner` and
 * `DriverRunner` have the pictures.
 *
 * When something fails. The link to the master breaks: what runs goes on, the worker registers again, under its id, with what
 * runs; of what has ended meanwhile the next registration is told first (`UntoldNews`). Nobody answers:
 * the process ends with 1, and with it, since they hang on its connection, what it started. A directory cannot be made, a
 * program cannot be spawned: FAILED, or ERROR of a driver, with the text. A process ignores SIGTERM: SIGKILL; ignores that: it is
 * given up. A master that is not the active one is not obeyed.
 *
 * Invariants:
 * 1. Cores and memory in use are the sums over live executors and drivers.
 * 2. A live executor has no finished state, and is in no other table.
 * 3. Heartbeats go only to the connected master; a worker that is not connected tries to register.
 * 4. Whatever is asked to wait for an application's directories waits only while they are made.
 * 5. A worker that takes nothing more has no spares.
 *
 * Spark: Worker
 */
export class Worker {
  readonly #settings: WorkerSettings;
  readonly #log: Logger;
  readonly #registration: Registration;
  readonly #news: UntoldNews;
  #effects: WorkerEffect[] = [];
  #at: EpochMs = 0;
  readonly #used = new Holdings();
  readonly #executors = new Map<ProcessKey, ExecutorRunner>();
  readonly #drivers = new Map<ProcessKey, DriverRunner>();
  readonly #finishedExecutors = new Map<string, WorkerExecutor>();
  readonly #finishedDrivers = new Map<string, WorkerDriver>();
  readonly #appDirs = new ApplicationDirectories<ExecutorRunner>();
  readonly #finishedApps = new Set<string>();
  readonly #spares: SpareExecutors;
  #heartbeats = false;
  #cleanups = false;
  #decommissioned = false;
  #stopping = false;

  constructor(settings: WorkerSettings, log: Logger, random: SeededRandom) {
    this.#settings = settings;
    this.#log = log;
    this.#registration = new Registration(settings, log, random);
    this.#news = new UntoldNews(settings, log, this.#registration);
    this.#spares = new SpareExecutors(settings, log);
  }

  handle(event: WorkerEvent): WorkerEffect[] {
    this.#at = event.at;
    this.#effects = [];
    switch (event.type) {
      case 'Start':
        this.#effects.push(...this.#registration.begin(event.at));
        break;
      case 'FromMaster':
        this.#fromMaster(event.message, event.from);
        break;
      case 'Disconnected':
        this.#disconnected(event.connection);
        break;
      case 'Woken':
        this.#woken(event.timer);
        break;
      case 'NewsAnswered':
        this.#effects.push(...this.#news.answered(event.id, event.connection, event.fault, event.at));
        break;
      case 'ExecutorPrepared':
        this.#appDirsMade(event.key, event.appDirs);
        this.#executor(event.key, (runner) => runner.prepared(event.appDirs));
        break;
      case 'ExecutorNotPrepared':
        this.#log.error(`Failed to launch executor ${event.key}: ${event.message}`);
        this.#appDirsMade(event.key, event.appDirs);
        this.#executor(event.key, (runner) => runner.failed(event.message));
        break;
      case 'DriverPrepared':
        this.#driver(event.key, (runner) => runner.prepared(event.userJar));
        break;
      case 'DriverNotPrepared':
        this.#driver(event.key, (runner) => runner.failed(event.message));
        break;
      case 'ProcessStarted':
        this.#executor(event.key, (runner) => runner.started(event.at));
        this.#driver(event.key, (runner) => runner.started(event.at));
        break;
      case 'ProcessFailed':
        this.#executor(event.key, (runner) => runner.failed(event.message));
        this.#driver(event.key, (runner) => runner.failed(event.message));
        break;
      case 'ProcessExited':
        this.#executor(event.key, (runner) => runner.exited(event.exitCode));
        this.#driver(event.key, (runner) => runner.exited(event.exitCode, event.at));
        break;
      case 'DirectoryRemoved':
        this.#directoryRemoved(event.name);
        break;
      case 'SpareUsed':
      case 'SpareEnded':
        this.#effects.push(...this.#spares.handle(event));
        break;
      case 'DecommissionSignal':
        if (this.#decommission()) this.#tellIfDecommissioned();
        break;
      case 'Stop':
        this.#stop();
        break;
      default:
        assertNever(event);
    }
    if (this.#heartbeats && !this.#decommissioned && !this.#stopping)
      this.#effects.push(...this.#spares.start(event.at, this.#executors.values()));
    return this.#effects;
  }

  /** True when nothing runs any more: after `Stop` the process can end. */
  get idle(): boolean {
    return this.#executors.size + this.#drivers.size === 0;
  }

  /** A picture for pages. Spark: RequestWorkerState */
  state(): WorkerStateResponse {
    return workerPicture({
      settings: this.#settings,
      master: this.#registration.master,
      executors: this.#executors,
      finishedExecutors: this.#finishedExecutors,
      drivers: this.#drivers,
      finishedDrivers: this.#finishedDrivers,
      used: this.#used,
    });
  }

  /** @throws InvariantError when one of the class comment's does not hold. */
  checkInvariants(): void {
    checkWorkerInvariants({
      executors: this.#executors,
      drivers: this.#drivers,
      finishedExecutors: this.#finishedExecutors,
      used: this.#used,
      registration: this.#registration,
      appDirs: this.#appDirs,
      spares: this.#spares,
      takesNothing: this.#decommissioned || this.#stopping,
    });
  }

  #fromMaster(message: MasterToWorker, from: ConnectionId): void {
    const { worker, workDir, preferConfiguredMasterAddress } = this.#settings;
    // A master that was stopped for a while may not know yet that another one leads. Orders come by the link of the one that does.
    if (ORDERS.has(message.type) && from !== this.#registration.master?.connection) {
      const url = 'masterUrl' in message ? ` (${message.masterUrl})` : '';
      this.#log.warn(`Invalid Master${url} attempted to ${ORDERS.get(message.type)}.`);
      return;
    }
    if (this.#stopping && message.type.startsWith('Launch')) return; // refused it would come again; it goes elsewhere soon
    switch (message.type) {
      case 'RegisteredWorker': {
        const { masterUrl, masterWebUiUrl: webUiUrl, masterAddress } = message;
        const own = masterUrl.replace(/^spark:\/\//, '');
        const address = preferConfiguredMasterAddress ? masterAddress : own;
        if (message.duplicate) this.#log.warn(`Duplicate registration at master spark://${address}`);
        this.#log.info(`Successfully registered with master spark://${address}`);
        this.#follow({ url: masterUrl, webUiUrl, address, connection: from });
        if (this.#settings.cleanupEnabled && !this.#cleanups) {
          this.#log.info(`Worker cleanup enabled; old application directories will be deleted in: ${workDir}`);
          this.#cleanups = true;
          this.#setTimer('WorkDirCleanup', this.#settings.cleanupIntervalMs);
        }
        this.#toMaster({ type: 'WorkerLatestState', workerId: worker.id, ...this.#reports() });
        this.#tellIfDecommissioned();
        break;
      }
      case 'RegisterWorkerFailed':
        if (this.#registration.registered) break; // another master has taken it
        this.#log.error(`Worker registration failed: ${message.message}`);
        this.#effects.push({ type: 'Exit', code: 1, message: `Worker registration failed: ${message.message}` });
        break;
      case 'MasterInStandby':
        break; // the timer goes on
      case 'MasterChanged': {
        const { masterUrl, masterWebUiUrl: webUiUrl } = message;
        this.#log.info(`Master has changed, new master is at ${masterUrl}`);
        const address = masterUrl.replace(/^spark:\/\//, '');
        this.#follow({ url: masterUrl, webUiUrl, address, connection: from });
        this.#toMaster({ type: 'WorkerSchedulerStateResponse', workerId: worker.id, ...this.#reports() });
        this.#tellIfDecommissioned();
        break;
      }
      case 'ReconnectWorker':
        this.#log.info(`Master with url ${message.masterUrl} requested this worker to reconnect.`);
        this.#registration.connected = false;
        this.#effects.push(...this.#registration.begin(this.#at));
        break;
      case 'LaunchExecutor':
        this.#launchExecutor(message);
        break;
      case 'KillExecutor': {
        const key = `${message.appId}/${message.execId}`;
        if (message.masterUrl !== this.#registration.master?.url)
          this.#log.warn(`Invalid Master (${message.masterUrl}) attempted to kill executor ${message.execId}`);
        else if (this.#executors.has(key)) {
          this.#log.info(`Asked to kill executor ${key}`);
          this.#executor(key, (runner) => runner.kill(this.#at));
        } else this.#log.info(`Asked to kill unknown executor ${key}`);
        break;
      }
      case 'LaunchDriver':
        this.#launchDriver(message);
        break;
      case 'KillDriver':
        this.#log.info(`Asked to kill driver ${message.driverId}`);
        if (this.#drivers.has(message.driverId)) this.#driver(message.driverId, (runner) => runner.kill(this.#at));
        else this.#log.error(`Asked to kill unknown driver ${message.driverId}`);
        break;
      case 'ApplicationFinished':
        this.#finishedApps.add(message.appId);
        this.#maybeCleanUp(message.appId);
        break;
      case 'DecommissionWorker':
        this.#decommission();
        break;
      default:
        assertNever(message);
    }
  }

  #follow(master: ActiveMaster): void {
    this.#effects.push(...this.#registration.changeMaster(master));
    if (!this.#heartbeats) this.#heartbeat(); // at once, then every interval
    this.#heartbeats = true;
    this.#effects.push(...this.#news.tellAgain());
  }

  #heartbeat(): void {
    const { connected } = this.#registration;
    if (connected) this.#toMaster({ type: 'Heartbeat', workerId: this.#settings.worker.id });
    this.#setTimer('SendHeartbeat', this.#settings.heartbeatMs);
  }

  #reports(): Pick<Extract<WorkerToMaster, { type: 'WorkerLatestState' }>, 'executors' | 'drivers'> {
    return {
      executors: Array.from(this.#executors.values(), (runner) => runner.report()),
      drivers: Array.from(this.#drivers.values(), (runner) => runner.report()),
    };
  }

  #disconnected(connection: ConnectionId): void {
    const { master, connected } = this.#registration;
    if (!connected || master?.connection !== connection || this.#stopping) return;
    this.#log.info(`${master.address} Disassociated !`);
    this.#log.error('Connection to master failed! Waiting for master to reconnect...');
    this.#registration.connected = false;
    this.#effects.push(...this.#registration.begin(this.#at));
  }

  #woken(timer: WorkerTimer): void {
    switch (timer) {
      case 'ReregisterWithMaster':
        this.#effects.push(...this.#registration.tryAgain(this.#at));
        return;
      case 'SendHeartbeat':
        this.#heartbeat();
        return;
      case 'WorkDirCleanup':
        this.#cleanWorkDir();
        return;
      case 'StartSpares':
        return; // they start when nothing speaks against it, after any event
    }
    const [what, key = ''] = timer.split(/ (.*)/s);
    if (what === 'tell') this.#effects.push(...this.#news.woken(key));
    else if (what === 'up') this.#executor(key, (runner) => runner.isUp());
    else if (what === 'restart') this.#driver(key, (runner) => runner.waited());
    else {
      this.#executor(key, (runner) => runner.killTimeIsUp(this.#at));
      this.#driver(key, (runner) => runner.killTimeIsUp(this.#at));
    }
  }

  #launchExecutor(launch: LaunchExecutor): void {
    const { masterUrl, appId, execId, app } = launch;
    if (masterUrl !== this.#registration.master?.url) {
      this.#log.warn(`Invalid Master (${masterUrl}) attempted to launch executor.`);
      return;
    }
    const refuse = (message: string): void => {
      this.#log.warn(message);
      this.#tell({ type: 'ExecutorStateChanged', appId, execId, state: 'FAILED', message, exitStatus: null });
    };
    if (this.#decommissioned) {
      refuse('Asked to launch an executor while decommissioned. Not launching executor.');
      return;
    }
    if (!SAFE_ID.test(appId) || !Number.isSafeInteger(execId) || execId < 0) {
      refuse(`'${appId}/${execId}' is no id of an executor`);
      return;
    }
    this.#log.info(`Asked to launch executor ${appId}/${execId} for ${app.name}`);
    const runner = new ExecutorRunner(launch, this.#settings, this.#registration.pagesUrl);
    if (this.#executors.has(runner.key)) {
      this.#log.warn(`Executor ${runner.key} runs already; it is left as it is.`);
      return;
    }
    this.#executors.set(runner.key, runner);
    this.#finishedExecutors.delete(runner.key);
    this.#finishedApps.delete(appId); // its driver came back
    this.#used.hold(runner.key, launch);
    this.#prepare(runner);
  }

  #prepare(runner: ExecutorRunner): void {
    const dirs = this.#appDirs.askedBy(runner);
    if (dirs === 'wait') return;
    const { key, directory } = runner;
    const { resources } = runner.launch;
    const appDirs = dirs === 'make' ? null : dirs;
    this.#effects.push({ type: 'PrepareExecutor', key, directory, appDirs, resources });
  }

  /** @param appDirs null: they could not be made, so the next one tries. */
  #appDirsMade(key: ProcessKey, appDirs: readonly string[] | null): void {
    const runner = this.#executors.get(key);
    if (runner !== undefined) for (const each of this.#appDirs.made(runner, appDirs)) this.#prepare(each);
  }

  #launchDriver(launch: LaunchDriver): void {
    const { driverId, driver, resources } = launch;
    this.#log.info(`Asked to launch driver ${driverId}`);
    const refuse = (exception: string): void => {
      this.#log.warn(exception);
      this.#tell({ type: 'DriverStateChanged', driverId, state: 'ERROR', exception });
    };
    if (this.#drivers.has(driverId)) {
      this.#log.warn(`Driver ${driverId} runs already; it is left as it is.`);
      return;
    }
    if (this.#decommissioned) {
      refuse('Asked to launch a driver while decommissioned. Not launching driver.');
      return;
    }
    if (!SAFE_ID.test(driverId)) {
      refuse(`'${driverId}' is no id of a driver`);
      return;
    }
    const runner = new DriverRunner(launch, this.#settings, this.#log);
    this.#drivers.set(driverId, runner);
    this.#used.hold(runner.key, { ...driver, resources });
    const { key, directory } = runner;
    this.#effects.push({ type: 'PrepareDriver', key, directory, appResource: driver.appResource, resources });
  }

  #executor(key: ProcessKey, step: (runner: ExecutorRunner) => readonly (ProcessEffect | ExecutorChange)[]): void {
    const runner = this.#executors.get(key);
    if (runner === undefined) return;
    for (const out of step(runner))
      if (out.type === 'Changed') this.#executorChanged(runner, out);
      else if (out.type !== 'StartProcess') this.#effects.push(out);
      else this.#effects.push({ ...out, spare: out.plan.toSpare === null ? null : this.#spares.take(runner.launch) });
  }

  #driver(key: ProcessKey, step: (runner: DriverRunner) => readonly (ProcessEffect | DriverEnd)[]): void {
    const runner = this.#drivers.get(key);
    if (runner === undefined) return;
    for (const out of step(runner))
      if (out.type === 'Ended') this.#driverEnded(runner, out);
      else this.#effects.push(out.type === 'StartProcess' ? { ...out, spare: null } : out);
  }

  /** Spark: Worker.handleExecutorStateChanged */
  #executorChanged(runner: ExecutorRunner, { state, message, exitStatus }: ExecutorChange): void {
    const { appId, execId } = runner.launch;
    if (!runner.leftToMaster) this.#tell({ type: 'ExecutorStateChanged', appId, execId, state, message, exitStatus });
    if (!FINISHED_EXECUTOR_STATES.has(state)) return;
    const why = `${message === null ? '' : ` message ${message}`}${exitStatus === null ? '' : ` exitStatus ${exitStatus}`}`;
    this.#log.info(`Executor ${runner.key} finished with state ${state}${why}`);
    this.#executors.delete(runner.key);
    this.#finishedExecutors.set(runner.key, runner.summary());
    trimOldest(this.#finishedExecutors, this.#settings.retainedExecutors);
    this.#used.release(runner.key);
    if (this.#settings.cleanupFilesAfterExecutorExit)
      this.#effects.push({ type: 'ExecutorRemoved', appId, execId: String(execId) });
    this.#maybeCleanUp(appId);
  }

  /** Spark: Worker.handleDriverStateChanged */
  #driverEnded(runner: DriverRunner, { state, exception }: DriverEnd): void {
    const { driverId } = runner.launch;
    if (runner.leftToMaster) this.#log.info(`Driver ${driverId} ends with this worker; its master starts it elsewhere`);
    else {
      logDriverEnd(this.#log, driverId, state, exception);
      this.#tell({ type: 'DriverStateChanged', driverId, state, exception });
    }
    this.#drivers.delete(driverId);
    this.#finishedDrivers.set(driverId, runner.summary());
    trimOldest(this.#finishedDrivers, this.#settings.retainedDrivers);
    this.#used.release(runner.key);
  }

  /** Nothing was changed in its directory for long: its end was not told, since the link to the master was down, say. */
  #directoryRemoved(appId: string): void {
    for (const { launch } of this.#executors.values()) if (launch.appId === appId) return;
    this.#finishedApps.add(appId);
    this.#maybeCleanUp(appId);
  }

  /** Spark: Worker.maybeCleanupApplication */
  #maybeCleanUp(appId: string): void {
    if (!this.#finishedApps.has(appId)) return;
    for (const { launch } of this.#executors.values()) if (launch.appId === appId) return;
    this.#finishedApps.delete(appId);
    const directories = this.#appDirs.taken(appId);
    if (directories !== null) {
      this.#log.info(`Cleaning up local directories for application ${appId}`);
      this.#effects.push({ type: 'RemoveDirs', directories });
    }
    this.#effects.push({ type: 'ApplicationRemoved', appId });
  }

  #cleanWorkDir(): void {
    const { appDataTtlMs, cleanupIntervalMs } = this.#settings;
    const apps = new Set(Array.from(this.#executors.values(), ({ launch }) => launch.appId));
    const keep = [...apps, ...this.#drivers.keys()];
    this.#effects.push({ type: 'CleanWorkDir', keep, olderThan: this.#at - appDataTtlMs });
    this.#setTimer('WorkDirCleanup', cleanupIntervalMs);
  }

  #decommission(): boolean {
    if (!this.#settings.decommissionEnabled) {
      this.#log.warn('Receive decommission request, but decommission feature is disabled.');
      return false;
    }
    if (this.#decommissioned) return false;
    this.#log.info('Decommission worker: it takes nothing more.');
    this.#decommissioned = true;
    this.#effects.push(...this.#spares.end());
    return true;
  }

  /** Again after each registration: a master that came later, or did not hear it, would go on to give it executors. */
  #tellIfDecommissioned(): void {
    if (this.#decommissioned) this.#toMaster({ type: 'WorkerDecommissioning', workerId: this.#settings.worker.id });
  }

  /** Spark: Worker.onStop */
  #stop(): void {
    if (this.#stopping) return;
    this.#stopping = true;
    for (const timer of ['ReregisterWithMaster', 'SendHeartbeat', 'WorkDirCleanup'] as const)
      this.#effects.push({ type: 'CancelTimer', timer });
    this.#effects.push({ type: 'CancelRegistration' }, ...this.#spares.end());
    for (const key of [...this.#executors.keys()]) this.#executor(key, (runner) => runner.stop(this.#at));
    for (const key of [...this.#drivers.keys()]) this.#driver(key, (runner) => runner.stop(this.#at));
  }

  #toMaster(message: WorkerToMaster): void {
    const { master, connected } = this.#registration;
    if (master === null || !connected)
      this.#log.warn(`Dropping ${message.type} because the connection to master has not yet been established`);
    else this.#effects.push({ type: 'SendToMaster', connection: master.connection, message });
  }

  #tell(news: WorkerNews): void {
    this.#effects.push(...this.#news.tell(news));
  }

  #setTimer(timer: WorkerTimer, delayMs: number): void {
    if (!this.#stopping) this.#effects.push({ type: 'SetTimer', timer, at: this.#at + delayMs });
  }
}
