import { IllegalArgumentError, IskraError } from '../base/errors.ts';
import type { BarrierSyncRequest, BarrierTaskInfo } from '../protocol/barrier-sync.ts';
import type { RunTask, StageFacts } from '../protocol/executor-slot.ts';
import type { BarrierTaskContext } from '../rdd/barrier-task-context.ts';
import type { ExecutorLink } from './executor-link.ts';
import { RunningTask } from './running-task.ts';

/** The context of a task of a barrier stage. It blocks its thread while it waits for the others. */
export class RunningBarrierTask extends RunningTask implements BarrierTaskContext {
  readonly #link: ExecutorLink;
  readonly #infos: readonly BarrierTaskInfo[];
  #epoch = 0;

  constructor(message: RunTask, stage: StageFacts, isKilled: () => boolean, link: ExecutorLink) {
    super(message, stage, isKilled);
    this.#link = link;
    this.#infos = stage.barrier ?? [];
  }

  barrier(): void {
    this.#sync('BARRIER', '');
  }

  allGather(message: string): string[] {
    if (typeof message !== 'string')
      throw new IllegalArgumentError(`allGather() takes a string, but got a ${typeof message}; use JSON.stringify()`);
    return this.#sync('ALL_GATHER', message);
  }

  getTaskInfos(): BarrierTaskInfo[] {
    return this.#infos.map(({ address }) => ({ address }));
  }

  #sync(method: BarrierSyncRequest['method'], message: string): string[] {
    const { stageId, stageAttemptNumber: stageAttemptId, taskAttemptId: taskId, partitionId: partition } = this;
    const epoch = this.#epoch;
    const request = { stageId, stageAttemptId, taskId, partition, epoch, method, message };
    const reply = this.#link.ask('BarrierSync', request);
    if (reply.kind === 'Failed') throw new IskraError('BARRIER_SYNC_FAILED', reply.message);
    this.#epoch++;
    return [...reply.messages];
  }
}
