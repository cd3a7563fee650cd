/** The next measurement comes after this much more batches than the last. */
const GROWTH = 1.2;

/**
 * Guesses the size of a structure at every batch edge while measuring it only now and then: measurements come at batches
 * 1, 2, 3, … 6, 8, 10, 12, 15, …, and in between it is taken to grow as it last did. Spark: SizeTracker
 */
export class GrowthTracker {
  readonly #measure: () => number;
  #batches = 0;
  #nextAt = 1;
  #measuredAt = 0;
  #measured = 0;
  #perBatch = 0;

  constructor(measure: () => number) {
    this.#measure = measure;
  }

  /** Bytes, at one more batch edge. */
  estimate(): number {
    this.#batches++;
    if (this.#batches >= this.#nextAt) {
      const bytes = this.#measure();
      this.#perBatch = Math.max(0, (bytes - this.#measured) / (this.#batches - this.#measuredAt));
      this.#measured = bytes;
      this.#measuredAt = this.#batches;
      this.#nextAt = Math.ceil(this.#batches * GROWTH);
    }
    return Math.round(this.#measured + (this.#batches - this.#measuredAt) * this.#perBatch);
  }

  /** The structure was emptied. */
  reset(): void {
    this.#batches = 0;
    this.#nextAt = 1;
    this.#measuredAt = 0;
    this.#measured = 0;
    this.#perBatch = 0;
  }
}
