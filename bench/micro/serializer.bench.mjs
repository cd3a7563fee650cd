// Encode and decode, ns a record and bytes a record, of Iskra's blocks (raw and lz4), v8.serialize and JSON, in one run.
//   npm run build && node --max-semi-space-size=64 bench/micro/serializer.bench.mjs [data set …]
import { deepStrictEqual } from 'node:assert/strict';
import v8 from 'node:v8';
import { decodeBlock, decodePairBlock, RecordEncoder } from '../../dist/src/serializer/serializer.js';

const print = (line) => process.stdout.write(`${line}\n`);

const RECORDS = 100_000;
const BATCH = 2048;
const ROUNDS = 9;

let seed = 1;
const random = () => {
  seed = (Math.imul(seed, 1103515245) + 12345) & 0x7fffffff;
  return seed / 0x7fffffff;
};
const words = Array.from({ length: 50_000 }, () => {
  const length = 3 + Math.floor(random() * 9);
  let text = '';
  for (let j = 0; j < length; j++) text += String.fromCharCode(97 + Math.floor(random() * 26));
  return text;
});
const word = () => words[Math.floor(random() ** 3 * words.length)];
const cities = words.slice(0, 50);

const DATA = {
  '[word, int]': () => [word(), Math.floor(random() * 1000)],
  '[int, int]': (i) => [(i * 7919) % 1000003, Math.floor(random() * 1e6)],
  '[int, double]': (i) => [i, random()],
  '6-field object': (i) => ({
    id: i,
    name: `${word()} ${word()}`,
    email: `${word()}@${word()}.com`,
    score: random() * 100,
    active: random() < 0.5,
    city: cities[Math.floor(random() * 50)],
  }),
  '80-char line': () => {
    let text = word();
    while (text.length < 80) text += ` ${word()}`;
    return text;
  },
  word: () => word(),
  'non-ASCII word': () => `né${word()}日本`,
  int: () => Math.floor(random() * 1e9),
  double: () => random(),
  nested: (i) => ({
    id: i,
    user: { name: word(), tags: [word(), word()].slice(0, 1 + (i & 1)) },
    items: Array.from({ length: 1 + (i % 4) }, (_, k) => ({ sku: word(), qty: k + 1, price: random() * 10 })),
    ok: i % 3 === 0 ? null : true,
  }),
  'mixed shapes': (i) => (i % 3 === 0 ? { a: i } : i % 3 === 1 ? [word(), i] : word()),
  '16 doubles': () => Float64Array.from({ length: 16 }, random),
};

function codecs() {
  const raw = new RecordEncoder({ compression: 'none' });
  const lz4 = new RecordEncoder();
  return {
    v8: [(b) => v8.serialize(b), (b) => v8.deserialize(b)],
    JSON: [(b) => Buffer.from(JSON.stringify(b)), (b) => JSON.parse(b.toString())],
    blocks: [(b) => raw.encode(b, 0, b.length), (b) => decodeBlock(b, 0)],
    'blocks lz4': [(b) => lz4.encode(b, 0, b.length), (b) => decodeBlock(b, 0)],
  };
}

function pairCodecs() {
  const raw = new RecordEncoder({ compression: 'none' });
  return {
    'pair blocks': [(b) => raw.encodePairs(b.keys, b.values, 0, b.keys.length), (b) => decodePairBlock(b, 0)],
  };
}

// The machine may be shared: the fastest round is the one least disturbed.
const best = (times) => Math.min(...times);

function measure(name, batches, [encode, decode]) {
  const encoded = batches.map((batch) => Uint8Array.from(encode(batch)));
  const aligned = encoded.map((bytes) => Buffer.from(bytes.buffer));
  if (name !== 'JSON') deepStrictEqual(decode(aligned[1]), batches[1]);
  const bytes = encoded.reduce((sum, b) => sum + b.length, 0);
  const times = [[], []];
  let sink = 0;
  for (let round = 0; round < ROUNDS; round++) {
    const start = process.hrtime.bigint();
    for (const batch of batches) sink += encode(batch).length;
    const middle = process.hrtime.bigint();
    for (const block of aligned) sink += decode(block).length ?? 1;
    const end = process.hrtime.bigint();
    if (round === 0) continue;
    times[0].push(Number(middle - start) / RECORDS);
    times[1].push(Number(end - middle) / RECORDS);
  }
  if (sink < 0) throw new Error('never');
  return `${name.padEnd(12)} ${best(times[0]).toFixed(0).padStart(5)} ${best(times[1]).toFixed(0).padStart(5)} ${(bytes / RECORDS).toFixed(1).padStart(7)}`;
}

const wanted = process.argv.slice(2);
print(`${'data'.padEnd(16)} ${'codec'.padEnd(12)} enc   dec   B/record   (ns a record, batches of ${BATCH})`);
for (const [data, make] of Object.entries(DATA)) {
  if (wanted.length > 0 && !wanted.includes(data)) continue;
  const records = Array.from({ length: RECORDS }, (_, i) => make(i));
  const batches = [];
  for (let i = 0; i < RECORDS; i += BATCH) batches.push(records.slice(i, i + BATCH));
  for (const [name, codec] of Object.entries(codecs())) {
    if (name === 'JSON' && data === '16 doubles') continue;
    print(`${data.padEnd(16)} ${measure(name, batches, codec)}`);
  }
  if (!data.startsWith('[')) continue;
  const columns = batches.map((batch) => ({ keys: batch.map((r) => r[0]), values: batch.map((r) => r[1]) }));
  for (const [name, codec] of Object.entries(pairCodecs()))
    print(`${data.padEnd(16)} ${measure(name, columns, codec)}`);
}
