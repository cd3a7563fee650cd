// Files of `--files` and `--archives` that travel with a driver: each is a part of its own, whose bytes are the file's.
import { chmodSync, existsSync, linkSync, mkdirSync, realpathSync, renameSync, type Stats, statSync } from 'node:fs';
import { copyFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import type { EpochMs } from '../base/clock.ts';
import { IskraError } from '../base/errors.ts';
import type { PackagedFile, PackageManifest } from '../protocol/app-package.ts';
import { isInnerPath } from './part-file.ts';
import type { PartStore } from './part-store.ts';

/** An entry of `spark.files` or `spark.archives` that lies where the application is packed: an absolute path, an archive's with `#alias`. */
export interface GivenFile {
  readonly kind: PackagedFile['kind'];
  readonly given: string;
}

/** One that was looked at. */
export interface SeenFile extends Omit<PackagedFile, 'hash'> {
  /** Without symbolic links. */
  readonly source: string;
  readonly mtimeMs: number;
}

/** @throws IskraError FILE_NOT_FOUND, DIRECTORY_NOT_ADDED. */
export function lookAtFiles(files: readonly GivenFile[]): SeenFile[] {
  return files.map(({ kind, given }) => {
    const [path, alias] = kind === 'archive' ? splitAlias(given) : [given, null];
    let source: string;
    let stat: Stats;
    try {
      source = realpathSync(path);
      stat = statSync(source);
    } catch (cause) {
      throw new IskraError('FILE_NOT_FOUND', `File file:${path} does not exist, or cannot be read`, {
        cause,
        details: { path },
      });
    }
    if (!stat.isFile())
      throw new IskraError(
        'DIRECTORY_NOT_ADDED',
        kind === 'file'
          ? `addFile does not support local directories when not running local mode: ${path}; give an archive of it to --archives`
          : `Added archive ${path} is a directory; give a zip, jar, tar, tar.gz or tgz file`,
        { details: { path } },
      );
    // An archive's real name says how it is read; it is found by the name that it was given.
    const name = kind === 'file' ? basename(path) : basename(source);
    const suffix = kind === 'file' ? '' : `#${alias ?? basename(path)}`;
    return { kind, given, name, suffix, source, bytes: stat.size, mtimeMs: stat.mtimeMs };
  });
}

/** `path#alias`. */
export function splitAlias(given: string): [path: string, alias: string | null] {
  const at = given.lastIndexOf('#');
  return at < 0 ? [given, null] : [given.slice(0, at), given.slice(at + 1)];
}

/**
 * Puts the files of a package, whose parts are in the store, below a driver's directory. What is there already stays.
 *
 * @throws IskraError PACKAGE_CORRUPT; the system's errors.
 */
export async function placeFiles(
  store: PartStore,
  manifest: PackageManifest,
  directory: string,
  now: EpochMs,
): Promise<void> {
  for (const [i, file] of (manifest.files ?? []).entries()) {
    const to = placeOf(directory, i, file);
    if (existsSync(to)) continue;
    mkdirSync(join(directory, 'files', String(i)), { recursive: true });
    const part = store.pathOf(file.hash);
    store.touch(file.hash, now);
    chmodSync(part, 0o400); // the application knows where the copy is, and the part is for others as well
    try {
      linkSync(part, to);
    } catch {
      await copyFile(part, `${to}.copying`); // a file system without hard links, or another one
      renameSync(`${to}.copying`, to);
    }
  }
}

/** Entries of `spark.files` or `spark.archives` as the driver in that directory has them. */
export function placedFiles(
  manifest: PackageManifest,
  directory: string,
  kind: PackagedFile['kind'],
  entries: readonly string[],
): string[] {
  const files = manifest.files ?? [];
  return entries.map((entry) => {
    const i = files.findIndex((file) => file.kind === kind && file.given === entry);
    const file = files[i];
    return file === undefined ? entry : placeOf(directory, i, file) + file.suffix;
  });
}

/** A folder each: two may have one name, which the driver then complains of, as it would at home. */
function placeOf(directory: string, i: number, { name }: PackagedFile): string {
  if (!isInnerPath(name) || name.includes('/'))
    throw new IskraError('PACKAGE_CORRUPT', `${JSON.stringify(name)} cannot be the name of an application's file`);
  return join(directory, 'files', String(i), name);
}
