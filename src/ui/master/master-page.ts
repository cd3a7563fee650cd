// A master's start page, and that of one application. Spark: MasterPage, ApplicationPage
import type { EpochMs } from '../../base/clock.ts';
import type {
  ApplicationSummary,
  DriverSummary,
  ExecutorSummary,
  WorkerSummary,
} from '../../protocol/deploy-summaries.ts';
import type { MasterStateResponse } from '../../protocol/master-client.ts';
import { type Html, type HtmlValue, html, webLink } from '../html.ts';
import { facts, killButton, page, table } from '../page-layout.ts';
import { amountsText, resourcesText } from '../resource-json.ts';
import { dateText, durationText, memoryText } from '../text-forms.ts';
import { mainClassOf } from './master-json.ts';

/** Where pages of others are. */
export interface PageLinks {
  /** `spark.ui.reverseProxy`: those of workers and applications are at the master itself. */
  readonly proxied: boolean;
  /** `spark.master.ui.historyServerUrl`, where completed applications are; null: nowhere. */
  readonly historyUrl: string | null;
}

export interface MasterPageOptions extends PageLinks {
  /** null: as Spark has it. */
  readonly title: string | null;
  readonly now: EpochMs;
  readonly killEnabled: boolean;
  /** null: there is no such gateway. */
  readonly restUrl: string | null;
  readonly hasLogFile: boolean;
}

export function masterPage(state: MasterStateResponse, options: MasterPageOptions): string {
  const { workers, activeApps, completedApps, activeDrivers, completedDrivers } = state;
  const alive = workers.filter((worker) => worker.state === 'ALIVE');
  const inState = (wanted: string): number => workers.filter((worker) => worker.state === wanted).length;
  const total = (of: (worker: WorkerSummary) => number): number => alive.reduce((sum, worker) => sum + of(worker), 0);
  const waiting = activeDrivers.filter((driver) => driver.state === 'SUBMITTED').length;
  const ended = (wanted: string): number => completedDrivers.filter((driver) => driver.state === wanted).length;
  const hasDrivers = activeDrivers.length + completedDrivers.length > 0;
  const content = html`${facts([
    ['URL', state.url],
    options.restUrl === null ? null : ['REST URL', html`${options.restUrl} (cluster mode)`],
    ['Alive Workers', alive.length],
    ['Dead Workers', inState('DEAD')],
    ['Decommissioned Workers', inState('DECOMMISSIONED')],
    ['Unknown Workers', inState('UNKNOWN')],
    ['Cores in use', `${total(({ worker }) => worker.cores)} Total, ${total((worker) => worker.coresUsed)} Used`],
    [
      'Memory in use',
      `${memoryText(total(({ worker }) => worker.memory))} Total, ${memoryText(total((worker) => worker.memoryUsed))} Used`,
    ],
    ['Resources in use', alive.map(resourcesOfWorker).filter(Boolean).join('; ')],
    ['Applications', `${activeApps.length} Running, ${completedApps.length} Completed`],
    [
      'Drivers',
      `${activeDrivers.length - waiting} Running, ${waiting} Waiting, ${completedDrivers.length} Completed (${ended('KILLED')} Killed, ${ended('FAILED')} Failed, ${ended('ERROR')} Error, ${ended('RELAUNCHING')} Relaunching)`,
    ],
    [
      'Status',
      html`${state.status} (<a href="json/">JSON</a>, <a href="environment/">Environment</a>${
        options.hasLogFile ? html`, <a href="logPage/?self&amp;logType=out">Log</a>` : null
      })`,
    ],
  ])}
${table(
  'Workers',
  ['Worker Id', 'Address', 'State', 'Cores', 'Memory', 'Resources'],
  [...workers].sort((a, b) => (a.worker.id < b.worker.id ? -1 : 1)).map((worker) => workerRow(worker, options)),
)}
${table(
  'Running Applications',
  APPLICATION_COLUMNS,
  newestFirst(activeApps).map((app) => applicationRow(app, options, true)),
)}
${
  hasDrivers
    ? table(
        'Running Drivers',
        DRIVER_COLUMNS,
        newestFirst(activeDrivers).map((driver) => driverRow(driver, workers, options, true)),
      )
    : null
}
${table(
  'Completed Applications',
  APPLICATION_COLUMNS,
  newestFirst(completedApps).map((app) => applicationRow(app, options, false)),
)}
${
  hasDrivers
    ? table(
        'Completed Drivers',
        DRIVER_COLUMNS,
        newestFirst(completedDrivers).map((driver) => driverRow(driver, workers, options, false)),
      )
    : null
}`;
  return page(options.title ?? `Spark Master at ${state.url}`, '', content);
}

