// Ranks pages by their links: iskra example page-rank [rounds] [pages]
import { SparkContext } from 'iskra';

export async function main(args: string[]): Promise<void> {
  const rounds = Number(args[0] ?? 5);
  const pages = Number(args[1] ?? 2_000);

  const sc = await SparkContext.create({ appName: 'page rank' });
  // A made-up web: page p links to a few pages, small numbers more often than large ones.
  const links = sc
    .range(0, pages)
    .flatMap((page) =>
      [1, 2, 3, 4].map((i) => [page, Math.floor(((page * 7919 * i + 13 * i) % (pages * i)) / (i * i))] as [number, number]),
    )
    .filter(([from, to]) => from !== to)
    .distinct()
    .groupByKey(4)
    .cache();

  let ranks = links.mapValues(() => 1.0);
  for (let round = 0; round < rounds; round++) {
    const contributions = links.join(ranks).flatMap(([, [targets, rank]]) =>
      targets.map((target) => [target, rank / targets.length] as [number, number]),
    );
    ranks = contributions.reduceByKey((a, b) => a + b, 4).mapValues((sum) => 0.15 + 0.85 * sum);
  }
  const top = await ranks.top(5, (a, b) => a[1] - b[1] || b[0] - a[0]);
  await sc.stop();
  for (const [page, rank] of top) console.log(`page ${page} has rank ${rank.toFixed(4)}`);
}
