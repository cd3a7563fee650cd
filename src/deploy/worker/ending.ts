import type { EpochMs } from '../../base/clock.ts';
import type { ProcessEffect, ProcessKey } from './worker-events.ts';

/** How a process is brought to its end: asked, after a grace killed, and after that no longer waited for. */
export class Ending {
  readonly #key: ProcessKey;
  readonly #graceMs: number;
  #asked: 'not' | 'SIGTERM' | 'SIGKILL' = 'not';

  constructor(key: ProcessKey, graceMs: number) {
    this.#key = key;
    this.#graceMs = graceMs;
  }

  begin(at: EpochMs): ProcessEffect[] {
    if (this.#asked !== 'not') return [];
    return this.#signal('SIGTERM', at);
  }

  /** The time is up. @returns null when nothing can end it: it is given up. */
  timeIsUp(at: EpochMs): ProcessEffect[] | null {
    return this.#asked === 'SIGTERM' ? this.#signal('SIGKILL', at) : null;
  }

  #signal(signal: 'SIGTERM' | 'SIGKILL', at: EpochMs): ProcessEffect[] {
    this.#asked = signal;
    return [
      { type: 'SignalProcess', key: this.#key, signal },
      { type: 'SetTimer', timer: `kill ${this.#key}`, at: at + this.#graceMs },
    ];
  }
}
