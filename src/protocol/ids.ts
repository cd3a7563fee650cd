declare const brand: unique symbol;
type Id<Name extends string> = number & { readonly [brand]?: Name };

export type JobId = Id<'JobId'>;
export type StageId = Id<'StageId'>;
/** One attempt to run one task; unique in an application. Spark: taskAttemptId. */
export type TaskId = Id<'TaskId'>;
export type RddId = Id<'RddId'>;
export type ShuffleId = Id<'ShuffleId'>;
export type BroadcastId = Id<'BroadcastId'>;
export type AccumulatorId = Id<'AccumulatorId'>;
/** `driver` for the driver's own executor in local mode, else a decimal string. */
export type ExecutorId = string;
