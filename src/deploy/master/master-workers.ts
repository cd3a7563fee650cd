// Workers: registered, heard of, lost, drained; and what they say that they run.
import type { DriverReport, ExecutorReport } from '../../protocol/deploy-description.ts';
import type { WorkerDescription, WorkerToMaster } from '../../protocol/master-worker.ts';
import { executorStateChanged } from './master-apps.ts';
import { driverLost } from './master-drivers.ts';
import type { ConnectionId, Peer } from './master-events.ts';
import type { MasterTables } from './master-tables.ts';
import { faultOfWorker, WorkerInfo } from './worker-info.ts';

type RegisterWorker = Extract<WorkerToMaster, { type: 'RegisterWorker' }>;

/** Whoever has just spoken, over the connection that it used. */
function caller(connection: ConnectionId): Peer {
  return { address: null, connection };
}

/** Spark: RegisterWorker */
export function registerWorker(tables: MasterTables, message: RegisterWorker, from: ConnectionId): void {
  const { worker: desc, masterAddress } = message;
  if (tables.status === 'STANDBY') {
    tables.toWorker(caller(from), { type: 'MasterInStandby' });
    return;
  }
  const known = tables.workerById.get(desc.id);
  const refused = known === undefined ? addNewWorker(tables, desc, from) : comeBack(tables, known, desc, from);
  if (refused !== null) {
    tables.log.warn(`Refused worker ${desc.id} of ${desc.host}:${desc.port}: ${refused}`);
    tables.toWorker(caller(from), { type: 'RegisterWorkerFailed', message: refused });
    return;
  }
  const { url: masterUrl, webUiUrl: masterWebUiUrl } = tables.settings;
  const duplicate = known !== undefined;
  const to = tables.workerById.get(desc.id)?.peer ?? caller(from);
  tables.toWorker(to, { type: 'RegisteredWorker', masterUrl, masterWebUiUrl, masterAddress, duplicate });
}

/** @returns why not, or null. */
function addNewWorker(tables: MasterTables, desc: WorkerDescription, from: ConnectionId): string | null {
  const fault = faultOfWorker(desc);
  if (fault !== null) return `Attempted to register a worker that cannot be: ${fault}`;
  tables.log.info(`Registering worker ${desc.host}:${desc.port} with ${desc.cores} cores, ${desc.memory} MiB RAM`);
  const worker = new WorkerInfo(desc, from, tables.at);
  if (!addWorker(tables, worker)) return `Attempted to re-register worker at same address: ${worker.address}`;
  tables.effects.push({ type: 'Persist', record: { kind: 'worker', id: desc.id, worker: desc } });
  tables.scheduleWanted = true;
  return null;
}

/** A worker registers that is on record. @returns why not, or null. */
function comeBack(tables: MasterTables, known: WorkerInfo, desc: WorkerDescription, from: ConnectionId): string | null {
  if (known.desc.host !== desc.host || known.desc.port !== desc.port)
    return `Attempted to register worker with the ID of another: ${desc.id} is at ${known.address}`;
  known.connection = from;
  known.lastHeartbeat = tables.at;
  known.unconfirmed = { executors: new Set(known.executors.keys()), drivers: new Set(known.drivers.keys()) };
  if (known.state === 'UNKNOWN') {
    tables.log.info(`Worker has been re-registered: ${desc.id}`);
    known.state = 'ALIVE';
  }
  return null;
}

/** @returns false when another live worker has the address. Spark: Master.registerWorker */
export function addWorker(tables: MasterTables, worker: WorkerInfo): boolean {
  for (const other of tables.workers)
    if (other.state === 'DEAD' && other.address === worker.address) tables.workers.delete(other);
  const old = tables.workerByAddress.get(worker.address);
  if (old !== undefined) {
    if (old.state !== 'UNKNOWN') {
      tables.log.info(`Attempted to re-register worker at same address: ${worker.address}`);
      return false;
    }
    // Who registers there was started again while this master recovered: the one on record is dead.
    removeWorker(tables, old, 'Worker replaced by a new worker with same address');
  }
  tables.workers.add(worker);
  tables.workerById.set(worker.id, worker);
  tables.workerByAddress.set(worker.address, worker);
  return true;
}

