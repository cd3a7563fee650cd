// Holds ARCHITECTURE.md against the source: its picture and its folder table are those of floors.json, the paths and
// functions it names exist. Links of all pages lead somewhere.
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

for (const line of complaints) console.error(line);
console.error(complaints.length ? `architecture: ${complaints.length} complaints` : 'architecture: ok');
process.exitCode = complaints.length ? 1 : 0;
