// The door of reading: which logs a directory has, and the events of one, whoever wrote it.
import type { Dirent } from 'node:fs';
import { type FileHandle, open, readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { IskraError } from '../base/errors.ts';
import type { LoggedEvent } from '../protocol/logged-event.ts';
import { decoderOf, type LogDecoder } from './log-codecs.ts';
import { COMPACTED, codecExtension, IN_PROGRESS, isRollingDirName, rolledIndex } from './log-names.ts';

/** One log of a directory, as it was when it was looked at. */
export interface LogFound {
  /** The file, or the directory of a rolling log. */
  readonly path: string;
  /** In the order in which they are to be read. */
  readonly files: readonly { readonly path: string; readonly bytes: number }[];
  /** Of a rolling log: the empty file that says whether its application runs. */
  readonly statusFile: string | null;
  /** All of it. */
  readonly bytes: number;
  readonly modifiedAt: number;
  /** Its application has ended, or so the names say. */
  readonly isComplete: boolean;
}

/** A log that could not be looked at, which keeps nobody from the others. */
export interface LogFault {
  readonly path: string;
  readonly error: unknown;
}

const CHUNK_BYTES: number = 256 * 1024;
const LINE_FEED = 10;

/**
 * All logs of a directory.
 *
 * @throws what reading the directory itself throws.
 */
export async function findLogs(dir: string): Promise<{ logs: LogFound[]; faults: LogFault[] }> {
  const logs: LogFound[] = [];
  const faults: LogFault[] = [];
  for (const entry of await readdir(dir, { withFileTypes: true })) {
    const path = join(dir, entry.name);
    // Bookkeeping of others, such as checksums of Hadoop's local file system.
    if (entry.name.startsWith('.')) continue;
    try {
      const log = await findLog(path, entry);
      if (log !== null) logs.push(log);
    } catch (error) {
      // One that was renamed or removed meanwhile is found, or missed, the next time.
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') faults.push({ path, error });
    }
  }
  return { logs, faults };
}

async function findLog(path: string, entry: Dirent): Promise<LogFound | null> {
  if (entry.isDirectory()) return isRollingDirName(entry.name) ? findRolling(path) : null;
  const { size, mtimeMs } = await stat(path);
  const isComplete = !entry.name.endsWith(IN_PROGRESS);
  return {
    path,
    files: [{ path, bytes: size }],
    statusFile: null,
    bytes: size,
    modifiedAt: Math.trunc(mtimeMs),
    isComplete,
  };
}

/** Null while it has not what makes it a log. Spark: RollingEventLogFilesFileReader */
async function findRolling(path: string): Promise<LogFound | null> {
  const names = await readdir(path);
  const status = names.find((name) => name.startsWith('appstatus_'));
  if (status === undefined) return null;
  const rolled = names.flatMap((name) => {
    const index = rolledIndex(name);
    return index === null ? [] : [{ name, index, isCompacted: name.endsWith(COMPACTED) }];
  });
  // What was compacted stands for itself and all before it.
  const from = Math.max(0, ...rolled.filter(({ isCompacted }) => isCompacted).map(({ index }) => index));
  const wanted = rolled
    .filter(({ index, isCompacted }) => index > from || (index === from && isCompacted))
    .sort((a, b) => a.index - b.index);
  if (wanted.length === 0) return null;
  let bytes = 0;
  let modifiedAt = 0;
  const files: { path: string; bytes: number }[] = [];
  for (const { name } of wanted) {
    const file = join(path, name);
    const { size, mtimeMs } = await stat(file);
    files.push({ path: file, bytes: size });
    bytes += size;
    modifiedAt = Math.trunc(mtimeMs);
  }
  return { path, files, statusFile: join(path, status), bytes, modifiedAt, isComplete: !status.endsWith(IN_PROGRESS) };
}

/**
 * Reads a log line by line.
 *
 * A last line without its end is left out when the application may still write it.
 *
 * @param onLine false: enough.
 * @throws IskraError naming the file when it cannot be read or unpacked.
 */
export async function readLines(log: LogFound, onLine: (line: string) => boolean): Promise<void> {
  for (const { path } of log.files) if (!(await readFile(path, !log.isComplete, 0, onLine))) return;
}

/**
 * The lines near the end of a plain file: the first of them may be cut.
 *
 * @returns false when the file is packed, and so must be read from its start.
 */
export async function readTail(path: string, bytes: number, onLine: (line: string) => boolean): Promise<boolean> {
  if (codecExtension(baseName(path)) !== null) return false;
  const { size } = await stat(path);
  await readFile(path, true, Math.max(0, size - bytes), onLine);
  return true;
}

/**
 * The events of a log, in order.
 *
 * @param onBroken hears the number, from 1 on, of each line that is no event.
 * @throws IskraError naming the file when it cannot be read or unpacked.
 */
export async function readEvents(
  log: LogFound,
  onEvent: (event: LoggedEvent) => void,
  onBroken: (lineNumber: number) => void = () => {},
): Promise<void> {
  let number = 0;
  await readLines(log, (line) => {
    number++;
    const event = line === '' ? null : parseEvent(line);
    if (event !== null) onEvent(event);
    else if (line !== '') onBroken(number);
    return true;
  });
}

function parseEvent(line: string): LoggedEvent | null {
  try {
    const event = JSON.parse(line) as LoggedEvent | null;
    return typeof event?.Event === 'string' ? event : null;
  } catch {
    return null;
  }
}

/** @returns false when no more is wanted. */
async function readFile(
  path: string,
  mayBeCut: boolean,
  from: number,
  onLine: (line: string) => boolean,
): Promise<boolean> {
  const lines = new Lines(onLine);
  let file: FileHandle | null = null;
  let decoder: LogDecoder | null = null;
  try {
    decoder = decoderOf(codecExtension(baseName(path)), path);
    file = await open(path);
    const chunk = Buffer.allocUnsafeSlow(CHUNK_BYTES);
    for (let at = from; ; ) {
      const { bytesRead } = await file.read(chunk, 0, CHUNK_BYTES, at);
      if (bytesRead === 0) break;
      at += bytesRead;
      const bytes = chunk.subarray(0, bytesRead);
      if (decoder === null) lines.push(bytes);
      else decoder.push(bytes, (plain) => lines.push(plain));
      if (lines.isEnough) return false;
    }
    try {
      decoder?.end((plain) => lines.push(plain));
    } catch (error) {
      if (!mayBeCut) throw error;
    }
    lines.end(mayBeCut);
    return !lines.isEnough;
  } catch (cause) {
    if (IskraError.is(cause)) throw cause;
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new IskraError('EVENT_LOG_NOT_READABLE', `cannot read event log ${path}: ${why}`, { cause });
  } finally {
    decoder?.close();
    await file?.close();
  }
}

function baseName(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1);
}

/** Cuts bytes into lines. */
class Lines {
  readonly #onLine: (line: string) => boolean;
  #rest: Buffer[] = [];
  isEnough = false;

  constructor(onLine: (line: string) => boolean) {
    this.#onLine = onLine;
  }

  push(bytes: Buffer): void {
    let from = 0;
    while (!this.isEnough) {
      const end = bytes.indexOf(LINE_FEED, from);
      if (end < 0) break;
      this.#emit(bytes.subarray(from, end));
      from = end + 1;
    }
    // A copy: the memory of what is pushed is used again.
    if (!this.isEnough && from < bytes.length) this.#rest.push(Buffer.from(bytes.subarray(from)));
  }

  #emit(bytes: Buffer): void {
    const line = this.#rest.length === 0 ? bytes : Buffer.concat([...this.#rest, bytes]);
    this.#rest = [];
    if (!this.#onLine(line.toString('utf8'))) this.isEnough = true;
  }

  end(mayBeCut: boolean): void {
    if (!this.isEnough && this.#rest.length > 0 && !mayBeCut) this.#emit(Buffer.alloc(0));
  }
}
