import { type ApplicationAttempt, type ApplicationListed, durationOf } from '../api/application-source.ts';
import { type HtmlValue, html } from '../html.ts';
import { facts, page, table } from '../page-layout.ts';
import { dateText, durationText } from '../text-forms.ts';
import type { HistoryFacts } from './history-web-ui.ts';

export interface HistoryPageFacts extends HistoryFacts {
  readonly showIncomplete: boolean;
  readonly maxApplications: number;
}

/** Spark: HistoryPage */
export function historyPage(applications: readonly ApplicationListed[], shown: HistoryPageFacts): string {
  const { logDir, lastUpdated, showIncomplete, maxApplications } = shown;
  const rows = applications.flatMap((app) =>
    app.attempts.filter(({ endTime }) => (endTime === null) === showIncomplete).map((attempt) => ({ app, attempt })),
  );
  const hasAttempts = rows.some(({ attempt }) => attempt.attemptId !== null);
  const columns = [
    'Version',
    'App ID',
    'App Name',
    ...(hasAttempts ? ['Attempt ID'] : []),
    'Started',
    ...(showIncomplete ? [] : ['Completed']),
    'Duration',
    'Spark User',
    'Last Updated',
    'Event Log',
  ];
  const listed = rows
    .slice(0, maxApplications)
    .map(({ app, attempt }) => row(app, attempt, hasAttempts, showIncomplete));
  const what = showIncomplete ? 'Incomplete Applications' : 'Completed Applications';
  const content = html`${facts([
    ['Event log directory', logDir],
    ['Last updated', lastUpdated === 0 ? 'never' : dateText(lastUpdated)],
    ['Time zone', Intl.DateTimeFormat().resolvedOptions().timeZone],
  ])}
<nav>${
    showIncomplete
      ? html`<a href="./">Back to completed applications</a>`
      : html`<a href="?showIncomplete=true">Show incomplete applications</a>`
  }<a href="api/v1/applications">JSON</a></nav>
${
  rows.length === 0
    ? html`<p>No ${showIncomplete ? 'incomplete' : 'completed'} applications found!</p>
<p>Did you specify the correct logging directory? Please verify your setting of spark.history.fs.logDirectory listed
above, and whether you have the permissions to access it. It is also possible that your application did not run to
completion or did not stop its SparkContext.</p>`
    : table(what, columns, listed)
}${rows.length > listed.length ? html`<p>Only the first ${listed.length} of ${rows.length} are shown (spark.history.ui.maxApplications).</p>` : null}`;
  return page('History Server', '', content);
}

function row(
  { id, name }: ApplicationListed,
  attempt: ApplicationAttempt,
  hasAttempts: boolean,
  isIncomplete: boolean,
): HtmlValue[] {
  const { attemptId, startTime, endTime, lastUpdated } = attempt;
  const path = [id, ...(attemptId === null ? [] : [attemptId])].map(encodeURIComponent).join('/');
  return [
    attempt.sparkVersion,
    html`<a href="history/${path}/jobs/">${id}</a>`,
    name,
    ...(hasAttempts ? [attemptId ?? ''] : []),
    dateText(startTime),
    ...(isIncomplete ? [] : [endTime === null ? '' : dateText(endTime)]),
    durationText(durationOf(attempt)),
    attempt.user,
    dateText(lastUpdated),
    html`<a href="api/v1/applications/${path}/logs">Download</a>`,
  ];
}
