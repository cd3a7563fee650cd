// The states of a standalone cluster's parts, by Spark's names.

/** Spark: RecoveryState. Only an ALIVE master schedules. */
export type MasterStatus = 'STANDBY' | 'ALIVE' | 'RECOVERING' | 'COMPLETING_RECOVERY';

/** Spark: WorkerState. UNKNOWN only while a master recovers: the worker is on record and has not been heard of. */
export type WorkerState = 'ALIVE' | 'DEAD' | 'DECOMMISSIONED' | 'UNKNOWN';

/** Spark: ApplicationState. WAITING: no core was granted yet. */
export type ApplicationState = 'WAITING' | 'RUNNING' | 'FINISHED' | 'FAILED' | 'KILLED' | 'UNKNOWN';

/** Spark: ExecutorState */
export type ExecutorState = 'LAUNCHING' | 'RUNNING' | 'KILLED' | 'FAILED' | 'LOST' | 'EXITED' | 'DECOMMISSIONED';

/** Spark: DriverState */
export type DriverState =
  | 'SUBMITTED'
  | 'RUNNING'
  | 'FINISHED'
  | 'RELAUNCHING'
  | 'UNKNOWN'
  | 'KILLED'
  | 'FAILED'
  | 'ERROR';

/** The states in which an executor holds nothing any more. Spark: ExecutorState.isFinished */
export const FINISHED_EXECUTOR_STATES: ReadonlySet<ExecutorState> = new Set(['KILLED', 'FAILED', 'LOST', 'EXITED']);

/** The states in which a driver's story on its worker ends. */
export const FINAL_DRIVER_STATES: ReadonlySet<DriverState> = new Set(['ERROR', 'FINISHED', 'KILLED', 'FAILED']);
