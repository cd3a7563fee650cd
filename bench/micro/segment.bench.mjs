// CPU ns a record of fused loops, each beside the same loop written by hand, the two in turn:
//   npm run build && node --max-semi-space-size=64 bench/micro/segment.bench.mjs [range|numbers|objects|made|words|pairs|after …]
import { compileBatchSegment, compileRangeSegment } from '../../dist/src/executor/segment-compiler.js';
import { mix, objectPipeline, rangeMapFilterReduce } from '../hand/pipelines.mjs';

const ROUNDS = 7;
/** Records of a batch, as everywhere in the engine. */
const BATCH = 2048;
/** Records of a range between two looks at whether the task was killed. */
const STRETCH = 1 << 17;

const chosen = process.argv.slice(2);

/** Calls `visit` with (start, count) of the stretches in which a task walks over a range. */
function stretches(n, length, visit) {
  for (let done = 0; done < n; done += length) visit(done, Math.min(length, n - done));
}

/** The records as the engine's sources give them: in batches. They are made before anything is measured. */
function batchesOf(n, record) {
  const batches = [];
  stretches(n, BATCH, (start, count) => batches.push(Array.from({ length: count }, (_, i) => record(start + i))));
  return batches;
}

const overBatches = (segment, batches, state, endBatch = () => {}) => {
  for (const batch of batches) {
    segment(batch, 0, batch.length, state);
    endBatch();
  }
};

const op = (name, f) => ({ op: name, f });
const reduced = () => ({ has: false, acc: undefined });

