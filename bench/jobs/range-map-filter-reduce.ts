import { Args, context, measure } from './common.ts';

/** Numbers through three small functions: the price of a record in a pipeline. */
export async function main(array: string[]): Promise<void> {
  const args = new Args(array);
  const n = args.int('n', 20_000_000);
  const slices = args.int('slices', 2);
  const sc = await context(args);
  await measure('range-map-filter-reduce', n, args.int('rounds', 5), () =>
    sc
      .range(0, n, 1, slices)
      .map((x) => x + 1)
      .filter((x) => x % 3 === 0)
      .reduce((a, b) => a + b),
  );
  await sc.stop();
}
