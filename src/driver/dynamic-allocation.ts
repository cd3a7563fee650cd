import { type Clock, systemClock } from '../base/clock.ts';
import type { Logger } from '../base/logger.ts';
import type { BlockUpdated } from '../cluster/application-backend.ts';
import type { ExecutorId, ShuffleId } from '../protocol/ids.ts';
import type { SparkListenerEvent } from '../protocol/spark-listener-event.ts';
import type { AllocationSettings } from '../scheduler/allocation-settings.ts';
import {
  ALLOCATION_INTERVAL_MS,
  type AllocationEffect,
  ExecutorAllocationManager,
} from '../scheduler/executor-allocation-manager.ts';
import type { ExecutorAllocationClient } from '../scheduler/ports.ts';

/**
 * Dynamic allocation's loop: tells its machine what happens and what time it is, and does what it wants.
 *
 * Spark: ExecutorAllocationManager.start
 */
export class DynamicAllocation {
  readonly #manager: ExecutorAllocationManager;
  readonly #client: ExecutorAllocationClient;
  readonly #clock: Clock;
  readonly #log: Logger;
  #cancelTimer: () => void = () => {};
  #stopped = false;

  constructor(
    settings: AllocationSettings,
    slotsPerExecutor: (profileId: number) => number,
    client: ExecutorAllocationClient,
    log: Logger,
    clock: Clock = systemClock,
  ) {
    this.#manager = new ExecutorAllocationManager(settings, slotsPerExecutor);
    this.#client = client;
    this.#clock = clock;
    this.#log = log.named('ExecutorAllocationManager');
  }

  start(): void {
    this.#do(this.#manager.start());
    this.#tick();
  }

  hear(event: SparkListenerEvent): void {
    this.#manager.hear(event);
  }

  blockUpdated({ executorId, rddId, partition, stored, memoryBytes, diskBytes }: BlockUpdated): void {
    const inMemory = stored && memoryBytes > 0;
    this.#manager.blockUpdated({ executorId, rddId, partition, inMemory, onDisk: stored && diskBytes > 0 });
  }

  /** A map output was handed on to this executor. */
  shuffleMoved(executorId: ExecutorId, shuffleId: ShuffleId): void {
    this.#manager.shuffleMoved(executorId, shuffleId);
  }

  shuffleCleaned(shuffleId: ShuffleId): void {
    this.#manager.shuffleCleaned(shuffleId);
  }

  stop(): void {
    this.#stopped = true;
    this.#cancelTimer();
  }

  #tick(): void {
    const tick = (): void => {
      if (this.#stopped) return;
      this.#do(this.#manager.tick(this.#clock.now()));
      this.#tick();
    };
    this.#cancelTimer = this.#clock.after(ALLOCATION_INTERVAL_MS, tick, true);
  }

  #do(effects: readonly AllocationEffect[]): void {
    for (const effect of effects)
      switch (effect.type) {
        case 'RequestTotalExecutors':
          this.#client.requestTotalExecutors(effect.wanted).then(
            (ok) => this.#do(this.#manager.requestAnswered(ok)),
            (error: unknown) => this.#failed('requesting executors', error, () => this.#manager.requestAnswered(false)),
          );
          break;
        case 'KillExecutors':
          this.#removed(this.#client.killExecutors(effect.executorIds, { adjustTarget: false, force: false }));
          break;
        case 'DecommissionExecutors':
          this.#removed(
            this.#client.decommissionExecutors(effect.executorIds, { adjustTarget: false, message: effect.message }),
          );
          break;
        case 'Log':
          this.#log[effect.level](effect.message);
      }
  }

  #removed(going: Promise<readonly ExecutorId[]>): void {
    going.then(
      (ids) => this.#do(this.#manager.removalAnswered(ids)),
      (error: unknown) => this.#failed('removing executors', error, () => this.#manager.removalAnswered([])),
    );
  }

  #failed(what: string, error: unknown, answer: () => AllocationEffect[]): void {
    this.#log.warn(`${what} failed`, { error: String(error) });
    this.#do(answer());
  }
}
