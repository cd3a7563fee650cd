import type { LogFound } from '../event-log/event-log-reader.ts';
import type { AppStatusStore } from '../status/app-status-store.ts';
import { versionOf } from './log-catalog.ts';

/** Applications whose logs were read, as many as may be: the one that nobody asked for longest goes first. Spark: ApplicationCache */
export class ApplicationCache {
  readonly #retained: number;
  readonly #load: (log: LogFound) => Promise<AppStatusStore>;
  /** By the path of the log; the one asked for last is at the end. */
  readonly #loaded = new Map<string, { readonly version: string; readonly store: Promise<AppStatusStore> }>();

  /** @param load reads a log. */
  constructor(retained: number, load: (log: LogFound) => Promise<AppStatusStore>) {
    this.#retained = retained;
    this.#load = load;
  }

  /** Reads a log anew when there is more of it. Those who ask for the same at the same time wait for one reading. */
  get(log: LogFound): Promise<AppStatusStore> {
    const version = versionOf(log);
    const known = this.#loaded.get(log.path);
    this.#loaded.delete(log.path);
    if (known?.version === version) {
      this.#loaded.set(log.path, known);
      return known.store;
    }
    const made = { version, store: this.#load(log) };
    this.#loaded.set(log.path, made);
    // A failure is not kept: the next one who asks tries again.
    made.store.catch(() => {
      if (this.#loaded.get(log.path) === made) this.#loaded.delete(log.path);
    });
    for (const path of this.#loaded.keys()) {
      if (this.#loaded.size <= this.#retained) break;
      this.#loaded.delete(path);
    }
    return made.store;
  }

  /** The log is gone. */
  forget(path: string): void {
    this.#loaded.delete(path);
  }

  get size(): number {
    return this.#loaded.size;
  }
}
