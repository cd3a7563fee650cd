// How often words of each length occur in texts: word-lengths.ts FILES [times]
import { SparkContext } from 'iskra';

export async function main([files = '', times = '1']: string[]): Promise<void> {
  const sc = await SparkContext.create({ appName: 'Word lengths' });
  const counts = await sc
    .union(Array.from({ length: Number(times) }, () => sc.textFile(files, 4)))
    .flatMap((line) => line.match(/[A-Za-z]+/g) ?? [])
    .map((word) => [word.length, 1] as [number, number])
    .reduceByKey((a, b) => a + b, 4)
    .sortByKey()
    .collect();
  await sc.stop();
  console.log(`${sc.applicationId}: ${counts.map(([length, words]) => `${length}:${words}`).join(' ')}`);
}
