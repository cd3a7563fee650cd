import { assertNever } from '../base/assert-never.ts';
import { IllegalArgumentError } from '../base/errors.ts';
import type { ExecutorId, JobId } from '../protocol/ids.ts';
import type { SparkListenerEvent } from '../protocol/spark-listener-event.ts';
import { describeFailure, type TaskEndReason } from '../protocol/task-end-reason.ts';
import { ActiveJob } from './active-job.ts';
import type { DagEffect, DagEvent } from './dag-events.ts';
import { checkDagInvariants } from './dag-invariants.ts';
import { type JobFailure, messageOf } from './errors.ts';
import type { CacheLocations, MapOutputRegistry } from './ports.ts';
import { PreferredLocations } from './preferred-locations.ts';
import type { SchedulerSettings } from './settings.ts';
import type { Stage } from './stage.ts';
import { missingOutputs, taskSetOf } from './stage-attempt.ts';
import { StageGraph } from './stage-graph.ts';

type Of<T extends DagEvent['type']> = Extract<DagEvent, { type: T }>;
type FetchFailed = Extract<TaskEndReason, { kind: 'FetchFailed' }>;

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
 * others when they are needed. An aborted stage fails every job that needs it; stages nobody else needs are cancelled.
 *
 * Invariants (checked by checkInvariants):
 * 1. The tables agree: a stage is in the set of its state and no other; stages and jobs name each other.
 * 2. Every stage is needed by an active job. No active job ⇒ every table is empty.
 * 3. A running stage awaits at least one output.
 * 4. A waiting stage has a parent that is running, waiting or failed: nobody waits for nothing.
 * 5. If a stage is in state failed, its resubmission is on the way.
 * 6. A job's output is accepted at most once, whatever the number of attempts.
 * 7. News of an executor that is not younger than its loss changes nothing.
 *
 * Spark: DAGScheduler
 */
