import type { AppStatusStore } from '../../status/app-status-store.ts';
import type { LiveExecutor } from '../../status/live-executor.ts';
import { type HtmlValue, html } from '../html.ts';
import { plainTable, table } from '../page-layout.ts';
import { bytesText, durationText } from '../text-forms.ts';
import { appPage, folded, type PagePlace, timeText } from './app-page.ts';
import { logLinks } from './stage-page.ts';

const NUMBERS = [
  'RDD Blocks',
  'Storage Memory',
  'Disk Used',
  'Cores',
  'Active Tasks',
  'Failed Tasks',
  'Complete Tasks',
  'Total Tasks',
  'Task Time (GC Time)',
  'Input',
  'Shuffle Read',
  'Shuffle Write',
];

/** Spark: ExecutorsPage */
export function executorsPage(store: AppStatusStore, place: PagePlace): string {
  const { executors } = store;
  const active = executors.filter(({ isActive }) => isActive);
  const dead = executors.filter(({ isActive }) => !isActive);
  const excluded = (those: readonly LiveExecutor[]): number => those.filter(({ isExcluded }) => isExcluded).length;
  const summary = (name: string, those: readonly LiveExecutor[]): HtmlValue[] => [
    `${name} (${those.length})`,
    ...numbers(those),
    excluded(those),
  ];
  const content = html`${plainTable('Summary', ['', ...NUMBERS, 'Excluded'], [summary('Active', active), summary('Dead', dead), summary('Total', executors)])}
${table(
  'Executors',
  [
    'Executor ID',
    'Address',
    'Status',
    ...NUMBERS,
    'Resources',
    'Resource Profile Id',
    'Logs',
    'Add Time',
    'Remove Time',
    'Remove Reason',
  ],
  [...active, ...dead].map((executor) => row(executor, store)),
)}`;
  return appPage(store, place, 'Executors', content);
}

function row(executor: LiveExecutor, store: AppStatusStore): HtmlValue[] {
  const { id, isActive, isExcluded } = executor;
  const status = isActive ? (isExcluded ? 'Excluded' : 'Active') : 'Dead';
  return [
    id,
    executor.hostPort === '' ? executor.host : executor.hostPort,
    status,
    ...numbers([executor]),
    Object.keys(executor.resources).join(', '),
    executor.resourceProfileId,
    logLinks(store, id),
    timeText(executor.addTime),
    timeText(executor.removeTime),
    folded(executor.removeReason),
  ];
}

function numbers(those: readonly LiveExecutor[]): HtmlValue[] {
  const sum = (of: (executor: LiveExecutor) => number): number => those.reduce((total, each) => total + of(each), 0);
  return [
    sum(({ rddBlocks }) => rddBlocks),
    `${bytesText(sum(({ memoryUsed }) => memoryUsed))} / ${bytesText(sum(({ maxMemory }) => maxMemory))}`,
    bytesText(sum(({ diskUsed }) => diskUsed)),
    sum(({ totalCores }) => totalCores),
    sum(({ activeTasks }) => activeTasks),
    sum(({ failedTasks }) => failedTasks),
    sum(({ completedTasks }) => completedTasks),
    sum(({ totalTasks }) => totalTasks),
    `${durationText(sum(({ totalDuration }) => totalDuration))} (${durationText(sum(({ totalGcTime }) => totalGcTime))})`,
    bytesText(sum(({ totalInputBytes }) => totalInputBytes)),
    bytesText(sum(({ totalShuffleRead }) => totalShuffleRead)),
    bytesText(sum(({ totalShuffleWrite }) => totalShuffleWrite)),
  ];
}
