import { assertNever } from '../../base/assert-never.ts';
import type { Logger } from '../../base/logger.ts';
import type { SeededRandom } from '../../base/seeded-random.ts';
import type { MasterStatus } from '../../protocol/deploy-states.ts';
import type { AppToMaster, AskMaster, MasterStateResponse } from '../../protocol/master-client.ts';
import type { WorkerToMaster } from '../../protocol/master-worker.ts';
import {
  executorStateChanged,
  killExecutors,
  registerApplication,
  removeApplication,
  requestExecutors,
} from './master-apps.ts';
import {
  driverStateChanged,
  driverStatus,
  killAllDrivers,
  killDriver,
  refusal,
  submitDriver,
} from './master-drivers.ts';
import type { ConnectionId, MasterEffect, MasterEvent, MasterQuestion, MasterReply } from './master-events.ts';
import { checkMasterInvariants } from './master-invariants.ts';
import {
  appAnswered,
  completeIfAllAnswered,
  completeRecovery,
  elected,
  reattachApplication,
} from './master-recovery.ts';
import { schedule } from './master-scheduling.ts';
import type { MasterSettings } from './master-settings.ts';
import { MasterTables } from './master-tables.ts';
import {
  decommissionHosts,
  decommissionWorker,
  heartbeat,
  registerWorker,
  removeWorker,
  timeOutDeadWorkers,
  workerState,
} from './master-workers.ts';

/**
 * Decides for a standalone cluster: which workers it has, which drivers and executors run where.
 *
 *   STANDBY ──elected──► ALIVE
 *      └─elected, with records─► RECOVERING ──all answered, or time is up──► COMPLETING_RECOVERY ──► ALIVE
 *
 *   worker    (UNKNOWN ─►) ALIVE ─► DECOMMISSIONED        each ─silent, or its link is gone─► DEAD ─► forgotten
 *   executor  LAUNCHING ─► RUNNING ─► EXITED, FAILED, KILLED, LOST        (DECOMMISSIONED on the way)
 *   driver    SUBMITTED ─► RUNNING ─► FINISHED, FAILED, KILLED, ERROR     its worker lost: RELAUNCHING, under a new id
 *
 * Glossary: to *adopt*: to take over what a worker says that it runs, of applications that an earlier master accepted.
 * *Unconfirmed*: believed to run on a worker that has just come back, until it says what does.
 *
 * When something fails. A worker's link breaks, or it is silent for `spark.worker.timeout`: its executors are LOST, which their
 * applications are told; supervised drivers start elsewhere under new ids, so that an old one's late news counts for nothing;
 * when it comes back it is told to kill what is not known any more. An application's link breaks: it has finished; when it comes back, it has not. Executors
 * that end early, one after another with none running: the application FAILED. This process dies: the next master reads the
 * records, asks workers and applications with MasterChanged, and schedules nothing until it knows what runs. News that cannot
 * be (RUNNING of an executor that runs) is refused by an exception and changes nothing.
 *
 * Invariants:
 * 1. What a worker counts as used is the sum of its executors and drivers; a dead one runs nothing.
 * 2. Cores granted to an application are the sum of its executors, each of which is on a worker that is not dead.
 * 3. A live driver waits or is at one worker, never both, never neither while ALIVE.
 * 4. A worker that is not dead is found by its id and by its address, and nobody else by those; likewise applications.
 * 5. Nobody is UNKNOWN but while RECOVERING.
 * 6. STANDBY knows nobody and gives nothing: only what was elected acts.
 *
 * Spark: Master
 */
export class Master {
  readonly #tables: MasterTables;

  constructor(settings: MasterSettings, log: Logger, random: SeededRandom) {
    this.#tables = new MasterTables(settings, log, random);
  }

