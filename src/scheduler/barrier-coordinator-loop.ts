import type { Clock } from '../base/clock.ts';
import type { BarrierSyncReply, BarrierSyncRequest } from '../protocol/barrier-sync.ts';
import type { SparkListenerEvent } from '../protocol/spark-listener-event.ts';
import { BarrierCoordinator, type BarrierEffect } from './barrier-coordinator.ts';

/** Timers cannot be set farther ahead; who waits longer is looked at in between. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;

/** The coordinator's loop: holds the promises of those that wait, and its timers. */
export class BarrierSyncs {
  readonly #clock: Clock;
  readonly #coordinator: BarrierCoordinator;
  readonly #pending = new Map<number, (reply: BarrierSyncReply) => void>();
  #cancelTimer: (() => void) | null = null;
  #nextRequestId = 0;

  constructor(timeoutMs: number, clock: Clock) {
    this.#clock = clock;
    this.#coordinator = new BarrierCoordinator(timeoutMs);
  }

  /** Resolves when all tasks of the stage attempt have come, or will not. */
  sync(request: BarrierSyncRequest): Promise<BarrierSyncReply> {
    const requestId = this.#nextRequestId++;
    return new Promise((resolve) => {
      this.#pending.set(requestId, resolve);
      this.#do(this.#coordinator.sync(requestId, request, this.#clock.now()));
    });
  }

  onEvent(event: SparkListenerEvent): void {
    if (event.type === 'SparkListenerStageSubmitted') {
      const { stageId, attemptNumber, numTasks } = event.stage;
      this.#coordinator.stageStarted(stageId, attemptNumber, numTasks);
    } else if (event.type === 'SparkListenerStageCompleted')
      this.#do(this.#coordinator.stageEnded(event.stage.stageId, event.stage.attemptNumber));
  }

  close(): void {
    this.#cancelTimer?.();
  }

  #do(effects: readonly BarrierEffect[]): void {
    for (const effect of effects)
      if (effect.type === 'WakeAt') this.#wakeAt(effect.at);
      else {
        this.#pending.get(effect.requestId)?.(effect.reply);
        this.#pending.delete(effect.requestId);
      }
  }

  /** One timer is enough: deadlines come in the order in which they were set, and each tick asks for the next. */
  #wakeAt(at: number): void {
    if (this.#cancelTimer !== null) return;
    const wait = Math.max(0, at - this.#clock.now());
    this.#cancelTimer = this.#clock.after(Math.min(wait, LONGEST_TIMER_MS), () => {
      this.#cancelTimer = null;
      this.#do(this.#coordinator.tick(this.#clock.now()));
    });
  }
}
