import { systemClock } from '../base/clock.ts';
import { collectGarbage } from '../base/collect-garbage.ts';
import type { Logger } from '../base/logger.ts';
import type { RddId, ShuffleId } from '../protocol/ids.ts';

/** What is left behind when an object cannot be reached any more. Spark: CleanupTask */
export type CleanupTask =
  | { readonly kind: 'RDD'; readonly rddId: RddId }
  | { readonly kind: 'Shuffle'; readonly shuffleId: ShuffleId }
  | { readonly kind: 'Broadcast'; readonly broadcastId: number }
  | { readonly kind: 'Accumulator'; readonly accumulatorId: number }
  | { readonly kind: 'Checkpoint'; readonly rddId: RddId; readonly dir: string };

export interface CleanerOptions {
  /** spark.cleaner.periodicGC.interval */
  readonly gcIntervalMs: number;
  /** Removes it, everywhere. What it throws is logged. */
  clean(task: CleanupTask): Promise<void> | void;
  readonly log: Logger;
}

/**
 * Removes what belongs to objects that the program has dropped: blocks of persisted RDDs, files of shuffles, broadcast
 * values, accumulators, and checkpoints if wanted.
 *
 * What counts is the *node* of an RDD, not the RDD objects of the program, which are handles: a cached RDD whose last handle is
 * gone is kept as long as an RDD made of it is there, since that computes from its blocks. A shuffle is held by the node that
 * reads it. A running job holds the nodes of its lineage, and its programs the broadcasts that they captured.
 *
 * The garbage collector says what cannot be reached; it runs when the driver's memory asks for it, and once in an interval in
 * any case: a driver that does little fills its executors' disks otherwise.
 *
 * Spark: ContextCleaner
 */
export class ContextCleaner {
  readonly #options: CleanerOptions;
  readonly #registry: FinalizationRegistry<CleanupTask>;
  readonly #queue: CleanupTask[] = [];
  #working = false;
  #stopped = false;
  #cancelTimer: () => void = () => {};

  constructor(options: CleanerOptions) {
    this.#options = options;
    this.#registry = new FinalizationRegistry((task) => this.#found(task));
  }

  start(): void {
    const collect = (): void => {
      if (this.#stopped) return;
      collectGarbage();
      this.start();
    };
    this.#cancelTimer = systemClock.after(this.#options.gcIntervalMs, collect, true);
  }

  /** Nothing is cleaned afterwards: whoever stops removes everything. */
  stop(): void {
    this.#stopped = true;
    this.#cancelTimer();
    this.#queue.length = 0;
  }

  /** When `object` cannot be reached any more, `task` is done. */
  register(object: object, task: CleanupTask): void {
    this.#registry.register(object, task);
  }

  #found(task: CleanupTask): void {
    if (this.#stopped) return;
    this.#queue.push(task);
    if (!this.#working) void this.#work();
  }

  async #work(): Promise<void> {
    this.#working = true;
    for (let task = this.#queue.shift(); task !== undefined; task = this.#queue.shift()) {
      this.#options.log.debug(`Cleaning ${describe(task)}`);
      await this.#clean(task);
    }
    this.#working = false;
  }

  async #clean(task: CleanupTask): Promise<void> {
    try {
      await this.#options.clean(task);
    } catch (error) {
      this.#options.log.error(`Error cleaning ${describe(task)}: ${String(error)}`);
    }
  }
}

function describe(task: CleanupTask): string {
  switch (task.kind) {
    case 'RDD':
      return `RDD ${task.rddId}`;
    case 'Shuffle':
      return `shuffle ${task.shuffleId}`;
    case 'Broadcast':
      return `broadcast ${task.broadcastId}`;
    case 'Accumulator':
      return `accumulator ${task.accumulatorId}`;
    case 'Checkpoint':
      return `checkpoint ${task.dir} of RDD ${task.rddId}`;
  }
}
