import { Args, bucket, context, measure, mix } from './common.ts';

/** Gathers all values of each key. */
export async function main(array: string[]): Promise<void> {
  const args = new Args(array);
  const n = args.int('n', 20_000_000);
  const keys = args.int('keys', 1_000_000);
  const slices = args.int('slices', 8);
  const sc = await context(args);
  await measure('group-by-key', n, args.int('rounds', 3), () =>
    sc
      .range(0, n, 1, slices)
      .map((i) => [bucket(i, keys), i] as [number, number])
      .groupByKey(slices)
      .map(([key, values]) => {
        let all = key;
        for (const value of values) all = (all + mix(value)) | 0;
        return all & 0xffff;
      })
      .reduce((a, b) => a + b),
  );
  await sc.stop();
}
