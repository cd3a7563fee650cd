// A master that takes over: it reads what the one before it kept, asks everybody, and goes on with those who answer.
import { IskraError } from '../../base/errors.ts';
import type { AppToMaster } from '../../protocol/master-client.ts';
import type { RecoveryRecord } from '../../protocol/recovery.ts';
import { SAFE_ID } from '../id-pattern.ts';
import { ApplicationInfo, faultOfApplication } from './application-info.ts';
import { DriverInfo } from './driver-info.ts';
import { addApplication, faultOfTotals, removeApplication } from './master-apps.ts';
import { driverLost } from './master-drivers.ts';
import type { ConnectionId } from './master-events.ts';
import type { MasterTables } from './master-tables.ts';
import { addWorker, removeWorker } from './master-workers.ts';
import { faultOfWorker, WorkerInfo } from './worker-info.ts';

/** Spark: ElectedLeader */
export function elected(tables: MasterTables, recovered: readonly RecoveryRecord[]): void {
  if (tables.status !== 'STANDBY') return; // told twice
  tables.status = recovered.length === 0 ? 'ALIVE' : 'RECOVERING';
  tables.log.info(`I have been elected leader! New state: ${tables.status}`);
  if (tables.status === 'ALIVE') {
    tables.scheduleWanted = true;
    return;
  }
  tables.leaveIdsOfThisSecond();
  for (const record of recovered) recover(tables, record);
  tables.effects.push({
    type: 'WakeAt',
    at: tables.at + tables.settings.recoveryTimeoutMs,
    timer: 'CompleteRecovery',
  });
  completeIfAllAnswered(tables); // at once, when there were only drivers
}

/** Spark: Master.beginRecovery. One record that makes no sense must not cost the others. */
function recover(tables: MasterTables, record: RecoveryRecord): void {
  const { url: masterUrl, webUiUrl: masterWebUiUrl } = tables.settings;
  try {
    switch (record.kind) {
      case 'app': {
        tables.log.info(`Trying to recover app: ${record.id}`);
        const { id, app: desc, driverAddress, startedAt } = record;
        const app = new ApplicationInfo(id, desc, driverAddress, null, startedAt, tables.settings.defaultCores);
        app.state = 'UNKNOWN';
        if (!addApplication(tables, app)) throw taken(driverAddress);
        tables.toApp(app.peer, { type: 'MasterChanged', masterUrl, masterWebUiUrl });
        return;
      }
      case 'driver':
        tables.drivers.set(record.id, new DriverInfo(record.id, record.driver, record.submittedAt));
        return;
      case 'worker': {
        tables.log.info(`Trying to recover worker: ${record.id}`);
        const fault = faultOfWorker(record.worker);
        if (fault !== null) throw new IskraError('RECOVERY_RECORD', fault);
        const worker = new WorkerInfo(record.worker, null, tables.at);
        worker.recovering = true;
        if (!addWorker(tables, worker)) throw taken(worker.address);
        worker.state = 'UNKNOWN';
        tables.toWorker(worker.peer, { type: 'MasterChanged', masterUrl, masterWebUiUrl });
        return;
      }
    }
  } catch (error) {
    const text = error instanceof Error ? error.message : String(error);
    tables.log.error(`Could not recover ${record.kind} ${record.id}, which is left out: ${text}`);
    tables.effects.push({ type: 'Unpersist', kind: record.kind, id: record.id });
  }
}

function taken(address: string): IskraError {
  return new IskraError('RECOVERY_RECORD', `another one was recovered with its address ${address}`);
}

/** Spark: MasterChangeAcknowledged */
export function appAnswered(
  tables: MasterTables,
  message: Extract<AppToMaster, { type: 'MasterChangeAcknowledged' }>,
  from: ConnectionId,
): void {
  const app = tables.apps.get(message.appId);
  if (app === undefined) {
    tables.log.warn(`Master change ack from unknown app: ${message.appId}`);
    return;
  }
  tables.log.info(`Application has been re-registered: ${app.id}`);
  app.connection = from;
  if (app.state === 'UNKNOWN') app.state = 'WAITING';
  if (Number.isSafeInteger(message.highestExecutorId)) app.skipExecutorIds(message.highestExecutorId ?? -1);
  if (message.totals !== null && faultOfTotals(app, message.totals) === null) app.request(message.totals);
  completeIfAllAnswered(tables);
}

