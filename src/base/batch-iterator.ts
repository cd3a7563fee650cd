/**
 * A partition as a stream of batches: plain arrays of some 2,048 records, pulled, synchronous.
 *
 * An empty array is allowed and means nothing; null is the end, and after it `next` is not called again. A batch belongs to
 * the reader until the next call. `close` is called once, also when the reader stops early or fails.
 */
export interface BatchIterator<T = unknown> {
  next(): readonly T[] | null;
  close(): void;
}
