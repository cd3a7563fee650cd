import { toBlockSizes } from '../../src/protocol/block-sizes.ts';
import type { TaskInfo } from '../../src/protocol/spark-listener-event.ts';
import type { AccumulatorUpdate } from '../../src/protocol/task.ts';
import type { TaskFailedReason } from '../../src/protocol/task-end-reason.ts';
import { newTaskMetrics } from '../../src/protocol/task-metrics.ts';
import type { RDDNode } from '../../src/rdd/rdd-node.ts';
import type { DagEffect, DagEvent } from '../../src/scheduler/dag-events.ts';
import { DAGScheduler } from '../../src/scheduler/dag-scheduler.ts';
import { DEFAULT_SETTINGS, type SchedulerSettings } from '../../src/scheduler/settings.ts';
import { type TaskSet, taskSetName } from '../../src/scheduler/task-set.ts';
import { MapOutputTracker } from '../../src/shuffle/map-output-tracker.ts';
import { allPartitions } from './fake-nodes.ts';
import { FakeCache } from './fake-scheduler.ts';

type Effect<T extends DagEffect['type']> = Extract<DagEffect, { type: T }>;

/** The DAG scheduler alone: events go in by hand, and after each its invariants must hold. */
export class DagMachine {
  readonly mapOutputs = new MapOutputTracker();
  readonly cache = new FakeCache();
  readonly dag: DAGScheduler;
  readonly taskSets = new Map<string, TaskSet>();
  /** Tasks that could run at the same time. */
  slots = 12;
  at = 0;
  #nextTaskId = 0;
  #nextJobId = 0;

  constructor(settings: Partial<SchedulerSettings> = {}) {
    this.dag = new DAGScheduler({ ...DEFAULT_SETTINGS, ...settings }, this.mapOutputs, this.cache, () => this.slots);
    for (const id of ['1', '2', '3']) this.addExecutor(id, `host-${id}`);
  }

  handle(event: DagEvent): DagEffect[] {
    const effects = this.dag.handle(event);
    for (const effect of effects)
      if (effect.type === 'SubmitTaskSet') this.taskSets.set(taskSetName(effect.taskSet), effect.taskSet);
    this.dag.checkInvariants();
    this.mapOutputs.checkInvariants();
    return effects;
  }

  addExecutor(executorId: string, host: string): void {
    this.handle({ type: 'ExecutorAdded', at: this.at, executorId, host, cores: 4, resourceProfileId: 0 });
  }

  submit(
    node: RDDNode,
    partitions: readonly number[] = allPartitions(node),
    properties: Record<string, string> = {},
  ): DagEffect[] {
    const jobId = this.#nextJobId++;
    const job = { node, partitions, sink: null, properties, callSite: 'count at test.ts:1' };
    return this.handle({ type: 'JobSubmitted', at: this.at, jobId, ...job });
  }

  /** The task set of a stage attempt, `1.0`. */
  taskSet(name: string): TaskSet {
    const taskSet = this.taskSets.get(name);
    if (taskSet === undefined) throw new Error(`no task set ${name}; there are ${[...this.taskSets.keys()]}`);
    return taskSet;
  }

  #info(taskSet: TaskSet, index: number, executorId: string): TaskInfo {
    const partition = taskSet.partitions[index] ?? -1;
    return {
      taskId: this.#nextTaskId++,
      index,
      partition,
      attemptNumber: 0,
      executorId,
      host: `host-${executorId}`,
      locality: 'ANY',
      speculative: false,
      launchedAt: this.at,
    };
  }

  /** The task with this index in the set succeeds on an executor. */
  succeed(
    name: string,
    index: number,
    executorId = '1',
    accumulators: readonly AccumulatorUpdate[] = [],
    host = `host-${executorId}`,
  ): DagEffect[] {
    const taskSet = this.taskSet(name);
    const task = this.#info(taskSet, index, executorId);
    const metrics = newTaskMetrics();
    const location = { executorId, host, port: 0 };
    const result =
      taskSet.work.kind === 'Result'
        ? ({ kind: 'Result', bytes: Uint8Array.of(index), accumulators, metrics } as const)
        : ({
            kind: 'MapOutput',
            status: { location, mapId: task.taskId, sizes: toBlockSizes([7]) },
            accumulators,
            metrics,
          } as const);
    return this.handle({
      type: 'CompletionEvent',
      at: this.at,
      stageId: taskSet.stageId,
      stageAttemptId: taskSet.attempt,
      task,
      reason: { kind: 'Success' },
      result,
      metrics,
    });
  }

  succeedAll(name: string, executorId = '1'): DagEffect[] {
    return this.taskSet(name).partitions.flatMap((_, index) => this.succeed(name, index, executorId));
  }

  fail(name: string, index: number, reason: TaskFailedReason, executorId = '1'): DagEffect[] {
    const taskSet = this.taskSet(name);
    return this.handle({
      type: 'CompletionEvent',
      at: this.at,
      stageId: taskSet.stageId,
      stageAttemptId: taskSet.attempt,
      task: this.#info(taskSet, index, executorId),
      reason,
      result: null,
      metrics: null,
    });
  }

  /** The task could not fetch map output `mapIndex` of the shuffle, as the tracker knows it now. */
  fetchFail(name: string, index: number, shuffleId: number, mapIndex: number): DagEffect[] {
    const status = this.mapOutputs.getMapOutputs(shuffleId)?.statuses[mapIndex] ?? null;
    const { mapId, location } = status ?? { mapId: null, location: null };
    const reason = {
      kind: 'FetchFailed',
      location,
      shuffleId,
      mapId,
      mapIndex,
      reduceId: index,
      message: 'gone',
    } as const;
    return this.fail(name, index, reason);
  }

  loseExecutor(executorId: string, workerLost = false): DagEffect[] {
    const loss = { message: 'lost', exitCausedByApp: false, workerLost };
    return this.handle({ type: 'ExecutorLost', at: this.at, executorId, loss });
  }

  resubmit(): DagEffect[] {
    return this.handle({ type: 'ResubmitFailedStages', at: this.at });
  }
}

export function pick<T extends DagEffect['type']>(effects: readonly DagEffect[], type: T): Effect<T>[] {
  return effects.filter((effect): effect is Effect<T> => effect.type === type);
}

/** `1.0 [0,2]`: the task sets submitted, with the RDD partitions in them. */
export function submitted(effects: readonly DagEffect[]): string[] {
  return pick(effects, 'SubmitTaskSet').map(({ taskSet }) => `${taskSetName(taskSet)} [${taskSet.partitions}]`);
}

/** Names of the listener events. */
export function posted(effects: readonly DagEffect[]): string[] {
  return pick(effects, 'Post').map(({ event }) => event.type.replace('SparkListener', ''));
}
