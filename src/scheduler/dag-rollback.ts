import type { DagJobs } from './dag-jobs.ts';
import type { DagTables } from './dag-tables.ts';
import type { Stage } from './stage.ts';

/**
 * The DAG scheduler's part that undoes what was made of an output that will be another one when it is computed again.
 *
 * Records of an *indeterminate* stage depend on the order in which it read its input, which a shuffle leaves open. If
 * one of its outputs is lost, all are computed again, and so is everything that was computed from them: else a record
 * could be there twice, or not at all. What has been delivered to a job's owner cannot be undone; such a job fails.
 *
 *   map stage, lost an output ──► all its outputs go
 *     └─► map stages after it ──► all their outputs go, a running attempt ends and begins anew
 *          └─► result stages ───► nothing delivered: as above; something delivered: aborted
 *
 * Spark: DAGScheduler.handleTaskCompletion (FetchFailed), collectStagesToRollback
 */
export class DagRollback {
  readonly #t: DagTables;
  readonly #jobs: DagJobs;

  constructor(tables: DagTables, jobs: DagJobs) {
    this.#t = tables;
    this.#jobs = jobs;
  }

  /** A map stage without all its outputs is about to run. */
  beforeRun(stage: Stage, at: number): void {
    if (stage.dependency === null) return;
    // The level costs a walk over the lineage; most stages run for the first time, and nothing has come of them.
    if (this.#hasBegun(stage) || this.#children(stage).some((child) => this.#hasBegun(child)))
      this.outputLost(stage, at);
  }

  /**
   * An output of the map stage is lost: if it is indeterminate all of them go, and the stages that read them, directly or
   * not, are rolled back.
   */
  outputLost(mapStage: Stage, at: number): void {
    if (!mapStage.isIndeterminate) {
      // Tasks that need each other cannot run for the hole alone.
      if (mapStage.isBarrier && mapStage.state !== 'running') this.#dropOutputs(mapStage);
      return;
    }
    // One that runs has dropped them when it began.
    if (mapStage.state !== 'running') this.#dropOutputs(mapStage);
    const after = new Set<Stage>([mapStage]);
    // Parents have lower ids than their children, and the graph is in the order of ids.
    for (const stage of this.#t.graph.all()) if (stage.parents.some((parent) => after.has(parent))) after.add(stage);
    after.delete(mapStage);
    for (const stage of after) {
      // An abort before may have taken it away.
      if (this.#t.graph.get(stage.id) !== stage || !this.#hasBegun(stage)) continue;
      if ((stage.resultJob?.numFinished ?? 0) > 0) this.#jobs.abort(stage, at, cannotRollBack(stage), undefined);
      else this.#rollBack(stage, at);
    }
  }

  #rollBack(stage: Stage, at: number): void {
    const t = this.#t;
    const reason = `${stage} is rolled back, for the indeterminate output that it reads is computed again`;
    t.log('info', reason);
    this.#dropOutputs(stage);
    if (stage.latestAttempt >= 0) t.want({ type: 'CancelTasks', stageId: stage.id, interrupt: true, reason });
    if (stage.state !== 'running') return;
    this.#jobs.finishStage(stage, at, reason);
    t.resubmitLater(stage, at);
  }

  #dropOutputs(stage: Stage): void {
    stage.ignoreAttempts();
    if (stage.dependency !== null) this.#t.mapOutputs.unregisterAllMapOutputs(stage.dependency.shuffleId);
  }

  /** Whether anything was, or may yet be, computed from the outputs before it as they were. */
  #hasBegun(stage: Stage): boolean {
    if (stage.state === 'running' || stage.latestAttempt > stage.lastIgnoredAttempt) return true;
    const shuffleId = stage.dependency?.shuffleId;
    return shuffleId !== undefined && this.#t.mapOutputs.numAvailableOutputs(shuffleId) > 0;
  }

  #children(stage: Stage): Stage[] {
    const children: Stage[] = [];
    for (const other of this.#t.graph.all()) if (other.parents.includes(stage)) children.push(other);
    return children;
  }
}

function cannotRollBack(stage: Stage): string {
  return (
    'A shuffle map stage with indeterminate output was failed and retried. However, Spark cannot rollback the ' +
    `${stage} to re-process the input data, and has to fail this job. Please eliminate the indeterminacy by ` +
    'checkpointing the RDD before repartition and try again.'
  );
}
