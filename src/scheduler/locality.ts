import type { TaskInfo } from '../protocol/spark-listener-event.ts';

/** How near a task runs to its data, nearest first; numbers so that levels compare. Spark: TaskLocality */
export const Locality = { PROCESS_LOCAL: 0, NODE_LOCAL: 1, NO_PREF: 2, RACK_LOCAL: 3, ANY: 4 } as const;
export type Locality = (typeof Locality)[keyof typeof Locality];

const NAMES: readonly TaskInfo['locality'][] = ['PROCESS_LOCAL', 'NODE_LOCAL', 'NO_PREF', 'RACK_LOCAL', 'ANY'];

export function localityName(level: Locality): TaskInfo['locality'] {
  return NAMES[level] as TaskInfo['locality']; // Locality has no other values
}

/** How long a task set holds out at a level, ms. */
export type LocalityWaits = { readonly process: number; readonly node: number; readonly rack: number };

function waitAt(level: Locality, waits: LocalityWaits): number {
  if (level === Locality.PROCESS_LOCAL) return waits.process;
  if (level === Locality.NODE_LOCAL) return waits.node;
  return level === Locality.RACK_LOCAL ? waits.rack : 0;
}

/**
 * Delay scheduling: which level of locality a task set accepts at this time. It begins at its best level, goes one
 * down whenever it got nothing there for that level's wait, and back up when it gets tasks at a better one.
 *
 * Spark: TaskSetManager.getAllowedLocalityLevel
 */
export class LocalityTimer {
  readonly #waits: LocalityWaits;
  #levels: readonly Locality[];
  #index = 0;
  #since: number;

  constructor(levels: readonly Locality[], waits: LocalityWaits, at: number) {
    this.#levels = levels;
    this.#waits = waits;
    this.#since = at;
  }

  get levels(): readonly Locality[] {
    return this.#levels;
  }

  /** `hasTasksAt`: whether a task could still start at this level; if not, there is nothing to hold out for. */
  allowed(at: number, hasTasksAt: (level: Locality) => boolean): Locality {
    for (;;) {
      const level = this.#current();
      if (this.#index >= this.#levels.length - 1) return level;
      const wait = waitAt(level, this.#waits);
      if (!hasTasksAt(level)) this.#since = at;
      else if (at - this.#since >= wait) this.#since += wait;
      else return level;
      this.#index++;
    }
  }

  /** When the next level is allowed; null at the last. */
  nextAt(): number | null {
    if (this.#index >= this.#levels.length - 1) return null;
    return this.#since + waitAt(this.#current(), this.#waits);
  }

  /** Tasks were launched, the best of them at `best`: wait anew from there. */
  reset(at: number, best: Locality): void {
    this.#since = at;
    this.#index = this.#indexOf(best);
  }

  /** Executors came or went, so other levels make sense now. A nearer one that came up is tried first. */
  setLevels(levels: readonly Locality[]): void {
    const before = this.#levels;
    const indexBefore = this.#index;
    const level = this.#current();
    this.#levels = levels;
    this.#index = this.#indexOf(level);
    if (this.#index > indexBefore) this.#index = this.#indexOf(levels.find((l) => !before.includes(l)) ?? level);
  }

  #current(): Locality {
    return this.#levels[this.#index] as Locality; // levels is never empty: ANY is always there
  }

  /** The first level not nearer than `level`. */
  #indexOf(level: Locality): number {
    const index = this.#levels.findIndex((l) => l >= level);
    return index < 0 ? this.#levels.length - 1 : index;
  }
}
