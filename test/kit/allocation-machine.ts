import type { StageInfo, TaskInfo } from '../../src/protocol/spark-listener-event.ts';
import type { TaskEndReason } from '../../src/protocol/task-end-reason.ts';
import { type AllocationSettings, DEFAULT_ALLOCATION } from '../../src/scheduler/allocation-settings.ts';
import { type AllocationEffect, ExecutorAllocationManager } from '../../src/scheduler/executor-allocation-manager.ts';

/** Dynamic allocation alone, at a time that the test sets; a cluster manager that answers yes unless told otherwise. */
export class AllocationMachine {
  readonly manager: ExecutorAllocationManager;
  readonly effects: AllocationEffect[] = [];
  at = 0;
  /** What the cluster manager answers. */
  accepts = true;
  /** Executors that are busy by the time they are asked to go. */
  busy: readonly string[] = [];
  #nextTaskId = 0;

  constructor(settings: Partial<AllocationSettings> = {}, slots = 1) {
    this.manager = new ExecutorAllocationManager({ ...DEFAULT_ALLOCATION, ...settings }, () => slots);
    this.#did(this.manager.start());
  }

  #did(effects: readonly AllocationEffect[]): void {
    this.effects.push(...effects);
    this.manager.checkInvariants();
    for (const effect of effects)
      if (effect.type === 'RequestTotalExecutors') this.#did(this.manager.requestAnswered(this.accepts));
      else if (effect.type === 'KillExecutors' || effect.type === 'DecommissionExecutors')
        this.#did(this.manager.removalAnswered(effect.executorIds.filter((id) => !this.busy.includes(id))));
  }

  tick(at: number): void {
    this.at = at;
    this.#did(this.manager.tick(at));
  }

  /** Totals of the default profile that were asked for. */
  totals(profileId = 0): number[] {
    return this.effects.flatMap((effect) =>
      effect.type === 'RequestTotalExecutors' ? [effect.wanted.total.get(profileId) ?? -1] : [],
    );
  }

  /** Executors that were asked to go. */
  removed(): string[] {
    return this.effects.flatMap((effect) =>
      effect.type === 'KillExecutors' || effect.type === 'DecommissionExecutors' ? effect.executorIds : [],
    );
  }

  executor(id: string, resourceProfileId = 0): void {
    const { at } = this;
    this.manager.hear({
      type: 'SparkListenerExecutorAdded',
      at,
      executorId: id,
      host: 'h',
      cores: 1,
      resourceProfileId,
    });
  }

  gone(id: string): void {
    this.manager.hear({ type: 'SparkListenerExecutorRemoved', at: this.at, executorId: id, reason: 'gone' });
  }

  stage(stageId: number, numTasks: number, more: Partial<StageInfo> = {}): StageInfo {
    const stage = stageOf(stageId, numTasks, more);
    this.manager.hear({ type: 'SparkListenerStageSubmitted', at: this.at, stage });
    return stage;
  }

  completed(stage: StageInfo): void {
    this.manager.hear({ type: 'SparkListenerStageCompleted', at: this.at, stage, failureReason: null });
  }

  job(jobId: number, stages: readonly StageInfo[]): void {
    this.manager.hear({ type: 'SparkListenerJobStart', at: this.at, jobId, stages, properties: {} });
  }

  jobEnded(jobId: number): void {
    this.manager.hear({ type: 'SparkListenerJobEnd', at: this.at, jobId, error: null });
  }

  started(stageId: number, index: number, executorId: string, speculative = false): TaskInfo {
    const task: TaskInfo = {
      taskId: this.#nextTaskId++,
      index,
      partition: index,
      attemptNumber: 0,
      executorId,
      host: 'h',
      locality: 'ANY',
      speculative,
      launchedAt: this.at,
    };
    this.manager.hear({ type: 'SparkListenerTaskStart', at: this.at, stageId, stageAttemptId: 0, task });
    return task;
  }

  ended(stageId: number, task: TaskInfo, reason: TaskEndReason = { kind: 'Success' }): void {
    const { at } = this;
    this.manager.hear({
      type: 'SparkListenerTaskEnd',
      at,
      stageId,
      stageAttemptId: 0,
      task,
      reason,
      metrics: null,
      accumulables: [],
    });
  }

  copyWanted(stageId: number, index: number): void {
    const { at } = this;
    const type = 'SparkListenerSpeculativeTaskSubmitted';
    this.manager.hear({ type, at, stageId, stageAttemptId: 0, index, partition: index });
  }
}

export function stageOf(stageId: number, numTasks: number, more: Partial<StageInfo> = {}): StageInfo {
  return {
    stageId,
    attemptNumber: 0,
    name: `stage ${stageId}`,
    numTasks,
    rddIds: [],
    parentIds: [],
    kind: 'ResultStage',
    shuffleDepId: null,
    resourceProfileId: 0,
    ...more,
  };
}
