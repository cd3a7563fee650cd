import type { ExecutorId } from '../protocol/ids.ts';
import { describeFailure, type TaskEndReason } from '../protocol/task-end-reason.ts';
import type { DagEvent } from './dag-events.ts';
import type { DagJobs } from './dag-jobs.ts';
import type { DagStages } from './dag-stages.ts';
import type { DagTables } from './dag-tables.ts';
import type { Stage } from './stage.ts';

type Of<T extends DagEvent['type']> = Extract<DagEvent, { type: T }>;
type FetchFailed = Extract<TaskEndReason, { kind: 'FetchFailed' }>;

/** The DAG scheduler's part that deals with what gets lost: map outputs, executors, hosts. */
export class DagRecovery {
  readonly #t: DagTables;
  readonly #jobs: DagJobs;
  readonly #stages: DagStages;

  constructor(tables: DagTables, jobs: DagJobs, stages: DagStages) {
    this.#t = tables;
    this.#jobs = jobs;
    this.#stages = stages;
  }

  fetchFailed(stage: Stage, event: Of<'CompletionEvent'>, reason: FetchFailed): void {
    const t = this.#t;
    const { at, stageAttemptId } = event;
    if (stageAttemptId !== stage.latestAttempt) {
      t.log('info', `Ignoring fetch failure from attempt ${stageAttemptId} of ${stage}: a newer one exists`);
      return;
    }
    const message = describeFailure(reason);
    stage.failedAttempts.add(stageAttemptId);
    const limit = t.settings.maxConsecutiveStageAttempts;
    if (stage.state === 'running') this.#jobs.finishStage(stage, at, message);
    if (reason.mapIndex !== null && reason.location !== null)
      t.mapOutputs.unregisterMapOutput(reason.shuffleId, reason.mapIndex, reason.location, reason.mapId);
    if (stage.failedAttempts.size >= limit) {
      const times = `${stage} has failed the maximum allowable number of times: ${limit}.`;
      this.#jobs.abort(stage, at, `${times} Most recent failure reason:\n${message}`, undefined);
    } else {
      const mapStage = t.graph.ofShuffle(reason.shuffleId);
      if (stage.state === 'idle') t.enter(stage, 'failed');
      // A map stage that runs or waits already comes back by itself.
      if (mapStage?.state === 'idle') t.enter(mapStage, 'failed');
      if (t.byState.failed.size > 0 && !t.resubmissionComing) {
        t.resubmissionComing = true;
        t.log('info', `Resubmitting ${mapStage} and ${stage} due to fetch failure`);
        t.want({ type: 'WakeAt', at: at + t.settings.resubmitDelayMs, why: 'ResubmitFailedStages' });
      }
    }
    if (reason.location !== null) {
      const { executorId, host } = reason.location;
      const epoch = stage.attempts[stageAttemptId]?.epoch ?? t.mapOutputs.epoch;
      const wholeHost = t.settings.shuffleServiceEnabled && t.settings.unregisterOutputOnHost;
      this.#forgetOutputs(executorId, epoch, wholeHost ? host : null);
    }
  }

  executorLost(event: Of<'ExecutorLost'>): void {
    const t = this.#t;
    const { at, executorId, loss } = event;
    t.hosts.delete(executorId);
    t.cache.executorLost(executorId);
    if (!t.settings.shuffleServiceEnabled || loss.workerLost) this.#forgetOutputs(executorId, t.mapOutputs.epoch, null);
    t.post({ type: 'SparkListenerExecutorRemoved', at, executorId, reason: loss.message });
  }

  /** All failed stages again, lowest id first. */
  resubmitFailedStages(at: number): void {
    const t = this.#t;
    t.resubmissionComing = false;
    const stages = [...t.byState.failed].sort((a, b) => a.id - b.id);
    for (const stage of stages) t.enter(stage, 'idle');
    for (const stage of stages) this.#stages.submit(stage, at);
  }

  /** Spark: DAGScheduler.removeExecutorAndUnregisterOutputs */
  #forgetOutputs(executorId: ExecutorId, epoch: number, host: string | null): void {
    const t = this.#t;
    const known = t.failureEpochs.get(executorId);
    if (known !== undefined && known >= epoch) return;
    if (t.jobs.size > 0) t.failureEpochs.set(executorId, epoch);
    if (host === null) t.mapOutputs.removeOutputsOnExecutor(executorId);
    else t.mapOutputs.removeOutputsOnHost(host);
  }
}