const APPLICATION_COLUMNS = [
  'Application ID',
  'Name',
  'Cores',
  'Memory per Executor',
  'Resources Per Executor',
  'Submitted Time',
  'User',
  'State',
  'Duration',
];
const DRIVER_COLUMNS = [
  'Submission ID',
  'Submitted Time',
  'Worker',
  'State',
  'Cores',
  'Memory',
  'Resources',
  'Main Class',
  'Duration',
];

/** Of a worker or application. @param root from the page to the start page. Spark: UIUtils.makeHref */
function uiOf({ proxied }: PageLinks, root: string, id: string, address: string): string {
  return proxied && address !== '' ? `${root}proxy/${encodeURIComponent(id)}` : address;
}

/** One address may be here, or be what somebody said of himself, which has to be one of the web. */
function uiLink({ proxied }: PageLinks, address: string, label: HtmlValue): Html {
  return proxied && address !== '' ? html`<a href="${address}/">${label}</a>` : webLink(address, label);
}

function historyOf({ historyUrl }: PageLinks, appId: string): string {
  return historyUrl === null ? '' : `${historyUrl.replace(/\/+$/, '')}/history/${encodeURIComponent(appId)}`;
}

function newestFirst<T>(items: readonly T[]): T[] {
  return [...items].reverse();
}

function resourcesOfWorker({ worker, resourcesUsed }: WorkerSummary): string {
  const all = resourcesText(worker.resources);
  return all === '' ? '' : `${all}, used: ${resourcesText(resourcesUsed) || 'none'}`;
}

function workerRow(summary: WorkerSummary, links: PageLinks): HtmlValue[] {
  const { worker, coresUsed, memoryUsed, state } = summary;
  return [
    state === 'ALIVE' ? uiLink(links, uiOf(links, '', worker.id, worker.webUiAddress), worker.id) : worker.id,
    `${worker.host.includes(':') ? `[${worker.host}]` : worker.host}:${worker.port}`,
    state,
    `${worker.cores} (${coresUsed} Used)`,
    `${memoryText(worker.memory)} (${memoryText(memoryUsed)} Used)`,
    resourcesOfWorker(summary),
  ];
}

function applicationRow(summary: ApplicationSummary, options: MasterPageOptions, running: boolean): HtmlValue[] {
  const { id, app, startedAt, endedAt } = summary;
  const kill =
    running && options.killEnabled
      ? killButton('app/kill/', id, `Are you sure you want to kill application ${id} ?`)
      : null;
  return [
    html`<a href="app/?appId=${encodeURIComponent(id)}">${id}</a>${kill}`,
    running
      ? uiLink(options, uiOf(options, '', id, app.appUiUrl), app.name)
      : webLink(historyOf(options, id), app.name),
    summary.coresGranted,
    memoryText(app.demand.memoryPerExecutor),
    amountsText(app.demand.resourcesPerExecutor),
    dateText(startedAt),
    app.user,
    summary.state,
    durationText((endedAt ?? options.now) - startedAt),
  ];
}

