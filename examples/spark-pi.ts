// Estimates pi by throwing darts: iskra example spark-pi [slices]
import { SparkContext } from 'iskra';

/** A small generator with a seed: the same darts in every run, and in every retry of a task. */
function darts(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return (state / 2 ** 31) - 1;
  };
}

export async function main(args: string[]): Promise<void> {
  const slices = Number(args[0] ?? 2);
  if (!Number.isInteger(slices) || slices < 1) throw new Error(`slices must be a positive integer, but was ${args[0]}`);
  const dartsPerSlice = 1_000_000;

  const sc = await SparkContext.create({ appName: 'Spark Pi' });
  const inside = await sc
    .range(0, slices, 1, slices)
    .map((slice) => {
      const next = darts(slice + 1);
      let hits = 0;
      for (let i = 0; i < dartsPerSlice; i++) {
        const x = next();
        const y = next();
        if (x * x + y * y <= 1) hits++;
      }
      return hits;
    })
    .sum();
  await sc.stop();
  console.log(`Pi is roughly ${(4 * inside) / (slices * dartsPerSlice)}`);
}
