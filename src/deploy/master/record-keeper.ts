import type { Clock } from '../../base/clock.ts';
import type { Logger } from '../../base/logger.ts';
import type { RecoveryRecord } from '../../protocol/recovery.ts';
import type { PersistenceEngine } from '../recovery/persistence-engine.ts';
import type { MasterEffect } from './master-events.ts';

/** What is to be kept, or dropped. */
export type RecordWork = Extract<MasterEffect, { type: 'Persist' | 'Unpersist' }>;

const RETRY_MS = 5000;

/**
 * Keeps a master's records, and does not give up when that fails: a master whose disk is full serves on. What has not been
 * kept is only in danger when the master ends before the disk has room again.
 */
export class RecordKeeper {
  readonly #engine: PersistenceEngine;
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #retry: () => void;
  /** What failed, the last wish for each record, in the order of their last failure. */
  readonly #behind = new Map<string, RecordWork>();
  #cancel: (() => void) | null = null;
  #closed = false;

  /** @param retry called when `catchUp` is worth a try: never while a promise of this class is not settled, please. */
  constructor(engine: PersistenceEngine, clock: Clock, log: Logger, retry: () => void) {
    this.#engine = engine;
    this.#clock = clock;
    this.#log = log;
    this.#retry = retry;
  }

  /** Never throws and never rejects. @returns undefined when it is done. */
  do(work: RecordWork): undefined | Promise<void> {
    const key = keyOf(work);
    try {
      const done = this.#give(work);
      if (done === undefined) this.#behind.delete(key);
      else
        return done.then(
          () => void this.#behind.delete(key),
          (error: unknown) => this.#failed(key, work, error),
        );
    } catch (error) {
      this.#failed(key, work, error);
    }
    return undefined;
  }

  /** Tries again what failed, until the first that fails again, which is the last one the next time. Never throws and never rejects. */
  async catchUp(): Promise<void> {
    for (const [key, work] of [...this.#behind]) {
      try {
        await this.#give(work);
      } catch (error) {
        this.#failed(key, work, error);
        return;
      }
      this.#behind.delete(key);
    }
    this.#log.info('The records that could not be kept are kept now.');
  }

  get isBehind(): boolean {
    return this.#behind.size > 0;
  }

  close(): void {
    this.#closed = true;
    this.#cancel?.();
    this.#cancel = null;
  }

  #give(work: RecordWork): undefined | Promise<void> {
    const done =
      work.type === 'Persist' ? this.#engine.persist(work.record) : this.#engine.unpersist(work.kind, work.id);
    return done ?? undefined;
  }

  #failed(key: string, work: RecordWork, error: unknown): void {
    const why = error instanceof Error ? error.message : String(error);
    // To the end: one that can never be kept must not keep the others waiting.
    const first = !this.#behind.delete(key);
    this.#behind.set(key, work);
    if (first)
      this.#log.error(
        `The record ${key} is not ${work.type === 'Persist' ? 'kept' : 'removed'}: ${why}. It is tried again every ${RETRY_MS / 1000} s; a master that takes over before would not know of the change.`,
      );
    if (this.#closed || this.#cancel !== null) return;
    this.#cancel = this.#clock.after(RETRY_MS, () => {
      this.#cancel = null;
      this.#retry();
    });
  }
}

function keyOf(work: RecordWork): string {
  const { kind, id }: Pick<RecoveryRecord, 'kind' | 'id'> = work.type === 'Persist' ? work.record : work;
  return `${kind}_${id}`;
}