/**
 * An application comes back whose link broke, on one side at least. Its master had to take it for finished, or was started
 * again and knows nothing of it. It goes on under its id, with new executors if the old ones were given up.
 */
export function reattachApplication(
  tables: MasterTables,
  message: Extract<AppToMaster, { type: 'ReattachApplication' }>,
  from: ConnectionId,
): void {
  if (tables.status === 'STANDBY') return; // the one that leads answers
  const { appId, app: desc, driverAddress, highestExecutorId, totals } = message;
  const refuse = (why: string): void => {
    tables.log.warn(`Refused application ${appId} of ${driverAddress}, which came back: ${why}`);
    tables.toApp({ address: null, connection: from }, { type: 'ApplicationRemoved', message: why });
  };
  const known = tables.apps.get(appId);
  if (known === undefined) {
    const ended = tables.completedApps.findIndex(({ id }) => id === appId);
    const state = tables.completedApps[ended]?.state ?? 'FINISHED';
    const fault = state === 'FINISHED' ? (faultOfId(appId) ?? faultOfApplication(desc)) : state;
    if (fault !== null) {
      refuse(fault);
      return;
    }
    const { at, settings } = tables;
    const app = new ApplicationInfo(appId, desc, driverAddress, from, at, settings.defaultCores);
    if (!addApplication(tables, app)) {
      refuse(`another application has its driver's address`);
      return;
    }
    if (ended >= 0) tables.completedApps.splice(ended, 1);
    tables.effects.push({
      type: 'Persist',
      record: { kind: 'app', id: appId, startedAt: at, app: desc, driverAddress },
    });
  } else if (known.driverAddress !== driverAddress) {
    refuse(`its id is that of the application of ${known.driverAddress}`);
    return;
  }
  appAnswered(tables, { type: 'MasterChangeAcknowledged', appId, highestExecutorId, totals }, from);
  const { url: masterUrl, webUiUrl: masterWebUiUrl } = tables.settings;
  tables.toApp({ address: driverAddress, connection: from }, { type: 'MasterChanged', masterUrl, masterWebUiUrl });
  tables.scheduleWanted = true;
}

/** Workers have directories of that name; a master gives none that could lead elsewhere. */
function faultOfId(appId: string): string | null {
  return SAFE_ID.test(appId) ? null : `${JSON.stringify(appId)} is no id of an application`;
}

/** Goes on as soon as nobody is left to wait for. Spark: Master.canCompleteRecovery */
export function completeIfAllAnswered(tables: MasterTables): void {
  if (tables.status !== 'RECOVERING') return;
  for (const { state, recovering } of tables.workers)
    if (state === 'UNKNOWN' || (state === 'ALIVE' && recovering)) return;
  for (const { state } of tables.apps.values()) if (state === 'UNKNOWN') return;
  completeRecovery(tables);
}

/** Spark: Master.completeRecovery */
export function completeRecovery(tables: MasterTables): void {
  if (tables.status !== 'RECOVERING') return;
  tables.status = 'COMPLETING_RECOVERY';
  for (const worker of [...tables.workers]) {
    if (worker.state === 'UNKNOWN') removeWorker(tables, worker, 'Not responding for recovery');
    worker.recovering = false;
  }
  for (const app of [...tables.apps.values()]) {
    if (app.state === 'UNKNOWN') removeApplication(tables, app, 'FINISHED');
    else if (app.state === 'WAITING' && app.executors.size > 0) app.state = 'RUNNING';
  }
  // What runs of applications that did not answer was taken over in good faith: their workers end it.
  for (const driver of [...tables.drivers.values()]) {
    if (driver.worker !== null || tables.waitingDrivers.has(driver)) continue;
    tables.log.warn(`Driver ${driver.id} was not found after master recovery`);
    driverLost(tables, driver);
  }
  tables.status = 'ALIVE';
  tables.scheduleWanted = true;
  tables.log.info('Recovery complete - resuming operations!');
}
