// Says which tests that the pages docs/*-rows.md name are not there, by file and title, and counts their rows.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../', import.meta.url));
const read = (path) => readFileSync(`${root}${path}`, 'utf8');

const pages = readdirSync(`${root}docs`).filter((name) => name.endsWith('-rows.md'));
const rowsOf = (page) =>
  read(`docs/${page}`)
    .split('\n')
    .filter((line) => line.startsWith('| ') && !/^\| row \|/.test(line))
    .map((line) => {
      const [text = '', where = '', shown = ''] = line.split(/(?<!\\)\| ?/).slice(1, -1);
      return { text: text.trim(), where: where.trim(), shown: shown.trim() };
    });

/** `deploy/master/master`, `conformance/sort-behaviours` → its file; undefined: there is none. */
const testFile = (name) =>
  [`test/${name}.test.ts`, `test/${name}.ts`, `test/${name}`].find((path) => existsSync(`${root}${path}`));

const known = new Map();
/** Each text in quotes, as a pattern: what is put in stands for anything. */
function titlesOf(path) {
  if (!known.has(path)) {
    const quoted = /'((?:[^'\\\n]|\\.)+)'|"((?:[^"\\\n]|\\.)+)"|`((?:[^`\\]|\\.)+)`/g;
    // Behind the name of a call the quote is one, whatever quotes a pattern or a comment before it has.
    const called = new RegExp(`\\b(?:test|it|describe)\\(\\s*(?:${quoted.source})`, 'g');
    const text = read(path);
    const patterns = [...text.matchAll(quoted), ...text.matchAll(called)].map(([, single, double, template]) => {
      const text = (single ?? double ?? template).replace(/\\(.)/g, '$1');
      const parts = text.split(/\$\{[^}]*\}/).map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'));
      return new RegExp(`^${parts.join('.*')}$`);
    });
    // What is short, or stands for anything, is no title.
    known.set(
      path,
      patterns.filter(({ source }) => source.length > (source.startsWith('^.*') ? 20 : 7)),
    );
  }
  return known.get(path);
}

/** A title, or that of a group and one of its own behind it. */
function isOneOf(titles) {
  const is = (text) => titles.some((each) => each.test(text));
  return (text) =>
    is(text) || [...text.matchAll(/ /g)].some(({ index }) => is(text.slice(0, index)) && is(text.slice(index + 1)));
}

/** Whether the text is titles with semicolons between them; they may have some themselves, and a remark in brackets behind. */
function areTitles(text, titles) {
  const isTitle = isOneOf(titles);
  return [text, text.replace(/ \([^()]*\)(?=$|; )/g, '')].some((all) => {
    const parts = all.split('; ');
    const fits = (from) =>
      from === parts.length ||
      parts.some((_, to) => {
        const title = parts.slice(from, to + 1).join('; ');
        return to >= from && isTitle(title) && fits(to + 1);
      });
    return fits(0);
  });
}

const wrong = [];
/** The files that a row names and that are not there. */
const notThere = (where) =>
  [...where.matchAll(/`([a-z-]+\/[\w./-]+\.ts)`/g)].filter(([, path]) => !existsSync(`${root}src/${path}`));

for (const page of pages) {
  const counts = { hold: 0, differ: 0, absent: 0 };
  for (const { text, where, shown } of rowsOf(page)) {
    const say = (what) => wrong.push(`docs/${page}: ${text}: ${what}`);
    const kind =
      where.startsWith('absent:') || where.startsWith('those of ')
        ? 'absent'
        : where.startsWith('differs:')
          ? 'differ'
          : 'hold';
    counts[kind]++;
    for (const [, path] of notThere(where)) say(`there is no src/${path}`);
    if (kind !== 'absent' && shown === '') say('no test is named');
    for (const [, name, titles = ''] of shown.matchAll(/`([^`]+)`(?:: ((?:(?!; (?:with )?`[a-z-]+\/).)*))?/g)) {
      if (!name.includes('/') || name.includes(' ')) continue; // a word of a title
      const path = testFile(name);
      if (path === undefined) say(`there is no test/${name}`);
      else if (titles !== '' && !areTitles(titles.trim(), titlesOf(path))) say(`${path} has no '${titles}'`);
    }
  }
  console.log(`${page}: ${counts.hold} hold, ${counts.differ} differ, ${counts.absent} are absent`);
}
for (const each of wrong) console.error(each);
process.exitCode = wrong.length === 0 ? 0 : 1;
