import { createHash, randomBytes } from 'node:crypto';
import {
  closeSync,
  createReadStream,
  createWriteStream,
  lstatSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import type { EpochMs } from '../base/clock.ts';
import { IskraError } from '../base/errors.ts';
import { makeDirectory } from '../base/make-directory.ts';
import type { PackageManifest } from '../protocol/app-package.ts';
import { type SourceFile, writePart } from './part-file.ts';

const HASH = /^[0-9a-f]{64}$/;

/** A part that comes in has bytes more often than that, unless whoever fetches it is gone or its sender is busy. */
const COMING_MS = 10_000;

/** Unfinished files of processes that are gone. */
const STALE_DRAFT_MS = 24 * 3_600_000;

/**
 * A folder of parts under the names of their hashes.
 *
 *   parts/<hash>      a part, or a manifest; its time of change is that of its last use
 *   drafts/<name>     not whole yet
 *
 * Many processes may use it at once: a part comes into being by a rename, and never changes.
 */
export class PartStore {
  readonly folder: string;

  /** @throws IskraError PACKAGE_STORE when the folder cannot be made, or is another user's. */
  constructor(folder: string) {
    this.folder = folder;
    try {
      makeDirectory(join(folder, 'parts'), 0o700);
      makeDirectory(join(folder, 'drafts'), 0o700);
      // What lies here is run as the user's own code.
      const { uid } = lstatSync(folder);
      if (process.getuid !== undefined && uid !== process.getuid()) throw new Error(`it belongs to user ${uid}`);
    } catch (cause) {
      throw new IskraError(
        'PACKAGE_STORE',
        `cannot use ${folder} for the parts of applications: ${(cause as Error).message}; name another folder`,
        { cause, details: { folder } },
      );
    }
  }

  /** @throws IskraError PACKAGE_CORRUPT for what is no hash: it may have come from elsewhere, and be a path. */
  pathOf(hash: string): string {
    if (!HASH.test(hash))
      throw new IskraError('PACKAGE_CORRUPT', `${JSON.stringify(hash)} is no sha-256 of a part of an application`);
    return join(this.folder, 'parts', hash);
  }

  /** The length of a part; null: it is not here. */
  bytesOf(hash: string): number | null {
    return statSync(this.pathOf(hash), { throwIfNoEntry: false })?.size ?? null;
  }

  /** Notes that a part is used. */
  touch(hash: string, now: EpochMs): void {
    try {
      const time = new Date(now);
      utimesSync(this.pathOf(hash), time, time);
    } catch {
      // It was removed at this moment: whoever needs it sends it again.
    }
  }

  /** Packs files into a part. */
  async pack(files: readonly SourceFile[]): Promise<{ hash: string; bytes: number }> {
    const draft = this.#draft();
    try {
      const packed = await writePart(draft, files);
      renameSync(draft, this.pathOf(packed.hash));
      return packed;
    } finally {
      rmSync(draft, { force: true });
    }
  }

  put(content: Uint8Array): string {
    const hash = createHash('sha256').update(content).digest('hex');
    const draft = this.#draft();
    writeFileSync(draft, content, { mode: 0o600 });
    renameSync(draft, this.pathOf(hash));
    return hash;
  }

  /**
   * A part that is the very bytes of a file.
   *
   * @throws IskraError PACKAGE_FILE_CHANGED when the file changes meanwhile; the system's errors.
   */
  async packFile(source: string): Promise<{ hash: string; bytes: number }> {
    const draft = this.#draft();
    const before = statSync(source);
    const hash = createHash('sha256');
    try {
      await pipeline(
        createReadStream(source),
        async function* (pieces: AsyncIterable<Buffer>) {
          for await (const piece of pieces) {
            hash.update(piece);
            yield piece;
          }
        },
        createWriteStream(draft, { flags: 'wx', mode: 0o600 }),
      );
      const after = statSync(source);
      if (after.size !== before.size || after.mtimeMs !== before.mtimeMs || statSync(draft).size !== after.size)
        throw new IskraError(
          'PACKAGE_FILE_CHANGED',
          `${source} changed while the application was packed; submit again`,
          { details: { path: source } },
        );
      const packed = { hash: hash.digest('hex'), bytes: after.size };
      renameSync(draft, this.pathOf(packed.hash));
      return packed;
    } finally {
      rmSync(draft, { force: true });
    }
  }

  /** A part that comes in pieces. */
  receive(hash: string): PartReceiver {
    return new PartReceiver(hash, this.pathOf(hash), join(this.folder, 'drafts', `${hash}.${uniqueName()}`));
  }

  /**
   * Whether a process of this machine is at work on bringing a part here. It is no lock, but advice not to fetch it as well: two
   * that begin at the same moment both do. One that was killed, or gets nothing for ten seconds, counts for nothing.
   */
  isComing(hash: string, now: EpochMs): boolean {
    return readdirSync(join(this.folder, 'drafts')).some((name) => {
      if (!name.startsWith(`${hash}.`)) return false;
      const stat = statSync(join(this.folder, 'drafts', name), { throwIfNoEntry: false });
      return stat !== undefined && now - stat.mtimeMs < COMING_MS && isAlive(Number(name.slice(65).split('-')[0]));
    });
  }

  /** @throws IskraError PACKAGE_MISSING, PACKAGE_CORRUPT */
  readManifest(id: string): PackageManifest {
    let text: string;
    try {
      text = readFileSync(this.pathOf(id), 'utf8');
    } catch (cause) {
      throw new IskraError('PACKAGE_MISSING', `the application's package ${id} is not here; submit it again`, {
        cause,
      });
    }
    try {
      const manifest = JSON.parse(text) as PackageManifest;
      if (manifest.format === 1 && Array.isArray(manifest.parts) && Array.isArray(manifest.links)) return manifest;
    } catch {
      // said below
    }
    throw new IskraError('PACKAGE_CORRUPT', `${id} is not the manifest of an application's package`);
  }

  /** What lies here, least used first. */
  list(): { hash: string; bytes: number; usedAt: EpochMs }[] {
    const found: { hash: string; bytes: number; usedAt: EpochMs }[] = [];
    for (const hash of readdirSync(join(this.folder, 'parts'))) {
      const stat = statSync(join(this.folder, 'parts', hash), { throwIfNoEntry: false });
      if (stat !== undefined && HASH.test(hash)) found.push({ hash, bytes: stat.size, usedAt: stat.mtimeMs });
    }
    return found.sort((a, b) => a.usedAt - b.usedAt);
  }

  remove(hash: string): void {
    rmSync(this.pathOf(hash), { force: true });
  }

  /** Removes what processes left unfinished that were killed. */
  removeStaleDrafts(now: EpochMs): void {
    const drafts = join(this.folder, 'drafts');
    for (const name of readdirSync(drafts)) {
      const stat = statSync(join(drafts, name), { throwIfNoEntry: false });
      if (stat !== undefined && now - stat.mtimeMs > STALE_DRAFT_MS)
        rmSync(join(drafts, name), { recursive: true, force: true });
    }
  }

  /** Moves a folder to where nobody looks for it. @returns where it is now; nothing when it is not there. */
  putAside(folder: string, now: EpochMs): string[] {
    const aside = this.#draft();
    try {
      renameSync(folder, aside);
      utimesSync(aside, new Date(now), new Date(now)); // it is young as a draft
      return [aside];
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
      throw error;
    }
  }

  #draft(): string {
    return join(this.folder, 'drafts', uniqueName());
  }
}

