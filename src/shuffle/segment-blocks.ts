import { BLOCK_HEADER_BYTES, CorruptBlockError, decodePairBlock, readBlockHeader } from '../serializer/serializer.ts';
import type { Segment } from './block-source.ts';
import type { PairBlock } from './pair-stream.ts';

/** Read at once; blocks are some 10 to 500 KB. */
const CHUNK_BYTES = 512 * 1024;
/** Larger buffers, made for a huge record, are not kept. */
const MAX_POOLED_BYTES = 2 * CHUNK_BYTES;
/** A task reads from a few places at a time, such as the sides of a cogroup. */
const MAX_POOLED = 8;

const pool: Buffer[] = [];

/** The bytes could not be had; unlike what a class codec throws while decoding them. */
export class UnreadableSegmentError extends Error {}

/**
 * Decodes the blocks of a segment one by one, reading it in chunks: memory is one chunk, or one block if that is larger,
 * never the segment.
 */
export class SegmentBlocks {
  readonly #segment: Segment;
  #buffer: Buffer;
  /** Unread bytes are buffer[#start, #end); #position is where #start lies in the segment. */
  #start = 0;
  #end = 0;
  #position = 0;
  #open = true;

  /** @param chunkBytes only a merge of many runs wants less than the usual. */
  constructor(segment: Segment, chunkBytes: number = CHUNK_BYTES) {
    this.#segment = segment;
    const size = Math.max(BLOCK_HEADER_BYTES, Math.min(chunkBytes, segment.length));
    const pooled = pool.at(-1);
    this.#buffer = pooled !== undefined && pooled.length >= size ? (pool.pop() as Buffer) : allocate(size, chunkBytes);
  }

  /**
   * The next block, or null.
   *
   * @throws CorruptBlockError, after the bytes were read twice; UnreadableSegmentError.
   */
  next(): PairBlock | null {
    if (this.#position === this.#segment.length) return null;
    try {
      return this.#decode();
    } catch (e) {
      if (!(e instanceof CorruptBlockError)) throw e;
      // Perhaps only the copy in memory was bad. The second failure is for good.
      this.#start = 0;
      this.#end = 0;
      return this.#decode();
    }
  }

  close(): void {
    if (!this.#open) return;
    this.#open = false;
    if (this.#buffer.length <= MAX_POOLED_BYTES && this.#buffer.length >= CHUNK_BYTES && pool.length < MAX_POOLED)
      pool.push(this.#buffer);
    this.#segment.close();
  }

  #decode(): PairBlock {
    this.#fill(BLOCK_HEADER_BYTES);
    const { payloadBytes } = readBlockHeader(this.#buffer, this.#start);
    const length = BLOCK_HEADER_BYTES + payloadBytes;
    this.#fill(length);
    const block = decodePairBlock(this.#buffer, this.#start);
    this.#start += length;
    this.#position += length;
    return block;
  }

  /** Makes `length` bytes from #start on available. */
  #fill(length: number): void {
    const available = this.#end - this.#start;
    if (available >= length) return;
    const left = this.#segment.length - this.#position;
    if (length > left)
      throw new CorruptBlockError(
        this.#position,
        `${length} bytes should follow, but the segment has only ${left} more`,
      );
    if (length > this.#buffer.length) {
      const larger = Buffer.allocUnsafeSlow(length);
      this.#buffer.copy(larger, 0, this.#start, this.#end);
      this.#buffer = larger;
    } else {
      // To the front, where blocks are at multiples of 8 and decode in place.
      this.#buffer.copyWithin(0, this.#start, this.#end);
    }
    this.#start = 0;
    this.#end = available;
    const more = Math.min(this.#buffer.length, left) - available;
    try {
      this.#segment.read(this.#buffer, available, more, this.#position + available);
    } catch (e) {
      throw new UnreadableSegmentError((e as Error).message, { cause: e });
    }
    this.#end += more;
  }
}

function allocate(size: number, chunkBytes: number): Buffer {
  // Pooled ones have the usual size; tiny segments get by with less.
  return Buffer.allocUnsafeSlow(size < CHUNK_BYTES / 8 ? size : Math.max(size, chunkBytes));
}
