// Puts what tsc built into three scripts for users, and beside them a file for each entry of the package that takes its part of
// them. dist/src has some 450 modules; opening, parsing and compiling them costs Node 0.3 s in each thread. See
// docs/decisions/0020-scripts-with-a-code-cache.md.
//
//   dist/bundle/lib/program-HASH.js   what drivers, executors and slots run; a module runs when the first other one needs it
//   dist/bundle/lib/command-HASH.js   what the command begins with: small, so that it can start a slot before it loads the program
//   dist/bundle/lib/service-HASH.js   what the command does besides running applications: daemons, submitting to a cluster
//   dist/bundle/lib/load-program.cjs  runs a script with compiled code from dist/cache (src/main/load-program.ts)
//   dist/bundle/lib/index.js          `export const { RDD, … } = loadModule('driver', 'index.js')`
//   dist/bundle/main/memory-lookout.js  a thread that needs little, in one piece
//   dist/bundle/main/*.js             the same for commands and threads, as CommonJS: Node starts an ES module 10 ms later
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
  'lib/index': ['driver', 'index.js'],
  'lib/testing': ['driver', 'testing.js'],
  'main/cli': ['command', 'main/cli.js'],
  'main/driver-process': ['driver', 'main/driver-process.js'],
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
  format: 'cjs',
};

rmSync(bundle, { recursive: true, force: true });
rmSync(join(dist, 'cache'), { recursive: true, force: true });
for (const folder of ['lib', 'main']) mkdirSync(join(bundle, folder), { recursive: true });
writeFileSync(join(bundle, 'main', 'package.json'), '{ "type": "commonjs" }\n');

/** Of what the command imports later, the part that must be the same as with the application's `iskra`. */
const OF_PROGRAM = ['closure/closure.js'];
const ofService = new Set();
const leading = (on) =>
  on.onResolve({ filter: /^\./ }, ({ kind, path, resolveDir }) => {
    if (kind !== 'dynamic-import') return;
    const module = relative(src, join(resolveDir, path));
    if (!OF_PROGRAM.includes(module)) ofService.add(module);
    return { path: `iskra-${OF_PROGRAM.includes(module) ? 'driver' : 'service'}:${module}`, external: true };
  });
const pathsOf = (kinds) => Object.values(ENTRIES).flatMap(([kind, path]) => (kinds.includes(kind) ? [path] : []));
const command = await writeScript('command', pathsOf(['command']), { name: 'leads imports', setup: leading });
const service = await writeScript('service', [...ofService]);
const program = await writeScript('program', [...pathsOf(['driver', 'executor', 'slot']), ...OF_PROGRAM], {
  name: 'tells that modules ran',
  setup: (on) => on.onLoad({ filter: /\.js$/ }, telling),
});
await build({
  ...common,
  entryPoints: ['main/load-program.js'],
  outfile: join(bundle, 'lib/load-program.cjs'),
  banner: { js: "const ownUrl = require('node:url').pathToFileURL(__filename).href;" },
  define: { ISKRA_SCRIPTS: JSON.stringify({ command, service, program }), 'import.meta.url': 'ownUrl' },
});
// A few modules: it is there sooner without a cache.
await build({
  ...common,
  entryPoints: ['main/memory-lookout.js'],
  outfile: join(bundle, 'main/memory-lookout.js'),
});
for (const [entry, [kind, path]] of Object.entries(ENTRIES)) {
  const names = exportsOf(readFileSync(join(src, path), 'utf8')).map(([exported]) => exported);
  const load = `loadModule('${kind}', '${path}')`;
  writeFileSync(
    join(bundle, `${entry}.js`),
    entry.startsWith('main/')
      ? `const { loadModule } = require('../lib/load-program.cjs');\nmodule.exports = ${load};\n`
      : `import { createRequire } from 'node:module';
const { loadModule } = createRequire(import.meta.url)('./load-program.cjs');
export const { ${names.join(', ')} } = ${load};
`,
  );
}

/** @returns the name of the file, which changes with the text. */
async function writeScript(stem, paths, plugin) {
  const { outputFiles } = await build({
    ...common,
    stdin: {
      contents: paths.map((path) => `__iskra.entries['${path}'] = () => require('./${path}');`).join('\n'),
      resolveDir: src,
    },
    define: { 'import.meta.url': '__iskra.url' },
    plugins: plugin === undefined ? [] : [plugin],
    write: false,
  });
  const text = ascii(mended(outputFiles[0].text));
  const script = `'use strict';(function (__iskra) {const { require } = __iskra;\n${text}\n})`;
  const name = `${stem}-${createHash('sha256').update(script).digest('hex').slice(0, 16)}.js`;
  writeFileSync(join(bundle, 'lib', name), script, 'latin1');
  return name;
}

/** A module with a last line that gives its exports, for closures that hold one of them (src/base/own-modules.ts). */
function telling({ path }) {
  const contents = readFileSync(path, 'utf8');
  const names = exportsOf(contents).filter(([, local]) => local !== null);
  if (names.length === 0) return { contents };
  const pairs = names.map(([exported, local]) => `${JSON.stringify(exported)}: ${local}`);
  return { contents: `${contents}\n__iskra.ran('${relative(src, path)}', () => ({ ${pairs.join(', ')} }));\n` };
}

/**
 * Leads `import(x)` to a function that the script is given: in a script of node:vm it would be the vm module's own, with a warning.
 * Gives back their names to classes that name themselves, which esbuild writes as `X = class _X { … _X … }`.
 */
function mended(code) {
  const changes = [];
  /** @param own the names of classes around that are to have another one. */
  const visit = (node, parent, own) => {
    let names = own;
    if (node.type === 'ImportExpression')
      changes.push([node.start, node.start + 'import'.length, '__iskra.importModule']);
    if (node.type === 'ClassExpression' && node.id !== null) {
      const outer = parent.type === 'VariableDeclarator' ? parent.id.name : parent.left?.name;
      if (node.id.name === `_${outer}`) names = [...own, node.id.name];
    }
    if (node.type === 'Identifier' && names.includes(node.name))
      changes.push([node.start, node.end, node.name.slice(1)]);
    for (const value of Object.values(node))
      for (const child of Array.isArray(value) ? value : [value])
        if (typeof child?.type === 'string') visit(child, node, names);
  };
  visit(parse(code, { ecmaVersion: 'latest', sourceType: 'script', allowReturnOutsideFunction: true }), null, []);
  return changes
    .sort(([a], [b]) => b - a)
    .reduce((done, [start, end, text]) => done.slice(0, start) + text + done.slice(end), code);
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
