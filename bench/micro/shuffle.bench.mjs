// CPU ns a record of the shuffle's parts:
//   npm run build && node --max-semi-space-size=64 bench/micro/shuffle.bench.mjs [table|write|sort|spill …]
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemClock } from '../../dist/src/base/clock.js';
import { silentLogger } from '../../dist/src/base/logger.js';
import { toBlockSizes } from '../../dist/src/protocol/block-sizes.js';
import { newTaskMetrics } from '../../dist/src/protocol/task-metrics.js';
import { RecordEncoder } from '../../dist/src/serializer/serializer.js';
import { AggregationTable } from '../../dist/src/shuffle/aggregation-table.js';
import { nodeFiles } from '../../dist/src/shuffle/file-ops.js';
import { openShuffleReader } from '../../dist/src/shuffle/shuffle-reader.js';
import { createCombiningWriter, createPartitioningWriter } from '../../dist/src/shuffle/shuffle-writer.js';
import { sortPairs } from '../../dist/src/shuffle/sorter.js';
import { fixedMemory, TaskMemory } from '../../dist/src/shuffle/task-memory.js';
import { LocalDirs } from '../../dist/src/storage/local-dirs.js';

const chosen = process.argv.slice(2);
const print = (line) => process.stdout.write(`${line}\n`);

const ROUNDS = 5;
const MB = 1 << 20;

let seed = 12345;
const random = () => {
  seed ^= seed << 13;
  seed ^= seed >>> 17;
  seed ^= seed << 5;
  return (seed >>> 0) / 4294967296;
};
const word = (length) => {
  let s = '';
  for (let i = 0; i < length; i++) s += String.fromCharCode(97 + Math.floor(random() * 26));
  return Buffer.from(s, 'latin1').toString('latin1');
};

/** CPU time, the collector's threads included, so that neighbours on the machine count less; the median of ROUNDS after one. */
function measure(name, records, run) {
  const times = [];
  for (let round = 0; round <= ROUNDS; round++) {
    const before = process.cpuUsage();
    run();
    const { user, system } = process.cpuUsage(before);
    if (round > 0) times.push(((user + system) * 1000) / records);
  }
  times.sort((a, b) => a - b);
  print(`${name.padEnd(56)} ${times[ROUNDS >> 1].toFixed(1).padStart(8)} ns  (best ${times[0].toFixed(1)})`);
  return times[ROUNDS >> 1];
}

function tableSection() {
  for (const distinct of [11_000, 550_000]) {
    const words = Array.from({ length: distinct }, () => word(3 + Math.floor(random() * 8)));
    // As in prose a few words are most of the text: rank r comes with a weight of 1/r.
    const n = 4_000_000;
    const tokens = [];
    while (tokens.length < n) {
      const line = Array.from({ length: 500 }, () => words[Math.floor(distinct ** random()) - 1]).join(' ');
      for (const token of Buffer.from(line, 'latin1').toString('latin1').split(' ')) tokens.push(token);
    }
    measure(`table, ${distinct} words`, n, () => {
      const table = new AggregationTable();
      const { values } = table;
      for (let i = 0; i < n; i++) {
        const e = table.upsert(tokens[i]);
        if (e === values.length) values.push(1);
        else values[e] += 1;
      }
    });
    measure(`Map, ${distinct} words`, n, () => {
      const map = new Map();
      for (let i = 0; i < n; i++) {
        const token = tokens[i];
        const count = map.get(token);
        map.set(token, count === undefined ? 1 : count + 1);
      }
    });
  }
}

function newEnv(localDirs, budget = 4096 * MB, compression = 'lz4') {
  return {
    programKey: 'bench.0',
    localDirs,
    encoder: new RecordEncoder({ compression }),
    memory: new TaskMemory(fixedMemory(budget)),
    metrics: newTaskMetrics(),
    clock: systemClock,
    logger: silentLogger,
    remoteBlocks: null,
    files: nodeFiles,
    throwIfKilled: () => {},
  };
}

const byHash = (numPartitions) => (_key, hash) => {
  const p = (hash % numPartitions) | 0;
  return p < 0 ? p + numPartitions : p;
};

function withDirs(run) {
  const root = mkdtempSync(join(tmpdir(), 'iskra-bench-'));
  const dirs = LocalDirs.open(root, silentLogger);
  try {
    run(dirs);
  } finally {
    dirs.removeAll();
    rmSync(root, { recursive: true });
  }
}

const pairColumns = (n, key) => ({
  keys: Array.from({ length: n }, key),
  values: Array.from({ length: n }, (_, i) => i),
});

function write(env, mapId, { keys, values }, numPartitions) {
  const writer = createPartitioningWriter(env, {
    shuffleId: 0,
    mapId,
    numPartitions,
    partition: byHash(numPartitions),
  });
  for (let i = 0; i < keys.length; ) {
    const end = Math.min(keys.length, i + 2048);
    for (; i < end; i++) writer.add(keys[i], values[i]);
    writer.endBatch();
  }
  return {
    location: { executorId: 'driver', host: 'localhost', port: 0 },
    mapId,
    sizes: toBlockSizes(writer.commit().sizes),
  };
}

