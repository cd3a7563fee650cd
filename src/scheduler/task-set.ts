import type { JobId, StageId } from '../protocol/ids.ts';
import type { ResourceProfile } from '../protocol/resource-profile.ts';
import type { ShuffleDependency } from '../rdd/dependency.ts';
import type { RDDNode } from '../rdd/rdd-node.ts';

/** What the tasks of a stage do. `sink` is the job's own: the scheduler hands it through unread. */
export type StageWork =
  | { readonly kind: 'Result'; readonly node: RDDNode; readonly sink: unknown }
  | { readonly kind: 'ShuffleMap'; readonly node: RDDNode; readonly dependency: ShuffleDependency };

/** Where a task would best run; `executorId` not null: that executor has the data in memory. Spark: TaskLocation */
export interface TaskLocation {
  readonly host: string;
  readonly executorId: string | null;
}

/** The tasks of one stage attempt that are to be run. Spark: TaskSet */
export interface TaskSet {
  readonly stageId: StageId;
  readonly attempt: number;
  readonly work: StageWork;
  /** RDD partition per task index. */
  readonly partitions: readonly number[];
  /** What a task's success completes, per task index: the map index of a shuffle, or the job's output index. */
  readonly outputs: readonly number[];
  readonly numPartitions: number;
  /** Per task index; null when no task prefers any place. */
  readonly locations: readonly (readonly TaskLocation[])[] | null;
  /** The lower the earlier, under FIFO. */
  readonly priority: JobId;
  readonly properties: Readonly<Record<string, string>>;
  /** All tasks start together or none does, and one that fails ends the attempt. */
  readonly isBarrier: boolean;
  /** Executors of this profile only. */
  readonly resourceProfile: ResourceProfile;
}

/** `3.0`: the key of the stage attempt's program, and how logs name it. */
export function taskSetName(taskSet: { readonly stageId: StageId; readonly attempt: number }): string {
  return `${taskSet.stageId}.${taskSet.attempt}`;
}

/** Reads a preferred location as nodes state it: a host, `executor_<host>_<id>` or `hdfs_cache_<host>`. Spark: TaskLocation.apply */
export function parseLocation(text: string): TaskLocation {
  if (text.startsWith('executor_')) {
    const end = text.lastIndexOf('_');
    if (end > 'executor_'.length) return { host: text.slice('executor_'.length, end), executorId: text.slice(end + 1) };
  }
  if (text.startsWith('hdfs_cache_')) return { host: text.slice('hdfs_cache_'.length), executorId: null };
  return { host: text, executorId: null };
}
