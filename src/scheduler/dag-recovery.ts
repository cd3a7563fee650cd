import type { ExecutorId } from '../protocol/ids.ts';
import { describeFailure, type TaskEndReason } from '../protocol/task-end-reason.ts';
import type { DagBarrier } from './dag-barrier.ts';
import type { DagEvent } from './dag-events.ts';
import type { DagJobs } from './dag-jobs.ts';
import type { DagRollback } from './dag-rollback.ts';
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
  readonly #rollback: DagRollback;
  readonly #barrier: DagBarrier;

  constructor(tables: DagTables, jobs: DagJobs, stages: DagStages, rollback: DagRollback, barrier: DagBarrier) {
    this.#t = tables;
    this.#jobs = jobs;
    this.#stages = stages;
    this.#rollback = rollback;
    this.#barrier = barrier;
  }

  fetchFailed(stage: Stage, event: Of<'CompletionEvent'>, reason: FetchFailed): void {
    const t = this.#t;
    const { at, stageAttemptId } = event;
    if (stageAttemptId !== stage.latestAttempt) {
      t.log('info', `Ignoring fetch failure from attempt ${stageAttemptId} of ${stage}: a newer one exists`);
      return;
    }
    const message = describeFailure(reason);
    const leaving = reason.location === null ? undefined : t.decommissioned.get(reason.location.executorId);
    if (leaving !== undefined && t.settings.ignoreDecommissionFetchFailure)
      t.log('info', `Ignoring fetch failure of ${stage} due to executor decommission: it does not count`);
    else stage.failedAttempts.add(stageAttemptId);
    const limit = t.settings.maxConsecutiveStageAttempts;
    if (stage.state === 'running') this.#jobs.finishStage(stage, at, message);
    if (reason.mapIndex !== null && reason.location !== null)
      t.mapOutputs.unregisterMapOutput(reason.shuffleId, reason.mapIndex, reason.location, reason.mapId);
    if (stage.failedAttempts.size >= limit) {
      const times = `${stage} has failed the maximum allowable number of times: ${limit}.`;
      this.#jobs.abort(stage, at, `${times} Most recent failure reason:\n${message}`, undefined);
    } else {
      const mapStage = t.graph.ofShuffle(reason.shuffleId);
      if (mapStage !== undefined) this.#rollback.outputLost(mapStage, at);
      // The roll-back may have been impossible, and the job with its stages be gone.
      if (t.graph.get(stage.id) === stage) {
        if (!t.resubmissionComing) t.log('info', `Resubmitting ${mapStage} and ${stage} due to fetch failure`);
        t.resubmitLater(stage, at);
        // A map stage that runs or waits already comes back by itself.
        if (mapStage !== undefined) t.resubmitLater(mapStage, at);
        if (stage.isBarrier) {
          // They may wait for this one.
          const why = `a task of barrier stage ${stage} could not fetch its input`;
          t.want({ type: 'CancelTasks', stageId: stage.id, interrupt: true, reason: why });
          this.#barrier.beginAnew(stage, at, message);
        }
      }
    }
    if (reason.location !== null) {
      const { executorId, host } = reason.location;
      const epoch = stage.attempts[stageAttemptId]?.epoch ?? t.mapOutputs.epoch;
      // What a shuffle service cannot give is its host's fault; and a host that leaves takes all its executors along.
      const mayBeHost = t.settings.shuffleServiceEnabled || typeof leaving === 'string';
      this.#forgetOutputs(executorId, epoch, mayBeHost && t.settings.unregisterOutputOnHost ? host : null);
    }
  }

  executorLost(event: Of<'ExecutorLost'>): void {
    const t = this.#t;
    const { at, executorId, loss } = event;
    const host = t.hosts.get(executorId) ?? null;
    t.hosts.delete(executorId);
    if (t.jobs.size === 0) t.decommissioned.delete(executorId);
    t.cache.executorLost(executorId);
    if (!t.settings.shuffleServiceEnabled || loss.workerLost)
      this.#forgetOutputs(executorId, t.mapOutputs.epoch, loss.workerLost ? host : null);
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
