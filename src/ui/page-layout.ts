// What all pages of daemons share: the frame, tables, and the files that come with them. Nothing is loaded from elsewhere.
import { type Html, type HtmlValue, html } from './html.ts';
import { answer } from './http-messages.ts';
import type { Route } from './router.ts';
import { compareKeys, sortKey } from './sort-key.ts';

/**
 * A whole page.
 *
 * @param root from the page to the start page: '' or '../'. Links are relative, so that a proxy may serve us below any path.
 */
export function page(title: string, root: string, content: Html): string {
  return html`<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>${title}</title>
<link rel="stylesheet" href="${root}static/daemon.css">
<script src="${root}static/daemon.js" defer></script>
</head>
<body>
<h1>${title}</h1>
${content}
</body>
</html>
`.text;
}

/** Names and values, one a line. */
export function facts(pairs: readonly (readonly [name: string, value: HtmlValue] | null)[]): Html {
  const shown = pairs.filter((pair) => pair !== null);
  return html`<dl>${shown.map(([name, value]) => html`<dt>${name}</dt><dd>${value}</dd>`)}</dl>`;
}

/** A table under a heading with the number of its rows, which a click on a column sorts. */
export function table(heading: string, columns: readonly string[], rows: readonly (readonly HtmlValue[])[]): Html {
  return plainTable(html`${heading} (${rows.length})`, columns, rows, SORTABLE);
}

const SORTABLE: Html = html` data-sortable`;

/** One whose rows stay as they are. @param columns may be links. @param attributes of the table. */
export function plainTable(
  heading: HtmlValue,
  columns: readonly HtmlValue[],
  rows: readonly (readonly HtmlValue[])[],
  attributes: Html | null = null,
): Html {
  return html`<h2>${heading}</h2>
<div class="wide"><table${attributes}><thead><tr>${columns.map((name) => html`<th>${name}</th>`)}</tr></thead>
<tbody>${rows.map((cells) => html`<tr>${cells.map((cell) => html`<td>${cell}</td>`)}</tr>\n`)}</tbody></table></div>
`;
}

/** A small button that asks before it posts. */
export function killButton(action: string, id: string, question: string): Html {
  return html` <form class="kill" method="post" action="${action}" data-question="${question}">
<input type="hidden" name="id" value="${id}"><input type="hidden" name="terminate" value="true">
<button type="submit">(kill)</button></form>`;
}

const CSS = `:root { color-scheme: light dark; --line: #8884; --soft: #8881; --link: light-dark(#0a58ca, #8ab4f8); }
body { font: 15px/1.45 system-ui, sans-serif; margin: 1.5rem auto; max-width: 80rem; padding: 0 1rem; }
h1 { font-size: 1.35rem; font-weight: 600; margin: 0 0 1rem; overflow-wrap: anywhere; }
h2 { font-size: 1.05rem; font-weight: 600; margin: 1.6rem 0 .4rem; }
a { color: var(--link); }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .15rem 1rem; margin: 0; }
dt { font-weight: 600; }
dd { margin: 0; overflow-wrap: anywhere; }
.wide { overflow-x: auto; }
.wide dd { min-width: 14rem; }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
th, td { border: 1px solid var(--line); padding: .3rem .55rem; text-align: left; vertical-align: top; }
th { background: var(--soft); font-weight: 600; white-space: nowrap; }
tbody tr:nth-child(even) { background: var(--soft); }
pre { background: var(--soft); border: 1px solid var(--line); padding: .6rem; white-space: pre-wrap; overflow-wrap: anywhere; }
th a { color: inherit; text-decoration: none; }
th a:hover, table[data-sortable] th:hover { text-decoration: underline; }
table[data-sortable] th { cursor: pointer; }
th[aria-sort=ascending]::after { content: ' \\25b4'; }
th[aria-sort=descending]::after { content: ' \\25be'; }
form.kill { display: inline; }
form.kill button { background: none; border: 0; color: var(--link); cursor: pointer; font: inherit; padding: 0; text-decoration: underline; }
nav { margin: .6rem 0; }
nav a { margin-right: 1rem; }
`;

/** What pages do by themselves; without it they are as they came. */
const JS = `${sortKey}
${compareKeys}
for (const table of document.querySelectorAll('table[data-sortable]')) {
  const headings = [...table.querySelectorAll('th')];
  const sort = (heading, column) => {
    const sign = heading.getAttribute('aria-sort') === 'ascending' ? -1 : 1;
    for (const each of headings) each.removeAttribute('aria-sort');
    heading.setAttribute('aria-sort', sign > 0 ? 'ascending' : 'descending');
    const body = table.tBodies[0];
    const rows = [...body.rows].map((row) => ({ row, key: sortKey(row.cells[column].textContent) }));
    rows.sort((a, b) => sign * compareKeys(a.key, b.key));
    body.append(...rows.map(({ row }) => row));
  };
  headings.forEach((heading, column) => {
    heading.tabIndex = 0;
    heading.addEventListener('click', () => sort(heading, column));
    heading.addEventListener('keydown', (event) => { if (event.key === 'Enter') sort(heading, column); });
  });
}
for (const form of document.querySelectorAll('form[data-question]'))
  form.addEventListener('submit', (event) => { if (!confirm(form.dataset.question)) event.preventDefault(); });
`;

/** Routes of what pages refer to. */
export const STATIC_ROUTES: readonly Route[] = [
  {
    method: 'GET',
    path: '/static/daemon.css',
    handle: () => answer(200, 'text/css', CSS, { 'cache-control': 'max-age=3600' }),
  },
  {
    method: 'GET',
    path: '/static/daemon.js',
    handle: () => answer(200, 'text/javascript', JS, { 'cache-control': 'max-age=3600' }),
  },
  { method: 'GET', path: '/favicon.ico', handle: () => ({ status: 204, headers: {}, body: '' }) },
];
