// Puts what tsc built into one script for users, and beside it an ES module for each entry of the package that takes its part of
// it. dist/src has some 450 modules; opening, parsing and compiling them costs Node 0.3 s in each thread. See
// docs/decisions/0020-one-script-with-a-code-cache.md.
//
//   dist/bundle/lib/program-HASH.js   all modules, each of which runs when the first other one needs it
//   dist/bundle/lib/load-program.js   runs the script with compiled code from dist/cache (src/main/load-program.ts)
//   dist/bundle/lib/index.js …        `export const { RDD, … } = loadModule('main', 'index.js')`
//
// The text of functions stays as tsc wrote it (no minifying, no kept names), since closures ship by their text.
import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { parse } from 'acorn';
import { build } from 'esbuild';

const dist = join(import.meta.dirname, '..', 'dist');
const src = join(dist, 'src');
const bundle = join(dist, 'bundle');

/** By entry: the kind of thread it is for, which has a code cache of its own. */
const ENTRIES = {
  'lib/index': ['main', 'index.js'],
  'lib/testing': ['main', 'testing.js'],
  'main/cli': ['main', 'main/cli.js'],
  'main/driver-process': ['main', 'main/driver-process.js'],
  'main/executor-process': ['executor', 'main/executor-process.js'],
  'main/task-slot': ['slot', 'main/task-slot.js'],
};

const common = {
  absWorkingDir: src,
  bundle: true,
  platform: 'node',
  target: 'node20.19',
  packages: 'external',
  legalComments: 'none',
  logLevel: 'warning',
};
const paths = Object.values(ENTRIES).map(([, path]) => path);

const { outputFiles } = await build({
  ...common,
  stdin: {
    contents: paths.map((path) => `__iskra.entries['${path}'] = () => require('./${path}');`).join('\n'),
    resolveDir: src,
  },
  format: 'cjs',
  define: { 'import.meta.url': '__iskra.url' },
  plugins: [{ name: 'tells that it ran', setup: (on) => on.onLoad({ filter: /\.js$/ }, telling) }],
  write: false,
});
// In a script of node:vm, `import()` would be the vm module's own, with a warning.
const text = ascii(withImportsBy('__iskra.importModule', outputFiles[0].text));
const script = `'use strict';(function (__iskra) {const { require } = __iskra;\n${text}\n})`;
const name = `program-${createHash('sha256').update(script).digest('hex').slice(0, 16)}.js`;

rmSync(bundle, { recursive: true, force: true });
rmSync(join(dist, 'cache'), { recursive: true, force: true });
mkdirSync(join(bundle, 'lib'), { recursive: true });
mkdirSync(join(bundle, 'main'), { recursive: true });
writeFileSync(join(bundle, 'lib', name), script, 'latin1');
await build({
  ...common,
  entryPoints: ['main/load-program.js'],
  outfile: join(bundle, 'lib/load-program.js'),
  format: 'esm',
  define: { ISKRA_PROGRAM: JSON.stringify(name) },
});
for (const [entry, [kind, path]] of Object.entries(ENTRIES)) {
  const names = exportsOf(readFileSync(join(src, path), 'utf8'));
  const head = names.length === 0 ? '' : `export const { ${names.map(([exported]) => exported).join(', ')} } = `;
  writeFileSync(
    join(bundle, `${entry}.js`),
    `import { loadModule } from '../lib/load-program.js';\n${head}loadModule('${kind}', '${path}');\n`,
  );
}

/** A module with a last line that gives its exports, for closures that hold one of them (src/base/own-modules.ts). */
function telling({ path }) {
  const contents = readFileSync(path, 'utf8');
  const names = exportsOf(contents).filter(([, local]) => local !== null);
  if (names.length === 0) return { contents };
  const pairs = names.map(([exported, local]) => `${JSON.stringify(exported)}: ${local}`);
  return { contents: `${contents}\n__iskra.ran('${relative(src, path)}', () => ({ ${pairs.join(', ')} }));\n` };
}

/** Leads `import(x)` to a function that the script is given. */
function withImportsBy(name, code) {
  const found = [];
  const visit = (node) => {
    if (node.type === 'ImportExpression') found.push(node.start);
    for (const value of Object.values(node))
      for (const child of Array.isArray(value) ? value : [value]) if (typeof child?.type === 'string') visit(child);
  };
  visit(parse(code, { ecmaVersion: 'latest', sourceType: 'script', allowReturnOutsideFunction: true }));
  return found
    .sort((a, b) => b - a)
    .reduce((done, start) => done.slice(0, start) + name + done.slice(start + 'import'.length), code);
}

/** @returns exported and local names. */
function exportsOf(code) {
  const names = [];
  for (const node of parse(code, { ecmaVersion: 'latest', sourceType: 'module' }).body) {
    if (node.type !== 'ExportNamedDeclaration') continue;
    for (const { exported, local } of node.specifiers) names.push([exported.name, node.source ? null : local.name]);
    const { declaration } = node;
    for (const { id } of declaration?.declarations ?? (declaration ? [declaration] : []))
      names.push([id.name, id.name]);
  }
  return names;
}

/** One byte a character: V8 need not decode it, and keeps half as much. esbuild leaves other characters in comments only. */
function ascii(code) {
  return code.replace(/[^\n]*[^\0-\x7f][^\n]*/g, (line) => {
    if (!/^\s*(\/\/|\/?\*)|\/\*.*\*\/\s*$/.test(line)) throw new Error(`not only ASCII, and no comment: ${line}`);
    return line.replace(/[^\0-\x7f]/g, '?');
  });
}
