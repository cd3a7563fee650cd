import type { AppStatusStore } from '../../status/app-status-store.ts';
import type { ExecutorStageSummary, LiveStage } from '../../status/live-stage.ts';
import type { LiveTask } from '../../status/live-task.ts';
import { textOf } from '../../status/logged-values.ts';
import {
  atQuantiles,
  type MeasuredTask,
  type MetricName,
  metric,
  shuffleReadBytes,
} from '../../status/task-metrics.ts';
import { type Html, type HtmlValue, html, webLink } from '../html.ts';
import { facts, plainTable, table } from '../page-layout.ts';
import { bytesText, durationText } from '../text-forms.ts';
import {
  appPage,
  type Column,
  folded,
  idOf,
  type PagePlace,
  pagedTable,
  sizeAndRecords,
  sizeText,
  timeText,
} from './app-page.ts';

const QUANTILES = [0, 0.25, 0.5, 0.75, 1];

/** Spark: StagePage */
export function stagePage(store: AppStatusStore, place: PagePlace, query: URLSearchParams): string | null {
  const id = idOf(query);
  const attemptId = idOf(query, 'attempt') ?? 0;
  const stage = id === null ? undefined : store.stage(id, attemptId);
  if (stage === undefined) return null;
  const content = html`${summary(stage)}
${distributions(stage, store.now)}
${executors(stage, store)}
${accumulators(stage)}
${tasks(stage, store, query)}`;
  return appPage(store, place, `Details for Stage ${stage.stageId} (Attempt ${stage.attemptId})`, content);
}

function summary(stage: LiveStage): Html {
  const { metrics } = stage;
  const of = (name: MetricName): number => metric(metrics, name);
  const line = (name: string, value: string): readonly [string, string] | null => (value === '' ? null : [name, value]);
  let total = 0;
  const localities = new Map<string, number>();
  for (const task of stage.tasks.values()) {
    localities.set(task.locality, (localities.get(task.locality) ?? 0) + 1);
    if (task.isFinished) total += task.duration(0);
  }
  return facts([
    ['Name', stage.name],
    ['Status', stage.status],
    ['Submitted', timeText(stage.submissionTime)],
    ['Completed', timeText(stage.completionTime)],
    ['Resource Profile Id', String(stage.resourceProfileId)],
    ['Total Time Across All Tasks', durationText(total)],
    ['Locality Level Summary', [...localities].map(([level, count]) => `${level}: ${count}`).join('; ')],
    line('Input Size / Records', sizeAndRecords(of('inputBytes'), of('inputRecords'))),
    line('Output Size / Records', sizeAndRecords(of('outputBytes'), of('outputRecords'))),
    line('Shuffle Read Size / Records', sizeAndRecords(shuffleReadBytes(metrics), of('recordsRead'))),
    line('Shuffle Write Size / Records', sizeAndRecords(of('writeBytes'), of('writeRecords'))),
    line('Spill (Memory)', sizeText(of('memoryBytesSpilled'))),
    line('Spill (Disk)', sizeText(of('diskBytesSpilled'))),
    ['Associated Job Ids', stage.jobs.map(({ jobId }) => html`<a href="../../jobs/job/?id=${jobId}">${jobId}</a> `)],
    stage.failureReason === null ? null : ['Failure Reason', folded(stage.failureReason)],
  ]);
}

/** Spark: the table Summary Metrics */
function distributions(stage: LiveStage, now: number): Html | null {
  const { measured } = stage.measured(now);
  if (measured.length === 0) return null;
  const time = (name: MetricName) => [(task: MeasuredTask) => metric(task.metrics, name), durationText] as const;
  const size = (name: MetricName) => [(task: MeasuredTask) => metric(task.metrics, name), bytesText] as const;
  const count = (name: MetricName) => [(task: MeasuredTask) => metric(task.metrics, name), String] as const;
  const rows: readonly (readonly [
    string,
    readonly [(task: MeasuredTask) => number, (value: number) => string],
    boolean,
  ])[] = [
    ['Duration', [(task) => task.duration, durationText], true],
    ['Scheduler Delay', [(task) => task.schedulerDelay, durationText], true],
    ['Task Deserialization Time', time('executorDeserializeTime'), true],
    ['GC Time', time('jvmGcTime'), false],
    ['Result Serialization Time', time('resultSerializationTime'), true],
    ['Getting Result Time', [(task) => task.gettingResultTime, durationText], false],
    ['Peak Execution Memory', size('peakExecutionMemory'), false],
    ['Input Size', size('inputBytes'), false],
    ['Input Records', count('inputRecords'), false],
    ['Output Size', size('outputBytes'), false],
    ['Output Records', count('outputRecords'), false],
    ['Shuffle Read Fetch Wait Time', time('fetchWaitTime'), false],
    ['Shuffle Read Size', [(task) => shuffleReadBytes(task.metrics), bytesText], false],
    ['Shuffle Read Records', count('recordsRead'), false],
    ['Shuffle Write Size', size('writeBytes'), false],
    ['Shuffle Write Records', count('writeRecords'), false],
    [
      'Shuffle Write Time',
      [({ metrics }) => metric(metrics, 'writeTime') / 1e6, (ms) => durationText(Math.round(ms))],
      false,
    ],
    ['Spill (Memory)', size('memoryBytesSpilled'), false],
    ['Spill (Disk)', size('diskBytesSpilled'), false],
  ];
  const shown = rows.flatMap(([name, [value, text], always]) => {
    const values = atQuantiles(measured.map(value), QUANTILES);
    return always || values.some((each) => each > 0) ? [[name, ...values.map(text)]] : [];
  });
  const columns = ['Metric', 'Min', '25th percentile', 'Median', '75th percentile', 'Max'];
  return plainTable(`Summary Metrics for ${measured.length} Completed Tasks`, columns, shown);
}

