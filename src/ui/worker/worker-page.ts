import type { WorkerDriver, WorkerExecutor, WorkerStateResponse } from '../../protocol/worker-process.ts';
import { type HtmlValue, html, webLink } from '../html.ts';
import { facts, page, table } from '../page-layout.ts';
import { resourcesText } from '../resource-json.ts';
import { memoryText } from '../text-forms.ts';

const EXECUTOR_COLUMNS = ['ExecutorID', 'State', 'Cores', 'Memory', 'Resources', 'Job Details', 'Logs'];
const DRIVER_COLUMNS = ['DriverID', 'Main Class', 'State', 'Cores', 'Memory', 'Resources', 'Logs', 'Notes'];

/** Spark: WorkerPage */
export function workerPage(state: WorkerStateResponse, hasLogFile: boolean): string {
  const { executors, finishedExecutors, drivers, finishedDrivers } = state;
  const content = html`${facts([
    ['ID', state.workerId],
    ['Master URL', state.masterUrl],
    ['Cores', `${state.cores} (${state.coresUsed} Used)`],
    ['Memory', `${memoryText(state.memory)} (${memoryText(state.memoryUsed)} Used)`],
    ['Resources', resources(state)],
  ])}
<nav>${state.masterWebUiUrl === '' ? null : webLink(state.masterWebUiUrl, 'Back to Master')}<a href="json/">JSON</a>${
    hasLogFile ? html`<a href="logPage/?self&amp;logType=out">Log</a>` : null
  }</nav>
${table('Running Executors', EXECUTOR_COLUMNS, executors.map(executorRow))}
${drivers.length > 0 ? table('Running Drivers', DRIVER_COLUMNS, newestFirst(drivers).map(driverRow)) : null}
${finishedExecutors.length > 0 ? table('Finished Executors', EXECUTOR_COLUMNS, newestFirst(finishedExecutors).map(executorRow)) : null}
${finishedDrivers.length > 0 ? table('Finished Drivers', DRIVER_COLUMNS, newestFirst(finishedDrivers).map(driverRow)) : null}`;
  return page(`Spark Worker at ${state.host}:${state.port}`, '', content);
}

function resources({ resources, resourcesUsed }: WorkerStateResponse): string {
  const all = resourcesText(resources);
  return all === '' ? '' : `${all}, used: ${resourcesText(resourcesUsed) || 'none'}`;
}

function newestFirst<T>(items: readonly T[]): T[] {
  return [...items].reverse();
}

function logs(naming: string): HtmlValue {
  return ['stdout', 'stderr'].map((type) => html`<a href="logPage/?${naming}&amp;logType=${type}">${type}</a> `);
}

function executorRow({ appId, execId, app, cores, memory, resources, state }: WorkerExecutor): HtmlValue[] {
  return [
    execId,
    state,
    cores,
    memoryText(memory),
    resourcesText(resources),
    html`${facts([
      ['ID', appId],
      ['Name', state === 'RUNNING' || state === 'LAUNCHING' ? webLink(app.appUiUrl, app.name) : app.name],
      ['User', app.user],
    ])}`,
    logs(new URLSearchParams({ appId, executorId: String(execId) }).toString()),
  ];
}

function driverRow({ driverId, driver, resources, state, exception }: WorkerDriver): HtmlValue[] {
  return [
    driverId,
    // The third of the arguments, as its submitter named it.
    driver.command.arguments[2] ?? driver.command.mainClass,
    state,
    driver.cores,
    memoryText(driver.memory),
    resourcesText(resources),
    logs(new URLSearchParams({ driverId }).toString()),
    exception ?? '',
  ];
}
