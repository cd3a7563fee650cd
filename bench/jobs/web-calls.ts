import { Args, context, measure } from './common.ts';

/** A call of a web service for each record, `concurrency` at a time in each slot. */
export async function main(array: string[]): Promise<void> {
  const args = new Args(array);
  const n = args.int('n', 10_000);
  const url = args.text('url');
  const concurrency = args.int('concurrency', 64);
  const slices = args.int('slices', 2);
  const sc = await context(args);
  const sumOf = (calls: number) =>
    sc
      .range(0, calls, 1, slices)
      .mapAsync(
        async (i, { signal }) => {
          const response = await fetch(`${url}/${i}`, { signal });
          return Number(await response.text());
        },
        { concurrency },
      )
      .sum();
  // Both sides load and compile their HTTP client before.
  await sumOf(args.int('warm', 1000));
  await measure('web-calls', n, args.int('rounds', 1), () => sumOf(n));
  await sc.stop();
}
