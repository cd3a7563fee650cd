import type { Executor } from '../executor/executor.ts';
import type { FromExecutor } from '../protocol/driver-executor.ts';
import type { ExecutorId } from '../protocol/ids.ts';
import type { SchedulerBackend } from '../scheduler/ports.ts';

/** A cached block came, moved or went. */
export type BlockUpdated = Extract<FromExecutor, { type: 'BlockUpdated' }>;

/** A cached partition that an executor had which is gone; `holders` have it still. */
export interface LostReplica {
  readonly rddId: number;
  readonly partition: number;
  readonly holders: readonly ExecutorId[];
}

/** What the executor in the driver's process tells of itself. */
export interface OwnMeasures {
  readonly source: Awaited<ReturnType<Executor['measure']>>;
  readonly memory: { readonly executionUsed: number; readonly storageUsed: number };
}

/** All that an application needs of the executors it has, wherever they run. */
export interface ApplicationBackend extends SchedulerBackend {
  /** Executors drop what they have of a persisted RDD. */
  removeRdd(rddId: number): void;
  /** Has one of the executors that hold a cached partition give a copy away. Absent: there is one executor. */
  replicateBlock?(lost: LostReplica): void;
  /** Makes the bytes of a broadcast value available to all executors. */
  putBroadcast(broadcastId: number, bytes: Uint8Array): void;
  /** @param keep executors drop their copies, the driver's bytes stay. */
  removeBroadcast(broadcastId: number, keep: boolean): void;
  /** Resolves when there are executors enough to begin with. Absent: there are. Spark: SchedulerBackend.isReady */
  readonly ready?: Promise<void>;
  /** Measures from now on what the executor of this very process does. Absent: executors have processes of their own. */
  measureOwn?(): Promise<OwnMeasures>;
  /** Where logs of an executor can be looked at, by name. Absent, or nothing for one: nowhere. */
  logUrlsOf?(executorId: ExecutorId): Readonly<Record<string, string>> | undefined;
  /** Resolves when all executors are gone, after `stop`. */
  readonly stopped: Promise<void>;
}
