import type { ActiveJob } from './active-job.ts';
import type { DagJobs } from './dag-jobs.ts';
import type { DagRollback } from './dag-rollback.ts';
import type { DagTables } from './dag-tables.ts';
import { messageOf } from './errors.ts';
import type { MapOutputRegistry } from './ports.ts';
import { PreferredLocations } from './preferred-locations.ts';
import type { Stage } from './stage.ts';
import { missingOutputs, taskSetOf } from './stage-attempt.ts';

/** The DAG scheduler's part that submits stages, parents first, and goes on with their children. */
export class DagStages {
  readonly #t: DagTables;
  readonly #jobs: DagJobs;
  readonly #rollback: DagRollback;

  constructor(tables: DagTables, jobs: DagJobs, rollback: DagRollback) {
    this.#t = tables;
    this.#jobs = jobs;
    this.#rollback = rollback;
  }

  /** Enters the job in the tables and submits what it needs. */
  start(job: ActiveJob, at: number): void {
    const t = this.#t;
    t.jobs.set(job.id, job);
    const stack = [job.finalStage];
    for (let stage = stack.pop(); stage !== undefined; stage = stack.pop()) {
      if (job.stages.has(stage)) continue;
      job.stages.add(stage);
      stack.push(...stage.parents);
    }
    const stages = [...job.stages].sort((a, b) => a.id - b.id).map((stage) => stage.info());
    t.post({ type: 'SparkListenerJobStart', at, jobId: job.id, stages, properties: job.properties });
    const satisfied = job.finalStage.work.kind === 'ShuffleMap' && t.graph.isAvailable(job.finalStage);
    if (satisfied) return;
    const beforeTaskSets = t.out.length;
    this.submit(job.finalStage, at);
    const needed = [...job.stages].filter((stage) => stage.state !== 'idle').sort((a, b) => a.id - b.id);
    if (needed.length === 0) return;
    const prepare = needed.map((stage) => ({ stageId: stage.id, work: stage.work }));
    t.out.splice(beforeTaskSets, 0, { type: 'PrepareStages', stages: prepare });
  }

  /** Submits the stage if its parents are complete, else its missing parents first. Spark: DAGScheduler.submitStage */
  submit(first: Stage, at: number): void {
    const { graph } = this.#t;
    const stack = [first];
    for (let stage = stack.pop(); stage !== undefined; stage = stack.pop()) {
      // A submission further down may have failed the job, and so removed what stands on the stack.
      if (stage.state !== 'idle' || graph.get(stage.id) !== stage) continue;
      const missing = graph.missingParents(stage);
      if (missing.length === 0) {
        if (this.#isTriedTooOften(stage, at)) continue;
        this.#submitMissingTasks(stage, at);
      } else {
        this.#t.enter(stage, 'waiting');
        stack.push(...missing.reverse());
      }
    }
  }

  /** Aborts the stage if it may not be submitted again. */
  #isTriedTooOften(stage: Stage, at: number): boolean {
    const { maxStageAttempts, maxConsecutiveStageAttempts } = this.#t.settings;
    const limit = Math.max(maxStageAttempts, maxConsecutiveStageAttempts);
    if (stage.attempts.length < limit) return false;
    const reason =
      `${stage} has been resubmitted for the maximum allowable number of times: ${limit}, which is the max value of ` +
      'config `spark.stage.maxAttempts` and `spark.stage.maxConsecutiveAttempts`.';
    this.#jobs.abort(stage, at, reason, undefined);
    return true;
  }

  /** All tasks of the attempt are done; whether all outputs are there is another question. */
  mapStageDone(stage: Stage, at: number): void {
    this.#jobs.finishStage(stage, at, null);
    if (!this.#t.graph.isAvailable(stage)) {
      this.#t.log('info', `${stage} is submitted again: outputs were lost while it ran`);
      this.submit(stage, at);
      return;
    }
    this.finishMapStageJobs(stage, at);
    const children = [...this.#t.byState.waiting].filter((child) => child.parents.includes(stage));
    for (const child of children.sort((a, b) => a.id - b.id)) {
      // The submission of a sister may have ended the job.
      if (child.state === 'waiting') this.#t.enter(child, 'idle');
      this.submit(child, at);
    }
  }

  finishMapStageJobs(stage: Stage, at: number): void {
    for (const job of [...stage.mapStageJobs]) this.#jobs.succeed(job, at);
  }

  /** On one host it does not matter where a reducer runs. */
  #mapOutputsWithSay(): MapOutputRegistry | null {
    const { settings, hosts, mapOutputs } = this.#t;
    return settings.reduceLocality && new Set(hosts.values()).size > 1 ? mapOutputs : null;
  }

  /** Spark: DAGScheduler.submitMissingTasks */
  #submitMissingTasks(stage: Stage, at: number): void {
    const t = this.#t;
    this.#rollback.beforeRun(stage, at);
    const job = t.jobs.get(Math.min(...stage.jobs));
    if (job === undefined) return; // no job wants it any more
    const outputs = missingOutputs(stage, t.mapOutputs);
    stage.attempts.push({ outputs, epoch: t.mapOutputs.epoch });
    t.enter(stage, 'running');
    stage.awaitOutputs(outputs);
    t.post({ type: 'SparkListenerStageSubmitted', at, stage: stage.info() });
    if (outputs.length === 0) {
      this.mapStageDone(stage, at);
      return;
    }
    try {
      const places = new PreferredLocations(t.cache, (id) => t.hosts.get(id), this.#mapOutputsWithSay());
      t.want({ type: 'SubmitTaskSet', taskSet: taskSetOf(stage, job, places) });
    } catch (cause) {
      this.#jobs.abort(stage, at, `Task creation failed: ${messageOf(cause)}`, cause);
    }
  }
}
