import type { Clock } from '../base/clock.ts';
import type { Logger } from '../base/logger.ts';
import type { SeededRandom } from '../base/seeded-random.ts';
import type { JobId } from '../protocol/ids.ts';
import type { SparkListenerEvent } from '../protocol/spark-listener-event.ts';
import type { AccumulatorUpdate } from '../protocol/task.ts';
import type { ShuffleDependency } from '../rdd/dependency.ts';
import type { RDDNode } from '../rdd/rdd-node.ts';
import type { CacheLocations, MapOutputRegistry, SchedulerBackend, StagePrograms } from './ports.ts';
import type { ResourceProfiles } from './resource-profiles.ts';
import type { SchedulerSettings } from './settings.ts';

export interface SchedulerOptions {
  /** What is absent has Spark's default. */
  readonly settings?: Partial<SchedulerSettings>;
  readonly backend: SchedulerBackend;
  readonly programs: StagePrograms;
  readonly mapOutputs: MapOutputRegistry;
  readonly cacheLocations: CacheLocations;
  /** Absent: none but the default profile. */
  readonly resourceProfiles?: ResourceProfiles;
  readonly clock: Clock;
  readonly log: Logger;
  readonly random: SeededRandom;
  /** Hears everything; must not throw. */
  readonly post: (event: SparkListenerEvent) => void;
  /** Gives the stack of a task's error the positions of the sources that the user wrote. */
  readonly remapStack?: (stack: string) => string;
  readonly addToAccumulators: (updates: readonly AccumulatorUpdate[]) => void;
  /** A bug in the scheduler itself: every job has failed and the backend is stopped. */
  readonly onFatal: (error: unknown) => void;
}

export interface JobRequest {
  readonly node: RDDNode;
  /** RDD partitions to compute. */
  readonly partitions: readonly number[];
  /** Handed to StagePrograms.makeProgram unread. */
  readonly sink: unknown;
  /** Local properties: `spark.jobGroup.id`, `spark.scheduler.pool`, … */
  readonly properties: Readonly<Record<string, string>>;
  readonly callSite: string;
  /** Called at most once per index into `partitions`, in any order. If it throws, the job fails with that as cause. */
  readonly onTaskResult: (index: number, bytes: Uint8Array) => void;
}

export interface MapStageRequest {
  readonly dependency: ShuffleDependency;
  readonly properties: Readonly<Record<string, string>>;
  readonly callSite: string;
}

/** A job on its way. `done` rejects with JobFailedError, or with the lineage's own error if it could not be started. */
export interface JobHandle<R = void> {
  readonly jobId: JobId;
  readonly done: Promise<R>;
  cancel(reason?: string): void;
}
