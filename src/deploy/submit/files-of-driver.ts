import { existsSync } from 'node:fs';
import { isAbsolute, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { GivenFile } from '../../app-package/packaged-files.ts';
import { IskraError } from '../../base/errors.ts';
import { ARCHIVES, FILES } from '../../config/context-entries.ts';
import type { SparkConf } from '../../config/spark-conf.ts';

/**
 * `spark.files` and `spark.archives` for a driver that runs elsewhere: paths and `file:` URLs become absolute paths of this machine,
 * patterns what they match, and other URLs stay.
 *
 * @param isElsewhere the application is not here: nor have absolute paths to be.
 * @throws IskraError FILE_NOT_FOUND. Spark: DependencyUtils.resolveGlobPaths, Utils.resolveURIs
 */
export function filesOf(conf: SparkConf, folder: string, isElsewhere: boolean): Promise<Record<string, string>> {
  return settingsWith(conf, folder, (name) => !(isElsewhere && isAbsolute(name)));
}

/** The same for a driver that runs here: only patterns need it. */
export function patternsOf(conf: SparkConf, folder: string): Promise<Record<string, string>> {
  return settingsWith(conf, folder, (name) => /[*?[{]/.test(name) && !isUrl(name));
}

async function settingsWith(
  conf: SparkConf,
  folder: string,
  isMeant: (name: string) => boolean,
): Promise<Record<string, string>> {
  const found: Record<string, string> = {};
  for (const entry of [FILES, ARCHIVES]) {
    if (!conf.contains(entry) || !conf.get(entry).some(isMeant)) continue;
    const names: string[] = [];
    for (const name of conf.get(entry))
      names.push(...(isMeant(name) ? await resolved(name, entry === ARCHIVES, entry.key, folder) : [name]));
    found[entry.key] = names.join(',');
  }
  return found;
}

async function resolved(name: string, isArchive: boolean, key: string, folder: string): Promise<string[]> {
  if (isUrl(name) && !/^file:/i.test(name)) return [name];
  const { splitAlias } = await import('../../app-package/packaged-files.ts');
  const [given, alias] = isArchive ? splitAlias(name) : [name, null];
  const rest = alias === null ? '' : `#${alias}`;
  const path = resolve(folder, isUrl(given) ? pathOfUrl(given, key) : given);
  if (existsSync(path)) return [path + rest];
  const { globPaths, hasGlob } = await import('../../io/glob.ts');
  const matches = hasGlob(path) ? globPaths(path) : [];
  if (matches.length === 0)
    throw new IskraError('FILE_NOT_FOUND', `cannot find ${given} of ${key} (looked for ${path})`, {
      details: { path },
    });
  return matches.map((match) => match + rest);
}

function isUrl(name: string): boolean {
  return /^[a-z][a-z0-9+.-]+:/i.test(name);
}

function pathOfUrl(url: string, key: string): string {
  try {
    return fileURLToPath(new URL(url));
  } catch (cause) {
    throw new IskraError('FILE_NOT_FOUND', `${url} of ${key} is not the URL of a file here: write file:///path`, {
      cause,
      details: { url },
    });
  }
}

/** Those of them that lie on this machine, and travel. */
export function filesToPack(conf: SparkConf): GivenFile[] {
  return [
    ...conf.get(FILES).map((given) => ({ kind: 'file' as const, given })),
    ...conf.get(ARCHIVES).map((given) => ({ kind: 'archive' as const, given })),
  ].filter(({ given }) => !isUrl(given));
}
