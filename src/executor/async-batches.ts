import type { BatchIterator } from '../base/batch-iterator.ts';

type Batch = readonly unknown[] | null;

/** A partition whose batches may have to be awaited: what comes out of an async operator. One `next` at a time. */
export interface AsyncBatchIterator {
  next(): Promise<Batch> | Batch;
  /** Also when the reader stops early or fails. A promise: the user's own cleaning up, where there is some. */
  close(): Promise<void> | void;
}

/** A synchronous partition seen as an async one. */
export function asAsync(batches: BatchIterator): AsyncBatchIterator {
  return { next: () => batches.next(), close: () => batches.close() };
}

/** The first `limit` records. */
export function firstOf(source: AsyncBatchIterator, limit: number): AsyncBatchIterator {
  let left = limit;
  const cut = (batch: Batch): Batch => {
    if (batch === null || batch.length <= left) {
      left -= batch?.length ?? 0;
      return batch;
    }
    const first = batch.slice(0, left);
    left = 0;
    return first;
  };
  return {
    next() {
      if (left === 0) return null;
      const batch = source.next();
      return batch instanceof Promise ? batch.then(cut) : cut(batch);
    },
    close: () => source.close(),
  };
}
