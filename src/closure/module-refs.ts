import { createRequire } from 'node:module';
import { fileURLToPath, pathToFileURL } from 'node:url';
import type { AnyFunction } from './any-function.ts';
import type { FunctionSource } from './function-source.ts';

/** Decides which code executors import by themselves and which is copied to them. */

const TYPESCRIPT = /\.[cm]?tsx?(\?|$)/;

export function isTypeScript(url: string): boolean {
  return TYPESCRIPT.test(url);
}

const require = createRequire(import.meta.url);
let mainScripts: Set<string> | null = null;

function mains(): Set<string> {
  if (mainScripts !== null) return mainScripts;
  mainScripts = new Set();
  const script = process.argv[1];
  if (script !== undefined) {
    try {
      mainScripts.add(pathToFileURL(require.resolve(script)).href);
    } catch {
      mainScripts.add(pathToFileURL(script).href);
    }
  }
  return mainScripts;
}

/**
 * Names a script that is the application itself, besides `process.argv[1]`. Executors never import it: it would run the
 * whole job again.
 */
export function markMainScript(url: string): void {
  mains().add(url);
}

/** URLs of all scripts that are the application itself; a slot is told them, since its own `process.argv` names another. */
export function mainScriptUrls(): readonly string[] {
  return [...mains()];
}

/** Scripts that handed a function literal to Iskra: they hold jobs, and importing them could run those again. */
const jobScripts = new Set<string>();

export function markJobScript(url: string): void {
  if (url.startsWith('file:')) jobScripts.add(url);
}

export function isJobScript(url: string): boolean {
  return jobScripts.has(url) || mains().has(url);
}

const OWN_ROOT = new URL('../', import.meta.url).href;

/** Packages and Iskra itself are libraries: they hold no job, so even a function of theirs may import its own module. */
export function isLibrary(url: string): boolean {
  return url.includes('/node_modules/') || url.startsWith(OWN_ROOT);
}

let typeScriptIsImportable: boolean | null = null;

/** Whether a bare executor can import a file. TypeScript only where Node itself strips types, no loader hook involved. */
export function defaultImportable(url: string): boolean {
  if (!isTypeScript(url)) return true;
  if (typeScriptIsImportable === null) {
    const flags = [...process.execArgv, process.env['NODE_OPTIONS'] ?? ''].join(' ');
    const features = process.features as { readonly typescript?: unknown };
    typeScriptIsImportable =
      Boolean(features.typescript) && !/--(import|loader|experimental-loader|require|r)\b/.test(flags);
  }
  return typeScriptIsImportable;
}

export interface ExportRef {
  readonly specifier: string;
  readonly exportName: string;
  readonly commonJs: boolean;
}

/** Finds under which name a module exports a function: ES modules by position, CommonJS by identity. */
export function exportOf(fn: AnyFunction, source: FunctionSource): ExportRef | null {
  const { script } = source;
  if (script.isModule) {
    if (fn.name === '') return null; // whatever is exported has a name; saves parsing the module for most literals
    const exportName = script.moduleInfo.exports.get(source.start);
    return exportName === undefined ? null : { specifier: script.url, exportName, commonJs: false };
  }
  const module = require.cache[fileURLToPath(script.url)];
  if (module === undefined || module === process.mainModule) return null;
  const exports: unknown = module.exports;
  if (exports === fn) return { specifier: module.filename, exportName: '*', commonJs: true };
  if ((typeof exports !== 'object' && typeof exports !== 'function') || exports === null) return null;
  for (const exportName of Object.keys(exports)) {
    try {
      if ((exports as Record<string, unknown>)[exportName] === fn)
        return { specifier: module.filename, exportName, commonJs: true };
    } catch {
      // An export that cannot be read is not the one looked for.
    }
  }
  return null;
}

/** True when code of this script is on the stack: it is the one that hands the function over right now. */
export function isOnStack(url: string): boolean {
  const { prepareStackTrace, stackTraceLimit } = Error;
  let files: (string | undefined)[] = [];
  try {
    Error.stackTraceLimit = 200;
    // The structured form gives script names as V8 knows them, before any source map.
    Error.prepareStackTrace = (_, sites) => {
      files = sites.map((site) => site.getFileName() ?? undefined);
      return '';
    };
    void new Error('where are we').stack;
  } finally {
    Error.prepareStackTrace = prepareStackTrace;
    Error.stackTraceLimit = stackTraceLimit;
  }
  const path = fileURLToPath(url);
  return files.some((file) => file === url || file === path);
}
