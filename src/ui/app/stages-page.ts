import type { AppStatusStore } from '../../status/app-status-store.ts';
import type { LiveStage } from '../../status/live-stage.ts';
import { metric, shuffleReadBytes } from '../../status/task-metrics.ts';
import { type Html, type HtmlValue, html } from '../html.ts';
import { facts, killButton, table } from '../page-layout.ts';
import { appPage, folded, lasted, type PagePlace, pagedTable, progressText, sizeText, timeText } from './app-page.ts';

const COLUMNS = [
  'Stage Id',
  'Description',
  'Submitted',
  'Duration',
  'Tasks: Succeeded/Total',
  'Input',
  'Output',
  'Shuffle Read',
  'Shuffle Write',
];

const GROUPS = [
  ['ACTIVE', 'Active Stages'],
  ['PENDING', 'Pending Stages'],
  ['COMPLETE', 'Completed Stages'],
  ['SKIPPED', 'Skipped Stages'],
  ['FAILED', 'Failed Stages'],
] as const;

/** Spark: AllStagesPage */
export function stagesPage(store: AppStatusStore, place: PagePlace, query: URLSearchParams): string {
  const { stages } = store;
  const counts = GROUPS.map(
    ([status, heading]) => [heading, String(stages.filter((s) => s.status === status).length)] as const,
  );
  const content = html`${facts(counts.filter(([, count]) => count !== '0'))}
${pools(stages, place)}
${stageTables(stages, store, place, query)}`;
  return appPage(store, place, 'Stages for All Jobs', content);
}

/** Spark: PoolTable */
function pools(stages: readonly LiveStage[], { live }: PagePlace): Html | null {
  if (live === null || live.pools === null) return null;
  const columns = ['Pool Name', 'Minimum Share', 'Pool Weight', 'Active Stages', 'Running Tasks', 'SchedulingMode'];
  const rows = live.pools.map(({ name, minShare, weight, runningTasks, schedulingMode }) => [
    name,
    minShare,
    weight,
    stages.filter((stage) => stage.status === 'ACTIVE' && stage.schedulingPool === name).length,
    runningTasks,
    schedulingMode,
  ]);
  return table('Fair Scheduler Pools', columns, rows);
}

/** A table for each of the states that there are, the newest first. */
export function stageTables(
  stages: readonly LiveStage[],
  store: AppStatusStore,
  place: PagePlace,
  query: URLSearchParams,
): HtmlValue {
  return GROUPS.map(([status, heading]) => {
    const those = stages.filter((stage) => stage.status === status);
    if (those.length === 0) return null;
    those.sort((a, b) => b.stageId - a.stageId || b.attemptId - a.attemptId);
    const columns = status === 'FAILED' ? [...COLUMNS, 'Failure Reason'] : COLUMNS;
    return pagedTable(heading, columns, those, (stage) => row(stage, store, place), query, status.toLowerCase());
  });
}

function row(stage: LiveStage, store: AppStatusStore, { base, live }: PagePlace): HtmlValue[] {
  const { metrics, stageId, attemptId, submissionTime } = stage;
  const kill =
    live?.mayKill === true && stage.status === 'ACTIVE'
      ? killButton(`${base}stages/stage/kill/`, String(stageId), `Are you sure you want to kill stage ${stageId} ?`)
      : null;
  return [
    attemptId === 0 ? String(stageId) : `${stageId} (retry ${attemptId})`,
    html`${described(stage.description)}<a href="${base}stages/stage/?id=${stageId}&amp;attempt=${attemptId}">${stage.name}</a>${kill}`,
    timeText(submissionTime),
    lasted(submissionTime, stage.completionTime, store.now),
    progressText({
      completed: stage.completedIndices.size,
      total: stage.numTasks,
      active: stage.activeTasks,
      failed: stage.failedTasks,
      killed: stage.killedSummary,
    }),
    sizeText(metric(metrics, 'inputBytes')),
    sizeText(metric(metrics, 'outputBytes')),
    sizeText(shuffleReadBytes(metrics)),
    sizeText(metric(metrics, 'writeBytes')),
    ...(stage.status === 'FAILED' ? [folded(stage.failureReason)] : []),
  ];
}

/** What the program said of it, on a line of its own. */
export function described(description: string | null): Html | null {
  return description === null ? null : html`${description}<br>`;
}
