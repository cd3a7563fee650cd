import { Args, context, measure } from './common.ts';

/** A call of a web service for each record, `concurrency` at a time in each slot. */
export async function main(array: string[]): Promise<void> {
  const args = new Args(array);
  const n = args.int('n', 10_000);
  const url = args.text('url');
  const concurrency = args.int('concurrency', 64);
  const sc = await context(args);
  await measure('web-calls', n, args.int('rounds', 1), () =>
    sc
      .range(0, n, 1, args.int('slices', 2))
      .mapAsync(
        async (i, { signal }) => {
          const response = await fetch(`${url}/${i}`, { signal });
          return Number(await response.text());
        },
        { concurrency },
      )
      .sum(),
  );
  await sc.stop();
}