function read(env, statuses, numPartitions, plan) {
  let rows = 0;
  for (let reduceId = 0; reduceId < numPartitions; reduceId++) {
    const records = openShuffleReader(env, {
      read: { shuffleId: 0, combine: null, mapSideCombine: false, ordering: null, ...plan },
      reduceId,
      outputs: { shuffleId: 0, epoch: 0, statuses },
      functions: [],
      localExecutorId: 'driver',
    });
    for (let batch = records.next(); batch !== null; batch = records.next()) rows += batch.length;
    records.close();
  }
  return rows;
}

function writeSection() {
  const n = 1_000_000;
  const words = Array.from({ length: 50_000 }, () => word(3 + Math.floor(random() * 8)));
  const data = {
    '[word, int]': pairColumns(n, () => words[Math.floor(random() * words.length)]),
    '[int, int]': pairColumns(n, () => (random() * 4e9 - 2e9) | 0),
  };
  for (const [name, columns] of Object.entries(data))
    for (const [numPartitions, compression] of [
      [1, 'lz4'],
      [8, 'lz4'],
      [8, 'none'],
      [200, 'lz4'],
    ])
      withDirs((dirs) => {
        const env = newEnv(dirs, 4096 * MB, compression);
        let status;
        measure(`write ${name} R=${numPartitions} ${compression}`, n, () => {
          status = write(env, 0, columns, numPartitions);
        });
        measure(`read  ${name} R=${numPartitions} ${compression}`, n, () => read(env, [status], numPartitions, {}));
      });
  withDirs((dirs) => {
    const env = newEnv(dirs);
    const { keys } = pairColumns(n, () => word(6 + Math.floor(random() * 8)));
    let status;
    measure(`combine and write, ${n} distinct words, R=8`, n, () => {
      const writer = createCombiningWriter(env, { shuffleId: 0, mapId: 0, numPartitions: 8, partition: byHash(8) });
      const { table } = writer;
      const { values } = table;
      for (let i = 0; i < n; ) {
        const end = Math.min(n, i + 2048);
        for (; i < end; i++) {
          const e = table.upsert(keys[i]);
          if (e === values.length) values.push(1);
          else values[e] += 1;
        }
        writer.endBatch();
      }
      status = {
        location: { executorId: 'driver', host: 'localhost', port: 0 },
        mapId: 0,
        sizes: toBlockSizes(writer.commit().sizes),
      };
    });
    measure(
      `read and merge them`,
      n,
      () => read(env, [status, status], 8, { combine: { kind: 'sum' }, mapSideCombine: true }) / 2,
    );
  });
}

function sortSection() {
  const n = 1_000_000;
  const kinds = {
    ints: () => (random() * 4e9 - 2e9) | 0,
    doubles: () => random() * 1e6 - 5e5,
    strings: () => word(6 + Math.floor(random() * 10)),
    'user_0000000 strings': () =>
      Buffer.from(`user_${String(Math.floor(random() * 200_000)).padStart(7, '0')}`).toString('latin1'),
  };
  for (const [name, key] of Object.entries(kinds)) {
    const { keys, values } = pairColumns(n, key);
    measure(`sortPairs, ${name}`, n, () => sortPairs(keys, values, { compare: null, ascending: true }));
    const pairs = keys.map((k, i) => [k, values[i]]);
    const compare = typeof keys[0] === 'string' ? ([a], [b]) => (a < b ? -1 : a > b ? 1 : 0) : ([a], [b]) => a - b;
    measure(`Array.sort of pairs, ${name}`, n, () => pairs.slice().sort(compare));
  }
}

function spillSection() {
  const n = 3_000_000;
  for (const [name, key] of [
    ['ints', (i) => Math.imul(i, 0x9e3779b1) | 0],
    ['words', () => word(10)],
  ])
    withDirs((dirs) => {
      const columns = pairColumns(n, (_, i) => key(i));
      const status = write(newEnv(dirs), 0, columns, 1);
      for (const [what, plan] of [
        ['sum by key', { combine: { kind: 'sum' } }],
        ['sort by key', { ordering: { compare: null, ascending: true } }],
      ]) {
        let fits;
        for (const budget of [4096 * MB, 64 * MB]) {
          const env = newEnv(dirs, budget);
          const ns = measure(`${what}, ${n} distinct ${name}, ${budget / MB} MB`, n, () =>
            read(env, [status], 1, plan),
          );
          fits ??= ns;
          if (ns !== fits)
            print(
              `  spilled ${(env.metrics.memoryBytesSpilled / 6 / MB).toFixed(0)} MB of memory as ${(env.metrics.diskBytesSpilled / 6 / MB).toFixed(0)} MB, ${(ns / fits).toFixed(2)} times the time in memory`,
            );
        }
      }
    });
}

const sections = { table: tableSection, write: writeSection, sort: sortSection, spill: spillSection };
for (const [name, run] of Object.entries(sections)) if (chosen.length === 0 || chosen.includes(name)) run();
