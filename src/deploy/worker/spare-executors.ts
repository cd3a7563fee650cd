import type { EpochMs } from '../../base/clock.ts';
import type { Logger } from '../../base/logger.ts';
import type { ExecutorState } from '../../protocol/deploy-states.ts';
import { EXECUTOR_MAIN, SPARE_ARGUMENT } from '../../protocol/worker-process.ts';
import type { SpareEffect, SpareId, WorkerEvent } from './worker-events.ts';
import type { WorkerSettings } from './worker-settings.ts';

type SpareEvent = Extract<WorkerEvent, { readonly type: 'SpareUsed' | 'SpareEnded' }>;

/** What an executor gets that says nothing of its memory, MiB: `spark.executor.memory` */
const USUAL_MEMORY = 1024;
const FIRST_WAIT_MS = 1000;
const LONGEST_WAIT_MS = 60_000;

/**
 * Which processes of executors a worker has started before anybody asked for them.
 *
 *   StartSpare ─► waiting ──taken──► told ──► used: it is an executor's process, and `ExecutorRunner` cares
 *                    └──────ended──────┴────► another one after 1, 2, 4, … 60 s
 *
 * Each is used once, so that no application meets what another one has left. A spare takes a core for a moment when it starts:
 * none does while an executor starts, whose job needs the core. One that ends without use costs nothing but the next one's
 * wait; whoever was to get it starts a process as if there were no spares.
 */
export class SpareExecutors {
  readonly #settings: WorkerSettings;
  readonly #log: Logger;
  readonly #waiting: SpareId[] = [];
  readonly #told = new Set<SpareId>();
  #started = 0;
  /** In a row. */
  #failures = 0;
  #notBefore: EpochMs = 0;
  /** Spares are made for executors like the last one; others need another first slot. */
  #like: { readonly cores: number; readonly memory: number };

  constructor(settings: WorkerSettings, log: Logger) {
    this.#settings = settings;
    this.#log = log;
    this.#like = { cores: settings.cores, memory: USUAL_MEMORY };
  }

  get numWaiting(): number {
    return this.#waiting.length;
  }

  /** Those that are missing, if it is time for them. @param executors all that live. */
  start(at: EpochMs, executors: Iterable<{ readonly state: ExecutorState }>): SpareEffect[] {
    const { spareExecutors, programs } = this.#settings;
    const program = programs[EXECUTOR_MAIN];
    if (program === undefined || at < this.#notBefore || this.#waiting.length >= spareExecutors) return [];
    for (const { state } of executors) if (state === 'LAUNCHING') return [];
    const effects: SpareEffect[] = [];
    const { cores, memory } = this.#like;
    while (this.#waiting.length < spareExecutors) {
      const id = `spare-${++this.#started}`;
      this.#waiting.push(id);
      effects.push({ type: 'StartSpare', id, args: [program, SPARE_ARGUMENT, String(cores), String(memory)] });
    }
    return effects;
  }

  /** For an executor of this size; the one that has waited longest. Null: there is none. */
  take({ cores, memory }: { readonly cores: number; readonly memory: number }): SpareId | null {
    this.#like = { cores, memory };
    const id = this.#waiting.shift();
    if (id === undefined) return null;
    this.#told.add(id);
    return id;
  }

  handle(event: SpareEvent): SpareEffect[] {
    if (event.type === 'SpareEnded') return this.#ended(event.id, event.message, event.at);
    if (this.#told.delete(event.id)) this.#failures = 0;
    return [];
  }

  /** None is needed any more; those that are told already are somebody's. */
  end(): SpareEffect[] {
    return [
      { type: 'CancelTimer', timer: 'StartSpares' },
      ...this.#waiting.splice(0).map((id) => ({ type: 'EndSpare', id }) as const),
    ];
  }

  /** It is gone, or could not be started or used. */
  #ended(id: SpareId, why: string, at: EpochMs): SpareEffect[] {
    const place = this.#waiting.indexOf(id);
    if (place >= 0) this.#waiting.splice(place, 1);
    else if (!this.#told.delete(id)) return []; // it was told to end
    const waitMs = Math.min(FIRST_WAIT_MS * 2 ** this.#failures++, LONGEST_WAIT_MS);
    this.#notBefore = at + waitMs;
    this.#log.warn(`A spare executor has ended: ${why}. The next one starts after ${waitMs / 1000} s.`);
    return [{ type: 'SetTimer', timer: 'StartSpares', at: this.#notBefore }];
  }
}
