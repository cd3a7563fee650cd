import { numBlocks, sizeOfBlock } from '../protocol/block-sizes.ts';
import type { FetchedPart, RemoteBlock } from '../protocol/block-transfer.ts';
import type { BlockSource, Segment, SegmentRequest, SegmentStream } from './block-source.ts';

/**
 * The line to who fetches for this thread. Every call blocks until the answer is there.
 */
export interface FetchLine {
  /** Begins to fetch blocks, in this order, ahead of `next`. */
  start(blocks: readonly RemoteBlock[]): number;
  /** The parts that follow and are there; one at least. @throws Error saying why the next one cannot be had. */
  next(fetchId: number): readonly FetchedPart[];
  /** One part again, from its owner. */
  again(block: RemoteBlock, offset: number, length: number): Uint8Array;
  stop(fetchId: number): void;
}

/** Shuffle blocks of other executors. Spark: ShuffleBlockFetcherIterator, its remote half */
export class RemoteBlockSource implements BlockSource {
  readonly #line: FetchLine;

  constructor(line: FetchLine) {
    this.#line = line;
  }

  open(requests: readonly SegmentRequest[]): SegmentStream {
    return new RemoteStream(this.#line, requests.map(remoteBlock));
  }
}

function remoteBlock({ shuffleId, status, reduceId }: SegmentRequest): RemoteBlock {
  const { location, mapId, sizes } = status;
  const bytes = sizeOfBlock(sizes, reduceId);
  return { location, shuffleId, mapId, reduceId, numPartitions: numBlocks(sizes), bytes };
}

class RemoteStream implements SegmentStream {
  readonly #line: FetchLine;
  readonly #blocks: readonly RemoteBlock[];
  #fetchId: number | null = null;
  #at = -1;
  /** Parts that came with an earlier one. */
  #parts: readonly FetchedPart[] = [];
  #nextPart = 0;

  constructor(line: FetchLine, blocks: readonly RemoteBlock[]) {
    this.#line = line;
    this.#blocks = blocks;
  }

  next(): Segment {
    this.#fetchId ??= this.#line.start(this.#blocks);
    const index = ++this.#at;
    const block = this.#blocks[index] as RemoteBlock; // the caller asks once for each request
    let part = this.#take(index);
    let read = 0;
    return {
      length: part.length,
      place: `executor ${block.location.executorId} on ${block.location.host}:${block.location.port}`,
      read: (target, at, length, position) => {
        // Bytes that were read before are wanted again because they did not decode: their owner may have better ones.
        if (position < read) {
          target.set(this.#line.again(block, position, length), at);
          return;
        }
        for (let done = 0; done < length; ) {
          const from = position + done - part.offset;
          if (from === part.bytes.length) {
            part = this.#take(index);
            continue;
          }
          const n = Math.min(length - done, part.bytes.length - from);
          target.set(part.bytes.subarray(from, from + n), at + done);
          done += n;
        }
        read = position + length;
      },
      close: () => {}, // parts that nobody reads are passed over by #take
    };
  }

  close(): void {
    if (this.#fetchId !== null) this.#line.stop(this.#fetchId);
    this.#fetchId = null;
    this.#parts = [];
    this.#nextPart = 0;
  }

  #take(index: number): FetchedPart {
    for (;;) {
      if (this.#nextPart === this.#parts.length) {
        this.#parts = this.#line.next(this.#fetchId as number); // it was started by next()
        this.#nextPart = 0;
      }
      const part = this.#parts[this.#nextPart++] as FetchedPart;
      // A reader that had enough of the block before left parts of it behind.
      if (part.request === index) return part;
    }
  }
}
