// CPU ns a record of joining and grouping in one thread, as tasks do it: range, map and write on one side of the shuffle,
// read, table and the loop behind on the other.
//   npm run build && node --max-semi-space-size=64 bench/micro/cogroup.bench.mjs [n=2500000] [keys=250000] [rounds=5] [join|group|…]
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemClock } from '../../dist/src/base/clock.js';
import { silentLogger } from '../../dist/src/base/logger.js';
import { compileGroupSegment, compileRangeSegment } from '../../dist/src/executor/segment-compiler.js';
import { toBlockSizes } from '../../dist/src/protocol/block-sizes.js';
import { newTaskMetrics } from '../../dist/src/protocol/task-metrics.js';
import { RecordEncoder } from '../../dist/src/serializer/serializer.js';
import { nodeFiles } from '../../dist/src/shuffle/file-ops.js';
import { openCoGroupReader, openShuffleReader } from '../../dist/src/shuffle/shuffle-reader.js';
import { createPartitioningWriter } from '../../dist/src/shuffle/shuffle-writer.js';
import { fixedMemory, TaskMemory } from '../../dist/src/shuffle/task-memory.js';
import { LocalDirs } from '../../dist/src/storage/local-dirs.js';

const args = process.argv.slice(2);
const option = (name, otherwise) =>
  Number(args.find((arg) => arg.startsWith(`${name}=`))?.slice(name.length + 1) ?? otherwise);
const chosen = args.filter((arg) => !arg.includes('='));
const N = option('n', 2_500_000);
const KEYS = option('keys', 250_000);
const ROUNDS = option('rounds', 5);
const PARTITIONS = option('slices', 2);
const BUDGET_MB = option('budget', 4096);

const print = (line) => process.stdout.write(`${line}\n`);
const location = { executorId: 'driver', host: 'localhost', port: 0 };

const mix = (number) => {
  let x = number;
  x = Math.imul(x ^ (x >>> 16), 0x85ebca6b);
  x = Math.imul(x ^ (x >>> 13), 0xc2b2ae35);
  return x ^ (x >>> 16);
};
const bucket = (number) => (mix(number) >>> 1) % KEYS;
const name = (number) => `user${number}`;

function newEnv(localDirs) {
  return {
    programKey: 'bench.0',
    localDirs,
    encoder: new RecordEncoder({ compression: 'lz4' }),
    memory: new TaskMemory(fixedMemory(BUDGET_MB * 1024 * 1024)),
    metrics: newTaskMetrics(),
    clock: systemClock,
    logger: silentLogger,
    remoteBlocks: null,
    files: nodeFiles,
    throwIfKilled: () => {},
  };
}

/** One map output a slice; `f` makes the pair of a number. */
function write(env, shuffleId, count, f) {
  const segment = compileRangeSegment([{ op: 'map', f: 0 }], { kind: 'addPairByHash', numPartitions: PARTITIONS }, [f]);
  const statuses = [];
  for (let mapId = 0; mapId < PARTITIONS; mapId++) {
    const partition = () => {
      throw new Error('inline');
    };
    const writer = createPartitioningWriter(env, { shuffleId, mapId, numPartitions: PARTITIONS, partition });
    const from = Math.floor((count * mapId) / PARTITIONS);
    const to = Math.floor((count * (mapId + 1)) / PARTITIONS);
    for (let at = from; at < to; at += 2048) {
      segment(at, 1, Math.min(2048, to - at), { writer });
      writer.endBatch();
    }
    statuses.push({ location, mapId, sizes: toBlockSizes(writer.commit().sizes) });
  }
  return { shuffleId, epoch: 0, statuses };
}

/** Reads all partitions through a fused loop that adds up. */
function consume(open, ops, functions) {
  let segment;
  const state = { acc: 0 };
  for (let reduceId = 0; reduceId < PARTITIONS; reduceId++) {
    const records = open(reduceId);
    segment ??= compileGroupSegment(ops, { kind: 'sum' }, records.sides, functions);
    const { groups } = records;
    for (let block = groups.next(); block !== null; block = groups.next()) segment(block, 0, block.keys.length, state);
    records.close();
  }
  return state.acc;
}

