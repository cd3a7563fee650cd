import type { AddedFile } from '../protocol/added-file.ts';
import type { StatusUpdate } from '../protocol/driver-executor.ts';
import type { Heartbeat } from '../protocol/executor-registration.ts';
import type { ExecutorId, RddId, ShuffleId, TaskId } from '../protocol/ids.ts';
import type { BlockManagerId, MapStatus } from '../protocol/map-output.ts';
import type { StageProgram } from '../protocol/stage-program.ts';
import type { TaskDescription, TaskResult } from '../protocol/task.ts';
import type { StageWork } from './task-set.ts';

/** A task on its way; `program` is null when this executor was sent the program of its stage attempt before. */
export interface Launch {
  readonly task: TaskDescription;
  readonly program: StageProgram | null;
}

/** How tasks reach executors. One per way of getting executors: local, standalone, YARN. Spark: SchedulerBackend */
export interface SchedulerBackend {
  /** Everything the backend hears goes to `listener`, from any turn, also from within `launch`. */
  start(listener: BackendListener): void;
  /** Must not throw for an executor that is gone: its tasks are reported by `executorLost`. */
  launch(executorId: ExecutorId, launches: readonly Launch[]): void;
  /** Best effort; the task still reports how it ended. */
  kill(taskId: TaskId, executorId: ExecutorId, interrupt: boolean, reason: string): void;
  /** No task of this stage attempt will come any more. */
  forgetProgram(executorId: ExecutorId, programKey: string): void;
  /** The files of the shuffle's map outputs can go: `outputs`, and also those of attempts that failed. */
  removeShuffle(shuffleId: ShuffleId, outputs: readonly MapStatus[]): void;
  defaultParallelism(): number;
  /** `host:port` of an executor that has one. */
  addressOf?(executorId: ExecutorId): string | null;
  /** Absent: executors come and go without the driver's say. */
  readonly allocation?: ExecutorAllocationClient;
  stop(): void;
}

/** Grows and shrinks the set of executors; backends of clusters have one. Spark: ExecutorAllocationClient */
export interface ExecutorAllocationClient {
  /**
   * How many executors are wanted from now on, living ones included.
   *
   * @returns false when the cluster manager could not be told.
   */
  requestTotalExecutors(wanted: ExecutorsWanted): Promise<boolean>;
  /**
   * Kills executors, also busy ones when `force`. With `adjustTarget` no others are wanted in their place.
   *
   * @returns those that will go.
   */
  killExecutors(
    executorIds: readonly ExecutorId[],
    options: { readonly adjustTarget: boolean; readonly force: boolean },
  ): Promise<readonly ExecutorId[]>;
  /** Has executors finish what they run, hand on what they hold, and go. @returns those that will. */
  decommissionExecutors(
    executorIds: readonly ExecutorId[],
    options: { readonly adjustTarget: boolean; readonly message: string },
  ): Promise<readonly ExecutorId[]>;
  killExecutorsOnHost(host: string): Promise<boolean>;
  decommissionExecutorsOnHost(host: string): Promise<boolean>;
}

/** Numbers of executors that are wanted. */
export interface ExecutorsWanted {
  /** Per resource profile id. */
  readonly total: ReadonlyMap<number, number>;
  /** Per resource profile id: how many waiting and running tasks prefer a host. */
  readonly tasksPerHost: ReadonlyMap<number, ReadonlyMap<string, number>>;
  /** Per resource profile id: how many of them prefer any host. */
  readonly localityAwareTasks: ReadonlyMap<number, number>;
}

