import type { JobId, StageId } from '../protocol/ids.ts';
import type { SparkListenerEvent } from '../protocol/spark-listener-event.ts';
import { type CommitAttempt, OutputCommitCoordinator } from '../scheduler/output-commit-coordinator.ts';

/** Keeps the coordinator of output commits told of stages and attempts, from the events of the application. */
export class OutputCommits {
  readonly #coordinator = new OutputCommitCoordinator();
  readonly #stagesOfJobs = new Map<JobId, readonly StageId[]>();

  canCommit(attempt: CommitAttempt): boolean {
    return this.#coordinator.canCommit(attempt);
  }

  onEvent(event: SparkListenerEvent): void {
    switch (event.type) {
      case 'SparkListenerJobStart':
        this.#stagesOfJobs.set(
          event.jobId,
          event.stages.map((stage) => stage.stageId),
        );
        return;
      case 'SparkListenerStageSubmitted':
        this.#coordinator.stageStarted(event.stage.stageId);
        return;
      case 'SparkListenerTaskEnd':
        if (event.reason.kind !== 'Success')
          this.#coordinator.attemptFailed({
            stageId: event.stageId,
            stageAttemptId: event.stageAttemptId,
            partition: event.task.partition,
            attemptNumber: event.task.attemptNumber,
          });
        return;
      case 'SparkListenerStageCompleted':
        // One that failed may come back with another attempt, until its job is over.
        if (event.failureReason === null) this.#coordinator.stageEnded(event.stage.stageId);
        return;
      case 'SparkListenerJobEnd':
        this.#jobEnded(event.jobId);
        return;
      default:
    }
  }

  /** A late task of a cancelled job must not make its output final: somebody may be removing it. */
  #jobEnded(jobId: JobId): void {
    const stages = this.#stagesOfJobs.get(jobId) ?? [];
    this.#stagesOfJobs.delete(jobId);
    const needed = new Set([...this.#stagesOfJobs.values()].flat());
    for (const stageId of stages) if (!needed.has(stageId)) this.#coordinator.stageEnded(stageId);
  }
}
