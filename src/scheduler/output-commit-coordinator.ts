import type { StageId } from '../protocol/ids.ts';

/** One attempt at a partition: `stageAttemptId` and the attempt number inside it. */
export interface CommitAttempt {
  readonly stageId: StageId;
  readonly stageAttemptId: number;
  readonly partition: number;
  readonly attemptNumber: number;
}

interface StageState {
  /** By partition: the attempt that may commit. */
  readonly authorized: Map<number, string>;
  readonly failed: Map<number, Set<string>>;
}

/**
 * Decides which attempt of a partition may make its output final: the first that asks. It keeps the right until it fails;
 * attempts that failed, and stages that are over, are refused.
 *
 *   nobody ── asks ──► authorised ── fails ──► nobody (and that attempt never again)
 *
 * Invariants:
 * 1. At most one attempt of a partition is authorised at any time.
 * 2. An attempt that is known to have failed is never authorised.
 *
 * Spark: OutputCommitCoordinator
 */
export class OutputCommitCoordinator {
  readonly #stages = new Map<StageId, StageState>();

  /** A further attempt of the stage keeps what the earlier one committed. */
  stageStarted(stageId: StageId): void {
    if (!this.#stages.has(stageId)) this.#stages.set(stageId, { authorized: new Map(), failed: new Map() });
  }

  stageEnded(stageId: StageId): void {
    this.#stages.delete(stageId);
  }

  canCommit(attempt: CommitAttempt): boolean {
    const stage = this.#stages.get(attempt.stageId);
    if (stage === undefined) return false;
    const me = key(attempt);
    if (stage.failed.get(attempt.partition)?.has(me)) return false;
    const holder = stage.authorized.get(attempt.partition);
    if (holder === undefined) stage.authorized.set(attempt.partition, me);
    return holder === undefined || holder === me;
  }

  /** An attempt ended without success: its right, if it had it, goes to the next that asks. */
  attemptFailed(attempt: CommitAttempt): void {
    const stage = this.#stages.get(attempt.stageId);
    if (stage === undefined) return;
    const me = key(attempt);
    const failed = stage.failed.get(attempt.partition);
    if (failed === undefined) stage.failed.set(attempt.partition, new Set([me]));
    else failed.add(me);
    if (stage.authorized.get(attempt.partition) === me) stage.authorized.delete(attempt.partition);
  }
}

function key(attempt: CommitAttempt): string {
  return `${attempt.stageAttemptId}.${attempt.attemptNumber}`;
}
