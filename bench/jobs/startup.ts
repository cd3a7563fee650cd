import { Args, context, measure } from './common.ts';

/** The smallest job there is; what counts is the time of the whole process, taken from outside. */
export async function main(array: string[]): Promise<void> {
  const sc = await context(new Args(array));
  await measure('startup', 10, 1, () => sc.parallelize([1, 2, 3, 4, 5, 6, 7, 8, 9, 10]).count());
  await sc.stop();
}
