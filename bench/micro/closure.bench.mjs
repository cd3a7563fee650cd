// What shipping closures costs, from loading the module to the loop on the executor, in one run.
//   npm run build && node bench/micro/closure.bench.mjs [rounds]
import { readFileSync } from 'node:fs';
import v8 from 'node:v8';

const rounds = Number(process.argv[2] ?? 1000);
const now = () => performance.now();
const started = now();
const { captureAll, checkClosure, loadClosures } = await import('../../dist/src/closure/closure.js');
const loadMs = now() - started;

const threshold = 5;
const tokenize = (s) => s.split(' ');
const stop = new Set(['a', 'the']);
const one = (x) => x > threshold;
const pure = (x) => x * 2;
const words = (s) => tokenize(s).filter((w) => !stop.has(w));

const rows = [];
const report = (what, figure) => rows.push([what, figure]);
const us = (run, n = rounds) => {
  run();
  let best = Number.POSITIVE_INFINITY;
  for (let round = 0; round < 3; round++) {
    const start = now();
    for (let i = 0; i < n; i++) run();
    best = Math.min(best, ((now() - start) / n) * 1000);
  }
  return `${best.toFixed(1)} us`;
};
const ms = (run) => {
  let best = Number.POSITIVE_INFINITY;
  let result;
  for (let i = 0; i < 3; i++) {
    const start = now();
    result = run();
    best = Math.min(best, now() - start);
  }
  return [`${best.toFixed(1)} ms`, result];
};

report('load the module', `${loadMs.toFixed(1)} ms`);
const first = now();
checkClosure(one);
report('first check in a process (loads parser and inspector)', `${(now() - first).toFixed(1)} ms`);
const literals = Array.from({ length: 50 }, (_, i) => new Function('x', `return x + ${i} * threshold_${i}`));
for (const [i] of literals.entries()) globalThis[`threshold_${i}`] = i;
const scripts = now();
for (const fn of literals) checkClosure(fn);
report('a new literal in a new script', `${(((now() - scripts) / literals.length) * 1000).toFixed(0)} us`);
const fresh = [(x) => x + 1, (x) => x + threshold, (s) => words(s).length, (x) => stop.has(x), (x) => [x, threshold]];
checkClosure(words); // a captured function makes the module be parsed for its imports, once
const cold = now();
for (const fn of fresh) checkClosure(fn);
report('a new literal in a known script', `${(((now() - cold) / fresh.length) * 1000).toFixed(0)} us`);
report(
  'check again, no captures',
  us(() => checkClosure(pure)),
);
report(
  'check again, one constant',
  us(() => checkClosure(one)),
);
report(
  'check again, a function and a Set',
  us(() => checkClosure(words)),
);
report(
  'capture to bytes, a function and a Set',
  us(() => captureAll([words])),
);
report('size of x => x > threshold', `${captureAll([one]).length} B`);

const bytes = captureAll([words]);
const load = now();
const loaded = await loadClosures(bytes);
report('first load in a thread', `${(now() - load).toFixed(2)} ms`);
report(
  'make, fresh Set per task',
  us(() => loaded.make()),
);
const constant = await loadClosures(captureAll([one]));
report(
  'make, nothing to be fresh',
  us(() => constant.make()),
);

class Point {
  constructor(i) {
    this.x = i;
    this.y = 'a';
  }
  norm() {
    return this.x;
  }
}
for (const [what, make] of [
  ['number[] 1.3 M', () => Array.from({ length: 1.3e6 }, (_, i) => i + 0.5)],
  ['Float64Array 10 MB', () => new Float64Array(1.3e6)],
  ['string[] 500 k', () => Array.from({ length: 5e5 }, (_, i) => `word${i}`)],
  ['100 k objects of 4', () => Array.from({ length: 1e5 }, (_, i) => ({ id: i, name: `n${i}`, a: 1, b: true }))],
  ['20 k class instances', () => Array.from({ length: 2e4 }, (_, i) => new Point(i))],
]) {
  const big = make();
  const fn = () => big.length;
  const [check] = ms(() => checkClosure(fn));
  const [capture, message] = ms(() => captureAll([fn], { warnBytes: Number.POSITIVE_INFINITY }));
  const stage = await loadClosures(message);
  stage.make(); // the first task uses the data that came with the load, later ones get a copy each
  const [task] = ms(() => stage.make());
  report(what, `check ${check}, bytes ${capture} (${(message.length / 1e6).toFixed(1)} MB), make ${task}`);
}

const [revived] = (
  await loadClosures(
    captureAll([
      (n) => {
        let sum = 0;
        for (let i = 0; i < n; i++) sum += i % threshold;
        return sum;
      },
    ]),
  )
).make();
const original = (n) => {
  let sum = 0;
  for (let i = 0; i < n; i++) sum += i % threshold;
  return sum;
};
const N = 2e7;
for (let i = 0; i < 3; i++) {
  original(1e5);
  revived(1e5);
}
const hot = (fn) => (Number(ms(() => fn(N))[0].replace(' ms', '')) * 1e6) / N;
report('hot loop, original against revived', `${hot(original).toFixed(2)} / ${hot(revived).toFixed(2)} ns`);
const cpu = /model name\s*: (.*)/.exec(readFileSync('/proc/cpuinfo', 'utf8'))?.[1] ?? process.arch;
report(
  'machine',
  `${cpu}, node ${process.version}, v8 ${process.versions.v8}, ${v8.getHeapStatistics().heap_size_limit / 2 ** 20} MB heap`,
);
for (const [what, figure] of rows) process.stdout.write(`${what.padEnd(56)} ${figure}\n`);
