import { Args, context, measure, mix } from './common.ts';

/** The same with an object a record, some dropped and some doubled. */
export async function main(array: string[]): Promise<void> {
  const args = new Args(array);
  const n = args.int('n', 5_000_000);
  const slices = args.int('slices', 2);
  const sc = await context(args);
  await measure('object-pipeline', n, args.int('rounds', 5), () =>
    sc
      .range(0, n, 1, slices)
      .map((id) => {
        const bits = mix(id);
        return { id, value: bits & 1023, weight: (bits >>> 10) & 1023 };
      })
      .filter((reading) => reading.value % 3 !== 0)
      .flatMap((reading) => [reading, { id: reading.id, value: reading.value + 1, weight: reading.weight }])
      .map((reading) => reading.value * reading.weight)
      .reduce((a, b) => a + b),
  );
  await sc.stop();
}
