import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import type { Logger } from '../base/logger.ts';
import type { AskScheduler } from '../protocol/executor-registration.ts';
import type { StoredBlock } from '../protocol/executor-slot.ts';
import type { ExecutorId, RddId, ShuffleId, TaskId } from '../protocol/ids.ts';
import type { BlockManagerId } from '../protocol/map-output.ts';
import type { StorageLevel } from '../protocol/storage-level.ts';
import { mapOutputNames } from '../shuffle/map-output-files.ts';
import type { LocalDirs } from '../storage/local-dirs.ts';
import type { BlockClient } from './block-client.ts';

export interface MigrationOptions {
  readonly me: ExecutorId;
  readonly client: BlockClient;
  readonly dirs: LocalDirs;
  readonly ask: <K extends keyof AskScheduler & string>(
    name: K,
    request: AskScheduler[K][0],
  ) => Promise<AskScheduler[K][1]>;
  /** The port of the shuffle services, from which map outputs are read then; null: from executors. */
  readonly servicePort: number | null;
  /** Cached partitions that are here now. */
  readonly cached: () => readonly CachedBlock[];
  readonly readBlock: (block: StoredBlock) => Uint8Array;
  /** The block is elsewhere: forget it here. */
  readonly migrated: (rddId: RddId, partition: number) => void;
  /** spark.storage.decommission.shuffleBlocks.enabled, …rddBlocks.enabled */
  readonly shuffleBlocks: boolean;
  readonly rddBlocks: boolean;
  /** spark.storage.decommission.maxReplicationFailuresPerBlock */
  readonly maxFailuresPerBlock: number;
  readonly log: Logger;
}

export interface CachedBlock {
  readonly rddId: RddId;
  readonly partition: number;
  readonly level: StorageLevel;
  readonly block: StoredBlock;
}

/** Files travel in parts of so many bytes. */
const PART_BYTES = 8 << 20;

/**
 * Hands on what a draining executor holds: map outputs and cached partitions go to other executors, which the driver then
 * sends readers to. A block that nobody takes after some tries is left to be computed again.
 *
 * Spark: BlockManagerDecommissioner
 */
export class BlockMigration {
  readonly #options: MigrationOptions;
  readonly #failures = new Map<string, number>();
  #nextPeer = 0;

  constructor(options: MigrationOptions) {
    this.#options = options;
  }

  /** One round. @returns whether something is left that another round may move. */
  async round(): Promise<boolean> {
    const { ask, me, shuffleBlocks, rddBlocks, cached } = this.#options;
    const { peers } = await ask('GetPeers', { executorId: me });
    let left = false;
    if (shuffleBlocks)
      for (const { shuffleId, mapId } of (await ask('GetMapOutputsOn', { executorId: me })).outputs)
        left =
          !(await this.#try(`shuffle_${shuffleId}_${mapId}`, peers, (to) => this.#moveShuffle(shuffleId, mapId, to))) ||
          left;
    if (rddBlocks)
      for (const block of cached())
        left =
          !(await this.#try(`rdd_${block.rddId}_${block.partition}`, peers, (to) => this.#moveCached(block, to))) ||
          left;
    return left;
  }

  /** @returns true when there is no more to be done for the block: it is moved, or given up. */
  async #try(
    id: string,
    peers: readonly BlockManagerId[],
    move: (to: BlockManagerId) => Promise<void>,
  ): Promise<boolean> {
    const failures = this.#failures.get(id) ?? 0;
    const peer = peers[this.#nextPeer++ % Math.max(1, peers.length)];
    if (failures >= this.#options.maxFailuresPerBlock) return true;
    if (peer === undefined) return false; // a replacement may come
    try {
      await move(peer);
      return true;
    } catch (error) {
      this.#failures.set(id, failures + 1);
      this.#options.log.warn(`${id} could not be handed on to executor ${peer.executorId}`, { error: String(error) });
      return failures + 1 >= this.#options.maxFailuresPerBlock;
    }
  }

  async #moveShuffle(shuffleId: ShuffleId, mapId: TaskId, to: BlockManagerId): Promise<void> {
    const { dirs, ask, servicePort } = this.#options;
    const names = mapOutputNames(shuffleId, mapId);
    for (const file of ['data', 'index'] as const)
      await this.#upload(shuffleId, mapId, file, dirs.file(names[file]), to);
    const location = servicePort === null ? to : { ...to, port: servicePort };
    await ask('MapOutputMoved', { shuffleId, mapId, location });
  }

  async #upload(
    shuffleId: ShuffleId,
    mapId: TaskId,
    file: 'data' | 'index',
    path: string,
    to: BlockManagerId,
  ): Promise<void> {
    const fd = openSync(path, 'r');
    try {
      const { size } = fstatSync(fd);
      let offset = 0;
      do {
        const bytes = new Uint8Array(Math.min(PART_BYTES, size - offset));
        const n = readSync(fd, bytes, 0, bytes.length, offset);
        if (n < bytes.length) throw new Error(`${path} ended at byte ${offset + n} of ${size}`);
        const last = offset + n === size;
        await this.#options.client.uploadShuffleFile(to, { shuffleId, mapId, file, offset, bytes, last });
        offset += n;
      } while (offset < size);
    } finally {
      closeSync(fd);
    }
  }

  async #moveCached({ rddId, partition, level, block }: CachedBlock, to: BlockManagerId): Promise<void> {
    const { client, readBlock, migrated } = this.#options;
    const stored = await client.uploadRddBlock(to, { rddId, partition, level, bytes: readBlock(block) });
    if (!stored) throw new Error('it has no room');
    migrated(rddId, partition);
  }
}
