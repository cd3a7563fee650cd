// A part of a log: one file, or those that it was rolled into, read as one text.
import { createReadStream } from 'node:fs';
import { open, readdir, realpath, stat } from 'node:fs/promises';
import { join, resolve, sep } from 'node:path';
import { createGunzip } from 'node:zlib';
import { PACKED, rolledLogs } from './rolled-logs.ts';

export interface LogPart {
  readonly text: string;
  /** Bytes: the part is from `start` to before `end`, of `total`. */
  readonly start: number;
  readonly end: number;
  readonly total: number;
}

/** There is nothing to show, and why. */
export interface NoLog {
  readonly status: 400 | 404;
  readonly error: string;
}

/** Spark: WorkerPage, LogPage.defaultBytes */
export const DEFAULT_LOG_BYTES: number = 100 * 1024;
/** As much as is held in memory for one request. */
const MAX_LOG_BYTES: number = 16 * 1024 * 1024;

/** How long packed logs are when they are unpacked, by which only unpacking them tells. They do not change. */
export class PackedLengths {
  readonly #most: number;
  /** By file, size and time; what was asked for least recently comes first. */
  readonly #known = new Map<string, number>();

  /** @param most so many are remembered: `spark.worker.ui.compressedLogFileLengthCacheSize` */
  constructor(most: number) {
    this.#most = most;
  }

  async of(file: string): Promise<number> {
    const { size, mtimeMs } = await stat(file);
    const key = `${file} ${size} ${mtimeMs}`;
    let length = this.#known.get(key);
    if (length === undefined) {
      length = 0;
      for await (const chunk of unzipped(file)) length += chunk.length;
    }
    this.#known.delete(key);
    this.#known.set(key, length);
    const [oldest] = this.#known.keys();
    if (this.#known.size > this.#most && oldest !== undefined) this.#known.delete(oldest);
    return length;
  }
}

export interface LogRange {
  /** null: the end of the log. */
  readonly offset: number | null;
  readonly byteLength: number;
}

/**
 * A part of the log `name` in a directory below `root`.
 *
 * @param names one for each level below `root`; they come from a request.
 * @param name of a known kind of log.
 */
export async function readLog(
  root: string,
  names: readonly string[],
  name: string,
  range: LogRange,
  lengths: PackedLengths,
): Promise<LogPart | NoLog> {
  if (names.some((one) => !isPlainName(one))) return invalidDirectory(names);
  for (let tries = 1; ; tries++) {
    const read = await lookAndRead(root, names, name, range, lengths);
    if (!('error' in read) || read.status !== 404 || tries === TRIES) return read;
  }
}

/** While a log is read it can be rolled, packed or removed; another look finds it as it is then. */
const TRIES = 3;

async function lookAndRead(
  root: string,
  names: readonly string[],
  name: string,
  range: LogRange,
  lengths: PackedLengths,
): Promise<LogPart | NoLog> {
  const directory = resolve(root, ...names);
  let files: readonly string[];
  try {
    const inside = `${await realpath(root)}${sep}`;
    if (!(await realpath(directory)).startsWith(inside)) return invalidDirectory(names);
    files = await allFiles(directory, name);
    for (const file of files) if (!(await realpath(file)).startsWith(inside)) return invalidDirectory(names);
  } catch (error) {
    return noLog(error, `${names.join('/')}/${name}`);
  }
  if (files.length === 0) return { status: 404, error: `Error: there is no log ${names.join('/')}/${name}` };
  return readFiles(files, range, lengths);
}

function invalidDirectory(names: readonly string[]): NoLog {
  return { status: 400, error: `Error: invalid log directory ${names.join('/')}` };
}

/** A part of one file, whose name is not from a request. */
export async function readFiles(
  files: readonly string[],
  range: LogRange,
  lengths: PackedLengths,
): Promise<LogPart | NoLog> {
  try {
    const sizes: number[] = [];
    for (const file of files) sizes.push(file.endsWith(PACKED) ? await lengths.of(file) : (await stat(file)).size);
    const total = sizes.reduce((sum, size) => sum + size, 0);
    const length = Math.min(Math.max(range.byteLength, 0), MAX_LOG_BYTES);
    const start = Math.min(Math.max(range.offset ?? total - length, 0), total);
    const end = Math.min(start + length, total);
    const parts: Buffer[] = [];
    let at = 0;
    for (const [i, file] of files.entries()) {
      const size = sizes[i] ?? 0;
      const from = Math.max(start - at, 0);
      const to = Math.min(end - at, size);
      if (from < to) parts.push(await readPart(file, from, to));
      at += size;
    }
    return { text: Buffer.concat(parts).toString('utf8'), start, end, total };
  } catch (error) {
    return noLog(error, files.at(-1) ?? '');
  }
}

function noLog(error: unknown, what: string): NoLog {
  const { code, message } = error as NodeJS.ErrnoException;
  if (code === 'ENOENT' || code === 'ENOTDIR') return { status: 404, error: `Error: there is no log ${what}` };
  return { status: 404, error: `Error getting logs due to exception: ${message}` };
}

/** One level of a path, and not the way up. */
function isPlainName(name: string): boolean {
  return name !== '' && name !== '.' && name !== '..' && !/[/\\\0]/.test(name);
}

/** `stdout--2026-11-21--07-00.gz`, …, `stdout`: the oldest first. Spark: RollingFileAppender.getSortedRolledOverFiles */
async function allFiles(directory: string, name: string): Promise<string[]> {
  const entries = await readdir(directory);
  const rolled = rolledLogs(entries, name);
  if (entries.includes(name)) rolled.push(name);
  return rolled.map((entry) => join(directory, entry));
}

async function readPart(file: string, from: number, to: number): Promise<Buffer> {
  if (!file.endsWith(PACKED)) {
    const handle = await open(file, 'r');
    try {
      const { buffer, bytesRead } = await handle.read(Buffer.alloc(to - from), 0, to - from, from);
      return buffer.subarray(0, bytesRead); // it may have been cut since
    } finally {
      await handle.close();
    }
  }
  const parts: Buffer[] = [];
  let at = 0;
  for await (const chunk of unzipped(file)) {
    if (at + chunk.length > from) parts.push(chunk.subarray(Math.max(from - at, 0), to - at));
    at += chunk.length;
    if (at >= to) break;
  }
  return Buffer.concat(parts);
}

function unzipped(file: string): AsyncIterable<Buffer> {
  const source = createReadStream(file);
  const gunzip = createGunzip();
  source.on('error', (error) => gunzip.destroy(error));
  gunzip.on('close', () => source.destroy());
  return source.pipe(gunzip) as AsyncIterable<Buffer>; // no encoding is set: chunks are bytes
}
