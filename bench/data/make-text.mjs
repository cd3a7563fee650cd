// Makes a large text of real English: the lines of examples/data, filled anew to 60 to 100 characters and shuffled, pass after
// pass, until the size is reached. The same size and seed give the same bytes everywhere.
//   node bench/data/make-text.mjs [SIZE=200MB] [DIRECTORY] [SEED=1]     prints the file's path
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { dataDirectory, makeFile, parseSize, random } from './make-file.mjs';

const BOOKS = ['jane-austen-novels.txt', 'milton-paradise-lost.txt'];
const EXAMPLES = join(import.meta.dirname, '..', '..', 'examples', 'data');

/** Makes `text-SIZE.txt` in the directory, unless it is there already with that size. Returns its path. */
export function makeText(size = '200MB', directory = dataDirectory(), seed = 1) {
  const name = seed === 1 ? `text-${size}.txt` : `text-${size}-seed-${seed}.txt`;
  return makeFile(join(directory, name), parseSize(size), () => shuffledLines(seed));
}

function* shuffledLines(seed) {
  const next = random(seed);
  const lines = refill(next);
  for (;;) {
    for (let i = lines.length - 1; i > 0; i--) {
      const j = next() % (i + 1);
      [lines[i], lines[j]] = [lines[j], lines[i]];
    }
    yield Buffer.concat(lines);
  }
}

/** All words of the books in their order, one blank between two, in lines of about 60 to 100 characters. */
function refill(next) {
  const lines = [];
  let line = '';
  let width = 80;
  for (const book of BOOKS)
    for (const word of readFileSync(join(EXAMPLES, book), 'utf8').split(/\s+/)) {
      if (word === '') continue;
      if (line.length + 1 + word.length > width) {
        lines.push(Buffer.from(`${line}\n`));
        line = word;
        width = 66 + (next() % 35);
      } else line += line === '' ? word : ` ${word}`;
    }
  lines.push(Buffer.from(`${line}\n`));
  return lines;
}

if (process.argv[1] && import.meta.url === pathToFileURL(process.argv[1]).href) {
  const [size, directory, seed] = process.argv.slice(2);
  process.stdout.write(`${makeText(size, directory || undefined, seed ? Number(seed) : undefined)}\n`);
}
