import type { Logger } from '../base/logger.ts';
import type { SparkListenerEvent } from '../protocol/spark-listener-event.ts';

/**
 * Hears of a running application: a method an event, `onJobStart(event)`, all optional, and `onEvent` for every one.
 *
 * Spark: SparkListener
 */
export type SparkListener = {
  [E in SparkListenerEvent as E['type'] extends `SparkListener${infer Name}` ? `on${Name}` : never]?: (
    event: E,
  ) => void;
} & { onEvent?: (event: SparkListenerEvent) => void };

export interface ListenerBusOptions {
  readonly logger: Logger;
  /** spark.scheduler.listenerbus.eventqueue.capacity: events that may wait. Default 10000. */
  readonly capacity?: number;
}

/**
 * Brings events to listeners: all of them, in the order of posting, one listener after another in the order of adding, and
 * never inside the call that posted.
 *
 * A listener that throws is logged, once, and harms nobody. When more events wait than the queue holds, new ones are dropped
 * with a warning, so that a flood cannot fill the memory.
 *
 * Spark: LiveListenerBus
 */
export class ListenerBus {
  readonly #logger: Logger;
  readonly #capacity: number;
  #listeners: readonly SparkListener[] = [];
  readonly #logged = new WeakSet<SparkListener>();
  #queue: SparkListenerEvent[] = [];
  /** Events of the queue that were delivered already; only then is it more than 0. */
  #delivered = 0;
  #scheduled = false;
  #delivering = false;
  #dropped = 0;
  #nextDropWarning = 1;

  constructor(options: ListenerBusOptions) {
    this.#logger = options.logger;
    this.#capacity = options.capacity ?? 10_000;
  }

  add(listener: SparkListener): void {
    this.#listeners = [...this.#listeners, listener];
  }

  /** Removes the listener added first of equal ones; it hears nothing more, also of what waits. */
  remove(listener: SparkListener): void {
    const at = this.#listeners.indexOf(listener);
    if (at >= 0) this.#listeners = this.#listeners.toSpliced(at, 1);
  }

  /** True when somebody listens: ask before building an expensive event. */
  get isHeard(): boolean {
    return this.#listeners.length > 0;
  }

  /** How many events wait. */
  get numWaiting(): number {
    return this.#queue.length - this.#delivered;
  }

  /** How many events were dropped since the start. */
  get numDropped(): number {
    return this.#dropped;
  }

  post(event: SparkListenerEvent): void {
    if (this.#listeners.length === 0) return;
    if (this.#queue.length - this.#delivered >= this.#capacity) {
      this.#drop();
      return;
    }
    this.#queue.push(event);
    if (this.#scheduled) return;
    this.#scheduled = true;
    queueMicrotask(() => {
      this.#scheduled = false;
      this.drain();
    });
  }

  /** Delivers everything that waits, now. Inside a listener it does nothing: the round at work goes on. */
  drain(): void {
    if (this.#delivering) return;
    this.#delivering = true;
    try {
      while (this.#delivered < this.#queue.length) {
        const event = this.#queue[this.#delivered++] as SparkListenerEvent; // below length
        // One that was removed by another listener of this event.
        for (const listener of this.#listeners) if (this.#listeners.includes(listener)) this.#deliver(listener, event);
      }
    } finally {
      this.#queue = [];
      this.#delivered = 0;
      this.#delivering = false;
    }
  }

  #deliver(listener: SparkListener, event: SparkListenerEvent): void {
    // The name of the method that the mapped type of SparkListener gives this event.
    const method = `on${event.type.slice('SparkListener'.length)}` as keyof SparkListener;
    for (const name of [method, 'onEvent'] as const) {
      const heard = listener[name] as ((event: SparkListenerEvent) => unknown) | undefined;
      if (heard === undefined) continue;
      try {
        const result = heard.call(listener, event);
        if (result instanceof Promise) result.catch((error: unknown) => this.#failed(listener, event, error));
      } catch (error) {
        this.#failed(listener, event, error);
      }
    }
  }

  #failed(listener: SparkListener, event: SparkListenerEvent, error: unknown): void {
    if (this.#logged.has(listener)) return;
    this.#logged.add(listener);
    const why = error instanceof Error ? (error.stack ?? error.message) : String(error);
    this.#logger.error(
      `Listener ${listener.constructor?.name ?? 'without a class'} threw an exception; it stays, and its further ones are not logged: ${why}`,
      { event: event.type },
    );
  }

  #drop(): void {
    this.#dropped++;
    if (this.#dropped < this.#nextDropWarning) return;
    this.#nextDropWarning *= 10;
    this.#logger.warn(
      `Dropped ${this.#dropped} listener events so far: more than ${this.#capacity} waited at once; raise ` +
        'spark.scheduler.listenerbus.eventqueue.capacity',
    );
  }
}
