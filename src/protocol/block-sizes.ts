/**
 * How many bytes each reduce partition got of a map output, small enough that a driver can hold them for thousands of maps
 * and partitions.
 *
 * `Compressed` has one character a partition: code n stands for 1.1^n bytes, at most a tenth more than there are; 0 for none.
 * `HighlyCompressed` has the average of the partitions that are not empty, except of huge and skewed ones, which are exact.
 *
 * Which partitions are empty is exact in both. Spark: CompressedMapStatus, HighlyCompressedMapStatus
 */
export type BlockSizes =
  | { readonly kind: 'Compressed'; readonly codes: string }
  | {
      readonly kind: 'HighlyCompressed';
      readonly numBlocks: number;
      readonly averageBytes: number;
      /** A bit a partition, lowest first: 1 says that it is empty. Null: none is. */
      readonly empty: Uint8Array | null;
      /** Partition, bytes, partition, bytes, …; ascending. */
      readonly huge: readonly number[];
    };

export interface BlockSizeLimits {
  /** Map outputs of more partitions than this are highly compressed. spark.shuffle.minNumPartitionsToHighlyCompress */
  readonly highlyCompressAbove: number;
  /** Bytes from which on a block's size is kept as it is in a highly compressed output. spark.shuffle.accurateBlockThreshold */
  readonly accurateFromBytes: number;
  /**
   * A block this many times as large as the median is kept as it is, too; null: none for that. At most the `maxBlocks` largest, and
   * those that are as large as the last of them. spark.shuffle.accurateBlockSkewedFactor, spark.shuffle.maxAccurateSkewedBlockNumber
   */
  readonly skewed: { readonly factor: number; readonly maxBlocks: number } | null;
}

/** Spark's defaults. */
const DEFAULT_BLOCK_SIZE_LIMITS: BlockSizeLimits = {
  highlyCompressAbove: 2000,
  accurateFromBytes: 100 * 1024 * 1024,
  skewed: null,
};

const LOG_BASE = Math.log(1.1);
const LARGEST_CODE = 255;
/** Bytes by code. */
const BYTES_OF = Float64Array.from({ length: LARGEST_CODE + 1 }, (_, code) =>
  code === 0 ? 0 : Math.floor(1.1 ** code),
);

/** Spark: MapStatus.apply */
export function toBlockSizes(
  sizes: readonly number[],
  limits: BlockSizeLimits = DEFAULT_BLOCK_SIZE_LIMITS,
): BlockSizes {
  return sizes.length > limits.highlyCompressAbove
    ? highlyCompressed(sizes, accurateFrom(sizes, limits))
    : { kind: 'Compressed', codes: Buffer.from(sizes.map(codeOf)).toString('latin1') };
}

/** Spark: MapStatus.compressSize */
function codeOf(bytes: number): number {
  if (bytes === 0) return 0;
  return bytes <= 1 ? 1 : Math.min(LARGEST_CODE, Math.ceil(Math.log(bytes) / LOG_BASE));
}

/** Spark: HighlyCompressedMapStatus.apply */
function accurateFrom(sizes: readonly number[], { accurateFromBytes, skewed }: BlockSizeLimits): number {
  if (skewed === null) return accurateFromBytes;
  const sorted = Float64Array.from(sizes).sort();
  const n = sorted.length;
  const at = (i: number): number => sorted[i] as number; // within n, which is more than highlyCompressAbove
  const middle = n >> 1;
  const median = Math.max(1, n % 2 === 1 ? at(middle) : Math.floor((at(middle - 1) + at(middle)) / 2));
  const smallestOfLargest = at(n - Math.min(skewed.maxBlocks, n));
  return Math.min(accurateFromBytes, Math.max(median * skewed.factor, smallestOfLargest));
}

function highlyCompressed(sizes: readonly number[], accurateFromBytes: number): BlockSizes {
  const huge: number[] = [];
  let empty: Uint8Array | null = null;
  let smallBytes = 0;
  let smallBlocks = 0;
  for (let reduceId = 0; reduceId < sizes.length; reduceId++) {
    const bytes = sizes[reduceId] as number; // within length
    if (bytes === 0) {
      empty ??= new Uint8Array((sizes.length + 7) >> 3);
      empty[reduceId >> 3] = (empty[reduceId >> 3] as number) | (1 << (reduceId & 7)); // within length
    } else if (bytes < accurateFromBytes) {
      smallBytes += bytes;
      smallBlocks++;
    } else huge.push(reduceId, bytes);
  }
  const averageBytes = smallBlocks === 0 ? 0 : Math.floor(smallBytes / smallBlocks);
  return { kind: 'HighlyCompressed', numBlocks: sizes.length, averageBytes, empty, huge };
}

/** Reduce partitions of the shuffle. */
export function numBlocks(sizes: BlockSizes): number {
  return sizes.kind === 'Compressed' ? sizes.codes.length : sizes.numBlocks;
}

/** Bytes of one partition, as near as is known; 0 only if there are none. Spark: MapStatus.getSizeForBlock */
export function sizeOfBlock(sizes: BlockSizes, reduceId: number): number {
  if (sizes.kind === 'Compressed') return BYTES_OF[sizes.codes.charCodeAt(reduceId)] ?? 0;
  const { empty, huge, averageBytes } = sizes;
  if (empty !== null && (((empty[reduceId >> 3] ?? 0) >> (reduceId & 7)) & 1) === 1) return 0;
  return hugeBytes(huge, reduceId) ?? averageBytes;
}

/** Adds the bytes of each partition to `totals`. */
export function addBlockSizes(sizes: BlockSizes, totals: Float64Array): void {
  if (sizes.kind === 'Compressed') {
    const { codes } = sizes;
    const n = Math.min(codes.length, totals.length);
    // Within both, and there are as many BYTES_OF as codes.
    for (let i = 0; i < n; i++) totals[i] = (totals[i] as number) + (BYTES_OF[codes.charCodeAt(i)] as number);
    return;
  }
  const n = Math.min(sizes.numBlocks, totals.length);
  for (let i = 0; i < n; i++) totals[i] = (totals[i] as number) + sizeOfBlock(sizes, i);
}

function hugeBytes(huge: readonly number[], reduceId: number): number | undefined {
  let low = 0;
  let high = huge.length / 2 - 1;
  while (low <= high) {
    const middle = (low + high) >> 1;
    const found = huge[2 * middle] as number; // middle is within the pairs
    if (found === reduceId) return huge[2 * middle + 1];
    if (found < reduceId) low = middle + 1;
    else high = middle - 1;
  }
  return undefined;
}
