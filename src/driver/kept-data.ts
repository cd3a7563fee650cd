import type { AnyAccumulator } from '../accumulator/accumulator.ts';
import { assertNever } from '../base/assert-never.ts';
import type { Logger } from '../base/logger.ts';
import type { Broadcast } from '../broadcast/broadcast.ts';
import {
  CLEANER_CLEAN_CHECKPOINTS,
  CLEANER_PERIODIC_GC,
  CLEANER_REFERENCE_TRACKING,
} from '../config/context-entries.ts';
import type { SparkConf } from '../config/spark-conf.ts';
import { removeCheckpoint } from '../io/checkpoint-files.ts';
import type { RddId, ShuffleId } from '../protocol/ids.ts';
import type { ShuffleDependency } from '../rdd/dependency.ts';
import type { RDDNode } from '../rdd/rdd-node.ts';
import { Checkpoints } from './checkpoints.ts';
import { type CleanupTask, ContextCleaner } from './context-cleaner.ts';
import { PersistedRDDs } from './persisted-rdds.ts';

/** How things are removed from executors. */
export interface KeptDataHost {
  readonly conf: SparkConf;
  readonly isLocal: boolean;
  readonly log: Logger;
  isStored(rddId: RddId, partition: number): boolean;
  /** Removes its blocks, and tells listeners. */
  removeRdd(rddId: RddId): void;
  removeShuffle(shuffleId: ShuffleId): void;
  removeBroadcast(broadcastId: number): void;
  forgetAccumulator(accumulatorId: number): void;
}

/**
 * What an application keeps on executors and on disks beyond its jobs, and when it goes: because the program says so, or
 * because the program cannot reach it any more.
 */
export class KeptData {
  readonly persisted: PersistedRDDs = new PersistedRDDs();
  readonly checkpoints: Checkpoints;
  readonly #host: KeptDataHost;
  /** Null when spark.cleaner.referenceTracking is off. */
  readonly #cleaner: ContextCleaner | null;
  /** Shuffles that the cleaner knows of. */
  readonly #tracked = new WeakSet<ShuffleDependency>();

  constructor(host: KeptDataHost) {
    this.#host = host;
    const { conf, isLocal, log } = host;
    this.#cleaner = conf.get(CLEANER_REFERENCE_TRACKING) ? this.#makeCleaner() : null;
    const cleanCheckpoints = conf.get(CLEANER_CLEAN_CHECKPOINTS);
    this.checkpoints = new Checkpoints({
      conf,
      isLocal,
      log,
      isStored: (rddId, partition) => host.isStored(rddId, partition),
      written: (node, dir) => {
        if (cleanCheckpoints) this.#cleaner?.register(node, { kind: 'Checkpoint', rddId: node.id, dir });
      },
    });
  }

  start(): void {
    this.#cleaner?.start();
  }

  stop(): void {
    this.#cleaner?.stop();
  }

  persist(node: RDDNode): void {
    this.persisted.add(node);
    this.#cleaner?.register(node, { kind: 'RDD', rddId: node.id });
  }

  /** Harmless when it is not persisted. */
  unpersist(rddId: RddId): void {
    if (this.persisted.remove(rddId)) this.#host.removeRdd(rddId);
  }

  /** The shuffle has files from now on, or will have. */
  trackShuffle(dependency: ShuffleDependency): void {
    if (this.#cleaner === null || this.#tracked.has(dependency)) return;
    this.#tracked.add(dependency);
    this.#cleaner.register(dependency, { kind: 'Shuffle', shuffleId: dependency.shuffleId });
  }

  trackBroadcast(broadcast: Broadcast<unknown>): void {
    this.#cleaner?.register(broadcast, { kind: 'Broadcast', broadcastId: broadcast.id });
  }

  trackAccumulator(accumulator: AnyAccumulator): void {
    this.#cleaner?.register(accumulator, { kind: 'Accumulator', accumulatorId: accumulator.id });
  }

  #makeCleaner(): ContextCleaner {
    const { conf, log } = this.#host;
    return new ContextCleaner({
      gcIntervalMs: conf.get(CLEANER_PERIODIC_GC),
      clean: (task) => this.#clean(task),
      log: log.named('ContextCleaner'),
    });
  }

  #clean(task: CleanupTask): void {
    switch (task.kind) {
      case 'RDD':
        this.unpersist(task.rddId);
        return;
      case 'Shuffle':
        this.#host.removeShuffle(task.shuffleId);
        return;
      case 'Broadcast':
        this.#host.removeBroadcast(task.broadcastId);
        return;
      case 'Accumulator':
        this.#host.forgetAccumulator(task.accumulatorId);
        return;
      case 'Checkpoint':
        removeCheckpoint(task.dir);
        return;
      default:
        assertNever(task);
    }
  }
}
