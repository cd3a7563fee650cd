// How the package's entries get the program, which the bundler has joined into one script: compiled code from a cache if there is one.
// ES modules cannot have such a cache in Node 20, and neither can a worker thread's modules; a script of `node:vm` can.
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import vm from 'node:vm';
import { CodeCache, cacheFolders, onKeepCode } from '../base/code-cache.ts';
import { OwnModules, registerOwnModules } from '../base/own-modules.ts';

type Exports = Readonly<Record<string, unknown>>;

/** Threads of one kind run the same parts of the program, so that they share a cache. */
export type ThreadKind = 'main' | 'slot' | 'executor';

/** By path in `src`: the modules that others enter by. Each runs when it is first asked for. */
type Entries = Readonly<Record<string, () => Exports>>;

interface Parameters {
  readonly entries: object;
  readonly require: NodeJS.Require;
  readonly url: string;
  readonly importModule: (specifier: string) => unknown;
  readonly ran: (path: string, exports: () => Exports) => void;
}

/** Written by the bundler: the name of the script beside this file, which changes with its text. */
declare const ISKRA_PROGRAM: string;

let entries: Entries | null = null;

/** Runs a module of the program, by its path in `src`. */
export function loadModule(kind: ThreadKind, path: string): Exports {
  entries ??= loadProgram(kind);
  const load = entries[path];
  if (load === undefined) throw new Error(`${path} is no entry of Iskra`);
  return load();
}

function loadProgram(kind: ThreadKind): Entries {
  const url = new URL(ISKRA_PROGRAM, import.meta.url).href;
  const cache = new CodeCache(
    cacheFolders(fileURLToPath(new URL('../../cache', import.meta.url))),
    `${ISKRA_PROGRAM}-${kind}`,
  );
  const cachedData = cache.read();
  // The bundler has seen to it that it is all ASCII.
  const script = new vm.Script(readFileSync(fileURLToPath(url), 'latin1'), { filename: url, cachedData });
  if (cachedData === undefined || script.cachedDataRejected === true)
    onKeepCode(() => cache.write(script.createCachedData()));
  const made: Record<string, () => Exports> = {};
  const modules = new OwnModules(() => made['index.js']?.());
  registerOwnModules(url, modules);
  const run = script.runInThisContext() as (parameters: Parameters) => void;
  run({
    entries: made,
    require: createRequire(url),
    url,
    importModule: (specifier) => import(specifier),
    ran: (path, exports) => modules.add(path, exports),
  });
  return made;
}