/** Spark: the table Aggregated Metrics by Executor */
function executors(stage: LiveStage, store: AppStatusStore): Html | null {
  if (stage.executors.size === 0) return null;
  const columns = [
    'Executor ID',
    'Logs',
    'Address',
    'Task Time',
    'Total Tasks',
    'Failed Tasks',
    'Killed Tasks',
    'Succeeded Tasks',
    'Excluded',
    'Input Size / Records',
    'Output Size / Records',
    'Shuffle Read Size / Records',
    'Shuffle Write Size / Records',
    'Spill (Memory)',
    'Spill (Disk)',
  ];
  const row = ([id, of]: [string, ExecutorStageSummary]): HtmlValue[] => {
    const value = (name: MetricName): number => metric(of.metrics, name);
    return [
      id,
      logLinks(store, id),
      store.executor(id)?.hostPort ?? 'CANNOT FIND ADDRESS',
      durationText(of.taskTime),
      of.failedTasks + of.killedTasks + of.succeededTasks,
      of.failedTasks,
      of.killedTasks,
      of.succeededTasks,
      String(of.isExcluded),
      sizeAndRecords(value('inputBytes'), value('inputRecords')),
      sizeAndRecords(value('outputBytes'), value('outputRecords')),
      sizeAndRecords(shuffleReadBytes(of.metrics), value('recordsRead')),
      sizeAndRecords(value('writeBytes'), value('writeRecords')),
      sizeText(value('memoryBytesSpilled')),
      sizeText(value('diskBytesSpilled')),
    ];
  };
  return table('Aggregated Metrics by Executor', columns, [...stage.executors].map(row));
}

export function logLinks(store: AppStatusStore, executorId: string): HtmlValue {
  const logs = Object.entries(store.executor(executorId)?.executorLogs ?? {});
  return logs.map(([name, url]) =>
    typeof url === 'string' ? html`${ofMaster(url) ? html`<a href="${url}">${name}</a>` : webLink(url, name)} ` : null,
  );
}

/** Where a master shows the pages of workers, these are its own. */
function ofMaster(url: string): boolean {
  return url.startsWith('/proxy/');
}

function accumulators(stage: LiveStage): Html | null {
  const { accumulables } = stage;
  if (accumulables.length === 0) return null;
  const rows = accumulables.map(({ id, name, value }) => [String(id), textOf(name), textOf(value)]);
  return table('Accumulators', ['ID', 'Accumulable', 'Value'], rows);
}

function tasks(stage: LiveStage, store: AppStatusStore, query: URLSearchParams): Html {
  const all = [...stage.tasks.values()].sort((a, b) => a.taskId - b.taskId);
  const of = (task: LiveTask, name: MetricName): number => (task.metrics === null ? 0 : metric(task.metrics, name));
  const both = (name: string, bytes: (task: LiveTask) => number, records: MetricName): Column<LiveTask> => ({
    name,
    cell: (task) => sizeAndRecords(bytes(task), of(task, records)),
    key: bytes,
  });
  const size = (name: string, metricName: MetricName): Column<LiveTask> => ({
    name,
    cell: (task) => sizeText(of(task, metricName)),
    key: (task) => of(task, metricName),
  });
  const columns: readonly Column<LiveTask>[] = [
    { name: 'Index', cell: ({ index }) => index },
    { name: 'Task ID', cell: ({ taskId }) => taskId },
    {
      name: 'Attempt',
      cell: ({ attempt, isSpeculative }) => (isSpeculative ? `${attempt} (speculative)` : attempt),
      key: ({ attempt }) => attempt,
    },
    { name: 'Status', cell: ({ status }) => status },
    { name: 'Locality Level', cell: ({ locality }) => locality },
    { name: 'Executor ID', cell: ({ executorId }) => executorId },
    { name: 'Host', cell: ({ host }) => host },
    { name: 'Logs', cell: ({ executorId }) => logLinks(store, executorId) },
    { name: 'Launch Time', cell: ({ launchTime }) => timeText(launchTime), key: ({ launchTime }) => launchTime },
    {
      name: 'Duration',
      cell: (task) => durationText(task.duration(store.now)),
      key: (task) => task.duration(store.now),
    },
    {
      name: 'Scheduler Delay',
      cell: (task) => durationText(task.schedulerDelay(store.now)),
      key: (task) => task.schedulerDelay(store.now),
    },
    {
      name: 'GC Time',
      cell: (task) => (of(task, 'jvmGcTime') === 0 ? '' : durationText(of(task, 'jvmGcTime'))),
      key: (task) => of(task, 'jvmGcTime'),
    },
    {
      name: 'Accumulators',
      cell: (task) => task.accumulables.map(({ name, update }) => html`${textOf(name)}: ${textOf(update)}<br>`),
    },
    both('Input Size / Records', (task) => of(task, 'inputBytes'), 'inputRecords'),
    both('Output Size / Records', (task) => of(task, 'outputBytes'), 'outputRecords'),
    both(
      'Shuffle Read Size / Records',
      (task) => of(task, 'localBytesRead') + of(task, 'remoteBytesRead'),
      'recordsRead',
    ),
    both('Shuffle Write Size / Records', (task) => of(task, 'writeBytes'), 'writeRecords'),
    size('Spill (Memory)', 'memoryBytesSpilled'),
    size('Spill (Disk)', 'diskBytesSpilled'),
    { name: 'Errors', cell: ({ errorMessage }) => folded(errorMessage), key: ({ errorMessage }) => errorMessage },
  ];
  return pagedTable('Tasks', columns, all, query, 'task');
}
