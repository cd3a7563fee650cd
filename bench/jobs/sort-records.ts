import { statSync } from 'node:fs';
import { Args, checkSorted, context, measure } from './common.ts';

/** Sorts the lines of a file of 100-byte records by their first ten letters and reads them in order. */
export async function main(array: string[]): Promise<void> {
  const args = new Args(array);
  const path = args.text('path');
  const slices = args.int('slices', 8);
  const sc = await context(args);
  await measure('sort-records', Math.floor(statSync(path).size / 100), args.int('rounds', 2), () => {
    const pairs = sc.textFile(path, slices).map((line) => [line.slice(0, 10), line] as [string, string]);
    const sorted = pairs.sortByKey(true, slices).mapValues((line) => line.charCodeAt(11) * 31 + line.charCodeAt(21));
    return checkSorted(sorted, (key) => key.charCodeAt(0) * 31 + key.charCodeAt(9));
  });
  await sc.stop();
}
