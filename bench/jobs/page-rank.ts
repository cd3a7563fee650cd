import { HashPartitioner } from 'iskra';
import { Args, bucket, context, measure } from './common.ts';

/** PageRank as Spark's own example writes it: adjacency lists in memory, a join and a reduceByKey each round. */
export async function main(array: string[]): Promise<void> {
  const args = new Args(array);
  const nodes = args.int('nodes', 1_000_000);
  const edges = args.int('edges', 8_000_000);
  const iterations = args.int('iterations', 10);
  const slices = args.int('slices', 8);
  const sc = await context(args);
  await measure('page-rank', edges, args.int('rounds', 2), async () => {
    const partitioner = new HashPartitioner(slices);
    const links = sc
      .range(0, edges, 1, slices)
      .map((e) => [bucket(e * 2, nodes), bucket(e * 2 + 1, nodes)] as [number, number])
      .groupByKey(partitioner)
      .cache();
    let ranks = links.mapValues(() => 1);
    for (let i = 0; i < iterations; i++) {
      const contributions = links.join(ranks).flatMap(([, [targets, rank]]) => {
        const share = rank / targets.length;
        return targets.map((target) => [target, share] as [number, number]);
      });
      ranks = contributions.reduceByKey((a, b) => a + b, partitioner).mapValues((sum) => 0.15 + 0.85 * sum);
    }
    // Sums of fractions depend on their order in the last digits, so the two sides are compared with a tolerance.
    const total = await ranks
      .map(([, rank]) => [1, rank, rank] as [number, number, number])
      .reduce((a, b) => [a[0] + b[0], a[1] + b[1], Math.max(a[2], b[2])]);
    links.unpersist();
    return total;
  });
  await sc.stop();
}
