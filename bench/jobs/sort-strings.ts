import { Args, checkSorted, context, letters, measure } from './common.ts';

/** Sorts pairs by a string key of ten letters and reads them in order. */
export async function main(array: string[]): Promise<void> {
  const args = new Args(array);
  const n = args.int('n', 10_000_000);
  const slices = args.int('slices', 8);
  const sc = await context(args);
  await measure('sort-strings', n, args.int('rounds', 3), () => {
    const pairs = sc.range(0, n, 1, slices).map((i) => [letters(i), i] as [string, number]);
    return checkSorted(pairs.sortByKey(true, slices), (key) => key.charCodeAt(0) * 31 + key.charCodeAt(9));
  });
  await sc.stop();
}
