import { realpathSync, statSync } from 'node:fs';
import { basename, join, resolve } from 'node:path';
import { probeOf } from '../app-package/file-probe.ts';
import { systemClock } from '../base/clock.ts';
import { IllegalArgumentError, IskraError } from '../base/errors.ts';
import type { Logger } from '../base/logger.ts';
import { type FetchOptions, isWebUrl } from '../io/fetch-file.ts';
import { placeAddedFile } from '../io/place-added-file.ts';
import type { AddedFile } from '../protocol/added-file.ts';
import type { FileProbe } from '../protocol/app-package.ts';

export interface AddedFilesOptions extends FetchOptions {
  /** What SparkFiles.getRootDirectory() is on the driver. */
  readonly directory: string;
  /** Executors see the driver's disk for certain. */
  readonly isLocal: boolean;
  readonly log: Logger;
}

/** What a user named, understood. */
interface Request {
  readonly kind: AddedFile['kind'];
  readonly name: string;
  /** A path, or a URL. */
  readonly source: string;
  /** How listFiles shows it. */
  readonly key: string;
}

/**
 * Files and archives that the application gives its tasks. Each is copied to the driver's own directory at once, so that
 * functions that run on the driver find it as well; executors get theirs with the next task set.
 *
 * Spark: SparkContext.addFile, addArchive
 */
export class AddedFiles {
  readonly #options: AddedFilesOptions;
  readonly #log: Logger;
  readonly #added = new Map<string, AddedFile>();
  /** One after another: two of one name must not meet. */
  #tail: Promise<void> = Promise.resolve();
  #snapshot: readonly AddedFile[] = [];

  constructor(options: AddedFilesOptions) {
    this.#options = options;
    this.#log = options.log.named('SparkContext');
  }

  /** What was added so far; a new list whenever that changes. */
  get all(): readonly AddedFile[] {
    return this.#snapshot;
  }

  /** Where the driver has what it added, and how it was then; null: nothing of that name. */
  sourceOf(name: string, timestamp: number): FileProbe | null {
    return this.#snapshot.findLast((one) => one.name === name && one.timestamp === timestamp)?.probe ?? null;
  }

  keys(kind: AddedFile['kind']): string[] {
    return [...this.#added].filter(([, file]) => file.kind === kind).map(([key]) => key);
  }

  /**
   * @param path a local path, a file: URI, or an http(s) URL.
   * @throws IllegalArgumentError, IskraError; then nothing is added.
   */
  addFile(path: string, recursive: boolean, timestamp: number = systemClock.now()): Promise<void> {
    return this.#inTurn(async () => {
      if (this.#isThere(path)) return;
      const request = understand('file', path);
      if (!isWebUrl(request.source)) this.#checkDirectory(path, request.source, recursive);
      await this.#add(path, request, timestamp);
    });
  }

  /** `path#name` chooses the directory's name. See addFile. */
  addArchive(path: string, timestamp: number = systemClock.now()): Promise<void> {
    return this.#inTurn(async () => {
      if (this.#isThere(path)) return;
      const request = understand('archive', path);
      if (!isWebUrl(request.source) && statSync(request.source).isDirectory())
        throw new IllegalArgumentError(
          `Added archive ${path} is a directory; give a zip, jar, tar, tar.gz or tgz file`,
        );
      await this.#add(path, request, timestamp);
    });
  }

  /** On every machine, as whoever named it says. */
  #isThere(path: string): boolean {
    if (!isLocalOnly(path)) return false;
    this.#log.warn(
      `File with 'local' scheme ${path} is not supported to add to file server, since it is already available on every node.`,
    );
    return true;
  }

  #checkDirectory(path: string, source: string, recursive: boolean): void {
    if (!statSync(source).isDirectory()) return;
    if (!this.#options.isLocal)
      throw new IskraError(
        'DIRECTORY_NOT_ADDED',
        `addFile does not support local directories when not running local mode: ${path}; add an archive of it with addArchive`,
      );
    if (!recursive)
      throw new IskraError('DIRECTORY_NOT_ADDED', `Added file ${path} is a directory and recursive is not turned on.`);
  }

  async #add(path: string, { kind, name, source, key }: Request, timestamp: number): Promise<void> {
    if (this.#added.has(key)) {
      this.#log.warn(
        `The path ${path} has been added already. Overwriting of added paths is not supported in the current version.`,
      );
      return;
    }
    const other = [...this.#added.values()].find(
      (file) => file.name === name && (file.kind === 'archive' || kind === 'archive'),
    );
    if (other !== undefined)
      throw new IskraError(
        'FILE_EXISTS',
        `${path} would be found as ${name}, which is the name of ${other.source}; choose another: ${path}#name for an archive`,
      );
    const { directory } = this.#options;
    const unpacked = await placeAddedFile({ kind, name, source, timestamp }, directory, this.#options);
    // Executors get what the driver has, even if the file has changed meanwhile; archives they unpack themselves.
    const own = kind === 'file' && !isWebUrl(source) ? join(directory, name) : source;
    const probe = isWebUrl(own) ? null : probeOf(own);
    const file: AddedFile = { kind, name, source: own, timestamp, ...(probe === null ? {} : { probe }) };
    if (!unpacked) this.#log.warn(`Cannot unpack ${source}, just copying it to ${join(directory, name)}.`);
    this.#log.info(`Added ${kind} ${path} at ${key} with timestamp ${timestamp}`);
    this.#added.set(key, file);
    this.#snapshot = [...this.#added.values()];
  }

  #inTurn(add: () => Promise<void>): Promise<void> {
    const done = this.#tail.then(add);
    this.#tail = done.catch(() => {});
    return done;
  }
}

