import type { AppStatusStore } from '../../status/app-status-store.ts';
import type { LiveStage } from '../../status/live-stage.ts';
import { metric, shuffleReadBytes } from '../../status/task-metrics.ts';
import { type Html, type HtmlValue, html } from '../html.ts';
import { facts, killButton, table } from '../page-layout.ts';
import {
  appPage,
  type Column,
  folded,
  lasted,
  type PagePlace,
  pagedTable,
  progressText,
  sizeText,
  timeText,
} from './app-page.ts';

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
    const columns = stageColumns(store, place);
    if (status === 'FAILED') columns.push({ name: 'Failure Reason', cell: (stage) => folded(stage.failureReason) });
    return pagedTable(heading, columns, those, query, status.toLowerCase());
  });
}

function stageColumns(store: AppStatusStore, { base, live }: PagePlace): Column<LiveStage>[] {
  const kill = ({ stageId, status }: LiveStage): HtmlValue =>
    live?.mayKill === true && status === 'ACTIVE'
      ? killButton(`${base}stages/stage/kill/`, String(stageId), `Are you sure you want to kill stage ${stageId} ?`)
      : null;
  const size = (name: string, bytes: (stage: LiveStage) => number): Column<LiveStage> => ({
    name,
    cell: (stage) => sizeText(bytes(stage)),
    key: bytes,
  });
  return [
    {
      name: 'Stage Id',
      cell: ({ stageId, attemptId }) => (attemptId === 0 ? String(stageId) : `${stageId} (retry ${attemptId})`),
    },
    {
      name: 'Description',
      cell: (stage) =>
        html`${described(stage.description)}<a href="${base}stages/stage/?id=${stage.stageId}&amp;attempt=${stage.attemptId}">${stage.name}</a>${kill(stage)}`,
      key: ({ description, name }) => description ?? name,
    },
    {
      name: 'Submitted',
      cell: ({ submissionTime }) => timeText(submissionTime),
      key: ({ submissionTime }) => submissionTime,
    },
    {
      name: 'Duration',
      cell: ({ submissionTime, completionTime }) => lasted(submissionTime, completionTime, store.now),
      key: ({ submissionTime: from, completionTime }) => (from === null ? null : (completionTime ?? store.now) - from),
    },
    {
      name: 'Tasks: Succeeded/Total',
      cell: (stage) =>
        progressText({
          completed: stage.completedIndices.size,
          total: stage.numTasks,
          active: stage.activeTasks,
          failed: stage.failedTasks,
          killed: stage.killedSummary,
        }),
    },
    size('Input', ({ metrics }) => metric(metrics, 'inputBytes')),
    size('Output', ({ metrics }) => metric(metrics, 'outputBytes')),
    size('Shuffle Read', ({ metrics }) => shuffleReadBytes(metrics)),
    size('Shuffle Write', ({ metrics }) => metric(metrics, 'writeBytes')),
  ];
}

/** What the program said of it, on a line of its own. */
export function described(description: string | null): Html | null {
  return description === null ? null : html`${description}<br>`;
}
