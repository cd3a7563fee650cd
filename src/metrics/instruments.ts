// What is measured with. Names and meaning are Dropwizard's, which Spark's metrics have.
import type { Clock, EpochMs } from '../base/clock.ts';
import { DecayingReservoir } from './decaying-reservoir.ts';
import type { SampleValues } from './sample-values.ts';

export type Metric = Gauge | Readonly<Pick<Counter, 'kind' | 'count'>> | Histogram | Meter | Timer;

/** A value that is asked for when it is wanted. A text is shown where texts can be. */
export interface Gauge {
  readonly kind: 'gauge';
  read(): number | string;
}

export function gauge(read: () => number | string): Gauge {
  return { kind: 'gauge', read };
}

/** Only adds up. */
export class Counter {
  readonly kind = 'counter' as const;
  count = 0;

  inc(by = 1): void {
    this.count += by;
  }
}

/** How values are spread. */
export class Histogram {
  readonly kind = 'histogram' as const;
  readonly #reservoir: DecayingReservoir;
  #count = 0;

  constructor(clock: Clock, random: () => number = Math.random) {
    this.#reservoir = new DecayingReservoir(clock, random);
  }

  update(value: number): void {
    this.#count++;
    this.#reservoir.update(value);
  }

  get count(): number {
    return this.#count;
  }

  values(): SampleValues {
    return this.#reservoir.values();
  }
}

const TICK_MS = 5000;

/** An average that forgets: of one minute, five, fifteen, as the load of a system. */
class MovingRate {
  readonly #keeps: number;
  #perMs: number | null = null;

  constructor(minutes: number) {
    this.#keeps = Math.exp(-TICK_MS / 60_000 / minutes);
  }

  /** @param count of the first tick; there was nothing in the others. */
  tick(ticks: number, count: number): void {
    const now = count / TICK_MS;
    const first = this.#perMs === null ? now : this.#perMs + (1 - this.#keeps) * (now - this.#perMs);
    this.#perMs = first * this.#keeps ** (ticks - 1);
  }

  get perSecond(): number {
    return (this.#perMs ?? 0) * 1000;
  }
}

/** How often something happens. Rates are per second. */
export class Meter {
  readonly kind = 'meter' as const;
  readonly #clock: Clock;
  readonly #startedAt: EpochMs;
  readonly #rates = { m1: new MovingRate(1), m5: new MovingRate(5), m15: new MovingRate(15) };
  #tickedAt: EpochMs;
  #count = 0;
  /** Since the last tick. */
  #recent = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#startedAt = clock.now();
    this.#tickedAt = this.#startedAt;
  }

  mark(by = 1): void {
    this.#tick();
    this.#count += by;
    this.#recent += by;
  }

  get count(): number {
    return this.#count;
  }

  rates(): { readonly m1: number; readonly m5: number; readonly m15: number; readonly mean: number } {
    this.#tick();
    const ms = this.#clock.now() - this.#startedAt;
    const { m1, m5, m15 } = this.#rates;
    return {
      m1: m1.perSecond,
      m5: m5.perSecond,
      m15: m15.perSecond,
      mean: this.#count === 0 || ms <= 0 ? 0 : (this.#count / ms) * 1000,
    };
  }

  /** Nobody wakes up for it: ticks that are over are made up for when somebody comes. */
  #tick(): void {
    const ticks = Math.floor((this.#clock.now() - this.#tickedAt) / TICK_MS);
    if (ticks < 1) return;
    this.#tickedAt += ticks * TICK_MS;
    for (const rate of Object.values(this.#rates)) rate.tick(ticks, this.#recent);
    this.#recent = 0;
  }
}

/** How long something takes, and how often it happens. */
export class Timer {
  readonly kind = 'timer' as const;
  readonly #durations: Histogram;
  readonly #meter: Meter;

  constructor(clock: Clock, random: () => number = Math.random) {
    this.#durations = new Histogram(clock, random);
    this.#meter = new Meter(clock);
  }

  /** ms, with fractions. */
  update(durationMs: number): void {
    this.#durations.update(durationMs);
    this.#meter.mark();
  }

  get count(): number {
    return this.#meter.count;
  }

  /** ms */
  values(): SampleValues {
    return this.#durations.values();
  }

  rates(): ReturnType<Meter['rates']> {
    return this.#meter.rates();
  }
}
