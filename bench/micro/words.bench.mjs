// Words of text counted in one thread, three ways, MB/s: strings in a Map as one writes it by hand, strings in the engine's table,
// bytes (src/executor/word-tally.ts):
//   npm run build && node --max-semi-space-size=64 bench/micro/words.bench.mjs [SIZE=50MB]
import { statSync } from 'node:fs';
import { TextTally } from '../../dist/src/executor/text-tally.js';
import { wordClasses } from '../../dist/src/executor/word-classes.js';
import { TextBytes } from '../../dist/src/io/text-bytes.js';
import { openTextSplit } from '../../dist/src/io/text-input.js';
import { AggregationTable } from '../../dist/src/shuffle/aggregation-table.js';
import { makeText } from '../data/make-text.mjs';

const ROUNDS = 5;
const path = makeText(process.argv[2] ?? '50MB');
const bytes = statSync(path).size;
const split = { path, start: 0, end: bytes, compression: 'none' };

function* lines() {
  const batches = openTextSplit(split);
  for (let batch = batches.next(); batch !== null; batch = batches.next()) yield batch;
  batches.close();
}

const PATTERN = /[^\p{L}\p{N}']+/u;
const CUTS = {
  "line.split(' ')": { cut: (line) => line.split(' '), plan: { separator: ' ', lowerCase: false, trim: false } },
  'line.toLowerCase().split(/pattern/u)': {
    cut: (line) => line.toLowerCase().split(PATTERN),
    plan: { separator: { source: PATTERN.source, flags: PATTERN.flags }, lowerCase: true, trim: false },
  },
};

const WAYS = {
  'strings, a Map': ({ cut }) => {
    const counts = new Map();
    for (const batch of lines())
      for (const line of batch)
        for (const word of cut(line)) if (word !== '') counts.set(word, (counts.get(word) ?? 0) + 1);
    return counts.size;
  },
  "strings, the engine's table": ({ cut }) => {
    const table = new AggregationTable();
    const { values } = table;
    for (const batch of lines())
      for (const line of batch)
        for (const word of cut(line)) {
          if (word === '') continue;
          const entry = table.upsert(word);
          if (entry === values.length) values.push(1);
          else values[entry]++;
        }
    return table.size;
  },
  bytes: ({ plan }) => {
    const words = new Set();
    const tally = new TextTally(wordClasses(plan), {
      onLines: () => {},
      onWord: (word) => word !== '' && words.add(word),
      endBatch: () => {},
      read: () => {},
    });
    const text = new TextBytes(split);
    for (let chunk = text.next(); chunk !== null; chunk = text.next()) tally.add(chunk, text.isWellFormed);
    text.close();
    tally.finish();
    return words.size;
  },
};

for (const [name, cut] of Object.entries(CUTS)) {
  process.stdout.write(`${name}\n`);
  const times = Object.fromEntries(Object.keys(WAYS).map((way) => [way, []]));
  let different = null;
  // In turn, so that a machine that slows down slows all of them.
  for (let round = 0; round <= ROUNDS; round++)
    for (const [way, run] of Object.entries(WAYS)) {
      const start = performance.now();
      const found = run(cut);
      if (round > 0) times[way].push(performance.now() - start);
      different ??= found;
      // Lines with letters beyond ASCII are not counted here where a pattern decides.
      if (Math.abs(found - different) > different / 100)
        throw new Error(`${way} found ${found} words, not ${different}`);
    }
  const median = (way) => times[way].sort((a, b) => a - b)[ROUNDS >> 1];
  for (const way of Object.keys(WAYS)) {
    const rate = (bytes / 1e3 / median(way)).toFixed(0).padStart(5);
    const ratio = (median('strings, a Map') / median(way)).toFixed(2);
    process.stdout.write(`  ${way.padEnd(30)}${rate} MB/s  ${ratio}×\n`);
  }
}
