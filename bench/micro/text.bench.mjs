// Lines out of text files in the page cache, MB/s of file (of text for .gz), and part files written:
//   npm run build && node --max-semi-space-size=64 bench/micro/text.bench.mjs
import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { LineWriter, textLines } from '../../dist/src/io/line-writer.js';
import { openTextSplit } from '../../dist/src/io/text-input.js';

const BYTES = 100e6;
const ROUNDS = 5;

let seed = 1;
const random = () => {
  seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0;
  return seed / 4294967296;
};
const letters = (from, count, length) =>
  Array.from({ length }, () => String.fromCharCode(from + Math.floor(random() * count))).join('');
const vocabulary = (from, count) =>
  Array.from({ length: 11_000 }, () => letters(from, count, 2 + Math.floor(random() * random() * 14)));
const latin = vocabulary(97, 26);
const cyrillic = vocabulary(0x430, 32);
const line = (words) => {
  const width = 30 + random() * 60;
  let text = '';
  while (text.length < width) text += `${words[Math.floor(random() ** 3 * words.length)]} `;
  return text;
};

const KINDS = {
  'prose, ASCII': () => `${line(latin)}\n`,
  'prose, 2 % of lines quoted': () => (random() < 0.02 ? `“${line(latin)}”\n` : `${line(latin)}\n`),
  'prose, CRLF': () => `${line(latin)}\r\n`,
  'prose, Cyrillic': () => `${line(cyrillic)}\n`,
  'a word a line': () => `${latin[Math.floor(random() ** 3 * latin.length)]}\n`,
};

/** MB/s in the median round; the first is a warm-up. */
function rate(bytes, run) {
  const times = [];
  for (let i = 0; i <= ROUNDS; i++) {
    const start = performance.now();
    run();
    times.push(performance.now() - start);
  }
  const median = times.slice(1).sort((a, b) => a - b)[ROUNDS >> 1];
  return `${(bytes / 1e3 / median).toFixed(0).padStart(6)} MB/s`;
}

function read(path, compression) {
  const batches = openTextSplit({ path, start: 0, end: statSync(path).size, compression });
  let chars = 0;
  for (let batch = batches.next(); batch !== null; batch = batches.next())
    for (let i = 0; i < batch.length; i++) chars += batch[i].length;
  batches.close();
  return chars;
}

const dir = mkdtempSync(join(tmpdir(), 'iskra-bench-text-'));
const print = (label, result) => process.stdout.write(`${label.padEnd(34)}${result}\n`);
try {
  for (const [name, next] of Object.entries(KINDS)) {
    const parts = [];
    for (let size = 0; size < 4e6; ) {
      parts.push(next());
      size += Buffer.byteLength(parts.at(-1));
    }
    const block = Buffer.from(parts.join(''));
    const path = join(dir, 'text');
    writeFileSync(path, Buffer.concat(Array.from({ length: Math.round(BYTES / block.length) }, () => block)));
    const { size } = statSync(path);
    print(
      `read   ${name}`,
      rate(size, () => read(path, 'none')),
    );
    if (name !== 'prose, ASCII') continue;
    const zipped = join(dir, 'text.gz');
    writeFileSync(zipped, gzipSync(block));
    print(
      'read   the same, gzip',
      rate(block.length, () => read(zipped, 'gzip')),
    );
    const lines = block.toString('latin1').split('\n');
    for (const codec of ['none', 'gzip']) {
      const run = () => {
        const writer = new LineWriter(join(dir, 'out'), codec, 0, textLines);
        for (let i = 0; i < lines.length; i += 2048) writer.write(lines.slice(i, i + 2048));
        writer.close();
      };
      print(`write  the same${codec === 'gzip' ? ', gzip' : ''}`, rate(block.length, run));
    }
  }
} finally {
  rmSync(dir, { recursive: true, force: true });
}
