import { Args, bucket, context, measure, mix } from './common.ts';

/** Adds numbers up by key, with many keys: the table of each map task holds nearly as many entries as there are records. */
export async function main(array: string[]): Promise<void> {
  const args = new Args(array);
  const n = args.int('n', 20_000_000);
  const keys = args.int('keys', 5_000_000);
  const slices = args.int('slices', 8);
  const sc = await context(args);
  await measure('reduce-by-key', n, args.int('rounds', 3), () =>
    sc
      .range(0, n, 1, slices)
      .map((i) => [bucket(i, keys), i & 15] as [number, number])
      .reduceByKey((a, b) => a + b, slices)
      .map(([key, sum]) => mix(key ^ sum) & 0xffff)
      .reduce((a, b) => a + b),
  );
  await sc.stop();
}
