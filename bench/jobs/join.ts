import { Args, bucket, context, measure, mix } from './common.ts';

/** Joins a large set with a smaller one in which each key stands once. */
export async function main(array: string[]): Promise<void> {
  const args = new Args(array);
  const n = args.int('n', 10_000_000);
  const keys = args.int('keys', 1_000_000);
  const slices = args.int('slices', 8);
  const sc = await context(args);
  await measure('join', n, args.int('rounds', 3), () => {
    const large = sc.range(0, n, 1, slices).map((i) => [bucket(i, keys), i] as [number, number]);
    const small = sc.range(0, keys, 1, slices).map((i) => [i, mix(i)] as [number, number]);
    return large
      .join(small, slices)
      .map(([key, [left, right]]) => mix(key ^ left ^ right) & 0xffff)
      .reduce((a, b) => a + b);
  });
  await sc.stop();
}
