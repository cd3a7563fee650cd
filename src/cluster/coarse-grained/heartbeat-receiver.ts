import type { EpochMs } from '../../base/clock.ts';
import type { ExecutorId } from '../../protocol/ids.ts';

/** Times in ms. */
export interface HeartbeatSettings {
  /** An executor that is silent for longer is lost. spark.network.timeout */
  readonly timeoutMs: number;
  /** How often `Check` comes. spark.network.timeoutInterval */
  readonly checkIntervalMs: number;
}

export type HeartbeatEvent =
  | { readonly type: 'Registered'; readonly at: EpochMs; readonly executorId: ExecutorId }
  | { readonly type: 'Heartbeat'; readonly at: EpochMs; readonly executorId: ExecutorId }
  | { readonly type: 'Removed'; readonly executorId: ExecutorId }
  /** The timer. */
  | { readonly type: 'Check'; readonly at: EpochMs };

export interface ExpiredExecutor {
  readonly executorId: ExecutorId;
  readonly silentMs: number;
}

/**
 * Notices executors that are silent although their connection stands.
 *
 * A driver whose program computed in one long stretch has read no message meanwhile, and its timers run before it reads
 * them. A check that comes much too late therefore says nothing about executors: they all get their full time again.
 *
 * Invariants: an executor is reported as expired at most once; one that was heard of within `timeoutMs` never.
 *
 * Spark: HeartbeatReceiver
 */
export class HeartbeatReceiver {
  readonly #settings: HeartbeatSettings;
  readonly #lastSeen = new Map<ExecutorId, EpochMs>();
  #lastCheck: EpochMs | null = null;

  constructor(settings: HeartbeatSettings) {
    this.#settings = settings;
  }

  /** @returns false when the executor is not known: it has to register (again). */
  knows(executorId: ExecutorId): boolean {
    return this.#lastSeen.has(executorId);
  }

  handle(event: HeartbeatEvent): readonly ExpiredExecutor[] {
    switch (event.type) {
      case 'Registered':
        this.#lastSeen.set(event.executorId, event.at);
        return [];
      case 'Heartbeat':
        if (this.#lastSeen.has(event.executorId)) this.#lastSeen.set(event.executorId, event.at);
        return [];
      case 'Removed':
        this.#lastSeen.delete(event.executorId);
        return [];
      case 'Check':
        return this.#check(event.at);
    }
  }

  #check(at: EpochMs): readonly ExpiredExecutor[] {
    const { timeoutMs, checkIntervalMs } = this.#settings;
    const away = this.#lastCheck !== null && at - this.#lastCheck > 2 * checkIntervalMs;
    this.#lastCheck = at;
    if (away) {
      for (const executorId of this.#lastSeen.keys()) this.#lastSeen.set(executorId, at);
      return [];
    }
    const expired: ExpiredExecutor[] = [];
    for (const [executorId, seen] of this.#lastSeen) {
      if (at - seen <= timeoutMs) continue;
      expired.push({ executorId, silentMs: at - seen });
      this.#lastSeen.delete(executorId);
    }
    return expired;
  }
}
