import type { BarrierSyncReply, BarrierSyncRequest } from '../protocol/barrier-sync.ts';
import type { StageId } from '../protocol/ids.ts';

/** What the coordinator wants; done by the loop, in order. */
export type BarrierEffect =
  | { readonly type: 'Reply'; readonly requestId: number; readonly reply: BarrierSyncReply }
  /** Wants tick() at that time. */
  | { readonly type: 'WakeAt'; readonly at: number };

interface Attempt {
  /** `Stage 1 (Attempt 0)` */
  readonly name: string;
  readonly numTasks: number;
  /** Syncs that have succeeded so far. */
  epoch: number;
  readonly waiting: { readonly requestId: number; readonly request: BarrierSyncRequest }[];
  /** When the sync under way is given up; null: there is none. */
  deadline: number | null;
}

/**
 * Lets the tasks of a barrier stage's attempt wait for each other, and hands each the messages of all.
 *
 *   no sync ── first request ──► n of N wait ── the last one ──► all are answered, epoch + 1 ──► no sync
 *                                     └── another method, time is up, the attempt ends ──► all fail ──► no sync
 *
 * Invariants:
 * 1. A request is answered once.
 * 2. Those that wait belong to the same sync: one epoch, one method, one of each partition, fewer than there are tasks.
 * 3. What waits has a deadline.
 *
 * Spark: BarrierCoordinator
 */
export class BarrierCoordinator {
  readonly #timeoutMs: number;
  readonly #attempts = new Map<string, Attempt>();
  #out: BarrierEffect[] = [];

  /** @param timeoutMs how long the tasks of a sync wait for the last of them (spark.barrier.sync.timeout). */
  constructor(timeoutMs: number) {
    this.#timeoutMs = timeoutMs;
  }

  stageStarted(stageId: StageId, stageAttemptId: number, numTasks: number): void {
    const name = `Stage ${stageId} (Attempt ${stageAttemptId})`;
    this.#attempts.set(name, { name, numTasks, epoch: 0, waiting: [], deadline: null });
  }

  /** Well or not: who still waits is told so. */
  stageEnded(stageId: StageId, stageAttemptId: number): BarrierEffect[] {
    this.#out = [];
    const name = `Stage ${stageId} (Attempt ${stageAttemptId})`;
    const attempt = this.#attempts.get(name);
    if (attempt !== undefined) this.#failAll(attempt, `${name} is over, and not all of its tasks came to the sync.`);
    this.#attempts.delete(name);
    return this.#out;
  }

  sync(requestId: number, request: BarrierSyncRequest, at: number): BarrierEffect[] {
    this.#out = [];
    const { stageId, stageAttemptId, taskId, epoch } = request;
    const name = `Stage ${stageId} (Attempt ${stageAttemptId})`;
    const attempt = this.#attempts.get(name);
    if (attempt === undefined || attempt.epoch !== epoch) {
      const finished = `The request to sync of ${name} with barrier epoch ${epoch} has already finished.`;
      this.#fail(requestId, `${finished} Maybe task ${taskId} is not properly killed.`);
      return this.#out;
    }
    attempt.waiting.push({ requestId, request });
    const methods = [...new Set(attempt.waiting.map((waiting) => waiting.request.method))];
    if (methods.length > 1) {
      const types = `Different barrier sync types found for the sync ${name}: ${methods.join(', ')}.`;
      this.#failAll(attempt, `${types} Please use the same barrier sync type within a single sync.`);
    } else if (attempt.waiting.length === attempt.numTasks) {
      this.#succeed(attempt);
    } else if (attempt.deadline === null) {
      attempt.deadline = at + this.#timeoutMs;
      this.#out.push({ type: 'WakeAt', at: attempt.deadline });
    }
    return this.#out;
  }

  /** A time that was asked for has come; asks for the next one. */
  tick(at: number): BarrierEffect[] {
    this.#out = [];
    let next = Number.POSITIVE_INFINITY;
    for (const attempt of this.#attempts.values()) {
      if (attempt.deadline === null) continue;
      if (attempt.deadline > at) {
        next = Math.min(next, attempt.deadline);
        continue;
      }
      const missing = `The coordinator didn't get all barrier sync requests for barrier epoch ${attempt.epoch}`;
      this.#failAll(attempt, `${missing} from ${attempt.name} within ${this.#timeoutMs / 1000} second(s).`);
    }
    if (next < Number.POSITIVE_INFINITY) this.#out.push({ type: 'WakeAt', at: next });
    return this.#out;
  }

  #succeed(attempt: Attempt): void {
    const byPartition = [...attempt.waiting].sort((a, b) => a.request.partition - b.request.partition);
    const messages = byPartition.map(({ request }) => request.message);
    for (const { requestId } of attempt.waiting)
      this.#out.push({ type: 'Reply', requestId, reply: { kind: 'Synced', messages } });
    attempt.epoch++;
    attempt.waiting.length = 0;
    attempt.deadline = null;
  }

  #failAll(attempt: Attempt, message: string): void {
    for (const { requestId } of attempt.waiting) this.#fail(requestId, message);
    attempt.waiting.length = 0;
    attempt.deadline = null;
  }

  #fail(requestId: number, message: string): void {
    this.#out.push({ type: 'Reply', requestId, reply: { kind: 'Failed', message } });
  }
}
