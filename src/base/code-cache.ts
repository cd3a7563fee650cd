// Compiled code of a script, kept between processes: V8 then need not parse and compile it again. Nothing depends on it. A cache
// that is missing, of another Node, of other flags, damaged, or that cannot be written leaves things as they are without one.
import { lstatSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { cachedDataVersionTag } from 'node:v8';
import { threadId } from 'node:worker_threads';
import { crc32 } from 'node:zlib';
import { makeDirectory } from './make-directory.ts';
import { processWide } from './process-wide.ts';

/** So many files a folder keeps, of a MiB each: there is one for each version of Node and set of flags that was ever used. */
const MOST_FILES = 24;

const HEAD_BYTES = 8;

/** Compiled code as it was found. */
export interface KeptCode {
  readonly code: Buffer;
  /** How many modules of the script had run when it was written. */
  readonly numModules: number;
}

/** Where caches lie. */
export interface CacheFolders {
  /** Part of the installation: whoever can write there can change the program as well. */
  readonly shared: string;
  /** For installations that may only be read. Used when it belongs to the user who runs this. */
  readonly own: string;
}

export function cacheFolders(installed: string): CacheFolders {
  return { shared: installed, own: join(homedir(), '.cache', 'iskra', 'code') };
}

/**
 * A file of compiled code. It begins with the CRC-32 of the rest, since V8 itself does not see that a byte has changed, and the
 * number of modules.
 *
 * V8 compares no more than the length of the script, so the name must say what script it is.
 */
export class CodeCache {
  readonly #folders: CacheFolders;
  readonly #name: string;

  constructor(folders: CacheFolders, name: string) {
    this.#folders = folders;
    // V8's version, its flags and the features of the processor: of another one, V8 would refuse the code.
    this.#name = `${name}-${process.arch}-${cachedDataVersionTag().toString(36)}`;
  }

  /** @returns undefined: there is none that can be used. */
  read(): KeptCode | undefined {
    const { shared, own } = this.#folders;
    return readChecked(join(shared, this.#name)) ?? (isOurs(own) ? readChecked(join(own, this.#name)) : undefined);
  }

  write({ code, numModules }: KeptCode): void {
    const bytes = Buffer.concat([Buffer.alloc(HEAD_BYTES), code]);
    bytes.writeUInt32LE(numModules, 4);
    bytes.writeUInt32LE(crc32(bytes.subarray(4)));
    const { shared, own } = this.#folders;
    if (writeWhole(shared, this.#name, bytes)) return;
    try {
      makeDirectory(own, 0o700);
    } catch {
      return;
    }
    if (isOurs(own)) writeWhole(own, this.#name, bytes);
  }
}

function readChecked(path: string): KeptCode | undefined {
  try {
    const bytes = readFileSync(path);
    if (bytes.length <= HEAD_BYTES || bytes.readUInt32LE(0) !== crc32(bytes.subarray(4))) return undefined;
    return { code: bytes.subarray(HEAD_BYTES), numModules: bytes.readUInt32LE(4) };
  } catch {
    return undefined;
  }
}

/** Others see the whole file or none. */
function writeWhole(folder: string, name: string, bytes: Buffer): boolean {
  const draft = join(folder, `${name}.${process.pid}-${threadId}.tmp`);
  try {
    makeDirectory(folder);
    writeFileSync(draft, bytes);
    renameSync(draft, join(folder, name));
    removeOldest(folder);
    return true;
  } catch {
    rmQuietly(draft);
    return false;
  }
}

/** What lies there is run, so nobody else may have written it. */
function isOurs(folder: string): boolean {
  try {
    const stat = lstatSync(folder);
    return (
      stat.isDirectory() && (stat.mode & 0o022) === 0 && (process.getuid === undefined || stat.uid === process.getuid())
    );
  } catch {
    return false;
  }
}

/** One that is still in use is written again by its next user. */
function removeOldest(folder: string): void {
  try {
    const files = readdirSync(folder).map((name) => join(folder, name));
    const byAge = files.map((path) => ({ path, writtenAt: statSync(path).mtimeMs }));
    byAge.sort((a, b) => b.writtenAt - a.writtenAt);
    for (const { path } of byAge.slice(MOST_FILES)) rmQuietly(path);
  } catch {
    // Another process cleans at the same time.
  }
}

function rmQuietly(path: string): void {
  try {
    rmSync(path, { force: true });
  } catch {
    // It may be in a folder that is gone or only to be read.
  }
}

const keepers = processWide('codeCache.keepers', (): (() => void)[] => []);

/** Says what is to happen when enough of this thread's code has been compiled. */
export function onKeepCode(keep: () => void): void {
  keepers.push(keep);
}

/**
 * Keeps the code that this thread has compiled, unless there is a cache of it already. To be called when a first piece of work is
 * done: what has run by then is what starting takes.
 */
export function keepCode(): void {
  for (const keep of keepers.splice(0)) keep();
}
