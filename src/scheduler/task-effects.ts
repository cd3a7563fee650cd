import type { ExecutorId, StageId, TaskId } from '../protocol/ids.ts';
import type { SparkListenerEvent, TaskInfo } from '../protocol/spark-listener-event.ts';
import type { DagEvent } from './dag-events.ts';
import type { WakeReason } from './deadlines.ts';
import type { TaskResources } from './executor-resources.ts';
import type { TaskSet } from './task-set.ts';

/** All that the task scheduler can want; done by the loop, in order. */
export type TaskEffect =
  /** The tasks of a barrier stage are launched all at once. */
  | {
      readonly type: 'Launch';
      readonly executorId: ExecutorId;
      readonly taskSet: TaskSet;
      readonly task: TaskInfo;
      readonly cpus: number;
      readonly resources: TaskResources | null;
    }
  | {
      readonly type: 'Kill';
      readonly taskId: TaskId;
      readonly executorId: ExecutorId;
      readonly interrupt: boolean;
      readonly reason: string;
    }
  /** For the DAG scheduler. */
  | { readonly type: 'Dag'; readonly event: DagEvent }
  /** No task of this stage attempt runs or will run: its program can be forgotten. */
  | { readonly type: 'TaskSetFinished'; readonly stageId: StageId; readonly attempt: number }
  /** For listeners alone. */
  | { readonly type: 'Post'; readonly event: SparkListenerEvent }
  /**
   * The executor is excluded: it is to be killed, or with `decommission` drained, and not to be replaced for that
   * alone. `message` says why; who cannot kill executors says that instead.
   */
  | {
      readonly type: 'KillExecutor';
      readonly executorId: ExecutorId;
      readonly decommission: boolean;
      readonly message: string;
    }
  | { readonly type: 'KillExecutorsOnHost'; readonly host: string; readonly decommission: boolean }
  /** Wants wake() at that time; a later wish for an earlier time counts too. */
  | { readonly type: 'WakeAt'; readonly at: number; readonly why: WakeReason }
  | { readonly type: 'Log'; readonly level: 'debug' | 'info' | 'warn' | 'error'; readonly message: string };