  /**
   * @returns what is to be done, in this order.
   * @throws IskraError for news that cannot be; nothing has changed then.
   */
  handle(event: MasterEvent): MasterEffect[] {
    const tables = this.#tables;
    tables.at = event.at;
    tables.effects = [];
    switch (event.type) {
      case 'Start':
        this.#checkWorkersLater();
        break;
      case 'ElectedLeader':
        elected(tables, event.recovered);
        break;
      case 'RevokedLeadership':
        tables.log.error('Leadership has been revoked -- master shutting down.');
        tables.effects.push({
          type: 'Exit',
          code: 0,
          message: 'Leadership has been revoked -- master shutting down.',
        });
        break;
      case 'FromWorker':
        this.#fromWorker(event.message, event.from);
        break;
      case 'FromApp':
        this.#fromApp(event.message, event.from);
        break;
      case 'Asked':
        tables.effects.push(this.#answer(event.askId, event.ask));
        break;
      case 'Disconnected':
        this.#disconnected(event.connection);
        break;
      case 'Woken':
        if (event.timer === 'CompleteRecovery') completeRecovery(tables);
        else {
          timeOutDeadWorkers(tables);
          this.#checkWorkersLater();
          completeIfAllAnswered(tables);
        }
        break;
      default:
        assertNever(event);
    }
    if (tables.scheduleWanted) schedule(tables);
    return tables.effects;
  }

  get status(): MasterStatus {
    return this.#tables.status;
  }

  /** A picture for pages. Spark: RequestMasterState */
  state(): MasterStateResponse {
    const { settings, status, workers, apps, completedApps, drivers, completedDrivers } = this.#tables;
    return {
      url: settings.url,
      status,
      workers: Array.from(workers, (worker) => worker.summary()),
      activeApps: Array.from(apps.values(), (app) => app.summary()),
      completedApps: completedApps.map((app) => app.summary()),
      activeDrivers: Array.from(drivers.values(), (driver) => driver.summary()),
      completedDrivers: completedDrivers.map((driver) => driver.summary()),
    };
  }

  /** @throws InvariantError when one of the class comment's does not hold. */
  checkInvariants(): void {
    checkMasterInvariants(this.#tables);
  }

  #fromWorker(message: WorkerToMaster, from: ConnectionId): void {
    const tables = this.#tables;
    switch (message.type) {
      case 'RegisterWorker':
        registerWorker(tables, message, from);
        break;
      case 'Heartbeat':
        heartbeat(tables, message.workerId, from);
        break;
      case 'WorkerLatestState':
      case 'WorkerSchedulerStateResponse':
        workerState(tables, message.workerId, message.executors, message.drivers, from);
        completeIfAllAnswered(tables);
        break;
      case 'ExecutorStateChanged':
        executorStateChanged(tables, message);
        break;
      case 'DriverStateChanged':
        driverStateChanged(tables, message.driverId, message.state, message.exception);
        break;
      case 'WorkerDecommissioning': {
        const worker = tables.workerById.get(message.workerId);
        if (tables.status === 'STANDBY')
          tables.toWorker({ address: null, connection: from }, { type: 'MasterInStandby' });
        else if (worker !== undefined) decommissionWorker(tables, worker);
        break;
      }
      default:
        assertNever(message);
    }
  }

  #fromApp(message: AppToMaster, from: ConnectionId): void {
    const tables = this.#tables;
    switch (message.type) {
      case 'RegisterApplication':
        registerApplication(tables, message, from);
        break;
      case 'UnregisterApplication': {
        tables.log.info(`Received unregister request from application ${message.appId}`);
        const app = tables.apps.get(message.appId);
        if (app !== undefined) removeApplication(tables, app, 'FINISHED');
        break;
      }
      case 'ReattachApplication':
        reattachApplication(tables, message, from);
        break;
      case 'MasterChangeAcknowledged':
        appAnswered(tables, message, from);
        break;
      default:
        assertNever(message);
    }
  }

  /** It was a worker, an application, or somebody who only asked. Spark: Master.onDisconnected */
  #disconnected(connection: ConnectionId): void {
    const tables = this.#tables;
    for (const worker of [...tables.workerById.values()]) {
      if (worker.connection !== connection) continue;
      tables.log.info(`${worker.address} got disassociated, removing it.`);
      removeWorker(tables, worker, `${worker.address} got disassociated`);
    }
    for (const app of [...tables.apps.values()]) {
      if (app.connection !== connection) continue;
      tables.log.info(`${app.driverAddress} got disassociated, removing it.`);
      removeApplication(tables, app, 'FINISHED');
    }
    completeIfAllAnswered(tables);
  }

  #answer(askId: number, ask: MasterQuestion): MasterReply {
    const tables = this.#tables;
    const reply = <K extends keyof AskMaster>(type: K, value: AskMaster[K][1]): MasterReply =>
      ({ type: 'Reply', askId, ask: type, reply: value }) as MasterReply; // K ties the two together
    switch (ask.type) {
      case 'RequestSubmitDriver':
        return reply(ask.type, submitDriver(tables, ask.request.driver));
      case 'RequestKillDriver':
        return reply(ask.type, killDriver(tables, ask.request.driverId));
      case 'RequestKillAllDrivers':
        return reply(ask.type, killAllDrivers(tables));
      case 'RequestDriverStatus':
        return reply(ask.type, driverStatus(tables, ask.request.driverId));
      case 'RequestClearCompletedDriversAndApps': {
        const refused = refusal(tables, 'clear');
        if (refused === null) {
          tables.completedApps.length = 0;
          tables.completedDrivers.length = 0;
        }
        return reply(ask.type, { success: refused === null, message: refused ?? 'Cleared completed drivers and apps' });
      }
      case 'RequestReadyz':
        return reply(ask.type, { ready: tables.status !== 'STANDBY' });
      case 'RequestExecutors':
        return reply(ask.type, { accepted: requestExecutors(tables, ask.request.appId, ask.request.totals) });
      case 'KillExecutors':
        return reply(ask.type, { accepted: killExecutors(tables, ask.request.appId, ask.request.executorIds) });
      case 'RequestKillApplication': {
        const app = tables.apps.get(ask.request.appId);
        if (app !== undefined) removeApplication(tables, app, 'KILLED');
        return reply(ask.type, { success: app !== undefined });
      }
      case 'DecommissionWorkersOnHosts':
        return reply(ask.type, { workers: decommissionHosts(tables, ask.request.hosts) });
      case 'RequestMasterState':
        return reply(ask.type, this.state());
      default:
        return assertNever(ask);
    }
  }

  #checkWorkersLater(): void {
    const { effects, at, settings } = this.#tables;
    effects.push({ type: 'WakeAt', at: at + settings.workerTimeoutMs, timer: 'CheckForWorkerTimeOut' });
  }
}
