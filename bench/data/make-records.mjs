// Makes a file of sortable records, one a line of 100 bytes: a key of 10 small letters, a blank, 88 letters and digits, a line feed.
// The same count and seed give the same bytes everywhere.
//   node bench/data/make-records.mjs [COUNT=10000000] [DIRECTORY] [SEED=1]     prints the file's path
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { dataDirectory, makeFile, random } from './make-file.mjs';

const RECORD_BYTES = 100;
const KEY_BYTES = 10;
const RECORDS_AT_ONCE = 10_000;
const LETTERS = Buffer.from('abcdefghijklmnopqrstuvwxyz0123456789');

/** Makes `records-COUNT.txt` in the directory, unless it is there already with the right size. Returns its path. */
export function makeRecords(count = 10_000_000, directory = dataDirectory(), seed = 1) {
  const name = seed === 1 ? `records-${count}.txt` : `records-${count}-seed-${seed}.txt`;
  return makeFile(join(directory, name), count * RECORD_BYTES, () => records(seed));
}

function* records(seed) {
  const next = random(seed);
  const chunk = Buffer.alloc(RECORD_BYTES * RECORDS_AT_ONCE);
  for (;;) {
    for (let at = 0; at < chunk.length; at += RECORD_BYTES) {
      letters(chunk, at, KEY_BYTES, 26, next);
      chunk[at + KEY_BYTES] = 0x20;
      // The rest need not be random, only not all alike: one word of chance for the first 11 letters, repeated.
      letters(chunk, at + KEY_BYTES + 1, 11, 36, next);
      for (let i = at + KEY_BYTES + 12; i < at + RECORD_BYTES - 1; i += 11)
        chunk.copyWithin(i, i - 11, Math.min(i, i - 11 + at + RECORD_BYTES - 1 - i));
      chunk[at + RECORD_BYTES - 1] = 0x0a;
    }
    yield chunk;
  }
}

function letters(chunk, at, count, kinds, next) {
  for (let i = 0; i < count; ) {
    // Five letters of one random 32-bit number: 36 ** 5 is less than 2 ** 32.
    for (let chance = next(), k = 0; k < 5 && i < count; k++, i++) {
      chunk[at + i] = LETTERS[chance % kinds];
      chance = Math.floor(chance / kinds);
    }
  }
}

if (process.argv[1] && import.meta.url === pathToFileURL(process.argv[1]).href) {
  const [count, directory, seed] = process.argv.slice(2);
  const path = makeRecords(count ? Number(count) : undefined, directory || undefined, seed ? Number(seed) : undefined);
  process.stdout.write(`${path}\n`);
}