/** Spark: Master.removeWorker */
export function removeWorker(tables: MasterTables, worker: WorkerInfo, message: string): void {
  tables.log.info(`Removing worker ${worker.id} on ${worker.address}`);
  worker.state = 'DEAD';
  worker.unconfirmed = null;
  worker.recovering = false;
  tables.workerById.delete(worker.id);
  tables.workerByAddress.delete(worker.address);
  for (const executor of [...worker.executors.values()]) {
    if (executor.state !== 'DECOMMISSIONED') {
      tables.log.info(`Telling app of lost executor: ${executor.fullId}`);
      tables.toApp(executor.app.peer, {
        type: 'ExecutorUpdated',
        execId: executor.id,
        state: 'LOST',
        message: 'worker lost',
        exitStatus: null,
        workerHost: worker.desc.host,
      });
    }
    executor.state = 'LOST';
    executor.app.removeExecutor(executor);
    worker.removeExecutor(executor);
  }
  for (const driver of [...worker.drivers.values()]) driverLost(tables, driver);
  tables.log.info(`Telling app of lost worker: ${worker.id}`);
  for (const app of tables.apps.values())
    tables.toApp(app.peer, { type: 'WorkerRemoved', workerId: worker.id, host: worker.desc.host, message });
  tables.effects.push({ type: 'Unpersist', kind: 'worker', id: worker.id });
  tables.scheduleWanted = true;
}

/** Spark: Heartbeat */
export function heartbeat(tables: MasterTables, workerId: string, from: ConnectionId): void {
  const worker = tables.workerById.get(workerId);
  if (worker !== undefined) {
    worker.lastHeartbeat = tables.at;
    return;
  }
  if ([...tables.workers].some(({ id }) => id === workerId)) {
    tables.log.warn(`Got heartbeat from unregistered worker ${workerId}. Asking it to re-register.`);
    tables.toWorker(caller(from), { type: 'ReconnectWorker', masterUrl: tables.settings.url });
  } else {
    tables.log.warn(
      `Got heartbeat from unregistered worker ${workerId}. This worker was never registered, so ignoring the heartbeat.`,
    );
  }
}

/** Spark: Master.timeOutDeadWorkers */
export function timeOutDeadWorkers(tables: MasterTables): void {
  const { workerTimeoutMs, deadWorkerPersistence } = tables.settings;
  for (const worker of [...tables.workers]) {
    const silentFor = tables.at - worker.lastHeartbeat;
    if (silentFor <= workerTimeoutMs) continue;
    if (worker.state !== 'DEAD') {
      const seconds = Math.floor(workerTimeoutMs / 1000);
      tables.log.warn(`Removing ${worker.id} because we got no heartbeat in ${seconds} seconds`);
      removeWorker(tables, worker, `Not receiving heartbeat for ${seconds} seconds`);
    } else if (silentFor > (deadWorkerPersistence + 1) * workerTimeoutMs) tables.workers.delete(worker);
  }
}

/**
 * What a worker says that it runs. What of it this master does not know is to be killed; of a worker that an earlier master
 * registered, what belongs to live applications is taken over.
 *
 * Spark: WorkerLatestState, WorkerSchedulerStateResponse
 */
export function workerState(
  tables: MasterTables,
  workerId: string,
  executors: readonly ExecutorReport[],
  drivers: readonly DriverReport[],
  from: ConnectionId,
): void {
  const worker = tables.workerById.get(workerId);
  if (worker === undefined) {
    tables.log.warn(`Worker state from unknown worker: ${workerId}`);
    return;
  }
  worker.connection = from;
  worker.lastHeartbeat = tables.at;
  if (worker.state === 'UNKNOWN') {
    tables.log.info(`Worker has been re-registered: ${workerId}`);
    worker.state = 'ALIVE';
  }
  for (const report of executors) {
    const { appId, execId } = report;
    const known = worker.executors.get(`${appId}/${execId}`);
    // The link broke before it was told.
    if (known?.state === 'LAUNCHING' && report.state === 'RUNNING')
      executorStateChanged(tables, { appId, execId, state: 'RUNNING', message: null, exitStatus: null });
    if (known !== undefined || (worker.recovering && adoptExecutor(tables, worker, report))) continue;
    tables.toWorker(worker.peer, { type: 'KillExecutor', masterUrl: tables.settings.url, appId, execId });
  }
  for (const { driverId, resources } of drivers) {
    if (worker.drivers.has(driverId)) continue;
    const driver = tables.drivers.get(driverId);
    if (worker.recovering && driver !== undefined && driver.worker === null) {
      driver.worker = worker;
      driver.state = 'RUNNING';
      driver.resources = worker.resources.take(resources);
      worker.addDriver(driver);
      tables.waitingDrivers.delete(driver);
    } else tables.toWorker(worker.peer, { type: 'KillDriver', driverId });
  }
  worker.recovering = false;
  forgetUnconfirmed(tables, worker, executors, drivers);
  tables.scheduleWanted = true;
}