function driverRow(
  summary: DriverSummary,
  workers: readonly WorkerSummary[],
  options: MasterPageOptions,
  running: boolean,
): HtmlValue[] {
  const { id, driver, submittedAt, endedAt, workerId } = summary;
  const home = workers.find(({ worker }) => worker.id === workerId);
  const kill =
    running && options.killEnabled
      ? killButton('driver/kill/', id, `Are you sure you want to kill driver ${id} ?`)
      : null;
  return [
    html`${id}${kill}`,
    dateText(submittedAt),
    workerId === null
      ? 'None'
      : home === undefined
        ? workerId
        : uiLink(options, uiOf(options, '', workerId, home.worker.webUiAddress), workerId),
    summary.exception === null ? summary.state : html`<span title="${summary.exception}">${summary.state}</span>`,
    driver.cores,
    memoryText(driver.memory),
    resourcesText(summary.resources) || amountsText(driver.resources),
    mainClassOf(summary),
    durationText((endedAt ?? options.now) - submittedAt),
  ];
}

/** @param appId null: none was named. */
export function applicationPage(
  state: MasterStateResponse,
  appId: string | null,
  links: PageLinks,
): { found: boolean; text: string } {
  const app = [...state.activeApps, ...state.completedApps].find(({ id }) => id === appId);
  if (app === undefined) {
    const what = appId === null ? 'No application was named: give ?appId=…' : `No running application with ID ${appId}`;
    return { found: false, text: page('Spark application', '../', html`<p>${what}</p>${home}`) };
  }
  const { app: desc, coresGranted, coresLeft } = app;
  const cores =
    coresLeft === null
      ? `Unlimited (${coresGranted} granted)`
      : `${coresGranted + coresLeft} (${coresGranted} granted, ${coresLeft} left)`;
  const running = app.endedAt === null;
  const history = historyOf(links, app.id);
  const content = html`${home}
${facts([
  ['ID', app.id],
  ['Name', desc.name],
  ['User', desc.user],
  ['Cores', cores],
  ['Executor Limit', html`${app.executorLimit ?? 'Unlimited'} (${app.executors.length} granted)`],
  ['Executor Memory', memoryText(desc.demand.memoryPerExecutor)],
  ['Executor Resources', amountsText(desc.demand.resourcesPerExecutor)],
  ['Submit Date', dateText(app.startedAt)],
  ['State', app.state],
  running && desc.appUiUrl !== ''
    ? ['Application Detail UI', uiLink(links, uiOf(links, '../', app.id, desc.appUiUrl), desc.appUiUrl)]
    : null,
  !running && history !== '' ? ['Application History UI', webLink(history, history)] : null,
])}
${table(
  'Executor Summary',
  EXECUTOR_COLUMNS,
  app.executors.map((executor) => executorRow(executor, state.workers, links)),
)}
${
  app.removedExecutors.length === 0
    ? null
    : table(
        'Removed Executors',
        EXECUTOR_COLUMNS,
        app.removedExecutors.map((executor) => executorRow(executor, state.workers, links)),
      )
}`;
  return { found: true, text: page(`Application: ${desc.name}`, '../', content) };
}

const home: Html = html`<nav><a href="../">Back to Master</a></nav>`;

const EXECUTOR_COLUMNS = [
  'ExecutorID',
  'Worker',
  'Cores',
  'Memory',
  'Resource Profile Id',
  'Resources',
  'State',
  'Logs',
];

function executorRow(executor: ExecutorSummary, workers: readonly WorkerSummary[], links: PageLinks): HtmlValue[] {
  const home = workers.find(({ worker }) => worker.id === executor.workerId)?.worker;
  const ui = home === undefined ? '' : uiOf(links, '../', home.id, home.webUiAddress);
  const log = (type: string): HtmlValue => {
    const query = `appId=${encodeURIComponent(executor.appId)}&executorId=${executor.execId}&logType=${type}`;
    if (ui === '') return type;
    return links.proxied
      ? html`<a href="${ui}/logPage/?${query}">${type}</a>`
      : webLink(`${ui}/logPage/?${query}`, type);
  };
  return [
    executor.execId,
    ui === '' ? executor.workerId : uiLink(links, ui, executor.workerId),
    executor.cores,
    executor.memory,
    executor.resourceProfileId,
    resourcesText(executor.resources),
    executor.state,
    html`${log('stdout')} ${log('stderr')}`,
  ];
}
