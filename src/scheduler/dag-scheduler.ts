import { assertNever } from '../base/assert-never.ts';
import { IllegalArgumentError } from '../base/errors.ts';
import type { JobId } from '../protocol/ids.ts';
import type { AccumulatorUpdate } from '../protocol/task.ts';
import { ActiveJob } from './active-job.ts';
import type { BarrierLimits } from './barrier-checks.ts';
import { BarrierSlotsError } from './barrier-checks.ts';
import { DagBarrier } from './dag-barrier.ts';
import type { DagEffect, DagEvent } from './dag-events.ts';
import { checkDagInvariants } from './dag-invariants.ts';
import { DagJobs } from './dag-jobs.ts';
import { DagRecovery } from './dag-recovery.ts';
import { DagRollback } from './dag-rollback.ts';
import { DagStages } from './dag-stages.ts';
import { type DagSettings, DagTables } from './dag-tables.ts';
import { type JobFailure, messageOf } from './errors.ts';
import { namedUpdates } from './named-updates.ts';
import type { CacheLocations, MapOutputRegistry } from './ports.ts';
import { ResourceProfiles } from './resource-profiles.ts';
import type { Stage } from './stage.ts';

const NO_PROFILES = new ResourceProfiles({
  hasClusterManager: false,
  dynamicAllocation: false,
  mergeConflicts: false,
  cpusPerTask: 1,
});

type Of<T extends DagEvent['type']> = Extract<DagEvent, { type: T }>;

/**
 * Decides which stages a job needs, which of them can run now, and which must run again.
 *
 * Glossary. *Job*: one action. *Stage*: see stage.ts, with its states. *Stage attempt*: one task set of a stage.
 * *Output*: what a task's success completes, a map output or one result of the job. *Missing*: a map stage that has not
 * all its outputs. *Epoch*: the age of the book of map outputs; a task knows the epoch in which its attempt began.
 *
 * Failure. A task's own failures are the task set manager's concern; here they only pass by. A fetch failure ends the
 * reading stage's attempt, forgets the outputs of the executor that could not deliver, and after `resubmitDelayMs` both
 * stages are submitted again for what is missing. A stage that fails so in `maxConsecutiveStageAttempts` attempts
 * without a success in between is aborted. A lost executor takes its outputs along; stages that run notice at their end,
 * others when they are needed. An *indeterminate* stage is computed again as a whole, with all that came of it; see
 * dag-rollback.ts. An aborted stage fails every job that needs it; stages nobody else needs are cancelled.
 *
 * Invariants (checked by checkInvariants):
 * 1. The tables agree: a stage is in the set of its state and no other; stages and jobs name each other.
 * 2. Every stage is needed by an active job. No active job ⇒ every table is empty.
 * 3. A running stage awaits at least one output.
 * 4. A waiting stage has a parent that is running, waiting or failed: nobody waits for nothing.
 * 5. If a stage is in state failed, its resubmission is on the way.
 * 6. A job's output is accepted at most once, whatever the number of attempts.
 * 7. News of an executor that is not younger than its loss changes nothing.
 * 8. What an attempt brings that was rolled back changes nothing; a running attempt is not rolled back.
 *
 * Spark: DAGScheduler
 */
export class DAGScheduler {
  readonly #t: DagTables;
  readonly #jobs: DagJobs;
  readonly #stages: DagStages;
  readonly #recovery: DagRecovery;
  readonly #barrier: DagBarrier;

