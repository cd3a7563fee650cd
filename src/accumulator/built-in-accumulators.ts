import { IllegalArgumentError, IskraError } from '../base/errors.ts';
import { Accumulator } from './accumulator-base.ts';

/**
 * Sum, count and average of whole numbers, exact.
 *
 * Spark's are 64 bits wide and wrap around in silence; these are exact up to 2^53 - 1, and reading a sum that left that range
 * is an error. Adding what is no whole number fails the task.
 *
 * Spark: LongAccumulator
 */
export class LongAccumulator extends Accumulator<number, number> {
  private total = 0;
  private added = 0;
  private exact = true;

  override get isZero(): boolean {
    return this.added === 0 && this.total === 0;
  }

  override add(value: number): void {
    if (!Number.isSafeInteger(value)) throw notANumber(this, value, 'a whole number between -(2^53 - 1) and 2^53 - 1');
    this.total += value;
    this.added++;
    if (!Number.isSafeInteger(this.total)) this.exact = false;
  }

  get sum(): number {
    readable(this);
    if (!this.exact)
      throw new IskraError(
        'ACCUMULATOR_OVERFLOW',
        `the sum of ${this} is or was beyond 2^53 - 1 and no longer exact; use a doubleAccumulator for an approximate one`,
      );
    return this.total;
  }

  get count(): number {
    readable(this);
    return this.added;
  }

  /** NaN when nothing was added. */
  get avg(): number {
    return this.sum / this.count;
  }

  override get value(): number {
    return this.sum;
  }

  override copy(): LongAccumulator {
    const copy = new LongAccumulator();
    copy.merge(this);
    return copy;
  }

  override reset(): void {
    this.total = 0;
    this.added = 0;
    this.exact = true;
  }

  override merge(other: LongAccumulator): void {
    this.total += other.total;
    this.added += other.added;
    this.exact &&= other.exact && Number.isSafeInteger(this.total);
  }

  protected override wireZero(zero: LongAccumulator): unknown {
    return this.constructor === LongAccumulator ? 'long' : zero;
  }
}

/** Sum, count and average of numbers. Spark: DoubleAccumulator */
export class DoubleAccumulator extends Accumulator<number, number> {
  private total = 0;
  private added = 0;

  override get isZero(): boolean {
    return this.added === 0 && this.total === 0;
  }

  override add(value: number): void {
    if (typeof value !== 'number') throw notANumber(this, value, 'a number');
    this.total += value;
    this.added++;
  }

  get sum(): number {
    readable(this);
    return this.total;
  }

  get count(): number {
    readable(this);
    return this.added;
  }

  /** NaN when nothing was added. */
  get avg(): number {
    return this.sum / this.count;
  }

  override get value(): number {
    return this.sum;
  }

  override copy(): DoubleAccumulator {
    const copy = new DoubleAccumulator();
    copy.merge(this);
    return copy;
  }

  override reset(): void {
    this.total = 0;
    this.added = 0;
  }

  override merge(other: DoubleAccumulator): void {
    this.total += other.total;
    this.added += other.added;
  }

  protected override wireZero(zero: DoubleAccumulator): unknown {
    return this.constructor === DoubleAccumulator ? 'double' : zero;
  }
}

/**
 * All values that tasks added, in the order in which the tasks ended. They travel as records do, with their classes.
 *
 * Spark: CollectionAccumulator
 */
export class CollectionAccumulator<T> extends Accumulator<T, readonly T[]> {
  private items: T[] = [];

  override get isZero(): boolean {
    return this.items.length === 0;
  }

  override add(value: T): void {
    this.items.push(value);
  }

  /** A copy: what is added later does not show in it. */
  override get value(): readonly T[] {
    readable(this);
    return this.items.slice();
  }

  override copy(): CollectionAccumulator<T> {
    const copy = new CollectionAccumulator<T>();
    copy.items = this.items.slice();
    return copy;
  }

  override reset(): void {
    this.items = [];
  }

  override merge(other: CollectionAccumulator<T>): void {
    for (const item of other.items) this.items.push(item);
  }

  protected override wireZero(zero: CollectionAccumulator<T>): unknown {
    return this.constructor === CollectionAccumulator ? 'collection' : zero;
  }
}

function readable(accumulator: Accumulator<never, unknown>): void {
  if (accumulator.identity?.atDriver === false)
    throw new IskraError(
      'ACCUMULATOR_READ_IN_TASK',
      `Can't read accumulator value in task: ${accumulator} is known in full on the driver only, after the action`,
    );
}

function notANumber(accumulator: Accumulator<never, unknown>, value: unknown, wanted: string): IllegalArgumentError {
  const shown = typeof value === 'string' ? JSON.stringify(value) : String(value);
  return new IllegalArgumentError(`${accumulator}.add(${shown}): the value must be ${wanted}`);
}
