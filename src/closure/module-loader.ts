import { createRequire, isBuiltin } from 'node:module';
import { isAbsolute } from 'node:path';
import { fileURLToPath } from 'node:url';
import { types } from 'node:util';
import vm from 'node:vm';
import { findOwnModule } from '../base/own-modules.ts';
import { reviveError } from './errors.ts';
import { driverText, homeHint, localPath, localUrl } from './module-home.ts';
import type { ModuleRef } from './wire.ts';

/** Imports the modules that closures refer to, each once per thread. */

type Namespace = Readonly<Record<string, unknown>>;
type Importer = (specifier: string, options?: object) => Promise<Namespace>;

/** By `keyOf`. CommonJS modules are stored as `{ exports }`. */
const loaded = new Map<string, Namespace>();
const importers = new Map<string, Importer>();
let warmedUp = false;

const keyOf = (ref: ModuleRef): string => `${ref.parent}\0${ref.specifier}\0${ref.commonJs}`;

/** Makes `import()` in vm scripts use the loader of the process, resolving from the script's file name. */
export const DEFAULT_LOADER: typeof vm.constants.USE_MAIN_CONTEXT_DEFAULT_LOADER =
  vm.constants.USE_MAIN_CONTEXT_DEFAULT_LOADER;

/** Runs something without the ExperimentalWarnings that `import()` in vm scripts and `require(esm)` print once. */
export function withoutExperimentalWarnings<T>(run: () => T): T {
  const { emitWarning } = process;
  process.emitWarning = ((warning: string | Error, ...rest: unknown[]): void => {
    const text = typeof warning === 'string' ? warning : warning.message;
    if (/USE_MAIN_CONTEXT_DEFAULT_LOADER|\brequire\(\)/.test(text)) return;
    (emitWarning as (...args: unknown[]) => void).call(process, warning, ...rest);
  }) as typeof process.emitWarning;
  try {
    return run();
  } finally {
    process.emitWarning = emitWarning;
  }
}

function importerFor(parent: string): Importer {
  let importer = importers.get(parent);
  if (importer === undefined) {
    importer = withoutExperimentalWarnings(
      () =>
        vm.runInThisContext('((specifier, options) => import(specifier, options))', {
          filename: parent === '' ? import.meta.url : localUrl(parent),
          importModuleDynamically: DEFAULT_LOADER,
        }) as Importer,
    );
    importers.set(parent, importer);
  }
  return importer;
}

function importFailure(ref: ModuleRef, error: unknown): Error {
  const message = error instanceof Error ? error.message : String(error);
  const by = ref.parent === '' || ref.parent === ref.specifier ? '' : ` (imported by ${ref.parent})`;
  return reviveError(`the executor cannot import '${ref.specifier}'${by}: ${driverText(message)}${homeHint()}`, error);
}

/** @throws ClosureError when a module cannot be imported. */
export async function loadModules(refs: readonly ModuleRef[]): Promise<void> {
  const missing = refs.filter((ref) => !loaded.has(keyOf(ref)));
  if (missing.length === 0) return;
  if (!warmedUp) {
    warmedUp = true;
    await withoutExperimentalWarnings(() => importerFor('')('node:module'));
  }
  await Promise.all(
    missing.map(async (ref) => {
      try {
        loaded.set(keyOf(ref), await load(ref));
      } catch (error) {
        throw importFailure(ref, error);
      }
    }),
  );
}

async function load(ref: ModuleRef): Promise<Namespace> {
  if (isBuiltin(ref.specifier)) return builtinNamespace(ref.specifier);
  const own = findOwnModule(ref.specifier);
  if (own !== null) return typeof own === 'string' ? importerFor('')(own) : own;
  if (ref.commonJs) return { exports: createRequire(localUrl(ref.parent))(localSpecifier(ref.specifier)) as unknown };
  return importerFor(ref.parent)(
    localSpecifier(ref.specifier),
    ref.attributes === null ? undefined : { with: ref.attributes },
  );
}

/** As `loadModules`, for places that cannot wait. A module with top-level await must have been imported before. */
export function loadModulesSync(refs: readonly ModuleRef[]): void {
  for (const ref of refs) {
    const key = keyOf(ref);
    if (loaded.has(key)) continue;
    try {
      loaded.set(key, loadSync(ref));
    } catch (error) {
      throw importFailure(ref, error);
    }
  }
}

function loadSync(ref: ModuleRef): Namespace {
  if (isBuiltin(ref.specifier)) return builtinNamespace(ref.specifier);
  const own = findOwnModule(ref.specifier);
  if (own !== null && typeof own !== 'string') return own;
  const specifier = own ?? localSpecifier(ref.specifier);
  const path = specifier.startsWith('file:') ? fileURLToPath(specifier) : specifier;
  const exports: unknown = withoutExperimentalWarnings(
    () => createRequire(ref.parent === '' ? import.meta.url : localUrl(ref.parent))(path) as unknown,
  );
  if (ref.commonJs) return { exports };
  if (types.isModuleNamespaceObject(exports)) return exports as Namespace;
  return namespaceOf(exports); // an import of a CommonJS module
}

function localSpecifier(specifier: string): string {
  return isAbsolute(specifier) ? localPath(specifier) : localUrl(specifier);
}

function builtinNamespace(specifier: string): Namespace {
  return namespaceOf(process.getBuiltinModule(specifier));
}

function namespaceOf(exports: unknown): Namespace {
  const named = (typeof exports === 'object' && exports !== null) || typeof exports === 'function' ? exports : {};
  return { ...named, default: exports };
}

/** Gives an export of a module that was loaded before. `*` is the namespace, or what `module.exports` is. */
export function exportFrom(ref: ModuleRef, exportName: string): unknown {
  const namespace = loaded.get(keyOf(ref));
  if (namespace === undefined) throw reviveError(`module '${ref.specifier}' was not loaded`);
  if (ref.commonJs) {
    const exports = namespace['exports'];
    return exportName === '*' ? exports : (exports as Namespace)[exportName];
  }
  if (exportName === '*') return ref.parent === '' ? namespace['default'] : namespace;
  if (!(exportName in namespace))
    throw reviveError(`the executor's copy of '${ref.specifier}' has no export '${exportName}'`);
  return namespace[exportName];
}
