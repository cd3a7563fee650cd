import type { FetchOptions } from '../io/fetch-file.ts';
import { placeAddedFile } from '../io/place-added-file.ts';
import type { AddedFile } from '../protocol/added-file.ts';

/** Brings one file to an executor's directory. Today by its source; over the driver's connection where disks are not shared. */
export type PlaceFile = (file: AddedFile, directory: string) => Promise<void>;

export function placeFromSource(options: FetchOptions): PlaceFile {
  return async (file, directory) => {
    await placeAddedFile(file, directory, options);
  };
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
    await Promise.all(files.map((file) => this.#ensure(file)));
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
