import { steadyClock } from '../base/clock.ts';
import { Counter, gauge, Meter, type Metric, Timer } from '../metrics/instruments.ts';
import type { Source } from '../metrics/metrics-snapshot.ts';

/** Which requests are timed, and as what. */
const TIMED: Readonly<Record<string, 'openBlockRequestLatencyMillis' | 'registerExecutorRequestLatencyMillis'>> = {
  FetchShuffleBlocks: 'openBlockRequestLatencyMillis',
  FetchRddBlock: 'openBlockRequestLatencyMillis',
  RegisterExecutor: 'registerExecutorRequestLatencyMillis',
};

/** What a shuffle service is asked for, and gives. Spark: ExternalShuffleServiceSource, ExternalBlockHandler.ShuffleMetrics */
export class ShuffleServiceSource implements Source {
  readonly name = 'shuffleService';
  readonly metrics: Readonly<Record<string, Metric>>;
  readonly #timers = {
    openBlockRequestLatencyMillis: new Timer(steadyClock),
    registerExecutorRequestLatencyMillis: new Timer(steadyClock),
  };
  readonly #blocks = new Meter(steadyClock);
  readonly #messages = new Meter(steadyClock);
  readonly #bytes = new Meter(steadyClock);
  readonly #faults = new Counter();

  constructor(now: { readonly executors: () => number; readonly connections: () => number }) {
    this.metrics = {
      ...this.#timers,
      blockTransferRate: this.#blocks,
      blockTransferMessageRate: this.#messages,
      blockTransferRateBytes: this.#bytes,
      blockTransferAvgSize_1min: gauge(() => {
        const messages = this.#messages.rates().m1;
        return messages === 0 ? 0 : this.#bytes.rates().m1 / messages;
      }),
      registeredExecutorsSize: gauge(now.executors),
      numActiveConnections: {
        kind: 'counter',
        get count() {
          return now.connections();
        },
      },
      numCaughtExceptions: this.#faults,
    };
  }

  /** Answers a question, and looks at how. */
  answer(type: string, work: () => unknown): unknown {
    const begun = steadyClock.now();
    const timer = TIMED[type];
    const done = (reply: unknown): unknown => {
      if (timer !== undefined) this.#timers[timer].update(steadyClock.now() - begun);
      if (timer === 'openBlockRequestLatencyMillis') this.#given(reply);
      return reply;
    };
    const failed = (error: unknown): never => {
      this.#faults.inc();
      throw error;
    };
    try {
      const reply = work();
      return reply instanceof Promise ? reply.then(done, failed) : done(reply);
    } catch (error) {
      return failed(error);
    }
  }

  /** Of a reply with blocks of an executor. */
  #given(reply: unknown): void {
    const { replies, bytes } = reply as {
      readonly replies?: readonly { readonly kind: string; readonly bytes?: { readonly length: number } }[];
      readonly bytes?: { readonly length: number } | null;
    }; // as the service's endpoints answer
    const lengths = replies?.flatMap((each) => each.bytes?.length ?? []) ?? (bytes ? [bytes.length] : []);
    if (lengths.length === 0) return;
    this.#messages.mark();
    this.#blocks.mark(lengths.length);
    this.#bytes.mark(lengths.reduce((sum, length) => sum + length, 0));
  }
}
