// Applications and their executors: taken, served, ended.
import { IskraError } from '../../base/errors.ts';
import { type ApplicationState, FINISHED_EXECUTOR_STATES } from '../../protocol/deploy-states.ts';
import type { AppToMaster, ExecutorTotal } from '../../protocol/master-client.ts';
import type { WorkerToMaster } from '../../protocol/master-worker.ts';
import { makeRoom } from '../retain.ts';
import { ApplicationInfo, type ExecutorDesc, faultOfApplication, faultOfDemand } from './application-info.ts';
import type { ConnectionId } from './master-events.ts';
import type { MasterTables } from './master-tables.ts';

/** What happened to an executor. */
export type ExecutorNews = Omit<Extract<WorkerToMaster, { type: 'ExecutorStateChanged' }>, 'type'>;

type RegisterApplication = Extract<AppToMaster, { type: 'RegisterApplication' }>;

/** Spark: RegisterApplication */
export function registerApplication(
  tables: MasterTables,
  { app: desc, driverAddress }: RegisterApplication,
  from: ConnectionId,
): void {
  if (tables.status === 'STANDBY') return; // the one that leads answers
  const fault = faultOfApplication(desc);
  if (fault !== null) {
    tables.log.warn(`Refused application ${desc.name} of ${driverAddress}: ${fault}`);
    tables.toApp({ address: null, connection: from }, { type: 'ApplicationRemoved', message: fault });
    return;
  }
  if (tables.appByAddress.has(driverAddress)) {
    tables.log.info(`Attempted to re-register application at same address: ${driverAddress}`);
    return;
  }
  tables.log.info(`Registering app ${desc.name}`);
  const { at, settings } = tables;
  const app = new ApplicationInfo(tables.newAppId(), desc, driverAddress, from, at, settings.defaultCores);
  addApplication(tables, app);
  tables.log.info(`Registered app ${desc.name} with ID ${app.id}`);
  tables.effects.push({
    type: 'Persist',
    record: { kind: 'app', id: app.id, startedAt: at, app: desc, driverAddress },
  });
  tables.toApp(app.peer, { type: 'RegisteredApplication', appId: app.id, masterUrl: settings.url });
  tables.scheduleWanted = true;
}

/** @returns false when its driver's address has an application already. */
export function addApplication(tables: MasterTables, app: ApplicationInfo): boolean {
  if (tables.appByAddress.has(app.driverAddress)) return false;
  tables.apps.set(app.id, app);
  tables.appByAddress.set(app.driverAddress, app);
  return true;
}

/** Ends an application, however it came to its end. Spark: Master.removeApplication */
export function removeApplication(tables: MasterTables, app: ApplicationInfo, state: ApplicationState): void {
  if (tables.apps.get(app.id) !== app) return;
  tables.log.info(`Removing app ${app.id}`);
  tables.apps.delete(app.id);
  tables.appByAddress.delete(app.driverAddress);
  makeRoom(tables.completedApps, tables.settings.retainedApplications);
  tables.completedApps.push(app);
  for (const executor of app.executors.values()) killExecutor(tables, executor);
  app.state = state;
  app.endedAt = tables.at;
  if (state !== 'FINISHED') tables.toApp(app.peer, { type: 'ApplicationRemoved', message: state });
  tables.effects.push({ type: 'Unpersist', kind: 'app', id: app.id });
  tables.scheduleWanted = true;
  // To every worker: it may have files of executors that ended long ago. One that counts as dead may only be cut off.
  for (const worker of tables.workers) {
    const to = worker.state === 'DEAD' ? { address: null, connection: worker.connection } : worker.peer;
    tables.toWorker(to, { type: 'ApplicationFinished', appId: app.id });
  }
}

function killExecutor(tables: MasterTables, executor: ExecutorDesc): void {
  executor.worker.removeExecutor(executor);
  tables.toWorker(executor.worker.peer, {
    type: 'KillExecutor',
    masterUrl: tables.settings.url,
    appId: executor.app.id,
    execId: executor.id,
  });
  executor.state = 'KILLED';
}

/**
 * A worker's news of an executor.
 *
 * @throws IskraError for RUNNING of one that was not being launched. Spark: ExecutorStateChanged
 */
