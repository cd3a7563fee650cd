/** What is to be done about a connection over which nothing comes. */
export type SilenceStep = 'nothing' | 'ask' | 'probe';

/** How often it is looked in one timeout. */
export const LOOKS_PER_TIMEOUT = 4;
const ASK_AT = 2;
const PROBE_AT = 3;

/**
 * Notices that the other end of a connection cannot be reached any more. A link that is cut, or a host without power, says
 * nothing, and the system sends again what it has for a quarter of an hour before it gives a connection up.
 *
 *   content ─owed, and two looks without a word─► asked ─a third─► probing ─cannot be reached─► the connection ends
 *      ▲                                            ▲ two more looks  │
 *      └── a word, in any state                     └── can be reached┘
 *
 * Glossary. *Owed*: something was sent since the last word of the other side. Who only waits is watched by the system's own
 * keep-alive. *Asked*: a question that any process answers that is not busy. *Probing*: a new connection is tried; the system
 * over there takes it also for a process that computes in one synchronous stretch, or was stopped.
 *
 * Looks are counted, and time is not: a process that itself stood still has not listened.
 */
export class SilenceWatch {
  #owed = false;
  #heard = false;
  #silentLooks = 0;

  sent(): void {
    this.#owed = true;
  }

  heard(): void {
    this.#heard = true;
    this.#owed = false;
  }

  /** The probe came through. */
  reachable(): void {
    this.#silentLooks = 0;
  }

  /** Whether there was a word since the last look. */
  get hasHeard(): boolean {
    return this.#heard;
  }

  /** A part of the timeout is over. */
  look(): SilenceStep {
    if (this.#heard || !this.#owed) {
      this.#heard = false;
      this.#silentLooks = 0;
      return 'nothing';
    }
    this.#silentLooks++;
    if (this.#silentLooks === ASK_AT) return 'ask';
    return this.#silentLooks === PROBE_AT ? 'probe' : 'nothing';
  }
}
