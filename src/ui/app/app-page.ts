// What the pages of an application have in common.
import type { AppStatusStore } from '../../status/app-status-store.ts';
import { type Html, type HtmlValue, html } from '../html.ts';
import { page, plainTable } from '../page-layout.ts';
import { compareKeys, sortKey } from '../sort-key.ts';
import { bytesText, dateText, durationText } from '../text-forms.ts';

/** Where a page is, for its links. */
export interface PagePlace {
  /** To the first page. */
  readonly root: string;
  /** To the application's own. */
  readonly base: string;
  readonly section: string;
  /** Of one that runs here; null: it is one of many, read from its log. */
  readonly live: LiveFacts | null;
}

/** What only the driver itself knows of an application. */
export interface LiveFacts {
  /** Whether whoever looks may end jobs and stages. */
  readonly mayKill: boolean;
  /** Of the FAIR mode; null: there are none. */
  readonly pools: readonly PoolFacts[] | null;
}

/** Spark: PoolTable */
export interface PoolFacts {
  readonly name: string;
  readonly schedulingMode: string;
  readonly weight: number;
  readonly minShare: number;
  readonly runningTasks: number;
}

const TABS = [
  ['jobs', 'Jobs'],
  ['stages', 'Stages'],
  ['storage', 'Storage'],
  ['environment', 'Environment'],
  ['executors', 'Executors'],
] as const;

export function appPage(
  { app }: AppStatusStore,
  { root, base, section, live }: PagePlace,
  title: string,
  content: Html,
): string {
  const tabs = TABS.map(([path, label]) =>
    path === section
      ? html`<a href="${base}${path}/"><strong>${label}</strong></a>`
      : html`<a href="${base}${path}/">${label}</a>`,
  );
  return page(
    `${app.name} - ${title}`,
    root,
    html`<nav>${tabs}${live === null ? html`<a href="${root}">History Server</a>` : null}</nav>
${content}`,
  );
}

const PAGE_ROWS = 100;

/** Of a table that is shown page by page. */
export interface Column<T> {
  readonly name: string;
  readonly cell: (item: T) => HtmlValue;
  /** By what it is sorted; absent: by what its cells show. */
  readonly key?: (item: T) => number | string | null;
}

/**
 * A table of which only a hundred rows are shown at a time; so it is sorted here, by links, not in the page.
 *
 * @param key tells the tables of a page apart in its address.
 */
export function pagedTable<T>(
  heading: string,
  columns: readonly Column<T>[],
  items: readonly T[],
  query: URLSearchParams,
  key: string,
): Html {
  const sorting = query.get(`${key}.sort`);
  const descending = query.get(`${key}.desc`) === 'true';
  const sorted = sortedBy(
    items,
    columns.find(({ name }) => name === sorting),
    descending,
  );
  const pages = Math.max(1, Math.ceil(items.length / PAGE_ROWS));
  const wanted = Number(query.get(`${key}.page`) ?? 1);
  const current = Number.isSafeInteger(wanted) ? Math.min(Math.max(wanted, 1), pages) : 1;
  const shown = sorted.slice((current - 1) * PAGE_ROWS, current * PAGE_ROWS);
  const link = (changes: Readonly<Record<string, string>>, label: HtmlValue): Html => {
    const target = new URLSearchParams(query);
    for (const [name, value] of Object.entries(changes)) target.set(`${key}.${name}`, value);
    return html`<a href="?${target.toString()}">${label}</a>`;
  };
  const to = (number: number, label: string): Html | null =>
    number < 1 || number > pages || number === current ? null : link({ page: String(number) }, label);
  const nav =
    pages === 1
      ? null
      : html`<nav>${to(1, 'First')}${to(current - 1, 'Previous')}Page ${current} of ${pages} ${to(current + 1, 'Next')}${to(pages, 'Last')}</nav>`;
  const headings = columns.map(({ name }) => {
    const isSorted = name === sorting;
    const arrow = isSorted ? (descending ? ' \u25be' : ' \u25b4') : null;
    return link({ sort: name, desc: String(isSorted && !descending), page: '1' }, html`${name}${arrow}`);
  });
  const rows = shown.map((item) => columns.map(({ cell }) => cell(item)));
  return html`${plainTable(`${heading} (${items.length})`, headings, rows)}${nav}`;
}

function sortedBy<T>(items: readonly T[], column: Column<T> | undefined, descending: boolean): readonly T[] {
  if (column === undefined) return items;
  const keyed = items.map((item) => ({ item, key: keyOf(item, column) }));
  const sign = descending ? -1 : 1;
  return keyed.sort((a, b) => sign * compareKeys(a.key, b.key)).map(({ item }) => item);
}

function keyOf<T>(item: T, { cell, key }: Column<T>): number | string {
  if (key !== undefined) return key(item) ?? Number.NEGATIVE_INFINITY;
  const shown = cell(item);
  return typeof shown === 'number' ? shown : sortKey(html`${shown}`.text.replace(/<[^>]*>/g, ''));
}

export function timeText(at: number | null): string {
  return at === null ? '' : dateText(at);
}

/** Between two times; until `now` when there is no end. */
export function lasted(from: number | null, to: number | null, now: number): string {
  return from === null ? 'Unknown' : durationText(Math.max(0, (to ?? now) - from));
}

/** Nothing for nothing. */
export function sizeText(bytes: number): string {
  return bytes === 0 ? '' : bytesText(bytes);
}

/** `12.0 KiB / 3`, nothing when both are nothing. */
export function sizeAndRecords(bytes: number, records: number): string {
  return bytes === 0 && records === 0 ? '' : `${bytesText(bytes)} / ${records}`;
}

interface Counts {
  readonly completed: number;
  readonly total: number;
  readonly active?: number;
  readonly failed?: number;
  readonly skipped?: number;
  readonly killed?: ReadonlyMap<string, number>;
}

/** `3/4 (1 failed)`. Spark: UIUtils.makeProgressBar */
export function progressText({ completed, total, active = 0, failed = 0, skipped = 0, killed }: Counts): string {
  const notes: string[] = [];
  if (active > 0) notes.push(`${active} running`);
  if (failed > 0) notes.push(`${failed} failed`);
  if (skipped > 0) notes.push(`${skipped} skipped`);
  for (const [why, number] of killed ?? []) notes.push(`${number} killed: ${why}`);
  return `${completed}/${total}${notes.map((note) => ` (${note})`).join('')}`;
}

/** Long texts are opened by a click. */
export function folded(text: string | null): HtmlValue {
  if (text === null || text === '') return '';
  const [first = ''] = text.split('\n', 1);
  return first === text ? text : html`${first}<details><summary>more</summary><pre>${text}</pre></details>`;
}

/** A number of the address; null: there is none. */
export function idOf(query: URLSearchParams, name = 'id'): number | null {
  const text = query.get(name);
  return text !== null && /^\d{1,15}$/.test(text) ? Number(text) : null;
}
