import type { BatchIterator } from '../base/batch-iterator.ts';
import { IskraError } from '../base/errors.ts';
import { shortInspect } from '../base/value-errors.ts';
import type { PairBlock, PairStream } from './pair-stream.ts';

/** `[key, value]` records as columns. */
export class RecordPairs implements PairStream {
  readonly #records: BatchIterator;
  readonly #operator: string;
  #open = true;

  /** @param operator named in the error for a record that is no pair. */
  constructor(records: BatchIterator, operator: string) {
    this.#records = records;
    this.#operator = operator;
  }

  next(): PairBlock | null {
    const batch = this.#records.next();
    if (batch === null) return null;
    const keys: unknown[] = [];
    const values: unknown[] = [];
    for (let i = 0; i < batch.length; i++) {
      const record = batch[i];
      if (!Array.isArray(record) || record.length !== 2)
        throw new IskraError(
          'NOT_PAIRS',
          `${this.#operator} needs [key, value] records, but got ${shortInspect(record)}; map to pairs first`,
        );
      keys.push(record[0]);
      values.push(record[1]);
    }
    return { keys, values };
  }

  close(): void {
    if (!this.#open) return;
    this.#open = false;
    this.#records.close();
  }
}
