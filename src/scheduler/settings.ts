import type { PoolDefinition } from './pool.ts';

/** What the schedulers are told once; the keys in brackets are where the driver reads them. */
export interface SchedulerSettings {
  /** Failures of one task before its stage is given up (spark.task.maxFailures). */
  readonly maxFailures: number;
  /** Cores a task takes (spark.task.cpus). */
  readonly cpusPerTask: number;
  /** Stage attempts that may fail by fetch failures in a row (spark.stage.maxConsecutiveAttempts). */
  readonly maxConsecutiveStageAttempts: number;
  /** Attempts of one stage in all; never below maxConsecutiveStageAttempts (spark.stage.maxAttempts). */
  readonly maxStageAttempts: number;
  /** Fetch failures of executors that are being decommissioned do not count (spark.stage.ignoreDecommissionFetchFailure). */
  readonly ignoreDecommissionFetchFailure: boolean;
  /** Patience at each level of locality (spark.locality.wait.*). */
  readonly localityWaitMs: { readonly process: number; readonly node: number; readonly rack: number };
  /** Order of task sets (spark.scheduler.mode). */
  readonly mode: 'FIFO' | 'FAIR';
  /** Pools of the FAIR scheduler, from its allocation file. */
  readonly pools: readonly PoolDefinition[];
  /** Sum of the serialized results of one stage attempt, bytes; 0 is no limit (spark.driver.maxResultSize). */
  readonly maxResultSizeBytes: number;
  /** True when a shuffle service keeps map outputs beyond the life of executors (spark.shuffle.service.enabled). */
  readonly shuffleServiceEnabled: boolean;
  /** With a shuffle service: a fetch failure forgets all outputs of the host (spark.files.fetchFailure.unRegisterOutputOnHost). */
  readonly unregisterOutputOnHost: boolean;
  /** Job groups cancelled with their future jobs that are remembered (spark.scheduler.numCancelledJobGroupsToTrack). */
  readonly numCancelledJobGroupsToTrack: number;
  /** How long fetch failures are gathered before stages are submitted again. */
  readonly resubmitDelayMs: number;
  /** How long a task set may wait for its first task before a warning. */
  readonly starvationWarningMs: number;
  /** Topology; null: no racks are known. */
  readonly rackOf: ((host: string) => string | null) | null;
  /** Checks the invariants after every event (spark.iskra.paranoid). */
  readonly paranoid: boolean;
}

/** Spark's defaults. */
export const DEFAULT_SETTINGS: SchedulerSettings = {
  maxFailures: 4,
  cpusPerTask: 1,
  maxConsecutiveStageAttempts: 4,
  maxStageAttempts: 2 ** 31 - 1,
  ignoreDecommissionFetchFailure: false,
  localityWaitMs: { process: 3000, node: 3000, rack: 3000 },
  mode: 'FIFO',
  pools: [],
  maxResultSizeBytes: 1024 * 1024 * 1024,
  shuffleServiceEnabled: false,
  unregisterOutputOnHost: false,
  numCancelledJobGroupsToTrack: 1000,
  resubmitDelayMs: 200,
  starvationWarningMs: 15_000,
  rackOf: null,
  paranoid: false,
};