/** What a backend tells the scheduler. Every call may launch tasks before it returns. */
export interface BackendListener {
  /**
   * @param cores tasks (of one cpu) that run at the same time.
   * @param queuedTasks tasks the executor takes in addition while all cores are busy, so that a core which gets free
   *   has its next task at hand; 0 when absent.
   * @param more the default profile without custom resources when absent.
   */
  executorAdded(
    executorId: ExecutorId,
    host: string,
    cores: number,
    queuedTasks?: number,
    more?: ExecutorResourcesHad,
  ): void;
  executorLost(executorId: ExecutorId, loss: ExecutorLoss): void;
  /**
   * The executor is being drained: it gets no more tasks, and is gone soon; `workerHost` not null: with all others on that
   * host.
   */
  executorDecommissioned(executorId: ExecutorId, workerHost: string | null): void;
  /** A worker is gone for good, with everything a shuffle service on it served. */
  workerRemoved(workerId: string, host: string, message: string): void;
  /**
   * These tasks are with their executor: from now on they may be to blame when it is lost. Of executors that cannot be lost
   * nobody needs to say so.
   */
  tasksStarted(taskIds: readonly TaskId[]): void;
  /** An executor lives; what it tells of how far its tasks are. */
  executorHeartbeat(executorId: ExecutorId, running: Heartbeat['running']): void;
  /**
   * To be called in `launch` by backends that send tasks as bytes. False: the task is too large, it must not be sent, and
   * its set will be aborted.
   */
  taskSerialized(taskId: TaskId, bytes: number): boolean;
  /**
   * A result waits at its executor to be fetched.
   *
   * @returns false when it must not be: results are more than spark.driver.maxResultSize, or nobody wants it.
   */
  resultArriving(taskId: TaskId, bytes: number): boolean;
  statusUpdate(taskId: TaskId, result: TaskResult): void;
  /** What comes together is worked off together: the cores that come free in it are offered once. */
  statusUpdates(updates: readonly StatusUpdate[]): void;
}

/** What an executor has beside cores. */
export interface ExecutorResourcesHad {
  readonly resourceProfileId: number;
  /** Addresses per custom resource: `gpu` → `0`, `1`. */
  readonly resources: Readonly<Record<string, readonly string[]>>;
  /** `queuedTasks` of a task set whose tasks take next to no time, when no other set waits; `queuedTasks` when absent. */
  readonly queuedShortTasks?: number;
}

export interface ExecutorLoss {
  readonly message: string;
  /** True when a running task may be the culprit (a crash): its failure counts. False for preemption, a drained node, … */
  readonly exitCausedByApp: boolean;
  /** True when the machine itself is gone, with it what a shuffle service there served. */
  readonly workerLost: boolean;
  /** True when it had been draining: what it wrote may be elsewhere by now. Absent: false. */
  readonly decommissioned?: boolean;
}

/** The driver's book of map outputs. Implementation: shuffle/map-output-tracker.ts */
export interface MapOutputRegistry {
  /** Grows whenever an output is lost: news of an executor older than its loss changes nothing. */
  readonly epoch: number;
  hasShuffle(shuffleId: ShuffleId): boolean;
  registerShuffle(shuffleId: ShuffleId, numMaps: number, numReduces: number): void;
  /** Forgets a shuffle that nobody will read again. @returns what it had. */
  unregisterShuffle(shuffleId: ShuffleId): readonly MapStatus[];
  registerMapOutput(shuffleId: ShuffleId, mapIndex: number, status: MapStatus): void;
  /** Forgets the output if it still is the one that `mapId` wrote there; null: whichever lies there. */
  unregisterMapOutput(shuffleId: ShuffleId, mapIndex: number, location: BlockManagerId, mapId: TaskId | null): void;
  /** Forgets all outputs of the shuffle, which stays registered. */
  unregisterAllMapOutputs(shuffleId: ShuffleId): void;
  removeOutputsOnExecutor(executorId: ExecutorId): void;
  removeOutputsOnHost(host: string): void;
  /** Who has this output; null: nobody. Spark: MapOutputTrackerMaster.getMapOutputLocation */
  locationOf(shuffleId: ShuffleId, mapIndex: number): BlockManagerId | null;
  numAvailableOutputs(shuffleId: ShuffleId): number;
  /** Map indexes without output, ascending. */
  missingPartitions(shuffleId: ShuffleId): readonly number[];
  /**
   * Per reduce partition the hosts of executors that have at least this fraction of its bytes. Costs the number of maps
   * times that of reduce partitions.
   */
  hostsWithLargestOutputs(shuffleId: ShuffleId, fraction: number): readonly (readonly string[])[];
  /** Bytes per reduce partition over all map outputs. */
  bytesByPartition(shuffleId: ShuffleId): readonly number[];
}

/** Where blocks of persisted RDDs are. */
export interface CacheLocations {
  /** Executors that hold this partition; empty when nobody does. */
  locations(rddId: RddId, partition: number): readonly ExecutorId[];
  /** All blocks of this executor are gone. */
  executorLost(executorId: ExecutorId): void;
}

/** Makes what slots run of a stage. */
export interface StagePrograms {
  /** @throws whatever capturing a function throws; the stage is aborted and the job gets it as its cause. */
  makeProgram(work: StageWork, key: string): StageProgram;
  /** What a task set's tasks find by SparkFiles: all that was added before it began. */
  addedFiles?(): readonly AddedFile[];
}
