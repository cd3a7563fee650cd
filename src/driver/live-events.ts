// What pages of a running application are made from. Nothing is made before somebody looks: until then events wait as they came.
import { systemClock } from '../base/clock.ts';
import type { Logger } from '../base/logger.ts';
import { RETAINED_JOBS, RETAINED_STAGES } from '../config/context-entries.ts';
import { RETAINED_DEAD_EXECUTORS, RETAINED_TASKS } from '../config/history-entries.ts';
import { REDACTION_REGEX } from '../config/logging-entries.ts';
import type { SparkConf } from '../config/spark-conf.ts';
import { heldEvent } from '../event-log/held-event.ts';
import type { SparkListenerEvent } from '../protocol/spark-listener-event.ts';
import type { AppStatusStore } from '../status/app-status-store.ts';

/** So many may wait, a few megabytes; then they are made part of the picture, in the pauses of everybody else. */
const MAX_WAITING = 50_000;
/** In one go; each takes some microseconds. */
const EVENTS_PER_TURN = 1000;

/** The picture, and how an event becomes part of it. */
interface Picture {
  readonly store: AppStatusStore;
  hear(event: SparkListenerEvent): void;
}

/** Spark: AppStatusListener */
export class LiveEvents {
  readonly #conf: SparkConf;
  readonly #log: Logger;
  #waiting: SparkListenerEvent[] = [];
  #next = 0;
  /** How many are part of the picture. */
  #numDone = 0;
  #loading: Promise<Picture> | null = null;
  #working = false;

  constructor(conf: SparkConf, log: Logger) {
    this.#conf = conf;
    this.#log = log;
  }

  /** How many wait. */
  get numWaiting(): number {
    return this.#waiting.length - this.#next;
  }

  hear(event: SparkListenerEvent): void {
    this.#waiting.push(heldEvent(event));
    if (this.#working || this.numWaiting < MAX_WAITING) return;
    this.#working = true;
    void this.#workUntil(this.#numDone + MAX_WAITING / 2).then(() => {
      this.#working = false;
    });
  }

  /** All that was heard until now. */
  async store(): Promise<AppStatusStore> {
    await this.#workUntil(this.#numDone + this.numWaiting);
    const { store } = await this.#picture();
    store.now = systemClock.now();
    return store;
  }

  async #workUntil(numDone: number): Promise<void> {
    const picture = await this.#picture();
    for (;;) {
      this.#turn(picture);
      if (this.#numDone >= numDone) return;
      await new Promise((resolve) => setImmediate(resolve));
    }
  }

  #turn({ hear }: Picture): void {
    const end = Math.min(this.#waiting.length, this.#next + EVENTS_PER_TURN);
    this.#numDone += end - this.#next;
    while (this.#next < end) hear(this.#waiting[this.#next++] as SparkListenerEvent); // below the end
    if (this.#next === this.#waiting.length) this.#waiting = [];
    else if (this.#next >= MAX_WAITING / 2) this.#waiting = this.#waiting.slice(this.#next);
    else return;
    this.#next = 0;
  }

  #picture(): Promise<Picture> {
    this.#loading ??= load(this.#conf, this.#log);
    return this.#loading;
  }
}

async function load(conf: SparkConf, log: Logger): Promise<Picture> {
  const [{ EventJson, LOG_START }, { AppStatusStore }] = await Promise.all([
    import('../event-log/event-json.ts'),
    import('../status/app-status-store.ts'),
  ]);
  const json = new EventJson({ redact: conf.get(REDACTION_REGEX), blockUpdates: true, running: true });
  const store = new AppStatusStore({
    jobs: conf.get(RETAINED_JOBS),
    stages: conf.get(RETAINED_STAGES),
    tasks: conf.get(RETAINED_TASKS),
    tasksOfOverStages: conf.get(RETAINED_TASKS),
    deadExecutors: conf.get(RETAINED_DEAD_EXECUTORS),
  });
  store.hear(LOG_START);
  return {
    store,
    hear(event) {
      try {
        const logged = json.of(event);
        if (logged !== null) store.hear(logged);
      } catch (error) {
        log.error(`Pages cannot show ${event.type}: ${error instanceof Error ? error.stack : String(error)}`);
      }
    },
  };
}
