// What users import: explicit names, nothing else.

export { Accumulator, CollectionAccumulator, DoubleAccumulator, LongAccumulator } from './accumulator/accumulator.ts';
export { IllegalArgumentError, IskraError } from './base/errors.ts';
export type { Broadcast } from './broadcast/broadcast.ts';
export { ClosureError, NOSHIP, REPLACE, REVIVE, ship } from './closure/closure.ts';
export { SparkConf } from './config/spark-conf.ts';
export type { RDDInfo } from './driver/context-storage.ts';
export { SparkContext } from './driver/spark-context.ts';
export type {
  JobExecutionStatus,
  SparkExecutorInfo,
  SparkJobInfo,
  SparkStageInfo,
  SparkStatusTracker,
} from './driver/status-tracker.ts';
export type { SparkListener } from './events/listener-bus.ts';
export { type FileReader, PortableDataStream } from './io/formats/portable-data-stream.ts';
export type { HistogramValues, MeterValues, MetricsSnapshot, TimerValues } from './metrics/metrics-snapshot.ts';
export type { MetricsSink } from './metrics/sink.ts';
export type { BarrierTaskInfo } from './protocol/barrier-sync.ts';
export type { ExecutorResourceRequest, ResourceProfile, TaskResourceRequest } from './protocol/resource-profile.ts';
export type { SparkListenerEvent } from './protocol/spark-listener-event.ts';
export { StorageLevel } from './protocol/storage-level.ts';
export type { LocalIteratorOptions } from './rdd/actions.ts';
export type {
  AsyncCall,
  AsyncOptions,
  AsyncPartitionCall,
  AsyncPartitionOptions,
  RateLimit,
} from './rdd/async-functions.ts';
export { BarrierTaskContext } from './rdd/barrier-task-context.ts';
export type { RDDDependency } from './rdd/dependency-view.ts';
export type { ApproximateEvaluator } from './rdd/evaluators.ts';
export type { FutureAction } from './rdd/future-action.ts';
export { BoundedDouble, PartialResult } from './rdd/partial-result.ts';
export type { Partition, PartitionCoalescer, PartitionGroup } from './rdd/partition-coalescer.ts';
export type { PartitionEvaluator, PartitionEvaluatorFactory } from './rdd/partition-functions.ts';
export { HashPartitioner, type Partitioner } from './rdd/partitioner.ts';
export type { PipeOptions } from './rdd/pipe.ts';
export { RangePartitioner } from './rdd/range-partitioner.ts';
export { RDD } from './rdd/rdd.ts';
export type { RDDBarrier } from './rdd/rdd-barrier.ts';
export { ResourceProfileBuilder } from './rdd/resource-profile-builder.ts';
export { ExecutorResourceRequests, TaskResourceRequests } from './rdd/resource-requests.ts';
export type { PartitionFunction, ResultHandler } from './rdd/run-job.ts';
export { SparkFiles } from './rdd/spark-files.ts';
export { StatCounter } from './rdd/stat-counter.ts';
export { TaskContext } from './rdd/task-context.ts';