const SCHEME = /^([A-Za-z][A-Za-z0-9+.-]*):(?=\/)/;

function isLocalOnly(path: string): boolean {
  return typeof path === 'string' && /^local:\//i.test(path);
}

/** @throws IllegalArgumentError for what is no path, IskraError for a URL that is malformed or a file that is not there. */
function understand(kind: AddedFile['kind'], path: unknown): Request {
  if (typeof path !== 'string' || path === '')
    throw new IllegalArgumentError(
      `the path of a ${kind} to add must be a text that is not empty, but is ${String(path)}`,
    );
  const scheme = SCHEME.exec(path)?.[1]?.toLowerCase() ?? null;
  if (scheme === 'http' || scheme === 'https' || scheme === 'ftp') return understandUrl(kind, path, scheme);
  if (scheme !== null && scheme !== 'file')
    throw new IllegalArgumentError(
      `cannot add ${path}: No FileSystem for scheme "${scheme}"; use a local path or an http(s) URL`,
    );
  const [whole, fragment] = kind === 'archive' ? splitFragment(path) : [path, null];
  const local = scheme === null ? resolve(whole) : resolve(fromFileUri(whole));
  let real: string;
  try {
    real = realpathSync(local);
  } catch (cause) {
    throw new IskraError('FILE_NOT_FOUND', `File file:${local} does not exist`, { cause, details: { path: local } });
  }
  const key = `file:${encodeURI(real).replaceAll('#', '%23').replaceAll('?', '%3F')}`;
  return {
    kind,
    name: checkName(fragment ?? basename(local), path),
    source: real,
    key: fragment === null ? key : `${key}#${encodeURIComponent(fragment)}`,
  };
}

function understandUrl(kind: AddedFile['kind'], path: string, scheme: string): Request {
  let url: URL;
  try {
    url = new URL(path);
    if (url.hostname === '') throw new Error('it has no host');
  } catch (cause) {
    throw new IskraError('MALFORMED_URL', `URI (${path}) is not a valid URL.`, { cause });
  }
  if (scheme === 'ftp') throw new IllegalArgumentError(`cannot add ${path}: ftp is not available; use an http(s) URL`);
  const fragment = kind === 'archive' && url.hash.length > 1 ? decodeURIComponent(url.hash.slice(1)) : null;
  url.hash = '';
  const name = fragment ?? decodeURIComponent(basename(url.pathname));
  return { kind, name: checkName(name, path), source: url.href, key: fragment === null ? url.href : path };
}

/** Percents count only where the path is a URI, as in Spark. */
function fromFileUri(uri: string): string {
  const path = uri.replace(/^file:(\/\/[^/]*(?=\/))?/i, '');
  if (!path.includes('%')) return path;
  try {
    return decodeURIComponent(path);
  } catch {
    return path;
  }
}

function splitFragment(path: string): [string, string | null] {
  const hash = path.lastIndexOf('#');
  return hash < 0 ? [path, null] : [path.slice(0, hash), path.slice(hash + 1)];
}

function checkName(name: string, path: string): string {
  if (name === '' || name === '.' || name === '..' || /[/\0]/.test(name))
    throw new IllegalArgumentError(`cannot add ${path}: "${name}" cannot be the name of a file`);
  return name;
}