export function executorStateChanged(
  tables: MasterTables,
  { appId, execId, state, message, exitStatus }: ExecutorNews,
): void {
  const app = tables.apps.get(appId);
  const executor = app?.executors.get(execId);
  if (app === undefined || executor === undefined) {
    tables.log.warn(`Got status update for unknown executor ${appId}/${execId}`);
    if (FINISHED_EXECUTOR_STATES.has(state)) releaseForgotten(tables, `${appId}/${execId}`);
    return;
  }
  const oldState = executor.state;
  if (state === 'RUNNING') {
    if (oldState !== 'LAUNCHING')
      throw new IskraError(
        'ILLEGAL_EXECUTOR_STATE',
        `executor ${execId} state transfer from ${oldState} to RUNNING is illegal`,
        { details: { appId, execId, oldState } },
      );
    app.retryCount = 0;
  }
  executor.state = state;
  tables.toApp(app.peer, { type: 'ExecutorUpdated', execId, state, message, exitStatus, workerHost: null });
  if (!FINISHED_EXECUTOR_STATES.has(state)) return;

  tables.log.info(`Removing executor ${executor.fullId} because it is ${state}`);
  app.removeExecutor(executor);
  executor.worker.removeExecutor(executor);
  tables.scheduleWanted = true;
  if (exitStatus === 0 || oldState === 'DECOMMISSIONED') return;
  // Without this limit an executor that cannot start would be launched for ever.
  const { maxExecutorRetries } = tables.settings;
  app.retryCount++;
  if (maxExecutorRetries < 0 || app.retryCount < maxExecutorRetries || app.hasRunningExecutor) return;
  tables.log.error(`Application ${app.desc.name} with ID ${appId} failed ${app.retryCount} times; removing it`);
  removeApplication(tables, app, 'FAILED');
}

/** An executor that its application has given up may still be counted at a worker that is drained. */
function releaseForgotten(tables: MasterTables, fullId: string): void {
  for (const worker of tables.workers) {
    const executor = worker.executors.get(fullId);
    if (executor === undefined) continue;
    worker.removeExecutor(executor);
    tables.scheduleWanted = true;
  }
}

/** Spark: Master.handleRequestExecutors */
export function requestExecutors(tables: MasterTables, appId: string, totals: readonly ExecutorTotal[]): boolean {
  const app = tables.apps.get(appId);
  const asked = totals.map(({ resourceProfileId: id, total }) => `${total ?? 'any number'} (profile ${id})`).join(', ');
  if (app === undefined) {
    tables.log.warn(`Unknown application ${appId} requested ${asked} total executors.`);
    return false;
  }
  const fault = faultOfTotals(app, totals);
  if (fault !== null) {
    tables.log.warn(`Application ${appId} requested ${asked} total executors: ${fault}`);
    return false;
  }
  tables.log.info(`Application ${appId} requested executors: ${asked}.`);
  app.request(totals);
  tables.scheduleWanted = true;
  return true;
}

/** What an application asks for comes from the network. */
export function faultOfTotals(app: ApplicationInfo, totals: readonly ExecutorTotal[]): string | null {
  const known = new Set(app.resourceProfileIds);
  for (const { resourceProfileId, total, demand } of totals) {
    if (total !== null && !(Number.isSafeInteger(total) && total >= 0)) return `${total} is not a number of executors`;
    const fault = demand === null ? null : faultOfDemand(demand);
    if (fault !== null) return fault;
    if (demand === null && !known.has(resourceProfileId))
      return `resource profile ${resourceProfileId} was never described`;
  }
  return null;
}

/** Spark: Master.handleKillExecutors */
export function killExecutors(tables: MasterTables, appId: string, executorIds: readonly string[]): boolean {
  const app = tables.apps.get(appId);
  if (app === undefined) {
    tables.log.warn(`Unregistered application ${appId} requested us to kill executors!`);
    return false;
  }
  const unknown: string[] = [];
  tables.log.info(`Application ${appId} requests to kill executors: ${executorIds.join(', ')}`);
  for (const text of new Set(executorIds)) {
    if (!/^\d+$/.test(text)) {
      tables.log.error(`Encountered executor with a non-integer ID: ${text}. Ignoring`);
      continue;
    }
    const executor = app.executors.get(Number(text));
    if (executor === undefined) {
      unknown.push(text);
      continue;
    }
    app.removeExecutor(executor);
    killExecutor(tables, executor);
  }
  if (unknown.length > 0)
    tables.log.warn(`Application ${appId} attempted to kill non-existent executors: ${unknown.join(', ')}`);
  tables.scheduleWanted = true;
  return true;
}