const side = (outputs, reduceId) => ({
  kind: 'shuffle',
  shuffleId: outputs.shuffleId,
  reduceId,
  outputs,
  localExecutorId: 'driver',
});

const cogroup = (ops, f) => (env, left, right) =>
  consume(
    (reduceId) => openCoGroupReader(env, [side(left, reduceId), side(right, reduceId)]),
    [...ops, { op: 'map', f: 0 }],
    [f],
  );

const hashOf = (key) => (typeof key === 'number' ? key : key.length);
const joined = ([key, [left, right]]) => mix(hashOf(key) ^ left ^ right) & 0xffff;
const grouped = ([key, values]) => {
  let all = hashOf(key);
  for (const value of values) all = (all + mix(value)) | 0;
  return all & 0xffff;
};
const cogrouped = ([key, [left, right]]) => hashOf(key) + left.length + right.length;
const group = (env, outputs) =>
  consume(
    (reduceId) =>
      openShuffleReader(env, {
        read: { shuffleId: outputs.shuffleId, combine: { kind: 'group' }, mapSideCombine: false, ordering: null },
        reduceId,
        outputs,
        functions: [],
        localExecutorId: 'driver',
      }),
    [{ op: 'map', f: 0 }],
    [grouped],
  );

const works = {
  join: { small: KEYS, read: cogroup([{ op: 'joinPairs', how: 'inner' }], joined) },
  'outer-join': {
    small: KEYS,
    read: cogroup([{ op: 'joinPairs', how: 'full' }], ([k, [l, r]]) => hashOf(k) + (l ?? 1) + (r ?? 2)),
  },
  'join-even': { large: KEYS, keyed: true, small: KEYS, read: cogroup([{ op: 'joinPairs', how: 'inner' }], joined) },
  cogroup: { small: KEYS, read: cogroup([], cogrouped) },
  subtract: { small: KEYS >> 1, read: cogroup([{ op: 'subtractPairs' }], ([key, value]) => hashOf(key) + value) },
  group: { small: 0, read: (env, left) => group(env, left) },
};

function measure(what, records, run) {
  const times = [];
  for (let round = 0; round <= ROUNDS; round++) {
    const before = process.cpuUsage();
    run();
    const { user, system } = process.cpuUsage(before);
    if (round > 0) times.push(((user + system) * 1000) / records);
  }
  times.sort((a, b) => a - b);
  print(`${what.padEnd(44)} ${times[ROUNDS >> 1].toFixed(0).padStart(6)} ns a record (best ${times[0].toFixed(0)})`);
}

const root = mkdtempSync(join(tmpdir(), 'iskra-bench-'));
const dirs = LocalDirs.open(root, silentLogger);
try {
  for (const [kind, key] of [
    ['int', (k) => k],
    ['string', name],
  ])
    for (const [work, { large = N, keyed = false, small, read }] of Object.entries(works)) {
      if (chosen.length > 0 && !chosen.includes(work) && !chosen.includes(`${work}-${kind}`)) continue;
      const env = newEnv(dirs);
      let left;
      let right;
      const write1 = () => {
        left = write(env, 0, large, keyed ? (i) => [key(i), i] : (i) => [key(bucket(i)), i]);
        if (small > 0) right = write(env, 1, small, (i) => [key(i), mix(i)]);
      };
      measure(`${work}, ${kind} keys, ${large} and ${small}: write`, large + small, write1);
      let sum;
      measure(`${work}, ${kind} keys, ${large} and ${small}: read`, large + small, () => {
        sum = read(env, left, right);
      });
      print(
        `  ${sum}${env.metrics.memoryBytesSpilled > 0 ? `, spilled ${env.metrics.memoryBytesSpilled >> 20} MB` : ''}`,
      );
    }
} finally {
  dirs.removeAll();
  rmSync(root, { recursive: true });
}