  /** @param maxConcurrentTasks tasks of a profile that the executors there are could run at the same time. */
  constructor(
    settings: DagSettings,
    mapOutputs: MapOutputRegistry,
    cache: CacheLocations,
    maxConcurrentTasks: BarrierLimits['maxConcurrentTasks'],
    profiles: Pick<ResourceProfiles, 'ofStage'> = NO_PROFILES,
  ) {
    this.#t = new DagTables(settings, mapOutputs, cache, maxConcurrentTasks, profiles);
    this.#jobs = new DagJobs(this.#t);
    const rollback = new DagRollback(this.#t, this.#jobs);
    this.#stages = new DagStages(this.#t, this.#jobs, rollback);
    this.#barrier = new DagBarrier(this.#t, this.#jobs);
    this.#recovery = new DagRecovery(this.#t, this.#jobs, this.#stages, rollback, this.#barrier);
  }

  get numActiveJobs(): number {
    return this.#t.jobs.size;
  }

  get numStages(): Readonly<Record<'waiting' | 'running' | 'failed', number>> {
    const { waiting, running, failed } = this.#t.byState;
    return { waiting: waiting.size, running: running.size, failed: failed.size };
  }

  handle(event: DagEvent): DagEffect[] {
    this.#t.out = [];
    this.#dispatch(event);
    const { out } = this.#t;
    // Nothing is kept that an RDD could be reached by.
    this.#t.out = [];
    return out;
  }

  #dispatch(event: DagEvent): void {
    switch (event.type) {
      case 'CompletionEvent':
        this.#taskEnded(event);
        return;
      case 'BeginEvent': {
        const { at, stageId, stageAttemptId, task } = event;
        this.#t.post({ type: 'SparkListenerTaskStart', at, stageId, stageAttemptId, task });
        return;
      }
      case 'JobSubmitted':
        this.#submitJob(event);
        return;
      case 'MapStageSubmitted':
        this.#submitMapStageJob(event);
        return;
      case 'StageCancelled':
        this.#cancelStage(event);
        return;
      case 'JobCancelled':
        this.#jobs.cancel(event.at, (job) => job.id === event.jobId, event.reason ?? '');
        return;
      case 'JobGroupCancelled':
        this.#jobs.cancelGroup(event.at, event.groupId, event.reason, event.cancelFutureJobs);
        return;
      case 'JobTagCancelled':
        this.#jobs.cancelTagged(event.at, event.tag, event.reason);
        return;
      case 'AllJobsCancelled':
        this.#jobs.cancel(event.at, () => true, event.reason ?? 'as part of cancellation of all jobs');
        return;
      case 'ExecutorAdded': {
        const { at, executorId, host, cores, resourceProfileId } = event;
        this.#t.hosts.set(executorId, host);
        this.#t.failureEpochs.delete(executorId);
        this.#t.decommissioned.delete(executorId);
        this.#t.post({ type: 'SparkListenerExecutorAdded', at, executorId, host, cores, resourceProfileId });
        return;
      }
      case 'ExecutorLost':
        this.#recovery.executorLost(event);
        return;
      case 'ExecutorDecommissioned':
        if (this.#t.hosts.has(event.executorId)) this.#t.decommissioned.set(event.executorId, event.workerHost);
        return;
      case 'WorkerRemoved':
        this.#t.mapOutputs.removeOutputsOnHost(event.host);
        return;
      case 'TaskSetFailed': {
        const stage = this.#t.graph.get(event.stageId);
        if (stage !== undefined) this.#jobs.abort(stage, event.at, event.message, event.cause);
        return;
      }
      case 'ResubmitFailedStages':
        this.#recovery.resubmitFailedStages(event.at);
        return;
      case 'CheckBarrierSlots':
        for (const job of this.#barrier.due(event.at)) this.#submitJob(job);
        return;
      case 'ShuffleUnregistered':
        if (!this.#t.mapOutputs.hasShuffle(event.shuffleId)) return;
        if (this.#t.graph.ofShuffle(event.shuffleId) === undefined) this.#t.removeShuffle(event.shuffleId);
        else this.#t.unwantedShuffles.add(event.shuffleId);
        return;
      case 'ResultHandlerFailed': {
        const message = `the handler of a result of job ${event.jobId} threw: ${messageOf(event.cause)}`;
        const job = this.#t.jobs.get(event.jobId);
        if (job !== undefined)
          this.#jobs.fail(job, event.at, { code: 'RESULT_HANDLER_FAILED', message, cause: event.cause });
        return;
      }
      case 'Stopped':
        for (const job of [...this.#t.jobs.values()]) {
          const message = `Job ${job.id} cancelled because SparkContext was shut down`;
          this.#jobs.fail(job, event.at, { code: 'CONTEXT_STOPPED', message, cause: event.cause });
        }
        this.#jobs.cancel(event.at, () => true, 'because SparkContext was shut down');
        return;
      case 'GettingResultEvent': {
        const { at, stageId, stageAttemptId, task } = event;
        this.#t.post({ type: 'SparkListenerTaskGettingResult', at, stageId, stageAttemptId, task });
        return;
      }
      default:
        assertNever(event);
    }
  }

  #submitJob(event: Of<'JobSubmitted'>): void {
    const { at, jobId, node, partitions, properties, callSite } = event;
    if (this.#jobs.isRefused(jobId, properties)) return;
    let job: ActiveJob;
    try {
      const numPartitions = node.numPartitions;
      const wrong = partitions.find((p) => !Number.isInteger(p) || p < 0 || p >= numPartitions);
      if (wrong !== undefined)
        throw new IllegalArgumentError(
          `Attempting to access a non-existent partition: ${wrong}. Total number of partitions: ${numPartitions}`,
        );
      if (partitions.length === 0) {
        this.#t.post({ type: 'SparkListenerJobStart', at, jobId, stages: [], properties });
        this.#t.post({ type: 'SparkListenerJobEnd', at, jobId, error: null });
        this.#t.want({ type: 'JobSucceeded', jobId, mapOutput: null });
        return;
      }
      const stage = this.#t.graph.createResultStage(
        jobId,
        node,
        numPartitions,
        partitions.length,
        event.sink,
        callSite,
      );
      job = new ActiveJob(jobId, stage, partitions, properties);
      stage.resultJob = job;
    } catch (cause) {
      if (cause instanceof BarrierSlotsError) {
        this.#barrier.notEnoughSlots(event, cause);
        return;
      }
      this.#t.waitingForSlots.delete(jobId);
      this.#refuse(jobId, cause);
      return;
    }
    this.#t.waitingForSlots.delete(jobId);
    this.#stages.start(job, at);
  }

  #submitMapStageJob(event: Of<'MapStageSubmitted'>): void {
    if (this.#jobs.isRefused(event.jobId, event.properties)) return;
    let stage: Stage;
    try {
      stage = this.#t.graph.mapStageFor(event.jobId, event.dependency);
    } catch (cause) {
      this.#refuse(event.jobId, cause);
      return;
    }
    const job = new ActiveJob(event.jobId, stage, [], event.properties);
    stage.mapStageJobs.add(job);
    this.#stages.start(job, event.at);
    if (this.#t.jobs.has(job.id) && stage.state === 'idle' && this.#t.graph.isAvailable(stage))
      this.#stages.finishMapStageJobs(stage, event.at);
  }

  /** The lineage itself is broken: nothing was started. */
  #refuse(jobId: JobId, cause: unknown): void {
    const failure: JobFailure = { code: 'JOB_NOT_STARTED', message: messageOf(cause), cause };
    this.#t.want({ type: 'JobFailed', jobId, failure });
  }

  #cancelStage(event: Of<'StageCancelled'>): void {
    const stage = this.#t.graph.get(event.stageId);
    if (stage === undefined) {
      this.#t.log('info', `no active job needs stage ${event.stageId}: nothing to cancel`);
      return;
    }
    const reason = event.reason === null ? `Stage ${stage.id} was cancelled` : event.reason;
    this.#jobs.cancel(event.at, (job) => job.stages.has(stage), `because ${reason}`);
  }

  #taskEnded(event: Of<'CompletionEvent'>): void {
    const { at, stageId, stageAttemptId, task, reason, result, metrics } = event;
    const stage = this.#t.graph.get(stageId);
    const output = stage?.attempts[stageAttemptId]?.outputs[task.index];
    const updates = stage === undefined || output === undefined ? [] : updatesThatCount(stage, output, event);
    if (updates.length > 0) this.#t.want({ type: 'AccumulatorUpdates', updates });
    // Whoever hears of the task's end sees what it added.
    const accumulables = namedUpdates(updates);
    this.#t.want({
      type: 'Post',
      event: { type: 'SparkListenerTaskEnd', at, stageId, stageAttemptId, task, reason, metrics, accumulables },
    });
    if (stage === undefined || output === undefined) return; // its jobs have ended
    if (stage.isBarrier && reason.kind !== 'Success' && reason.kind !== 'FetchFailed') {
      this.#barrier.taskFailed(stage, event, reason);
      return;
    }
    switch (reason.kind) {
      case 'Success':
        if (stageAttemptId <= stage.lastIgnoredAttempt) {
          this.#t.log('info', `Ignoring a result of attempt ${stageAttemptId} of ${stage}, which was rolled back`);
          return;
        }
        if (stageAttemptId < stage.latestAttempt) this.#t.want({ type: 'PartitionCompleted', stageId, output });
        if (result?.kind === 'Result') this.#resultArrived(stage, output, result, at);
        else if (result?.kind === 'MapOutput') this.#mapOutputArrived(stage, output, event, result);
        return;
      case 'Resubmitted':
        if (stage.state === 'running') stage.awaitAgain(output);
        return;
      case 'FetchFailed':
        this.#recovery.fetchFailed(stage, event, reason);
        return;
      case 'ExceptionFailure':
      case 'SlotLost':
      case 'ExecutorLostFailure':
      case 'TaskResultLost':
      case 'TaskKilled':
      case 'TaskCommitDenied':
        return; // the task set manager tries again, or gives up with TaskSetFailed
      default:
        assertNever(reason);
    }
  }

