import type { Clock } from '../base/clock.ts';
import type { AskBlocks, ShuffleBlockReply, ShuffleBlockRequest } from '../protocol/block-transfer.ts';
import { BLOCK_TRANSFER_ENDPOINT } from '../protocol/executor-registration.ts';
import type { ExecutorId } from '../protocol/ids.ts';
import type { BlockManagerId } from '../protocol/map-output.ts';
import type { RpcRef } from '../rpc/rpc-endpoint.ts';
import type { RpcEnv } from '../rpc/rpc-env.ts';
import { RemoteError } from '../rpc/rpc-errors.ts';

export interface BlockClientOptions {
  readonly env: RpcEnv;
  readonly appId: string;
  /** Where map outputs are read: from the executors that wrote them, or from the shuffle services of their hosts. */
  readonly servesOutputs: 'executors' | 'services';
  readonly clock: Clock;
  /** spark.shuffle.io.maxRetries */
  readonly maxRetries: number;
  /** spark.shuffle.io.retryWait, ms */
  readonly retryWaitMs: number;
  /** Does the driver think that this executor lives? */
  readonly isAlive: (executorId: ExecutorId) => Promise<boolean>;
}

type BlockRef = RpcRef<never, AskBlocks>;

/**
 * Asks other executors (and the driver, and shuffle services) for blocks. One that cannot be reached is tried again, unless
 * the driver knows that it is lost.
 *
 * Spark: NettyBlockTransferService, RetryingBlockTransferor
 */
export class BlockClient {
  readonly #options: BlockClientOptions;
  readonly #refs = new Map<string, Promise<BlockRef>>();

  constructor(options: BlockClientOptions) {
    this.#options = options;
  }

  /** Parts of shuffle blocks, one reply each. Each part's bytes are an ArrayBuffer of their own, which may be transferred. */
  async fetchShuffleBlocks(
    owner: BlockManagerId,
    blocks: readonly ShuffleBlockRequest[],
  ): Promise<readonly ShuffleBlockReply[]> {
    const allocate = (bytes: number): Uint8Array => new Uint8Array(bytes);
    const request = { appId: this.#options.appId, executorId: owner.executorId, blocks };
    const { replies } = await this.#retrying(owner, (ref) => ref.ask('FetchShuffleBlocks', request, { allocate }));
    return replies;
  }

  /** A cached partition in shared memory; null when its owner does not have it any more. */
  async fetchRddBlock(owner: BlockManagerId, rddId: number, partition: number): Promise<Uint8Array | null> {
    const ref = await this.#ref(owner);
    const request = { appId: this.#options.appId, executorId: owner.executorId, rddId, partition };
    return (await ref.ask('FetchRddBlock', request, { shared: true })).bytes;
  }

  async uploadRddBlock(to: BlockManagerId, block: AskBlocks['UploadRddBlock'][0]): Promise<boolean> {
    const ref = await this.#ref(to);
    return (await ref.ask('UploadRddBlock', block)).stored;
  }

  async uploadShuffleFile(to: BlockManagerId, part: AskBlocks['UploadShuffleFile'][0]): Promise<void> {
    const ref = await this.#ref(to);
    await ref.ask('UploadShuffleFile', part);
  }

  async fetchBroadcastPiece(owner: BlockManagerId, broadcastId: number, piece: number): Promise<Uint8Array | null> {
    const ref = await this.#ref(owner);
    return (await ref.ask('FetchBroadcastPiece', { broadcastId, piece })).bytes;
  }

  async #retrying<R>(owner: BlockManagerId, ask: (ref: BlockRef) => Promise<R>): Promise<R> {
    const { maxRetries, retryWaitMs, isAlive, clock, servesOutputs } = this.#options;
    for (let tries = 0; ; tries++) {
      try {
        return await ask(await this.#ref(owner));
      } catch (error) {
        // It was there and said no: it would say it again.
        if (error instanceof RemoteError || tries >= maxRetries) throw error;
        // A service does not end with the executor.
        if (servesOutputs === 'executors' && !(await isAlive(owner.executorId))) {
          const place = `${owner.host}:${owner.port}`;
          throw new Error(`executor ${owner.executorId} on ${place} is dead`, { cause: error });
        }
        await new Promise<void>((resolve) => clock.after(retryWaitMs, resolve));
      }
    }
  }

  #ref(owner: BlockManagerId): Promise<BlockRef> {
    const key = `${owner.host}:${owner.port}`;
    const known = this.#refs.get(key);
    if (known !== undefined)
      return known.then((ref) => {
        if (!ref.closed) return ref;
        if (this.#refs.get(key) === known) this.#refs.delete(key);
        return this.#ref(owner);
      });
    const connecting = this.#options.env.connect<never, AskBlocks>(
      { host: owner.host, port: owner.port },
      BLOCK_TRANSFER_ENDPOINT,
    );
    this.#refs.set(key, connecting);
    connecting.catch(() => {
      if (this.#refs.get(key) === connecting) this.#refs.delete(key);
    });
    return connecting;
  }
}