function uniqueName(): string {
  return `${process.pid}-${randomBytes(6).toString('hex')}`;
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

/** Takes a part piece by piece, in order, and keeps it when its hash is right. */
export class PartReceiver {
  readonly hash: string;
  readonly #to: string;
  readonly #draft: string;
  readonly #fd: number;
  readonly #digest = createHash('sha256');
  #bytes = 0;
  #open = true;

  constructor(hash: string, to: string, draft: string) {
    this.hash = hash;
    this.#to = to;
    this.#draft = draft;
    this.#fd = openSync(draft, 'wx', 0o600);
  }

  get bytes(): number {
    return this.#bytes;
  }

  write(piece: Uint8Array): void {
    for (let done = 0; done < piece.length; ) done += writeSync(this.#fd, piece, done, piece.length - done);
    this.#digest.update(piece);
    this.#bytes += piece.length;
  }

  /** @throws IskraError PACKAGE_CORRUPT when it is not the part that it was to be; nothing is kept then. */
  finish(): void {
    closeSync(this.#fd);
    this.#open = false;
    const found = this.#digest.digest('hex');
    if (found === this.hash) {
      renameSync(this.#draft, this.#to);
      return;
    }
    rmSync(this.#draft, { force: true });
    throw new IskraError(
      'PACKAGE_CORRUPT',
      `a part of the application arrived damaged: its sha-256 is ${found}, and ${this.hash} was wanted`,
    );
  }

  /** Keeps nothing. After `finish` it does nothing. */
  abort(): void {
    if (!this.#open) return;
    this.#open = false;
    closeSync(this.#fd);
    rmSync(this.#draft, { force: true });
  }
}

/** Hashes of what a manifest names, each once. */
export function partsOf(manifest: PackageManifest, withFiles: boolean): string[] {
  const files = withFiles ? (manifest.files ?? []) : [];
  return [...new Set([...manifest.parts, ...files].map(({ hash }) => hash))];
}

/** The sha-256 of a file, hex. */
export async function hashOfFile(path: string): Promise<string> {
  const hash = createHash('sha256');
  for await (const piece of createReadStream(path)) hash.update(piece as Buffer);
  return hash.digest('hex');
}
