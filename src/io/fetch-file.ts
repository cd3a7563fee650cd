import { createWriteStream } from 'node:fs';
import { chmod, copyFile, cp, type FileHandle, mkdir, open, readdir, rename, rm, stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { systemClock } from '../base/clock.ts';
import { IskraError } from '../base/errors.ts';
import { ioError } from './io-error.ts';

export interface FetchOptions {
  /** spark.files.overwrite: whether another file of that name is replaced. */
  readonly overwrite: boolean;
  /** spark.files.fetchTimeout: the longest wait for bytes of a download. */
  readonly timeoutMs: number;
  /** Ends a download. */
  readonly signal?: AbortSignal;
}

const READABLE_BY_TASKS = 0o755;

export function isWebUrl(source: string): boolean {
  return /^https?:\/\//i.test(source);
}

/**
 * Brings a file, or a directory with all in it, to `to`. Whoever looks there finds all of it or nothing.
 *
 * @param source a local path, or an http(s) URL; user and password in it are sent as basic authentication.
 * @throws IskraError FILE_FETCH_FAILED; FILE_EXISTS when `to` is there, has other contents and is not to be replaced.
 *
 * Spark: Utils.fetchFile
 */
export async function fetchFile(source: string, to: string, options: FetchOptions): Promise<void> {
  const fresh = `${to}.fetching`;
  await rm(fresh, { recursive: true, force: true });
  try {
    if (isWebUrl(source)) await download(source, fresh, options);
    else await copy(source, fresh);
    await putInPlace(fresh, to, source, options.overwrite);
  } finally {
    await rm(fresh, { recursive: true, force: true });
  }
}

async function copy(source: string, to: string): Promise<void> {
  try {
    if ((await stat(source)).isDirectory()) await cp(source, to, { recursive: true, dereference: true });
    else {
      await copyFile(source, to);
      await chmod(to, READABLE_BY_TASKS); // scripts among them are to be run
    }
  } catch (cause) {
    throw ioError('FILE_FETCH_FAILED', `cannot copy ${source}`, cause, { source });
  }
}

async function download(source: string, to: string, { timeoutMs, signal }: FetchOptions): Promise<void> {
  signal?.throwIfAborted();
  const url = new URL(source);
  const headers: Record<string, string> = {};
  if (url.username !== '') {
    const user = `${decodeURIComponent(url.username)}:${decodeURIComponent(url.password)}`;
    headers['authorization'] = `Basic ${Buffer.from(user).toString('base64')}`;
    url.username = '';
    url.password = '';
  }
  const stop = new AbortController();
  const late = new IskraError('FILE_FETCH_FAILED', `no bytes for ${timeoutMs} ms (spark.files.fetchTimeout)`);
  let disarm = (): void => {};
  const arm = (): void => {
    disarm();
    disarm = systemClock.after(timeoutMs, () => stop.abort(late));
  };
  arm();
  const cancel = (): void => stop.abort(signal?.reason);
  signal?.addEventListener('abort', cancel);
  try {
    const response = await fetch(url, { headers, signal: stop.signal });
    if (!response.ok || response.body === null)
      throw new Error(`the server answered ${`${response.status} ${response.statusText}`.trimEnd()}`);
    const body = Readable.fromWeb(response.body as Parameters<typeof Readable.fromWeb>[0]);
    body.on('data', arm);
    await pipeline(body, createWriteStream(to, { mode: READABLE_BY_TASKS }));
  } catch (cause) {
    signal?.throwIfAborted();
    const error = stop.signal.aborted ? late : (cause as Error);
    // fetch() hides what went wrong behind "fetch failed".
    const why = error.cause instanceof Error ? error.cause.message : error.message;
    throw new IskraError('FILE_FETCH_FAILED', `cannot fetch ${url.href}: ${why}`, {
      cause,
      details: { source: url.href },
    });
  } finally {
    disarm();
    signal?.removeEventListener('abort', cancel);
  }
}

async function putInPlace(fresh: string, to: string, source: string, overwrite: boolean): Promise<void> {
  if (!(await exists(to))) {
    await rename(fresh, to);
    return;
  }
  if (await sameContents(fresh, to)) return;
  if (!overwrite)
    throw new IskraError(
      'FILE_EXISTS',
      `File ${to} exists and does not match contents of ${source}; a task finds files by their name alone, so give one of them another, or set spark.files.overwrite=true`,
      { details: { name: basename(to), source } },
    );
  await rm(to, { recursive: true, force: true });
  await rename(fresh, to);
}

async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}

async function sameContents(a: string, b: string): Promise<boolean> {
  const [x, y] = [await stat(a), await stat(b)];
  if (x.isDirectory() !== y.isDirectory()) return false;
  if (!x.isDirectory()) return x.size === y.size && sameBytes(a, b);
  const [names, others] = [(await readdir(a)).sort(), (await readdir(b)).sort()];
  if (names.join('/') !== others.join('/')) return false;
  for (const name of names) if (!(await sameContents(join(a, name), join(b, name)))) return false;
  return true;
}

const PIECE_BYTES = 1 << 16;

async function sameBytes(a: string, b: string): Promise<boolean> {
  const x = await open(a);
  try {
    const y = await open(b);
    try {
      const pieces = [Buffer.allocUnsafe(PIECE_BYTES), Buffer.allocUnsafe(PIECE_BYTES)] as const;
      for (let at = 0; ; at += PIECE_BYTES) {
        const mine = await readPiece(x, pieces[0], at);
        if (!mine.equals(await readPiece(y, pieces[1], at))) return false;
        if (mine.length < PIECE_BYTES) return true;
      }
    } finally {
      await y.close();
    }
  } finally {
    await x.close();
  }
}

/** As much as fits, or all there is: one read may give less. */
async function readPiece(file: FileHandle, into: Buffer, at: number): Promise<Buffer> {
  let length = 0;
  while (length < into.length) {
    const { bytesRead } = await file.read(into, length, into.length - length, at + length);
    if (bytesRead === 0) break;
    length += bytesRead;
  }
  return into.subarray(0, length);
}

/** Makes the directory that fetched files go to. */
export async function makeFilesDirectory(directory: string): Promise<void> {
  await mkdir(directory, { recursive: true });
}
