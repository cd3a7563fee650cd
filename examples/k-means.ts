// Finds the centres of clusters: iskra example k-means [clusters] [points]
import { SparkContext } from 'iskra';

type Point = [number, number];
type Sum = [x: number, y: number, points: number];

const distance = (a: Point, b: Point): number => (a[0] - b[0]) ** 2 + (a[1] - b[1]) ** 2;

function nearest(point: Point, centres: readonly Point[]): number {
  let best = 0;
  for (let i = 1; i < centres.length; i++)
    if (distance(point, centres[i] as Point) < distance(point, centres[best] as Point)) best = i;
  return best;
}

export async function main(args: string[]): Promise<void> {
  const k = Number(args[0] ?? 3);
  const count = Number(args[1] ?? 60_000);

  const sc = await SparkContext.create({ appName: 'k-means' });
  // Points around (10, 0), (20, 10), (30, 20) …, spread by a cheap hash.
  const points = sc
    .range(0, count)
    .map((i): Point => {
      const spread = (salt: number): number => ((Math.imul(i + salt, 0x9e3779b1) >>> 8) / 2 ** 24 - 0.5) * 4;
      return [10 * ((i % k) + 1) + spread(1), 10 * (i % k) + spread(7)];
    })
    .cache();

  let centres = (await points.take(k)).map((p): Point => [p[0], p[1]]);
  for (let round = 1; ; round++) {
    const now = centres; // captured: each round ships its own
    const sums = await points
      .map((p) => [nearest(p, now), [p[0], p[1], 1]] as [number, Sum])
      .reduceByKey((a, b): Sum => [a[0] + b[0], a[1] + b[1], a[2] + b[2]])
      .collectAsMap();
    centres = now.map((old, i) => {
      const s = sums.get(i);
      return s === undefined ? old : [s[0] / s[2], s[1] / s[2]];
    });
    const moved = centres.reduce((sum, c, i) => sum + distance(c, now[i] as Point), 0);
    if (moved < 1e-6 || round === 20) {
      console.log(`settled after ${round} rounds`);
      break;
    }
  }
  await sc.stop();
  for (const [x, y] of centres.sort((a, b) => a[0] - b[0])) console.log(`centre at (${x.toFixed(2)}, ${y.toFixed(2)})`);
}
