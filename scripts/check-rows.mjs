// Says which tests that docs/standalone-rows.md names are not there, by file and title, and counts its rows.
import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../', import.meta.url));
const read = (path) => readFileSync(`${root}${path}`, 'utf8');

const rows = read('docs/standalone-rows.md')
  .split('\n')
  .filter((line) => line.startsWith('| ') && !/^\| row \|/.test(line))
  .map((line) => {
    const [text = '', where = '', shown = ''] = line.split(/(?<!\\)\| ?/).slice(1, -1);
    return { text: text.trim(), where: where.trim(), shown: shown.trim() };
  });

/** `deploy/master/master` → its file; undefined: there is none. */
const testFile = (name) => [`test/${name}.test.ts`, `test/${name}`].find((path) => existsSync(`${root}${path}`));

const known = new Map();
/** Each text in quotes, as a pattern: what is put in stands for anything. */
function titlesOf(path) {
  if (!known.has(path)) {
    const quoted = /'((?:[^'\\\n]|\\.)+)'|"((?:[^"\\\n]|\\.)+)"|`((?:[^`\\]|\\.)+)`/g;
    const patterns = [...read(path).matchAll(quoted)].map(([, single, double, template]) => {
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
const counts = { hold: 0, differ: 0, absent: 0 };
for (const { text, where, shown } of rows) {
  const kind =
    where.startsWith('absent:') || where.startsWith('those of ')
      ? 'absent'
      : where.startsWith('differs:')
        ? 'differ'
        : 'hold';
  counts[kind]++;
  if (kind !== 'absent' && shown === '') wrong.push(`${text}: no test is named`);
  for (const [, name, titles = ''] of shown.matchAll(/`([^`]+)`(?:: ((?:(?!; (?:with )?`[a-z-]+\/).)*))?/g)) {
    if (!name.includes('/') || name.includes(' ')) continue; // a word of a title
    const path = testFile(name);
    if (path === undefined) wrong.push(`${text}: there is no test/${name}`);
    else if (titles !== '' && !areTitles(titles.trim(), titlesOf(path)))
      wrong.push(`${text}: ${path} has no '${titles}'`);
  }
}
for (const each of wrong) console.error(each);
console.log(`rows: ${counts.hold} hold, ${counts.differ} differ, ${counts.absent} are absent`);
process.exitCode = wrong.length === 0 ? 0 : 1;
