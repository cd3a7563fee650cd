import type { JobId, RddId, ShuffleId } from '../protocol/ids.ts';
import type { ResourceProfile } from '../protocol/resource-profile.ts';
import type { RDDNode } from './rdd-node.ts';
import type { SinkSpec } from './sink-spec.ts';

/** All that RDDs and their actions need of a SparkContext. */
export interface JobRunner {
  readonly settings: RddSettings;

  newRddId(): RddId;
  newShuffleId(): ShuffleId;

  /** @throws IskraError when the context is stopped. */
  assertNotStopped(): void;

  /**
   * The caller's local properties (job group, description, pool) at this moment; opaque here. An action takes them when it
   * is called and gives them to each of its jobs, some of which start much later.
   */
  localProperties(): Readonly<Record<string, string>>;

  /**
   * Starts one job at once: one task for each of `partitions`. The lineage must be prepared (prepare-lineage.ts).
   *
   * @throws IllegalArgumentError synchronously when a partition does not exist.
   */
  startJob(node: RDDNode, sink: SinkSpec, partitions: readonly number[], options: RunJobOptions): JobHandle;

  /** `node.storageLevel` became another one than NONE. */
  persistRDD(node: RDDNode): void;
  /** Its blocks are not wanted any more. Resolves when they are gone everywhere. */
  unpersistRDD(node: RDDNode): Promise<void>;
  /** @throws IskraError when there can be no executors for the profile. */
  addResourceProfile(profile: ResourceProfile): void;
  /** Executors may remove the shuffle's files; a job that needs them computes them anew. */
  removeShuffle(shuffleId: ShuffleId): Promise<void>;
  /** What checkpoints need. */
  readonly checkpoints: CheckpointHost;
  /** What of a persisted RDD is stored now; null when nothing is known. */
  storageInfo(rddId: RddId): RddStorageInfo | null;
}

/** The SparkContext of an RDD, whose folder adds to it: RDDs know no more of it than they need. */
export interface RDDContext extends JobRunner {}

/** What checkpoints need of a SparkContext. */
export interface CheckpointHost {
  /** Where reliable ones go: a directory that is there; null before setCheckpointDir. */
  readonly dir: string | null;
  /** spark.checkpoint.compress */
  readonly compress: boolean;
  /** Not null: cached blocks may go with executors that are not needed any more, and this says how to prevent it. */
  readonly unsafeLocally: string | null;
  /** Whether an executor holds this partition of a persisted RDD. */
  isStored(rddId: RddId, partition: number): boolean;
  /** The node's lineage was cut; `dir` holds it from now on. */
  written(node: RDDNode, dir: string): void;
  warn(message: string): void;
}

export interface RunJobOptions {
  /** `collect at app.ts:12`. */
  readonly callSite: string;
  readonly properties: Readonly<Record<string, string>>;
  /** Called once for each partition, in order of completion; `index` is the position in `partitions`. */
  readonly onResult: (index: number, bytes: Uint8Array) => void;
}

/** A running job. */
export interface JobHandle {
  readonly jobId: JobId;
  /** Resolves after the last `onResult`; rejects with why the job failed or was cancelled. */
  readonly done: Promise<void>;
  /** Harmless when the job is over. */
  cancel(reason?: string): void;
}

/** The configuration that operators and actions go by. */
export interface RddSettings {
  readonly defaultParallelism: number;
  /** spark.default.parallelism, null when it is not set. */
  readonly configuredParallelism: number | null;
  readonly defaultMinPartitions: number;
  /** spark.rdd.limit.initialNumPartitions */
  readonly limitInitialNumPartitions: number;
  /** spark.rdd.limit.scaleUpFactor */
  readonly limitScaleUpFactor: number;
  /** spark.hadoop.validateOutputSpecs */
  readonly validateOutputSpecs: boolean;
}

export interface RddStorageInfo {
  readonly numCachedPartitions: number;
  readonly memoryBytes: number;
  readonly diskBytes: number;
}
