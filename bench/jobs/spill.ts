import { Args, checkSorted, context, letters, measure, mix } from './common.ts';

/** Strings by key, nearly all different: `kind=reduce` fills tables, `kind=sort` fills sort buffers. See bench/goals.mjs. */
export async function main(array: string[]): Promise<void> {
  const args = new Args(array);
  const kind = args.text('kind', 'reduce');
  const n = args.int('n', 16_000_000);
  const slices = args.int('slices', 8);
  const sc = await context(args);
  let spilled = 0;
  sc.addSparkListener({
    onTaskEnd: ({ metrics }) => {
      spilled += metrics?.diskBytesSpilled ?? 0;
    },
  });
  const pairs = sc.range(0, n, 1, slices).map((i) => [letters(i), i & 1023] as [string, number]);
  await measure(`spill-${kind}`, n, args.int('rounds', 1), async () => {
    if (kind === 'sort')
      return checkSorted(pairs.sortByKey(true, slices), (key) => key.charCodeAt(0) * 31 + key.charCodeAt(9));
    const sums = pairs.reduceByKey((a, b) => a + b, slices);
    return sums
      .map(([key, sum]) => [1, mix(key.charCodeAt(0) * 31 + key.charCodeAt(9) + sum)] as [number, number])
      .reduce((a, b) => [a[0] + b[0], (a[1] + b[1]) | 0]);
  });
  await sc.stop();
  process.stdout.write(`# spilled ${Math.round(spilled / 2 ** 20)} MiB\n`);
}
