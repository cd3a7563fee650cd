import { statSync } from 'node:fs';
import { Args, context, measure } from './common.ts';

/** Counts the words of a text: how many different ones there are, and the ten most frequent. */
export async function main(array: string[]): Promise<void> {
  const args = new Args(array);
  const path = args.text('path');
  const slices = args.int('slices', 2);
  const split = args.text('split', 'blank');
  const sc = await context(args);
  await measure('word-count', statSync(path).size, args.int('rounds', 3), async () => {
    const lines = sc.textFile(path, slices);
    const words =
      split === 'blank' ? lines.flatMap((line) => line.split(' ')) : lines.flatMap((line) => line.split(/\s+/));
    const counts = words
      .filter((word) => word !== '')
      .map((word) => [word, 1] as [string, number])
      .reduceByKey((a, b) => a + b);
    const different = await counts.count();
    const top = await counts.top(10, (a, b) => a[1] - b[1] || (a[0] < b[0] ? -1 : 1));
    return `${different} different; ${top.map(([word, count]) => `${word} ${count}`).join(', ')}`;
  });
  await sc.stop();
}