  #resultArrived(
    stage: Stage,
    output: number,
    result: Extract<Of<'CompletionEvent'>['result'], { kind: 'Result' }>,
    at: number,
  ): void {
    const job = stage.resultJob;
    stage.arrived(output);
    if (job === null || !job.finish(output)) return;
    this.#t.want({ type: 'TaskSucceeded', jobId: job.id, outputIndex: output, bytes: result.bytes });
    if (!job.isFinished) return;
    if (stage.state === 'running') this.#jobs.finishStage(stage, at, null);
    this.#jobs.succeed(job, at);
  }

  #mapOutputArrived(
    stage: Stage,
    output: number,
    event: Of<'CompletionEvent'>,
    result: Extract<Of<'CompletionEvent'>['result'], { kind: 'MapOutput' }>,
  ): void {
    const { work } = stage;
    if (work.kind !== 'ShuffleMap') return;
    // A second copy may have written other records, and somebody may have read the first.
    const isSecond = !stage.isAwaited(output) && this.#t.graph.isAvailable(stage) && stage.isIndeterminate;
    stage.arrived(output);
    if (isSecond) return;
    const lostIn = this.#t.failureEpochs.get(result.status.location.executorId);
    const knew = stage.attempts[event.stageAttemptId]?.epoch ?? -1;
    if (lostIn !== undefined && knew <= lostIn)
      this.#t.log('info', `Ignoring possibly bogus map output of ${stage} from executor ${event.task.executorId}`);
    else this.#t.mapOutputs.registerMapOutput(work.dependency.shuffleId, output, result.status);
    if (stage.state === 'running' && stage.pendingCount === 0) this.#stages.mapStageDone(stage, event.at);
  }

  /** Throws InvariantError if a numbered rule of the class comment is broken. */
  checkInvariants(): void {
    checkDagInvariants(this.#t);
  }
}

/**
 * What of a task's additions to accumulators goes to the driver. A result task's count once, whatever the number of attempts;
 * those of a map task that runs twice count twice; those of failed tasks never.
 *
 * Spark: DAGScheduler.handleTaskCompletion, updateAccumulators
 */
function updatesThatCount(stage: Stage, output: number, event: Of<'CompletionEvent'>): readonly AccumulatorUpdate[] {
  const { result, stageAttemptId, reason } = event;
  if (reason.kind !== 'Success' || stageAttemptId <= stage.lastIgnoredAttempt) return [];
  if (result?.kind === 'MapOutput') return result.accumulators;
  const isNew = stage.resultJob !== null && !stage.resultJob.hasFinished(output);
  return result?.kind === 'Result' && isNew ? result.accumulators : [];
}
