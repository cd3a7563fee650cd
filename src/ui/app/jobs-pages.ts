import type { AppStatusStore } from '../../status/app-status-store.ts';
import type { LiveJob } from '../../status/live-job.ts';
import { type HtmlValue, html } from '../html.ts';
import { facts, killButton } from '../page-layout.ts';
import { durationText } from '../text-forms.ts';
import { appPage, type Column, idOf, lasted, type PagePlace, pagedTable, progressText, timeText } from './app-page.ts';
import { described, stageTables } from './stages-page.ts';

const GROUPS = [
  ['RUNNING', 'Active Jobs'],
  ['SUCCEEDED', 'Completed Jobs'],
  ['FAILED', 'Failed Jobs'],
] as const;

/** Spark: AllJobsPage */
export function jobsPage(store: AppStatusStore, place: PagePlace, query: URLSearchParams): string {
  const { app, jobs } = store;
  const mode = new Map(store.environment('Spark Properties')).get('spark.scheduler.mode') ?? 'FIFO';
  const hasGroups = jobs.some(({ facts }) => facts.group !== null);
  const columns = jobColumns(store, place, hasGroups);
  const tables = GROUPS.map(([status, heading]) => {
    const those = jobs.filter((job) => job.status === status).sort((a, b) => b.jobId - a.jobId);
    if (those.length === 0) return null;
    return pagedTable(heading, columns, those, query, status.toLowerCase());
  });
  const counted = GROUPS.map(
    ([status, heading]) => [heading, String(jobs.filter((job) => job.status === status).length)] as const,
  );
  const content = html`${facts([
    ['User', app.user],
    ['Started At', timeText(app.startTime)],
    ['Total Uptime', durationText(Math.max(0, (app.endTime ?? store.now) - app.startTime))],
    ['Scheduling Mode', mode],
    ...counted.filter(([, count]) => count !== '0'),
  ])}
${tables}`;
  return appPage(store, place, 'Spark Jobs', content);
}

function jobColumns(store: AppStatusStore, { base, live }: PagePlace, hasGroups: boolean): Column<LiveJob>[] {
  const kill = ({ jobId, status }: LiveJob): HtmlValue =>
    live?.mayKill === true && status === 'RUNNING'
      ? killButton(`${base}jobs/job/kill/`, String(jobId), `Are you sure you want to kill job ${jobId} ?`)
      : null;
  return [
    {
      name: hasGroups ? 'Job Id (Job Group)' : 'Job Id',
      cell: ({ jobId, facts: { group } }) => (group === null ? String(jobId) : `${jobId} (${group})`),
    },
    {
      name: 'Description',
      cell: (job) =>
        html`${described(job.facts.description)}<a href="${base}jobs/job/?id=${job.jobId}">${job.facts.name}</a>${kill(job)}`,
      key: ({ facts }) => facts.description ?? facts.name,
    },
    {
      name: 'Submitted',
      cell: ({ facts }) => timeText(facts.submissionTime),
      key: ({ facts }) => facts.submissionTime,
    },
    {
      name: 'Duration',
      cell: (job) => lasted(job.facts.submissionTime, job.completionTime, store.now),
      key: ({ facts: { submissionTime: from }, completionTime }) =>
        from === null ? null : (completionTime ?? store.now) - from,
    },
    {
      name: 'Stages: Succeeded/Total',
      cell: ({ completedStages, failedStages, skippedStages, facts }) =>
        progressText({
          completed: completedStages.size,
          total: facts.stageIds.length - skippedStages.size,
          failed: failedStages,
          skipped: skippedStages.size,
        }),
    },
    {
      name: 'Tasks (for all stages): Succeeded/Total',
      cell: (job) =>
        progressText({
          completed: job.numCompletedIndices,
          total: job.facts.numTasks - job.skippedTasks,
          active: job.activeTasks,
          failed: job.failedTasks,
          skipped: job.skippedTasks,
          killed: job.killedSummary,
        }),
    },
  ];
}

/** Spark: JobPage */
export function jobPage(store: AppStatusStore, place: PagePlace, query: URLSearchParams): string | null {
  const id = idOf(query);
  const job = id === null ? undefined : store.job(id);
  if (job === undefined) return null;
  const { facts: of } = job;
  const stages = of.stageIds.flatMap((stageId) => store.attemptsOf(stageId));
  const content = html`${facts([
    ['Status', job.status],
    ['Submitted', timeText(of.submissionTime)],
    ['Duration', lasted(of.submissionTime, job.completionTime, store.now)],
    of.description === null ? null : ['Description', of.description],
    of.group === null ? null : ['Job Group', of.group],
    of.tags.length === 0 ? null : ['Job Tags', of.tags.join(', ')],
  ])}
${stageTables(stages, store, place, query)}`;
  return appPage(store, place, `Details for Job ${job.jobId}`, content);
}