/** name → n, and two functions that give the same: by hand, and fused. */
const cases = {
  range() {
    const n = 20_000_000;
    const functions = [(x) => x + 1, (x) => x % 3 === 0, (a, b) => a + b];
    const segment = compileRangeSegment([op('map', 0), op('filter', 1)], { kind: 'reduce', f: 2 }, functions);
    return {
      what: 'range: map, filter, reduce',
      n,
      hand: () => rangeMapFilterReduce(n),
      fused() {
        const state = reduced();
        stretches(n, STRETCH, (start, count) => segment(start, 1, count, state));
        return state.acc;
      },
    };
  },

  numbers() {
    const n = 4_000_000;
    const batches = batchesOf(n, (i) => mix(i) & 0xffff);
    const functions = [(x) => x * 3, (x) => x % 2 === 0, (a, b) => (a + b) | 0];
    const segment = compileBatchSegment([op('map', 0), op('filter', 1)], { kind: 'reduce', f: 2 }, functions);
    return {
      what: 'batches of numbers: map, filter, reduce',
      n,
      hand() {
        let sum = 0;
        for (const batch of batches)
          for (let i = 0; i < batch.length; i++) {
            const x = batch[i] * 3;
            if (x % 2 === 0) sum = (sum + x) | 0;
          }
        return sum;
      },
      fused() {
        const state = reduced();
        overBatches(segment, batches, state);
        return state.acc;
      },
    };
  },

  objects() {
    const n = 1_000_000;
    const batches = batchesOf(n, (id) => ({ id, value: mix(id) & 1023, weight: (mix(id) >>> 10) & 1023 }));
    const functions = [(r) => r.value % 3 !== 0, (r) => r.value * r.weight, (a, b) => a + b];
    const segment = compileBatchSegment([op('filter', 0), op('map', 1)], { kind: 'reduce', f: 2 }, functions);
    return {
      what: 'batches of objects: filter, map, reduce',
      n,
      hand() {
        let sum = 0;
        for (const batch of batches)
          for (let i = 0; i < batch.length; i++) {
            const r = batch[i];
            if (r.value % 3 !== 0) sum += r.value * r.weight;
          }
        return sum;
      },
      fused() {
        const state = reduced();
        overBatches(segment, batches, state);
        return state.acc;
      },
    };
  },

  made() {
    const n = 3_000_000;
    const functions = [
      (id) => {
        const bits = mix(id);
        return { id, value: bits & 1023, weight: (bits >>> 10) & 1023 };
      },
      (r) => r.value % 3 !== 0,
      (r) => [r, { id: r.id, value: r.value + 1, weight: r.weight }],
      (r) => r.value * r.weight,
      (a, b) => a + b,
    ];
    const ops = [op('map', 0), op('filter', 1), op('flatMap', 2), op('map', 3)];
    const segment = compileRangeSegment(ops, { kind: 'reduce', f: 4 }, functions);
    return {
      what: 'range: map to objects, filter, flatMap to two, map, reduce',
      n,
      hand: () => objectPipeline(n),
      fused() {
        const state = reduced();
        stretches(n, STRETCH, (start, count) => segment(start, 1, count, state));
        return state.acc;
      },
    };
  },

  words() {
    const n = 100_000;
    const line = (i) => Array.from({ length: 12 }, (_, k) => `w${(mix(12 * i + k) >>> 0) % 5000}`).join(' ');
    // Flat strings, as they come out of a file.
    const batches = batchesOf(n, (i) => Buffer.from(line(i), 'latin1').toString('latin1'));
    const functions = [(text) => text.split(' '), (word) => word !== '', (word) => word.length];
    const segment = compileBatchSegment([op('flatMap', 0), op('filter', 1), op('map', 2)], { kind: 'sum' }, functions);
    return {
      what: 'batches of lines: flatMap split, filter, map, sum (a word)',
      n: 12 * n,
      hand() {
        let sum = 0;
        for (const batch of batches)
          for (let i = 0; i < batch.length; i++)
            for (const word of batch[i].split(' ')) if (word !== '') sum += word.length;
        return sum;
      },
      fused() {
        const state = { acc: 0 };
        overBatches(segment, batches, state);
        return state.acc;
      },
    };
  },

  pairs() {
    const n = 2_000_000;
    const batches = batchesOf(n, (i) => mix(i) & 0xfff);
    const functions = [(x) => x & 15, (x) => x + 1];
    const segment = compileBatchSegment([op('keyBy', 0), op('mapValues', 1)], { kind: 'push' }, functions);
    return {
      what: 'batches of numbers: keyBy, mapValues, an array of pairs a batch',
      n,
      hand() {
        let pairs = 0;
        for (const batch of batches) {
          const out = [];
          for (let i = 0; i < batch.length; i++) out.push([batch[i] & 15, batch[i] + 1]);
          pairs += out.length;
        }
        return pairs;
      },
      fused() {
        let pairs = 0;
        const state = { out: [] };
        overBatches(segment, batches, state, () => {
          pairs += state.out.length;
          state.out = [];
        });
        return pairs;
      },
    };
  },

  /** A thread has run many stages before, of other code and of the same: neither may spoil the loop. */
  after() {
    const n = 4_000_000;
    const batches = batchesOf(n, (i) => mix(i) & 0xffff);
    const ops = [op('map', 0), op('filter', 1)];
    const run = (functions) => {
      const segment = compileBatchSegment(ops, { kind: 'reduce', f: 2 }, functions);
      const state = reduced();
      overBatches(segment, batches, state);
      return state.acc;
    };
    for (let i = 1; i <= 20; i++)
      run([new Function('x', `return x + ${i}`), new Function('x', `return x !== ${i}`), (a, b) => (a ^ b) | 0]);
    const fresh = (factor) => [(x) => x * factor, (x) => x % 2 === 0, (a, b) => (a + b) | 0];
    for (let i = 1; i <= 20; i++) run(fresh(i));
    return {
      what: 'the same numbers after forty other stages, twenty of them with this text',
      n,
      hand() {
        const factor = 3;
        let sum = 0;
        for (const batch of batches)
          for (let i = 0; i < batch.length; i++) {
            const x = batch[i] * factor;
            if (x % 2 === 0) sum = (sum + x) | 0;
          }
        return sum;
      },
      fused: () => run(fresh(3)),
    };
  },
};

/** CPU time, the collector's threads included, so that neighbours on the machine count less. */
function nsOf(run, n) {
  const before = process.cpuUsage();
  const result = run();
  const { user, system } = process.cpuUsage(before);
  return { ns: ((user + system) * 1000) / n, result };
}

const median = (list) => [...list].sort((a, b) => a - b)[list.length >> 1];
const print = (line) => process.stdout.write(`${line}\n`);

for (const name of chosen) if (!cases[name]) throw new Error(`no case is called '${name}': ${Object.keys(cases)}`);
for (const [name, make] of Object.entries(cases)) {
  if (chosen.length > 0 && !chosen.includes(name)) continue;
  const { what, n, hand, fused } = make();
  const times = { hand: [], fused: [] };
  for (let round = -2; round < ROUNDS; round++) {
    const byHand = nsOf(hand, n);
    const byEngine = nsOf(fused, n);
    if (byHand.result !== byEngine.result) throw new Error(`${name}: ${byHand.result} is not ${byEngine.result}`);
    if (round < 0) continue; // two to get warm
    times.hand.push(byHand.ns);
    times.fused.push(byEngine.ns);
  }
  const [loop, ours] = [median(times.hand), median(times.fused)];
  const figures = `${ours.toFixed(2).padStart(7)} ns, by hand ${loop.toFixed(2).padStart(7)} ns`;
  print(`${name.padEnd(8)} ${figures} ${(ours / loop).toFixed(2).padStart(6)}×   ${what}`);
}
