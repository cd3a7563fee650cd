// Holds ARCHITECTURE.md against the source: its picture and its folder table are those of floors.json, the paths and
// functions it names exist. Links of all pages lead somewhere. Files and tests that docs/standalone-rows.md names are there.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

const root = join(import.meta.dirname, '..');
const page = readFileSync(join(root, 'ARCHITECTURE.md'), 'utf8');
const complaints = [];

const built = new Set(
  readdirSync(join(root, 'src'), { withFileTypes: true }).flatMap((e) => (e.isDirectory() ? [e.name] : [])),
);
const floors = Object.entries(JSON.parse(readFileSync(join(root, 'floors.json'), 'utf8')));
const wanted = new Map(floors.filter(([name]) => built.has(name)).map(([name, room]) => [name, room.floor]));

/** The same folders on the same floors, each once. */
function compare(what, found) {
  const seen = new Set();
  for (const [name, floor] of found) {
    if (seen.has(name)) complaints.push(`${what} names ${name}/ twice`);
    seen.add(name);
    if (!wanted.has(name)) complaints.push(`${what} names ${name}/, which is not in both floors.json and src/`);
    else if (wanted.get(name) !== floor)
      complaints.push(`${what} has ${name}/ on floor ${floor}; floors.json says ${wanted.get(name)}`);
  }
  for (const name of wanted.keys()) if (!seen.has(name)) complaints.push(`${what} lacks ${name}/`);
}
compare(
  'the picture',
  [...page.matchAll(/^floor (\d)\s+(.*)$/gm)].flatMap(([, floor, names]) =>
    [...names.matchAll(/([a-z-]+)\//g)].map(([, name]) => [name, Number(floor)]),
  ),
);
compare(
  'the folder table',
  [...page.matchAll(/^\| (\d) \| `([a-z-]+)\/` \|/gm)].map(([, floor, name]) => [name, Number(floor)]),
);

// `path`, or `path` · `function`, `function`; paths as seen from the root or from src/.
const prose = page.replace(/^```[\s\S]*?^```/gm, '');
for (const [, path, functions] of prose.matchAll(
  /`((?:[\w.-]+\/)+[\w.-]*|[\w.-]+\.(?:json|md|mjs|ts))`(?: · ((?:`\w+`(?:, )?)+))?/g,
)) {
  const file = [join(root, 'src', path), join(root, path)].find((candidate) => existsSync(candidate));
  if (file === undefined) {
    complaints.push(`ARCHITECTURE.md names ${path}, which does not exist`);
    continue;
  }
  if (functions === undefined) continue;
  const code = readFileSync(file, 'utf8');
  for (const [, name] of functions.matchAll(/`(\w+)`/g))
    if (!new RegExp(`^(?:  |export (?:async )?function )${name}(?:<.*)?\\(|^  ${name}<`, 'm').test(code))
      complaints.push(`ARCHITECTURE.md names ${name} of ${path}, which has no such function`);
}

const pages = ['', 'docs', 'docs/decisions', 'bench', 'examples/data'].flatMap((folder) =>
  readdirSync(join(root, folder)).flatMap((name) => (name.endsWith('.md') ? [join(folder, name)] : [])),
);
for (const name of pages)
  for (const [, target] of readFileSync(join(root, name), 'utf8').matchAll(/\]\(([^)#\s]+)(?:#[^)]*)?\)/g))
    if (!/^[a-z]+:/.test(target) && !existsSync(join(root, dirname(name), target)))
      complaints.push(`${name} links to ${target}, which does not exist`);

// docs/standalone-rows.md: | row | where | shown by |. Files are there, and tests are called as it says.
const rows = readFileSync(join(root, 'docs/standalone-rows.md'), 'utf8');
for (const line of rows.split('\n')) {
  const cells = line.split(/(?<!\\) \| /);
  if (!line.startsWith('| ') || cells.length !== 3 || cells[1] === 'where') continue;
  const [row = '', where = '', shown = ''] = cells;
  const complain = (text) => complaints.push(`docs/standalone-rows.md, ${row.slice(2, 62)}…: ${text}`);
  let folder = '';
  for (const [, path] of where.matchAll(/`([\w./-]+\.ts)`/g)) {
    if (path.includes('/')) folder = dirname(path);
    if (!existsSync(join(root, 'src', path.includes('/') ? path : join(folder, path)))) complain(`no ${path}`);
  }
  // `folder/file`: name; name; `folder/file`
  for (const [, path, names = ''] of shown.matchAll(
    /`([\w./-]+)`(?:: (.*?))?(?=; `[\w-]+\/[\w./-]+`(?:[:;]| \||$)| \|$|$)/g,
  )) {
    const file = join(root, 'test', path.endsWith('.ts') ? path : `${path}.test.ts`);
    if (!existsSync(file)) {
      complain(`no test ${path}`);
      continue;
    }
    const plain = (text) => text.replace(/\\(.)/g, '$1').replaceAll('’', "'").replaceAll('`', '');
    const source = readFileSync(file, 'utf8');
    const code = plain(source);
    // Names of tests in a loop have what differs in them.
    const patterns = Array.from(source.matchAll(/(?:test|it|check)\(\s*`([^`]*\$\{[^`]*)`/g), ([, title]) => {
      const parts = plain(title).split(/\$\{(?:[^{}]|\{[^}]*\})*\}/);
      return new RegExp(`^${parts.map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')).join('.*')}$`);
    });
    // A name may have semicolons of its own, and behind it, in brackets, which part of the row it shows.
    let name = '';
    for (const part of names.split('; ')) {
      name = name === '' ? part : `${name}; ${part}`;
      const titles = [plain(name), plain(name).replace(/ \([^()]*\)$/, '')];
      if (titles.some((title) => code.includes(title) || patterns.some((pattern) => pattern.test(title)))) name = '';
    }
    if (name !== '') complain(`${path} has no test called ${name}`);
  }
}

for (const line of complaints) console.error(line);
console.error(complaints.length ? `architecture: ${complaints.length} complaints` : 'architecture: ok');
process.exitCode = complaints.length ? 1 : 0;
