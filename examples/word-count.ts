// Counts the words of text files: iskra example word-count [path] [how many]
import { statSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { SparkContext } from 'iskra';

const books = ['jane-austen-novels.txt', 'milton-paradise-lost.txt'].map((name) =>
  fileURLToPath(new URL(`./data/${name}`, import.meta.url)),
);

export async function main(args: string[]): Promise<void> {
  const path = args[0] ?? books.join(',');
  const howMany = Number(args[1] ?? 10);
  const shortest = 4; // captured by the function below, without ceremony

  const sc = await SparkContext.create({ appName: 'word count' });
  const started = performance.now();
  const counts = sc
    .textFile(path)
    .flatMap((line) => line.toLowerCase().split(/[^\p{L}\p{N}']+/u))
    .filter((word) => word.length >= shortest)
    .map((word) => [word, 1] as [string, number])
    .reduceByKey((a, b) => a + b)
    .cache();
  const top = await counts.top(howMany, (a, b) => a[1] - b[1]);
  const different = await counts.count();
  const seconds = (performance.now() - started) / 1000;
  await sc.stop();

  for (const [word, count] of top) console.log(`${String(count).padStart(9)}  ${word}`);
  console.log(`${different} different words of ${shortest} letters and more`);
  if (args[0] === undefined) {
    const megabytes = books.reduce((sum, file) => sum + statSync(file).size, 0) / 1e6;
    console.log(`${megabytes.toFixed(1)} MB in ${seconds.toFixed(2)} s: ${(megabytes / seconds).toFixed(0)} MB/s`);
  }
}
