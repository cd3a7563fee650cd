import { createHash } from 'node:crypto';
import { closeSync, mkdirSync, openSync, rmSync, writeSync } from 'node:fs';
import { basename, join } from 'node:path';
import { isSameFile } from '../app-package/file-probe.ts';
import { inTurn, type PackagesRef } from '../app-package/transfer-parts.ts';
import { IskraError } from '../base/errors.ts';
import type { Logger } from '../base/logger.ts';
import type { FetchOptions } from '../io/fetch-file.ts';
import { placeAddedFile } from '../io/place-added-file.ts';
import type { AddedFile } from '../protocol/added-file.ts';

/** Brings one file to an executor's directory. */
export type PlaceFile = (file: AddedFile, directory: string) => Promise<void>;

/** How files come that lie on the driver's disk. */
export interface DriversFiles {
  readonly connect: () => Promise<PackagesRef>;
  /** Also when this executor sees them. */
  readonly always: boolean;
}

/**
 * URLs are downloaded, files that this executor sees are copied, and others come over the driver's connection.
 *
 * @param driver null: every file can be seen.
 *
 * Spark: Utils.fetchFile with spark://driver/files/…
 */
export function placeFromDriver(options: FetchOptions, driver: DriversFiles | null, log: Logger): PlaceFile {
  return async (file, directory) => {
    const { probe, source } = file;
    if (driver === null || probe === undefined || (!driver.always && isSameFile(probe))) {
      await placeAddedFile(file, directory, options);
      return;
    }
    // Under its own name, which says how an archive is read.
    const incoming = join(directory, `.incoming-${file.timestamp}-${file.name}`);
    mkdirSync(incoming, { recursive: true });
    const copy = join(incoming, basename(source));
    try {
      const bytes = await fetchAddedFile(await driver.connect(), file, copy);
      log.info(`Fetched ${file.kind} ${file.name} from the driver`, { bytes });
      await placeAddedFile({ ...file, source: copy }, directory, options);
    } finally {
      rmSync(incoming, { recursive: true, force: true });
    }
  };
}

/** Bytes of one question. */
const PIECE_BYTES = 4 << 20;

const NO_LIMIT = { timeoutMs: Number.POSITIVE_INFINITY } as const;

/** A file that is read while somebody writes it is read again, once; then the driver says that it changed. */
async function fetchAddedFile(ref: PackagesRef, file: AddedFile, to: string): Promise<number> {
  const { name, timestamp } = file;
  try {
    return await inTurn(ref, async () => {
      for (let tries = 1; ; tries++) {
        const { hash, bytes } = await ref.ask('AddedFileHash', { name, timestamp }, NO_LIMIT);
        const found = await readAddedFile(ref, file, bytes, to);
        if (found === hash) return bytes;
        if (tries === 2)
          throw new IskraError('FILE_FETCH_FAILED', `its sha-256 is ${found} here, and ${hash} on the driver`);
      }
    });
  } catch (cause) {
    throw new IskraError(
      'FILE_FETCH_FAILED',
      `cannot fetch ${name} (${file.source}) from the driver: ${(cause as Error).message}`,
      { cause, details: { name, source: file.source } },
    );
  }
}

/** @returns the sha-256 of what came; of what came so far when the file is shorter than it was. */
async function readAddedFile(ref: PackagesRef, file: AddedFile, bytes: number, to: string): Promise<string> {
  const { name, timestamp } = file;
  const digest = createHash('sha256');
  const fd = openSync(to, 'w');
  try {
    for (let offset = 0; offset < bytes; ) {
      const length = Math.min(PIECE_BYTES, bytes - offset);
      const piece = await ref.ask('ReadAddedFile', { name, timestamp, offset, length }, NO_LIMIT);
      if (piece.bytes.length !== length) break;
      digest.update(piece.bytes);
      for (let done = 0; done < length; ) done += writeSync(fd, piece.bytes, done, length - done);
      offset += length;
    }
  } finally {
    closeSync(fd);
  }
  return digest.digest('hex');
}

/**
 * The files of an executor: has them fetched, each once, before a task that may look for them begins.
 *
 * Spark: Executor.updateDependencies
 */
export class FileFetcher {
  readonly #directory: string;
  readonly #place: PlaceFile;
  /** By name: the timestamp that is there or on its way, and when it is. */
  readonly #files = new Map<string, { readonly timestamp: number; readonly done: Promise<void> }>();

  /** @param directory what SparkFiles.getRootDirectory() is in this executor's slots. */
  constructor(directory: string, place: PlaceFile) {
    this.#directory = directory;
    this.#place = place;
  }

  /** Resolves when all are there. A file that failed is tried again by the next task. */
  async ensure(files: readonly AddedFile[]): Promise<void> {
    // The driver has one of a name, the newest; of two that were added at once, the second.
    const newest = new Map<string, AddedFile>();
    for (const file of files)
      if (file.timestamp >= (newest.get(file.name)?.timestamp ?? file.timestamp)) newest.set(file.name, file);
    await Promise.all([...newest.values()].map((file) => this.#ensure(file)));
  }

  #ensure(file: AddedFile): Promise<void> {
    const known = this.#files.get(file.name);
    if (known !== undefined && known.timestamp >= file.timestamp) return known.done;
    // One after another for a name: a newer one replaces the older.
    const before = known?.done.catch(() => {}) ?? Promise.resolve();
    const done = before.then(() => this.#place(file, this.#directory));
    const entry = { timestamp: file.timestamp, done };
    this.#files.set(file.name, entry);
    done.catch(() => {
      if (this.#files.get(file.name) === entry) this.#files.delete(file.name);
    });
    return done;
  }
}
