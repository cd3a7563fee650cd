import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { errorToData, IskraError } from './errors.ts';

/**
 * A function of a module that a setting names: a path as seen from the working directory, or a package as that directory's programs see it.
 *
 * @param key the setting, `name` its value.
 * @param wanted the function with how it is called: `getGroups(user)`.
 * @throws IskraError that names setting and module.
 */
export async function loadFunction(
  key: string,
  name: string,
  wanted: string,
  code = 'MODULE_SETTING',
): Promise<(...args: readonly unknown[]) => unknown> {
  const fail = (what: string, cause?: unknown): IskraError =>
    new IskraError(code, `${key}=${name}: ${what}`, { cause, details: { key, name } });
  let loaded: Readonly<Record<string, unknown>>;
  try {
    loaded = (await import(urlOf(name))) as Readonly<Record<string, unknown>>; // what a module is
  } catch (error) {
    throw fail(`the module cannot be loaded: ${errorToData(error).message}`, error);
  }
  const found = loaded[wanted.replace(/\(.*/, '')];
  if (typeof found !== 'function') throw fail(`the module exports no function ${wanted}`);
  return found as (...args: readonly unknown[]) => unknown; // a function of somebody else's making
}

function urlOf(name: string): string {
  if (/^(file|node):/.test(name)) return name;
  const path = resolve(name);
  if (existsSync(path) || /^[./]/.test(name)) return pathToFileURL(path).href;
  return pathToFileURL(createRequire(resolve('iskra.js')).resolve(name)).href;
}
