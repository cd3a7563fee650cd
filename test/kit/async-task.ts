import { type Clock, systemClock } from '../../src/base/clock.ts';
import { seededRandom } from '../../src/base/seeded-random.ts';
import { type AsyncBatchIterator, asAsync } from '../../src/executor/async-batches.ts';
import type { AsyncTask } from '../../src/executor/async-task.ts';
import { type PermitDesk, RatePermits } from '../../src/executor/rate-permits.ts';
import { ArrayBatches } from '../../src/executor/segment-iterator.ts';

/** A task that a test can kill, with a clock of the test's choice. */
export class FakeAsyncTask implements AsyncTask {
  readonly clock: Clock;
  readonly random = seededRandom(1);
  readonly #desk: PermitDesk;
  readonly #listeners = new Set<(error: Error) => void>();
  #killed: Error | null = null;

  constructor(clock: Clock = systemClock, desk: PermitDesk = freeDesk) {
    this.clock = clock;
    this.#desk = desk;
  }

  kill(): void {
    this.#killed = new Error('killed');
    for (const listener of this.#listeners) listener(this.#killed);
  }

  throwIfKilled(): void {
    if (this.#killed !== null) throw this.#killed;
  }

  onKilled(listener: (error: Error) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Of operators that still want to hear of the task's death. */
  get numListeners(): number {
    return this.#listeners.size;
  }

  permits(limit: Parameters<AsyncTask['permits']>[0]): RatePermits {
    return new RatePermits(limit, 7, this.#desk);
  }

  close(): void {}
}

const freeDesk: PermitDesk = { acquire: async ({ want }) => ({ permits: want }), giveBack() {} };

/** Records as a source, which counts how many were pulled and whether it was closed. */
export function countedSource(
  records: readonly unknown[],
  batchSize = 16,
): AsyncBatchIterator & { pulled: number; closed: number } {
  return {
    pulled: 0,
    closed: 0,
    next() {
      if (this.pulled >= records.length) return null;
      const batch = records.slice(this.pulled, this.pulled + batchSize);
      this.pulled += batch.length;
      return batch;
    },
    close() {
      this.closed++;
    },
  };
}

export const arraySource = (records: readonly unknown[]): AsyncBatchIterator => asAsync(new ArrayBatches(records));

/** Reads all, and closes as a task does. */
export async function readAll(source: AsyncBatchIterator): Promise<unknown[]> {
  try {
    return await drainAsync(source);
  } finally {
    await source.close();
  }
}

/** One turn of the event loop. */
export const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

export async function turns(n: number): Promise<void> {
  for (let i = 0; i < n; i++) await turn();
}

async function drainAsync(source: AsyncBatchIterator): Promise<unknown[]> {
  const all: unknown[] = [];
  for (let batch = await source.next(); batch !== null; batch = await source.next()) for (const r of batch) all.push(r);
  return all;
}
