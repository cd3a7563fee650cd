import { sizeOfBlock } from '../protocol/block-sizes.ts';
import type { ExecutorId, ShuffleId } from '../protocol/ids.ts';
import type { MapOutputs } from '../protocol/map-output.ts';
import { CorruptBlockError } from '../serializer/serializer.ts';
import { LocalBlockSource, type Segment, type SegmentRequest, type SegmentStream } from './block-source.ts';
import { FetchFailedError } from './errors.ts';
import type { PairBlock, PairStream } from './pair-stream.ts';
import { SegmentBlocks, UnreadableSegmentError } from './segment-blocks.ts';
import type { ShuffleEnv } from './shuffle-env.ts';

/** Which part of which shuffle to read. */
export interface FetchPlan {
  readonly shuffleId: ShuffleId;
  readonly reduceId: number;
  readonly outputs: MapOutputs;
  /** Whose files are local to this process. */
  readonly localExecutorId: ExecutorId;
}

/**
 * The blocks of one reduce partition, map output by map output, as they were written. Outputs without bytes for this
 * partition are not touched. Spark: ShuffleBlockFetcherIterator
 */
export class FetchStream implements PairStream {
  readonly #env: ShuffleEnv;
  /** Null: its requests are made. */
  #plan: FetchPlan | null;
  readonly #local: SegmentRequest[] = [];
  readonly #sameHost: SegmentRequest[] = [];
  readonly #remote: SegmentRequest[] = [];
  #requests: SegmentRequest[] = this.#local;
  #source: SegmentStream | null = null;
  #at = 0;
  #blocks: SegmentBlocks | null = null;

  constructor(env: ShuffleEnv, plan: FetchPlan) {
    this.#env = env;
    this.#plan = plan;
  }

  /** @throws FetchFailedError; what `throwIfKilled` and decoding the records throw. */
  next(): PairBlock | null {
    if (this.#plan !== null) {
      this.#makeRequests(this.#plan);
      this.#plan = null;
    }
    this.#env.throwIfKilled();
    for (;;) {
      if (this.#blocks === null && !this.#openNext()) return null;
      // openNext made it, or it was there.
      const blocks = this.#blocks as unknown as SegmentBlocks;
      const request = this.#requests[this.#at] as SegmentRequest;
      let block: PairBlock | null;
      try {
        block = blocks.next();
      } catch (e) {
        if (e instanceof CorruptBlockError || e instanceof UnreadableSegmentError) throw fetchFailed(request, e);
        throw e;
      }
      if (block !== null) {
        this.#env.metrics.shuffleRecordsRead += block.keys.length;
        return block;
      }
      blocks.close();
      this.#blocks = null;
      this.#at++;
    }
  }

  close(): void {
    this.#plan = null;
    this.#blocks?.close();
    this.#blocks = null;
    this.#source?.close();
    this.#source = null;
    this.#at = this.#requests.length;
    this.#sameHost.length = 0;
    this.#remote.length = 0;
  }

  #makeRequests({ shuffleId, reduceId, outputs, localExecutorId }: FetchPlan): void {
    for (let mapIndex = 0; mapIndex < outputs.statuses.length; mapIndex++) {
      const status = outputs.statuses[mapIndex];
      if (status === null || status === undefined)
        throw new FetchFailedError(
          { location: null, shuffleId, mapId: null, mapIndex: null, reduceId },
          `Missing an output location for shuffle ${shuffleId} partition ${reduceId}`,
        );
      if (sizeOfBlock(status.sizes, reduceId) === 0) continue;
      const { executorId, host } = status.location;
      const onDisk = host === this.#env.sameHostBlocks?.host ? this.#sameHost : this.#remote;
      (executorId === localExecutorId ? this.#local : onDisk).push({ shuffleId, mapIndex, status, reduceId });
    }
  }

  #openNext(): boolean {
    while (this.#at === this.#requests.length) {
      if (this.#requests === this.#remote) return false;
      this.#source?.close();
      this.#source = null;
      this.#requests = this.#requests === this.#local ? this.#sameHost : this.#remote;
      this.#at = 0;
    }
    const request = this.#requests[this.#at] as SegmentRequest;
    let segment: Segment;
    const startedAt = this.#env.clock.now();
    try {
      this.#source ??= this.#openSource();
      segment = this.#source.next();
    } catch (e) {
      throw fetchFailed(request, e);
    }
    const { metrics } = this.#env;
    metrics.shuffleFetchWaitTimeMs += this.#env.clock.now() - startedAt;
    if (this.#requests !== this.#remote) {
      metrics.shuffleLocalBlocksFetched++;
      metrics.shuffleLocalBytesRead += segment.length;
    } else {
      metrics.shuffleRemoteBlocksFetched++;
      metrics.shuffleRemoteBytesRead += segment.length;
    }
    this.#blocks = new SegmentBlocks(segment);
    return true;
  }

  #openSource(): SegmentStream {
    const { localDirs, files, remoteBlocks, sameHostBlocks } = this.#env;
    if (this.#requests === this.#local) return new LocalBlockSource(localDirs, files).open(this.#requests);
    if (this.#requests === this.#sameHost && sameHostBlocks !== null) return sameHostBlocks.open(this.#requests);
    if (remoteBlocks === null) throw new Error('this executor has no connection to others');
    return remoteBlocks.open(this.#requests);
  }
}

function fetchFailed(request: SegmentRequest, cause: unknown): FetchFailedError {
  const { shuffleId, mapIndex, status, reduceId } = request;
  const { location, mapId } = status;
  const what = cause instanceof CorruptBlockError ? 'was read twice and is corrupt' : 'cannot be read';
  return new FetchFailedError(
    { location, shuffleId, mapId, mapIndex, reduceId },
    `block shuffle_${shuffleId}_${mapId}_${reduceId} of executor ${location.executorId} on ${location.host} ${what}: ${(cause as Error).message}`,
    cause,
  );
}
