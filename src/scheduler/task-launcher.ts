import { errorToData } from '../base/errors.ts';
import type { BarrierTaskInfo } from '../protocol/barrier-sync.ts';
import type { ExecutorId } from '../protocol/ids.ts';
import type { TaskFailedReason } from '../protocol/task-end-reason.ts';
import { messageOf } from './errors.ts';
import { resourceInformation } from './executor-resources.ts';
import type { Launch, SchedulerBackend } from './ports.ts';
import type { ProgramShelf } from './program-shelf.ts';
import type { TaskEffect } from './task-effects.ts';
import { type TaskSet, taskSetName } from './task-set.ts';

export type LaunchEffect = Extract<TaskEffect, { type: 'Launch' }>;

/** A task that could not be sent; `abort` not null: nor can any other of its task set. */
export interface BrokenLaunch {
  readonly launch: LaunchEffect;
  readonly reason: TaskFailedReason;
  readonly abort: { readonly message: string; readonly cause: unknown } | null;
}

const NONE: readonly BrokenLaunch[] = [];

/** The loop's part that describes tasks and hands them to the backend, one message of tasks an executor. */
export class TaskLauncher {
  readonly #programs: ProgramShelf;
  readonly #backend: SchedulerBackend;

  constructor(programs: ProgramShelf, backend: SchedulerBackend) {
    this.#programs = programs;
    this.#backend = backend;
  }

  launch(launches: readonly LaunchEffect[]): readonly BrokenLaunch[] {
    const [first] = launches;
    // A core came free and got its next task: the common case.
    if (launches.length === 1 && first !== undefined && !first.taskSet.isBarrier) return this.#launchOne(first);
    const byExecutor = new Map<ExecutorId, { readonly effects: LaunchEffect[]; readonly tasks: Launch[] }>();
    const broken: BrokenLaunch[] = [];
    const barriers = new Map<TaskSet, BarrierTaskInfo[]>();
    // Tasks of a barrier stage are launched all at once.
    for (const { taskSet, task } of launches) {
      if (!taskSet.isBarrier) continue;
      const infos = barriers.get(taskSet) ?? [];
      const address = this.#backend.addressOf?.(task.executorId) ?? `${task.host}:0`;
      infos[task.index] = { address };
      barriers.set(taskSet, infos);
    }
    for (const launch of launches) {
      try {
        const task = this.#describe(launch, barriers.get(launch.taskSet) ?? null);
        const list = byExecutor.get(launch.executorId);
        if (list === undefined) byExecutor.set(launch.executorId, { effects: [launch], tasks: [task] });
        else {
          list.effects.push(launch);
          list.tasks.push(task);
        }
      } catch (cause) {
        broken.push(notCreated(launch, cause));
      }
    }
    for (const [executorId, { effects, tasks }] of byExecutor)
      try {
        this.#backend.launch(executorId, tasks);
      } catch (thrown) {
        for (const launch of effects) broken.push(notSent(launch, thrown));
      }
    return broken;
  }

  #launchOne(launch: LaunchEffect): readonly BrokenLaunch[] {
    let task: Launch;
    try {
      task = this.#describe(launch, null);
    } catch (cause) {
      return [notCreated(launch, cause)];
    }
    try {
      this.#backend.launch(launch.executorId, [task]);
      return NONE;
    } catch (thrown) {
      return [notSent(launch, thrown)];
    }
  }

  #describe(
    { taskSet, task, executorId, cpus, resources }: LaunchEffect,
    barrier: readonly BarrierTaskInfo[] | null,
  ): Launch {
    const programKey = taskSetName(taskSet);
    const split = taskSet.work.node.split(task.partition);
    return {
      program: this.#programs.forExecutor(programKey, executorId),
      task: {
        taskId: task.taskId,
        attemptNumber: task.attemptNumber,
        executorId,
        name: `${task.index}.${task.attemptNumber} in stage ${programKey} (TID ${task.taskId})`,
        stageId: taskSet.stageId,
        stageAttemptId: taskSet.attempt,
        partition: task.partition,
        numPartitions: taskSet.numPartitions,
        cpus,
        resources: resources === null ? null : resourceInformation(resources),
        localProperties: taskSet.properties,
        programKey,
        split,
        barrier,
      },
    };
  }
}

/** Splits are the node's own code. */
function notCreated(launch: LaunchEffect, cause: unknown): BrokenLaunch {
  const message = `Task creation failed: ${messageOf(cause)}`;
  return { launch, reason: { kind: 'TaskKilled', reason: message }, abort: { message, cause } };
}

/** A split that does not travel, for instance. Trying again would end the same way. */
function notSent(launch: LaunchEffect, thrown: unknown): BrokenLaunch {
  return { launch, reason: { kind: 'ExceptionFailure', error: errorToData(thrown), retriable: false }, abort: null };
}
