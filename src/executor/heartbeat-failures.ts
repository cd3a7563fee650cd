import type { Logger } from '../base/logger.ts';

/** Counts heartbeats in a row that the driver left without an answer, and says so once: a driver that computes answers none. */
export class HeartbeatFailures {
  readonly #maxInARow: number;
  readonly #log: Pick<Logger, 'debug' | 'info' | 'warn'>;
  #inARow = 0;

  constructor(maxInARow: number, log: Pick<Logger, 'debug' | 'info' | 'warn'>) {
    this.#maxInARow = maxInARow;
    this.#log = log;
  }

  answered(): void {
    if (this.#inARow > 0) this.#log.info('the driver answers heartbeats again', { failures: this.#inARow });
    this.#inARow = 0;
  }

  /** @returns why the executor has to end; null: it goes on. */
  failed(error: unknown): string | null {
    this.#inARow++;
    const say = this.#inARow === 1 ? 'warn' : 'debug';
    this.#log[say]('the driver did not answer a heartbeat; it may be busy. This is said once until it answers', {
      error: String(error),
    });
    if (this.#inARow < this.#maxInARow) return null;
    return `Exit as unable to send heartbeats to driver more than ${this.#inARow} times`;
  }
}
