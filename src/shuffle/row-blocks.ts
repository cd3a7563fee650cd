import type { RecordEncoder } from '../serializer/serializer.ts';
import type { OutputFile } from './output-file.ts';
import { estimateBytes } from './size-estimator.ts';

/** Rows of a block at most: columnar blocks are cheapest per row from 1,000 to 4,000. */
export const BLOCK_ROWS = 4096;
/** Estimated bytes of a block's rows at most, so that large values neither make huge blocks nor huge batches. */
const BLOCK_BYTES = 1024 * 1024;
/** The size of one row in so many is estimated. */
const SAMPLE_EVERY = 8;

/** The end of the block that begins at `from`: at most BLOCK_ROWS rows, and only one when rows are huge. */
export function blockEnd(keys: readonly unknown[], values: readonly unknown[], from: number, to: number): number {
  const limit = Math.min(to, from + BLOCK_ROWS);
  let bytes = 0;
  for (let i = from; i < limit; i += SAMPLE_EVERY) {
    const row = estimateBytes(keys[i]) + estimateBytes(values[i]);
    if (row > BLOCK_BYTES / SAMPLE_EVERY) return smallBlockEnd(keys, values, from, limit);
    bytes += row * SAMPLE_EVERY;
    if (bytes > BLOCK_BYTES && i > from) return i;
  }
  return limit;
}

// With rows this large each is looked at: the rows between two samples could be gigabytes.
function smallBlockEnd(keys: readonly unknown[], values: readonly unknown[], from: number, limit: number): number {
  let bytes = 0;
  for (let i = from; i < limit; i++) {
    bytes += estimateBytes(keys[i]) + estimateBytes(values[i]);
    if (bytes > BLOCK_BYTES) return i > from ? i : i + 1;
  }
  return limit;
}

/** Appends rows [from, to) as blocks. */
export function appendRows(
  output: OutputFile,
  encoder: RecordEncoder,
  keys: readonly unknown[],
  values: readonly unknown[],
  from: number,
  to: number,
): void {
  for (let at = from; at < to; ) {
    const end = blockEnd(keys, values, at, to);
    output.append(encoder.encodePairs(keys, values, at, end));
    at = end;
  }
}

/**
 * Appends rows grouped by a bucket number, bucket 0 first.
 *
 * @param buckets the bucket of each row, in [0, numBuckets).
 * @returns numBuckets + 1 positions in the file: bucket b lies in [b, b + 1).
 */
export function appendBuckets(
  output: OutputFile,
  encoder: RecordEncoder,
  keys: readonly unknown[],
  values: readonly unknown[],
  rows: number,
  buckets: Int32Array,
  numBuckets: number,
): Float64Array {
  const positions = new Float64Array(numBuckets + 1);
  if (numBuckets === 1) {
    positions[0] = output.position;
    appendRows(output, encoder, keys, values, 0, rows);
    positions[1] = output.position;
    return positions;
  }
  // Counting sort: starts[b] is where bucket b begins in `order`.
  const starts = new Int32Array(numBuckets + 1);
  for (let i = 0; i < rows; i++) (starts[(buckets[i] as number) + 1] as number)++;
  for (let b = 0; b < numBuckets; b++) starts[b + 1] = (starts[b + 1] as number) + (starts[b] as number);
  const next = starts.slice();
  const order = new Int32Array(rows);
  for (let i = 0; i < rows; i++) {
    const b = buckets[i] as number;
    order[next[b] as number] = i;
    (next[b] as number)++;
  }
  for (let b = 0; b < numBuckets; b++) {
    positions[b] = output.position;
    const end = starts[b + 1] as number;
    for (let at = starts[b] as number; at < end; at += BLOCK_ROWS) {
      const n = Math.min(BLOCK_ROWS, end - at);
      // New arrays each time: their element kind fits this block, and they die young.
      const blockKeys: unknown[] = new Array(n);
      const blockValues: unknown[] = new Array(n);
      for (let i = 0; i < n; i++) {
        const row = order[at + i] as number;
        blockKeys[i] = keys[row];
        blockValues[i] = values[row];
      }
      appendRows(output, encoder, blockKeys, blockValues, 0, n);
    }
  }
  positions[numBuckets] = output.position;
  return positions;
}
