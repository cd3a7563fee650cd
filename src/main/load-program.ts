// How the package's entries get the program, which the bundler has joined into scripts: compiled code from a cache if there is one.
// ES modules cannot have such a cache in Node 20, and neither can a worker thread's modules; a script of `node:vm` can.
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import vm from 'node:vm';
import { CodeCache, cacheFolders, onKeepCode } from '../base/code-cache.ts';
import { OwnModules, registerOwnModules } from '../base/own-modules.ts';

type Exports = Readonly<Record<string, unknown>>;

/** Threads of one kind run the same parts of a script, so that they share a cache. */
export type ThreadKind = 'command' | 'service' | 'driver' | 'slot' | 'executor';

/** By path in `src`: the modules that others enter by. Each runs when it is first asked for. */
type Entries = Readonly<Record<string, () => Exports>>;

interface Parameters {
  readonly entries: object;
  readonly require: NodeJS.Require;
  readonly url: string;
  readonly importModule: (specifier: string) => unknown;
  readonly ran: (path: string, exports: () => Exports) => void;
}

/** Written by the bundler: the names of the scripts beside this file, which change with their text. */
declare const ISKRA_SCRIPTS: {
  /** What the command needs before it knows what to run. It is small, so that a slot can be started soon. */
  readonly command: string;
  /** What it may need then. */
  readonly service: string;
  /** What drivers, executors and slots need. */
  readonly program: string;
};

/** How the bundler writes an `import()` that leads from the command's script to another one. */
const LEADS_ON = /^iskra-(driver|service):(.*)$/;

/**
 * A cache is written again when so many more modules have run than at the time it was written: a driver of a cluster runs 60 that
 * one with local slots does not. What the cache had stays in it.
 */
const MANY_MORE = 20;

const loaded = new Map<string, Entries>();

/** Runs a module of Iskra, by its path in `src`. */
export function loadModule(kind: ThreadKind, path: string): Exports {
  const name = ISKRA_SCRIPTS[kind === 'command' || kind === 'service' ? kind : 'program'];
  let entries = loaded.get(name);
  if (entries === undefined) {
    entries = loadScript(name, kind);
    loaded.set(name, entries);
  }
  const load = entries[path];
  if (load === undefined) throw new Error(`${path} is no entry of Iskra`);
  return load();
}

function loadScript(name: string, kind: ThreadKind): Entries {
  const url = new URL(name, import.meta.url).href;
  const cache = new CodeCache(cacheFolders(fileURLToPath(new URL('../../cache', import.meta.url))), `${name}-${kind}`);
  // Services run for long, and commands that only submit take one small part of that script or another.
  const isKept = kind !== 'service';
  const kept = isKept ? cache.read() : undefined;
  // The bundler has seen to it that it is all ASCII.
  const script = new vm.Script(readFileSync(fileURLToPath(url), 'latin1'), {
    filename: url,
    cachedData: kept?.code,
  });
  const known = kept === undefined || script.cachedDataRejected === true ? -MANY_MORE : kept.numModules;
  let numModules = 0;
  if (isKept)
    onKeepCode(() => {
      if (numModules >= known + MANY_MORE) cache.write({ code: script.createCachedData(), numModules });
    });
  const entries: Record<string, () => Exports> = {};
  const modules = new OwnModules(() => entries['index.js']?.());
  registerOwnModules(url, modules);
  const run = script.runInThisContext() as (parameters: Parameters) => void;
  run({
    entries,
    require: createRequire(url),
    url,
    importModule: async (specifier) => {
      const [, to, path] = LEADS_ON.exec(specifier) ?? [];
      return path === undefined ? import(specifier) : loadModule(to as ThreadKind, path);
    },
    ran: (path, exports) => {
      numModules++;
      modules.add(path, exports);
    },
  });
  return entries;
}
