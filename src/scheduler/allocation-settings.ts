/** What dynamic allocation is told once; the keys are those of spark.dynamicAllocation.*. Times in ms. */
export interface AllocationSettings {
  /** Of each resource profile, never fewer. */
  readonly minExecutors: number;
  readonly maxExecutors: number;
  /** What the application begins with. */
  readonly initialExecutors: number;
  /** How long tasks wait before executors are asked for the first time… */
  readonly schedulerBacklogTimeoutMs: number;
  /** …and for each further time. */
  readonly sustainedSchedulerBacklogTimeoutMs: number;
  readonly executorIdleTimeoutMs: number;
  /** Of executors that hold cached blocks. */
  readonly cachedExecutorIdleTimeoutMs: number;
  /** Of executors that hold shuffle data of no running job; null: shuffle data does not matter, a service or nobody keeps it. */
  readonly shuffleTimeoutMs: number | null;
  /** The part of full parallelism that is asked for. */
  readonly executorAllocationRatio: number;
  /** Idle executors are drained rather than killed. */
  readonly decommission: boolean;
  /** A shuffle service serves cached blocks on disk: only those in memory keep an executor (spark.shuffle.service.fetch.rdd.enabled). */
  readonly serviceServesBlocks: boolean;
}

/** Spark's defaults of what applies once dynamic allocation is switched on; infinity is "never". */
export const DEFAULT_ALLOCATION: AllocationSettings = {
  minExecutors: 0,
  maxExecutors: Number.POSITIVE_INFINITY,
  initialExecutors: 0,
  schedulerBacklogTimeoutMs: 1000,
  sustainedSchedulerBacklogTimeoutMs: 1000,
  executorIdleTimeoutMs: 60_000,
  cachedExecutorIdleTimeoutMs: Number.POSITIVE_INFINITY,
  shuffleTimeoutMs: Number.POSITIVE_INFINITY,
  executorAllocationRatio: 1,
  decommission: false,
  serviceServesBlocks: false,
};