function adoptExecutor(tables: MasterTables, worker: WorkerInfo, report: ExecutorReport): boolean {
  const app = tables.apps.get(report.appId);
  if (app === undefined || app.executors.has(report.execId)) return false;
  const { cores, memory, resourceProfileId, execId } = report;
  const resources = worker.resources.take(report.resources);
  const executor = app.addExecutor(worker, cores, memory, resources, resourceProfileId, execId);
  executor.state = report.state;
  worker.addExecutor(executor);
  return true;
}

/** What ended while the worker could not say so. */
function forgetUnconfirmed(
  tables: MasterTables,
  worker: WorkerInfo,
  executors: readonly ExecutorReport[],
  drivers: readonly DriverReport[],
): void {
  const { unconfirmed } = worker;
  worker.unconfirmed = null;
  if (unconfirmed === null) return;
  const running = new Set(executors.map(({ appId, execId }) => `${appId}/${execId}`));
  for (const fullId of unconfirmed.executors) {
    const executor = worker.executors.get(fullId);
    if (executor !== undefined && !running.has(fullId))
      executorStateChanged(tables, {
        appId: executor.app.id,
        execId: executor.id,
        state: 'LOST',
        message: 'ended while its worker was away',
        exitStatus: null,
      });
  }
  const alive = new Set(drivers.map(({ driverId }) => driverId));
  for (const driverId of unconfirmed.drivers) {
    const driver = worker.drivers.get(driverId);
    if (driver !== undefined && !alive.has(driverId)) driverLost(tables, driver);
  }
}

/** Spark: Master.decommissionWorker */
export function decommissionWorker(tables: MasterTables, worker: WorkerInfo): void {
  if (worker.state === 'DECOMMISSIONED') {
    tables.log.warn(
      `Skipping decommissioning worker ${worker.id} on ${worker.address} as worker is already decommissioned`,
    );
    return;
  }
  tables.log.info(`Decommissioning worker ${worker.id} on ${worker.address}`);
  worker.state = 'DECOMMISSIONED';
  for (const executor of worker.executors.values()) {
    tables.log.info(`Telling app of decommission executors: ${executor.fullId}`);
    tables.toApp(executor.app.peer, {
      type: 'ExecutorUpdated',
      execId: executor.id,
      state: 'DECOMMISSIONED',
      message: 'worker decommissioned',
      exitStatus: null,
      workerHost: worker.desc.host,
    });
    executor.state = 'DECOMMISSIONED';
    executor.app.removeExecutor(executor);
  }
  tables.scheduleWanted = true;
  // A master that recovers must not give it anything.
  tables.effects.push({ type: 'Unpersist', kind: 'worker', id: worker.id });
}

/** Spark: Master.decommissionWorkersOnHosts */
export function decommissionHosts(tables: MasterTables, hosts: readonly string[]): number {
  if (tables.status === 'STANDBY') return 0;
  const wanted = new Set(hosts.map((host) => host.toLowerCase()));
  const workers = [...tables.workerById.values()].filter(({ desc }) => wanted.has(desc.host.toLowerCase()));
  for (const worker of workers) {
    if (worker.state !== 'DECOMMISSIONED') tables.toWorker(worker.peer, { type: 'DecommissionWorker' });
    decommissionWorker(tables, worker);
  }
  return workers.length;
}