export class DAGScheduler {
  readonly #settings: Pick<
    SchedulerSettings,
    'maxConsecutiveStageAttempts' | 'resubmitDelayMs' | 'shuffleServiceEnabled' | 'unregisterOutputOnHost'
  >;
  readonly #mapOutputs: MapOutputRegistry;
  readonly #cache: CacheLocations;
  readonly #graph: StageGraph;
  readonly #jobs = new Map<JobId, ActiveJob>();
  readonly #byState: Readonly<Record<'waiting' | 'running' | 'failed', Set<Stage>>> = {
    waiting: new Set(),
    running: new Set(),
    failed: new Set(),
  };
  readonly #hosts = new Map<ExecutorId, string>();
  /** Epoch in which an executor was found to be lost. */
  readonly #failureEpochs = new Map<ExecutorId, number>();
  #resubmissionComing = false;
  #out: DagEffect[] = [];

  constructor(
    settings: Pick<
      SchedulerSettings,
      'maxConsecutiveStageAttempts' | 'resubmitDelayMs' | 'shuffleServiceEnabled' | 'unregisterOutputOnHost'
    >,
    mapOutputs: MapOutputRegistry,
    cache: CacheLocations,
  ) {
    this.#settings = settings;
    this.#mapOutputs = mapOutputs;
    this.#cache = cache;
    this.#graph = new StageGraph(mapOutputs, cache);
  }

  get numActiveJobs(): number {
    return this.#jobs.size;
  }

  handle(event: DagEvent): DagEffect[] {
    this.#out = [];
    this.#dispatch(event);
    return this.#out;
  }

  #dispatch(event: DagEvent): void {
    switch (event.type) {
      case 'CompletionEvent':
        this.#taskEnded(event);
        return;
      case 'BeginEvent': {
        const { at, stageId, stageAttemptId, task } = event;
        this.#post({ type: 'SparkListenerTaskStart', at, stageId, stageAttemptId, task });
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
        this.#cancelJobs(event.at, (job) => job.id === event.jobId, event.reason ?? '');
        return;
      case 'JobGroupCancelled': {
        const reason = event.reason ?? `part of cancelled job group ${event.groupId}`;
        this.#cancelJobs(event.at, (job) => job.properties['spark.jobGroup.id'] === event.groupId, reason);
        return;
      }
      case 'AllJobsCancelled':
        this.#cancelJobs(event.at, () => true, 'as part of cancellation of all jobs');
        return;
      case 'ExecutorAdded': {
        const { at, executorId, host, cores } = event;
        this.#hosts.set(executorId, host);
        this.#failureEpochs.delete(executorId);
        this.#post({ type: 'SparkListenerExecutorAdded', at, executorId, host, cores });
        return;
      }
      case 'ExecutorLost':
        this.#executorLost(event);
        return;
      case 'WorkerRemoved':
        this.#mapOutputs.removeOutputsOnHost(event.host);
        return;
      case 'TaskSetFailed': {
        const stage = this.#graph.get(event.stageId);
        if (stage !== undefined) this.#abort(stage, event.at, event.message, event.cause);
        return;
      }
      case 'ResubmitFailedStages':
        this.#resubmitFailedStages(event.at);
        return;
      case 'ResultHandlerFailed': {
        const message = `the handler of a result of job ${event.jobId} threw: ${messageOf(event.cause)}`;
        const job = this.#jobs.get(event.jobId);
        if (job !== undefined)
          this.#failJob(job, event.at, { code: 'RESULT_HANDLER_FAILED', message, cause: event.cause });
        return;
      }
      case 'Stopped':
        for (const job of [...this.#jobs.values()]) {
          const message = `Job ${job.id} cancelled because SparkContext was shut down`;
          this.#failJob(job, event.at, { code: 'CONTEXT_STOPPED', message, cause: event.cause });
        }
        return;
      // Listeners will hear of these once speculation and indirect results need it.
      case 'SpeculativeTaskSubmitted':
      case 'GettingResultEvent':
        return;
      default:
        assertNever(event);
    }
  }

  // Jobs begin and end

  #submitJob(event: Of<'JobSubmitted'>): void {
    const { at, jobId, node, partitions, properties, callSite } = event;
    let job: ActiveJob;
    try {
      const numPartitions = node.numPartitions;
      const wrong = partitions.find((p) => !Number.isInteger(p) || p < 0 || p >= numPartitions);
      if (wrong !== undefined)
        throw new IllegalArgumentError(
          `Attempting to access a non-existent partition: ${wrong}. Total number of partitions: ${numPartitions}`,
        );
      if (partitions.length === 0) {
        this.#post({ type: 'SparkListenerJobStart', at, jobId, stages: [], properties });
        this.#post({ type: 'SparkListenerJobEnd', at, jobId, error: null });
        this.#out.push({ type: 'JobSucceeded', jobId, mapOutput: null });
        return;
      }
      const stage = this.#graph.createResultStage(jobId, node, numPartitions, partitions.length, event.sink, callSite);
      job = new ActiveJob(jobId, stage, partitions, properties);
      stage.resultJob = job;
    } catch (cause) {
      this.#refuse(jobId, cause);
      return;
    }
    this.#start(job, at);
  }

  #submitMapStageJob(event: Of<'MapStageSubmitted'>): void {
    let stage: Stage;
    try {
      stage = this.#graph.mapStageFor(event.jobId, event.dependency);
    } catch (cause) {
      this.#refuse(event.jobId, cause);
      return;
    }
    const job = new ActiveJob(event.jobId, stage, [], event.properties);
    stage.mapStageJobs.add(job);
    this.#start(job, event.at);
    if (this.#jobs.has(job.id) && stage.state === 'idle' && this.#graph.isAvailable(stage))
      this.#finishMapStageJobs(stage, event.at);
  }

  /** The lineage itself is broken: nothing was started. */
  #refuse(jobId: JobId, cause: unknown): void {
    const failure: JobFailure = { code: 'JOB_NOT_STARTED', message: messageOf(cause), cause };
    this.#out.push({ type: 'JobFailed', jobId, failure });
  }

  #start(job: ActiveJob, at: number): void {
    this.#jobs.set(job.id, job);
    const stack = [job.finalStage];
    for (let stage = stack.pop(); stage !== undefined; stage = stack.pop()) {
      if (job.stages.has(stage)) continue;
      job.stages.add(stage);
      stack.push(...stage.parents);
    }
    const stages = [...job.stages].sort((a, b) => a.id - b.id).map((stage) => stage.info());
    this.#post({ type: 'SparkListenerJobStart', at, jobId: job.id, stages, properties: job.properties });
    const satisfied = job.finalStage.work.kind === 'ShuffleMap' && this.#graph.isAvailable(job.finalStage);
    if (satisfied) return;
    const beforeTaskSets = this.#out.length;
    this.#submit(job.finalStage, at);
    const needed = [...job.stages].filter((stage) => stage.state !== 'idle').sort((a, b) => a.id - b.id);
    if (needed.length === 0) return;
    const prepare = needed.map((stage) => ({ stageId: stage.id, work: stage.work }));
    this.#out.splice(beforeTaskSets, 0, { type: 'PrepareStages', stages: prepare });
  }

  #succeed(job: ActiveJob, at: number): void {
    const shuffleId = job.finalStage.dependency?.shuffleId;
    const mapOutput =
      shuffleId === undefined ? null : { shuffleId, bytesByPartition: this.#mapOutputs.bytesByPartition(shuffleId) };
    this.#end(job, at, `Job ${job.id} is finished.`);
    this.#post({ type: 'SparkListenerJobEnd', at, jobId: job.id, error: null });
    this.#out.push({ type: 'JobSucceeded', jobId: job.id, mapOutput });
  }

  #failJob(job: ActiveJob, at: number, failure: JobFailure): void {
    this.#end(job, at, failure.message);
    this.#post({ type: 'SparkListenerJobEnd', at, jobId: job.id, error: failure.message });
    this.#out.push({ type: 'JobFailed', jobId: job.id, failure });
  }

  /** Forgets the job, and the stages that only it needed; what still runs of those is killed. */
  #end(job: ActiveJob, at: number, why: string): void {
    this.#jobs.delete(job.id);
    const stages = [...job.stages].sort((a, b) => a.id - b.id);
    for (const stage of stages) {
      stage.jobs.delete(job.id);
      stage.mapStageJobs.delete(job);
      if (stage.jobs.size > 0) continue;
      // Also of a stage that does not run: tasks of an attempt that failed may.
      if (stage.latestAttempt >= 0)
        this.#out.push({ type: 'CancelTasks', stageId: stage.id, interrupt: job.interruptOnCancel, reason: why });
      if (stage.state === 'running') this.#finishStage(stage, at, why);
      this.#enter(stage, 'idle');
      this.#graph.remove(stage);
      this.#out.push({ type: 'StageForgotten', stageId: stage.id });
    }
    if (this.#jobs.size === 0) this.#failureEpochs.clear();
  }

  #cancelJobs(at: number, which: (job: ActiveJob) => boolean, reason: string): void {
    for (const job of [...this.#jobs.values()].filter(which)) {
      const message = `Job ${job.id} cancelled ${reason}`.trimEnd();
      this.#failJob(job, at, { code: 'JOB_CANCELLED', message, cause: undefined });
    }
  }

  #cancelStage(event: Of<'StageCancelled'>): void {
    const stage = this.#graph.get(event.stageId);
    if (stage === undefined) {
      this.#log('info', `no active job needs stage ${event.stageId}: nothing to cancel`);
      return;
    }
    const reason = event.reason === null ? `Stage ${stage.id} was cancelled` : event.reason;
    this.#cancelJobs(event.at, (job) => job.stages.has(stage), `because ${reason}`);
  }

  /** Spark: DAGScheduler.abortStage */
  #abort(stage: Stage, at: number, reason: string, cause: unknown): void {
    const message = `Job aborted due to stage failure: ${reason}`;
    for (const jobId of [...stage.jobs].sort((a, b) => a - b)) {
      const job = this.#jobs.get(jobId);
      if (job !== undefined) this.#failJob(job, at, { code: 'STAGE_ABORTED', message, cause });
    }
  }

  // Stages begin and end

  /** Submits the stage if its parents are complete, else its missing parents first. Spark: DAGScheduler.submitStage */
  #submit(first: Stage, at: number): void {
    const stack = [first];
    for (let stage = stack.pop(); stage !== undefined; stage = stack.pop()) {
      // A submission further down may have failed the job, and so removed what stands on the stack.
      if (stage.state !== 'idle' || this.#graph.get(stage.id) !== stage) continue;
      const missing = this.#graph.missingParents(stage);
      if (missing.length === 0) {
        this.#submitMissingTasks(stage, at);
      } else {
        this.#enter(stage, 'waiting');
        stack.push(...missing.reverse());
      }
    }
  }

  /** Spark: DAGScheduler.submitMissingTasks */
  #submitMissingTasks(stage: Stage, at: number): void {
    const job = this.#jobs.get(Math.min(...stage.jobs));
    if (job === undefined) return; // no job wants it any more
    const outputs = missingOutputs(stage, this.#mapOutputs);
    stage.attempts.push({ outputs, epoch: this.#mapOutputs.epoch });
    this.#enter(stage, 'running');
    stage.awaitOutputs(outputs);
    this.#post({ type: 'SparkListenerStageSubmitted', at, stage: stage.info() });
    if (outputs.length === 0) {
      this.#mapStageDone(stage, at);
      return;
    }
    try {
      const places = new PreferredLocations(this.#cache, (id) => this.#hosts.get(id));
      this.#out.push({ type: 'SubmitTaskSet', taskSet: taskSetOf(stage, job, places) });
    } catch (cause) {
      this.#abort(stage, at, `Task creation failed: ${messageOf(cause)}`, cause);
    }
  }

  #finishStage(stage: Stage, at: number, failureReason: string | null): void {
    if (failureReason === null) stage.failedAttempts.clear();
    this.#enter(stage, 'idle');
    this.#post({ type: 'SparkListenerStageCompleted', at, stage: stage.info(), failureReason });
  }

  /** All tasks of the attempt are done; whether all outputs are there is another question. */
  #mapStageDone(stage: Stage, at: number): void {
    this.#finishStage(stage, at, null);
    if (!this.#graph.isAvailable(stage)) {
      this.#log('info', `${stage} is submitted again: outputs were lost while it ran`);
      this.#submit(stage, at);
      return;
    }
    this.#finishMapStageJobs(stage, at);
    const children = [...this.#byState.waiting].filter((child) => child.parents.includes(stage));
    for (const child of children.sort((a, b) => a.id - b.id)) {
      // The submission of a sister may have ended the job.
      if (child.state === 'waiting') this.#enter(child, 'idle');
      this.#submit(child, at);
    }
  }

  #finishMapStageJobs(stage: Stage, at: number): void {
    for (const job of [...stage.mapStageJobs]) this.#succeed(job, at);
  }

  #enter(stage: Stage, state: Stage['state']): void {
    if (stage.state !== 'idle') this.#byState[stage.state].delete(stage);
    stage.state = state;
    if (state !== 'idle') this.#byState[state].add(stage);
  }

  // Tasks end

  #taskEnded(event: Of<'CompletionEvent'>): void {
    const { at, stageId, stageAttemptId, task, reason, result, metrics } = event;
    this.#out.push({
      type: 'Post',
      event: { type: 'SparkListenerTaskEnd', at, stageId, stageAttemptId, task, reason, metrics },
    });
    const stage = this.#graph.get(stageId);
    const output = stage?.attempts[stageAttemptId]?.outputs[task.index];
    if (stage === undefined || output === undefined) return; // its jobs have ended
    switch (reason.kind) {
      case 'Success':
        if (stageAttemptId < stage.latestAttempt) this.#out.push({ type: 'PartitionCompleted', stageId, output });
        if (result?.kind === 'Result') this.#resultArrived(stage, output, result, at);
        else if (result?.kind === 'MapOutput') this.#mapOutputArrived(stage, output, event, result);
        return;
      case 'Resubmitted':
        if (stage.state === 'running') stage.awaitAgain(output);
        return;
      case 'FetchFailed':
        this.#fetchFailed(stage, event, reason);
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
    if (result.accumulators.length > 0) this.#out.push({ type: 'AccumulatorUpdates', updates: result.accumulators });
    this.#out.push({ type: 'TaskSucceeded', jobId: job.id, outputIndex: output, bytes: result.bytes });
    if (!job.isFinished) return;
    if (stage.state === 'running') this.#finishStage(stage, at, null);
    this.#succeed(job, at);
  }

  #mapOutputArrived(
    stage: Stage,
    output: number,
    event: Of<'CompletionEvent'>,
    result: Extract<Of<'CompletionEvent'>['result'], { kind: 'MapOutput' }>,
  ): void {
    const { work } = stage;
    if (work.kind !== 'ShuffleMap') return;
    // Spark's rule: a map task that runs twice adds twice.
    if (result.accumulators.length > 0) this.#out.push({ type: 'AccumulatorUpdates', updates: result.accumulators });
    stage.arrived(output);
    const lostIn = this.#failureEpochs.get(result.status.location.executorId);
    const knew = stage.attempts[event.stageAttemptId]?.epoch ?? -1;
    if (lostIn !== undefined && knew <= lostIn)
      this.#log('info', `Ignoring possibly bogus map output of ${stage} from executor ${event.task.executorId}`);
    else this.#mapOutputs.registerMapOutput(work.dependency.shuffleId, output, result.status);
    if (stage.state === 'running' && stage.pendingCount === 0) this.#mapStageDone(stage, event.at);
  }

  // Things get lost

  #fetchFailed(stage: Stage, event: Of<'CompletionEvent'>, reason: FetchFailed): void {
    const { at, stageAttemptId } = event;
    if (stageAttemptId !== stage.latestAttempt) {
      this.#log('info', `Ignoring fetch failure from attempt ${stageAttemptId} of ${stage}: a newer one exists`);
      return;
    }
    const message = describeFailure(reason);
    stage.failedAttempts.add(stageAttemptId);
    const limit = this.#settings.maxConsecutiveStageAttempts;
    if (stage.state === 'running') this.#finishStage(stage, at, message);
    if (reason.mapIndex !== null && reason.location !== null)
      this.#mapOutputs.unregisterMapOutput(reason.shuffleId, reason.mapIndex, reason.location, reason.mapId);
    if (stage.failedAttempts.size >= limit) {
      const times = `${stage} has failed the maximum allowable number of times: ${limit}.`;
      this.#abort(stage, at, `${times} Most recent failure reason:\n${message}`, undefined);
    } else {
      const mapStage = this.#graph.ofShuffle(reason.shuffleId);
      if (stage.state === 'idle') this.#enter(stage, 'failed');
      // A map stage that runs or waits already comes back by itself.
      if (mapStage?.state === 'idle') this.#enter(mapStage, 'failed');
      if (this.#byState.failed.size > 0 && !this.#resubmissionComing) {
        this.#resubmissionComing = true;
        this.#log('info', `Resubmitting ${mapStage} and ${stage} due to fetch failure`);
        this.#out.push({ type: 'WakeAt', at: at + this.#settings.resubmitDelayMs, why: 'ResubmitFailedStages' });
      }
    }
    if (reason.location !== null) {
      const { executorId, host } = reason.location;
      const epoch = stage.attempts[stageAttemptId]?.epoch ?? this.#mapOutputs.epoch;
      const wholeHost = this.#settings.shuffleServiceEnabled && this.#settings.unregisterOutputOnHost;
      this.#forgetOutputs(executorId, epoch, wholeHost ? host : null);
    }
  }

  /** Spark: DAGScheduler.removeExecutorAndUnregisterOutputs */
  #forgetOutputs(executorId: ExecutorId, epoch: number, host: string | null): void {
    const known = this.#failureEpochs.get(executorId);
    if (known !== undefined && known >= epoch) return;
    if (this.#jobs.size > 0) this.#failureEpochs.set(executorId, epoch);
    if (host === null) this.#mapOutputs.removeOutputsOnExecutor(executorId);
    else this.#mapOutputs.removeOutputsOnHost(host);
  }

  #executorLost(event: Of<'ExecutorLost'>): void {
    const { at, executorId, loss } = event;
    this.#hosts.delete(executorId);
    this.#cache.executorLost(executorId);
    if (!this.#settings.shuffleServiceEnabled || loss.workerLost)
      this.#forgetOutputs(executorId, this.#mapOutputs.epoch, null);
    this.#post({ type: 'SparkListenerExecutorRemoved', at, executorId, reason: loss.message });
  }

  #resubmitFailedStages(at: number): void {
    this.#resubmissionComing = false;
    const stages = [...this.#byState.failed].sort((a, b) => a.id - b.id);
    for (const stage of stages) this.#enter(stage, 'idle');
    for (const stage of stages) this.#submit(stage, at);
  }

  #post(event: SparkListenerEvent): void {
    this.#out.push({ type: 'Post', event });
  }

  #log(level: 'debug' | 'info' | 'warn' | 'error', message: string): void {
    this.#out.push({ type: 'Log', level, message });
  }

  /** Throws InvariantError if a numbered rule of the class comment is broken. */
  checkInvariants(): void {
    checkDagInvariants({
      graph: this.#graph,
      jobs: this.#jobs,
      byState: this.#byState,
      failureEpochs: this.#failureEpochs,
      resubmissionComing: this.#resubmissionComing,
    });
  }
}
