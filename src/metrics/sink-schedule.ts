import type { EpochMs } from '../base/clock.ts';

export type ScheduleEffect =
  /** This sink is to report. */
  | { readonly type: 'Report'; readonly sink: string }
  | { readonly type: 'WakeAt'; readonly at: EpochMs }
  | { readonly type: 'Failed'; readonly sink: string; readonly why: string }
  | { readonly type: 'WorksAgain'; readonly sink: string };

interface Entry {
  readonly periodMs: number;
  dueAt: EpochMs;
  reporting: boolean;
  failing: boolean;
}

/**
 * When which sink reports, and what is said about it: a machine.
 *
 * - *due*: its period is over. The first report comes after one period.
 * - *reporting*: its last report has not ended; a turn that comes meanwhile is left out, so that a slow server gets no queue.
 * - *failing*: its last report failed. That is said when it begins and when it is over, and not in between.
 *
 * A process that slept misses reports; they are not made up for.
 *
 * Invariants: a sink has at most one report under way; every WakeAt is later than the event that it answers.
 */
export class SinkSchedule {
  readonly #entries = new Map<string, Entry>();

  /** @param periods of each sink, ms. */
  constructor(periods: ReadonlyMap<string, number>, at: EpochMs) {
    for (const [sink, periodMs] of periods)
      this.#entries.set(sink, { periodMs, dueAt: at + periodMs, reporting: false, failing: false });
  }

  /** Nothing: there is nobody to wake for. */
  start(): readonly ScheduleEffect[] {
    return this.#wake();
  }

  woken(at: EpochMs): readonly ScheduleEffect[] {
    const effects: ScheduleEffect[] = [];
    for (const [sink, entry] of this.#entries) {
      if (entry.dueAt > at) continue;
      entry.dueAt += (Math.floor((at - entry.dueAt) / entry.periodMs) + 1) * entry.periodMs;
      if (entry.reporting) continue;
      entry.reporting = true;
      effects.push({ type: 'Report', sink });
    }
    return [...effects, ...this.#wake()];
  }

  /** A last round, of all that are not at it. */
  lastRound(): readonly ScheduleEffect[] {
    return [...this.#entries].flatMap(([sink, entry]) => {
      if (entry.reporting) return [];
      entry.reporting = true;
      return [{ type: 'Report', sink } as const];
    });
  }

  /** @param why of a failure; null: it went well. */
  ended(sink: string, why: string | null): readonly ScheduleEffect[] {
    const entry = this.#entries.get(sink);
    if (entry === undefined) return [];
    entry.reporting = false;
    const was = entry.failing;
    entry.failing = why !== null;
    if (why !== null) return was ? [] : [{ type: 'Failed', sink, why }];
    return was ? [{ type: 'WorksAgain', sink }] : [];
  }

  #wake(): readonly ScheduleEffect[] {
    const next = Math.min(...[...this.#entries.values()].map(({ dueAt }) => dueAt));
    return Number.isFinite(next) ? [{ type: 'WakeAt', at: next }] : [];
  }
}
