// The pipelines as loops that somebody writes by hand, in one thread: what the machine can do without any engine.
//   node bench/hand/loops.mjs [range-map-filter-reduce|object-pipeline] [n=20000000] [rounds=6]
// On two cores an engine may take half of a loop's time, less what it costs itself.

import { closeSync, openSync, readSync } from 'node:fs';
import { objectPipeline, rangeMapFilterReduce } from './pipelines.mjs';

const loops = {
  'range-map-filter-reduce': { n: 20_000_000, run: rangeMapFilterReduce },
  'object-pipeline': { n: 5_000_000, run: objectPipeline },
};

/** Counts words as one writes it by hand: 64 KiB at a time, lines, words, a Map. */
loops['word-count'] = {
  n: 0,
  run(path) {
    const counts = new Map();
    const fd = openSync(path, 'r');
    const chunk = Buffer.allocUnsafe(65536);
    let rest = '';
    for (let got = readSync(fd, chunk); got > 0; got = readSync(fd, chunk)) {
      const lines = (rest + chunk.latin1Slice(0, got)).split('\n');
      rest = lines.pop();
      for (const line of lines)
        for (const word of line.split(' ')) if (word !== '') counts.set(word, (counts.get(word) ?? 0) + 1);
    }
    closeSync(fd);
    return counts.size;
  },
};

const names = process.argv.slice(2).filter((arg) => !arg.includes('='));
const args = new Map(
  process.argv
    .slice(2)
    .filter((arg) => arg.includes('='))
    .map((arg) => arg.split('=')),
);
for (const name of names.length > 0 ? names : ['range-map-filter-reduce', 'object-pipeline']) {
  const loop = loops[name];
  if (!loop) throw new Error(`no loop is called '${name}': ${Object.keys(loops).join(', ')}`);
  const n = args.get('path') ?? Number(args.get('n') ?? loop.n);
  for (let round = 0; round < Number(args.get('rounds') ?? 6); round++) {
    const start = performance.now();
    const result = loop.run(n);
    const ms = Math.round((performance.now() - start) * 1000) / 1000;
    process.stdout.write(`${JSON.stringify({ bench: `loop-${name}`, n, round, warm: round > 0, ms, result })}\n`);
  }
}
