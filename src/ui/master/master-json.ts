// What `/json/` of a master says: Spark's fields, in Spark's order. Spark: JsonProtocol
import type { EpochMs } from '../../base/clock.ts';
import type { ApplicationSummary, DriverSummary, WorkerSummary } from '../../protocol/deploy-summaries.ts';
import type { MasterStateResponse } from '../../protocol/master-client.ts';
import { amountsJson, demandJson, freeResources, resourcesJson } from '../resource-json.ts';
import { javaDateText } from '../text-forms.ts';

type Json = Readonly<Record<string, unknown>>;

/** @param now for how long applications have been running. */
export function masterStateJson(state: MasterStateResponse, now: EpochMs): Json {
  const alive = state.workers.filter((worker) => worker.state === 'ALIVE');
  return {
    url: state.url,
    workers: state.workers.map(workerJson),
    aliveworkers: alive.length,
    cores: sum(alive, ({ worker }) => worker.cores),
    coresused: sum(alive, (worker) => worker.coresUsed),
    memory: sum(alive, ({ worker }) => worker.memory),
    memoryused: sum(alive, (worker) => worker.memoryUsed),
    resources: alive.map(({ worker }) => resourcesJson(worker.resources)),
    resourcesused: alive.map((worker) => resourcesJson(worker.resourcesUsed)),
    activeapps: state.activeApps.map((app) => applicationJson(app, now)),
    completedapps: state.completedApps.map((app) => applicationJson(app, now)),
    activedrivers: state.activeDrivers.map(driverJson),
    completeddrivers: state.completedDrivers.map(driverJson),
    status: state.status,
  };
}

/** One field alone; one that there is not is an empty text. */
export function masterFieldJson(state: MasterStateResponse, field: string, now: EpochMs): Json {
  const all = masterStateJson(state, now);
  return { [field]: Object.hasOwn(all, field) ? all[field] : '' };
}

/** Spark: JsonProtocol.writeClusterUtilization */
export function clusterUtilizationJson(state: MasterStateResponse): Json {
  const alive = state.workers.filter((worker) => worker.state === 'ALIVE');
  const cores = sum(alive, ({ worker }) => worker.cores);
  const coresused = sum(alive, (worker) => worker.coresUsed);
  const memory = sum(alive, ({ worker }) => worker.memory);
  const memoryused = sum(alive, (worker) => worker.memoryUsed);
  return {
    waitingDrivers: state.activeDrivers.filter((driver) => driver.state === 'SUBMITTED').length,
    cores,
    coresused,
    coresutilization: percent(coresused, cores),
    memory,
    memoryused,
    memoryutilization: percent(memoryused, memory),
  };
}

/** The program that a driver runs, as its submitter named it: the third of its arguments. */
export function mainClassOf({ driver }: DriverSummary): string {
  return driver.command.arguments[2] ?? driver.command.mainClass;
}

function percent(used: number, all: number): number {
  return all === 0 ? 100 : Math.trunc((100 * used) / all);
}

function sum<T>(items: readonly T[], of: (item: T) => number): number {
  return items.reduce((total, item) => total + of(item), 0);
}

function workerJson(summary: WorkerSummary): Json {
  const { worker, coresUsed, memoryUsed, resourcesUsed } = summary;
  return {
    id: worker.id,
    host: worker.host,
    port: worker.port,
    webuiaddress: worker.webUiAddress,
    cores: worker.cores,
    coresused: coresUsed,
    coresfree: worker.cores - coresUsed,
    memory: worker.memory,
    memoryused: memoryUsed,
    memoryfree: worker.memory - memoryUsed,
    resources: resourcesJson(worker.resources),
    resourcesused: resourcesJson(resourcesUsed),
    resourcesfree: resourcesJson(freeResources(worker.resources, resourcesUsed)),
    state: summary.state,
    lastheartbeat: summary.lastHeartbeat,
  };
}

function applicationJson(summary: ApplicationSummary, now: EpochMs): Json {
  const { app } = summary;
  const { memoryperexecutor, memoryperslave, resourcesperexecutor, resourcesperslave } = demandJson(app);
  return {
    id: summary.id,
    starttime: summary.startedAt,
    name: app.name,
    cores: summary.coresGranted,
    user: app.user,
    memoryperexecutor,
    memoryperslave,
    resourcesperexecutor,
    resourcesperslave,
    submitdate: javaDateText(summary.startedAt),
    state: summary.state,
    duration: (summary.endedAt ?? now) - summary.startedAt,
  };
}

function driverJson(summary: DriverSummary): Json {
  const { driver } = summary;
  return {
    id: summary.id,
    starttime: String(summary.submittedAt),
    state: summary.state,
    cores: driver.cores,
    memory: driver.memory,
    resources: amountsJson(driver.resources),
    submitdate: javaDateText(summary.submittedAt),
    worker: summary.workerId ?? 'None',
    mainclass: mainClassOf(summary),
  };
}
