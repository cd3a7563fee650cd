/** A weighted sample, with what reports tell of it. All are 0 while it is empty. Dropwizard: WeightedSnapshot */
export class SampleValues {
  /** Ascending. */
  readonly values: readonly number[];
  readonly #weights: readonly number[];

  /** @param weights one each, of any sum. */
  constructor(values: readonly number[], weights: readonly number[]) {
    const order = values.map((_, i) => i).sort((a, b) => (values[a] as number) - (values[b] as number));
    const total = weights.reduce((sum, weight) => sum + weight, 0);
    this.values = order.map((i) => values[i] as number);
    this.#weights = order.map((i) => (total === 0 ? 0 : (weights[i] as number) / total));
  }

  get min(): number {
    return this.values[0] ?? 0;
  }

  get max(): number {
    return this.values.at(-1) ?? 0;
  }

  get mean(): number {
    return this.values.reduce((sum, value, i) => sum + value * (this.#weights[i] as number), 0);
  }

  get stddev(): number {
    if (this.values.length <= 1) return 0;
    const { mean } = this;
    return Math.sqrt(
      this.values.reduce((sum, value, i) => sum + (this.#weights[i] as number) * (value - mean) ** 2, 0),
    );
  }

  /** The last value with at most `quantile` of all weight before it. */
  quantile(quantile: number): number {
    let found = this.min;
    let before = 0;
    for (const [i, value] of this.values.entries()) {
      if (before > quantile) break;
      found = value;
      before += this.#weights[i] as number;
    }
    return found;
  }
}
