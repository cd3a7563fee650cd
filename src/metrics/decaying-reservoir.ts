import type { Clock, EpochMs } from '../base/clock.ts';
import { SampleValues } from './sample-values.ts';

/** With these two, 99.9 % confidence at a margin of error of 5 %, leaning to the last five minutes, as in Dropwizard. */
const SIZE = 1028;
const ALPHA_PER_SECOND = 0.015;
/** Weights grow with time: before doubles run out of room they are brought down. */
const RESCALE_MS = 3_600_000;

/**
 * A bounded sample of a stream in which what is recent counts more: each value has a weight that grows exponentially with the time of
 * its coming, and the values with the smallest of weight over dice leave.
 *
 * Cormode, Shkapenyuk, Srivastava, Xu: Forward Decay, 2009. Dropwizard: ExponentiallyDecayingReservoir
 */
export class DecayingReservoir {
  readonly #clock: Clock;
  readonly #random: () => number;
  /** A heap, the smallest priority first; the three have the same order. */
  readonly #priorities: number[] = [];
  readonly #weights: number[] = [];
  readonly #values: number[] = [];
  #startedAt: EpochMs;

  constructor(clock: Clock, random: () => number) {
    this.#clock = clock;
    this.#random = random;
    this.#startedAt = clock.now();
  }

  update(value: number): void {
    const at = this.#clock.now();
    if (at - this.#startedAt >= RESCALE_MS) this.#rescale(at);
    const weight = Math.exp((ALPHA_PER_SECOND * (at - this.#startedAt)) / 1000);
    const priority = weight / (1 - this.#random());
    if (this.#priorities.length < SIZE) this.#push(priority, weight, value);
    else if (priority > (this.#priorities[0] as number)) this.#replaceFirst(priority, weight, value);
  }

  /** What is in it now. */
  values(): SampleValues {
    return new SampleValues(this.#values, this.#weights);
  }

  #push(priority: number, weight: number, value: number): void {
    let at = this.#priorities.length;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if ((this.#priorities[parent] as number) <= priority) break;
      this.#move(parent, at);
      at = parent;
    }
    this.#put(at, priority, weight, value);
  }

  #replaceFirst(priority: number, weight: number, value: number): void {
    const priorities = this.#priorities;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= priorities.length) break;
      if (child + 1 < priorities.length && (priorities[child + 1] as number) < (priorities[child] as number)) child++;
      if ((priorities[child] as number) >= priority) break;
      this.#move(child, at);
      at = child;
    }
    this.#put(at, priority, weight, value);
  }

  // Both within bounds, or one behind the end.
  #move(from: number, to: number): void {
    this.#put(to, this.#priorities[from] as number, this.#weights[from] as number, this.#values[from] as number);
  }

  #put(at: number, priority: number, weight: number, value: number): void {
    this.#priorities[at] = priority;
    this.#weights[at] = weight;
    this.#values[at] = value;
  }

  /** The order of priorities stays, since all are multiplied alike. */
  #rescale(at: EpochMs): void {
    const factor = Math.exp((-ALPHA_PER_SECOND * (at - this.#startedAt)) / 1000);
    for (let i = 0; i < this.#weights.length; i++) {
      this.#weights[i] = (this.#weights[i] as number) * factor;
      this.#priorities[i] = (this.#priorities[i] as number) * factor;
    }
    this.#startedAt = at;
  }
}
