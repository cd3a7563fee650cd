import { Args, checkSorted, context, measure, mix } from './common.ts';

/** Sorts pairs by an integer key and reads them in order. */
export async function main(array: string[]): Promise<void> {
  const args = new Args(array);
  const n = args.int('n', 20_000_000);
  const slices = args.int('slices', 8);
  const sc = await context(args);
  await measure('sort-ints', n, args.int('rounds', 3), () => {
    const pairs = sc.range(0, n, 1, slices).map((i) => [mix(i), i] as [number, number]);
    return checkSorted(pairs.sortByKey(true, slices), (key) => key);
  });
  await sc.stop();
}
