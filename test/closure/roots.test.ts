import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { after, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import {
  captureAll,
  checkClosure,
  isAsyncFunction,
  loadClosures,
  markMainScript,
  ship,
} from '../../src/closure/closure.ts';
import { Executors, FIXTURES } from './kit.ts';

const executors = new Executors();
after(() => executors.close());

const fixture = (name: string): Promise<Record<string, unknown>> => import(new URL(name, FIXTURES).href);

type Counter = () => readonly [number, number];

test('roots of one call share the objects and classes that they share on the driver', async () => {
  const state = { n: 0 };
  class Point {
    readonly x: number;
    constructor(x: number) {
      this.x = x;
    }
  }
  const roots = [
    (x: number) => new Point(x),
    (p: unknown) => p instanceof Point,
    () => ++state.n,
    () => state.n,
    state,
  ];
  const [make, is, add, get, shared] = (await loadClosures(captureAll(roots))).make() as [
    (x: number) => unknown,
    (p: unknown) => boolean,
    () => number,
    () => number,
    { n: number },
  ];
  assert.equal(is(make(1)), true);
  add();
  assert.equal(get(), 1);
  assert.equal(shared.n, 1);
  assert.equal(state.n, 0);
});

test('values of any kind are roots', async () => {
  class Modulo {
    readonly parts: number;
    constructor(parts: number) {
      this.parts = parts;
    }
    partition(key: number): number {
      return key % this.parts;
    }
  }
  const roots = [undefined, null, 7, 'text', [1, [2]], new Modulo(4), Math.max, new Map([[1, 2]])];
  const made = (await loadClosures(captureAll(roots))).make();
  assert.deepEqual(made.slice(0, 5), [undefined, null, 7, 'text', [1, [2]]]);
  assert.equal((made[5] as Modulo).partition(7), 3);
  assert.equal(made[6], Math.max);
  assert.deepEqual(made[7], new Map([[1, 2]]));
});

test('a function that another module exports is imported by executors, with the state of its module', async () => {
  const { count } = await fixture('helper-module.mjs');
  (count as Counter)();
  checkClosure(count as Counter);
  for (const value of await executors.inBoth({ bytes: captureAll([count]) })) assert.deepEqual(value, [1, 1]);
  for (const value of await executors.inBoth({ bytes: captureAll([count]) })) assert.deepEqual(value, [2, 1]);
});

test('a function exported by the very script that runs the job is copied, and the script is not imported', async () => {
  const { bytes } = await fixture('exporting-job.mjs');
  for (const value of await executors.inBoth({ bytes: bytes as Uint8Array, args: [4] }))
    assert.deepEqual(value, [8, 0]);
});

test('a script marked as main is copied, never imported', async () => {
  const { count } = (await fixture('app-module.mjs')) as { count: Counter };
  markMainScript(new URL('app-module.mjs', FIXTURES).href);
  for (const value of await executors.inBoth({ bytes: captureAll([() => count()]) })) assert.deepEqual(value, [1, 0]);
});

test('a file that executors cannot import is copied', async () => {
  const { count } = (await fixture('helper-module.mjs')) as { count: Counter };
  const bytes = captureAll([() => count()], { importable: (url) => !url.endsWith('helper-module.mjs') });
  const inChild = (await executors.inProcess({ bytes })) as readonly [number, number];
  assert.equal(inChild[0], 2); // the driver's own count at the time of capture was 1
});

test('the main script of a process is not run by its executors', () => {
  const { stdout, stderr } = spawnSync(process.execPath, [fileURLToPath(new URL('main-job.mjs', FIXTURES))], {
    encoding: 'utf8',
  });
  assert.equal(stderr, '');
  assert.equal(stdout, 'job runs\n2\n');
});

test('a driver may run in a worker thread', async () => {
  const worker = new Worker(new URL('capturing-worker.mjs', FIXTURES));
  const [bytes] = (await once(worker, 'message')) as [Uint8Array];
  await worker.terminate();
  assert.deepEqual(await executors.inBoth({ bytes, args: [1] }), [42, 42]);
});

test('values are those at the time of capture', async () => {
  let factor = 1;
  const fn = (x: number): number => x * factor;
  checkClosure(fn);
  factor = 2;
  const bytes = captureAll([fn]);
  factor = 3;
  assert.deepEqual(await executors.inBoth({ bytes, args: [10] }), [20, 20]);
});

test('without an inspector only functions without captures and those of ship() can be shipped', () => {
  const flag = process.allowedNodeEnvironmentFlags.has('--permission') ? '--permission' : '--experimental-permission';
  const script = fileURLToPath(new URL('blind.mjs', FIXTURES));
  const { stdout, stderr } = spawnSync(process.execPath, [flag, '--allow-fs-read=*', '--no-warnings', script], {
    encoding: 'utf8',
  });
  const [pure, shipped, message] = JSON.parse(stdout || `[0,0,${JSON.stringify(stderr)}]`) as [number, boolean, string];
  assert.equal(pure, 8);
  assert.equal(shipped, true);
  assert.match(
    message,
    /→ uses `threshold`, which this runtime cannot read\n {2}hint: name it: ship\(fn, \{ threshold \}\)$/,
  );
});

test('ship() names captures by hand and gives the same function back', async () => {
  const hidden = 1;
  const fn = (x: number): number => x + hidden;
  assert.equal(ship(fn, { hidden: 100 }), fn);
  assert.deepEqual(await executors.inBoth({ bytes: captureAll([fn]), args: [1] }), [101, 101]);
});

test('async functions and async generators are told from others, also when bound', () => {
  assert.equal(
    isAsyncFunction(async () => 1),
    true,
  );
  assert.equal(
    isAsyncFunction(async function* () {
      yield 1;
    }),
    true,
  );
  assert.equal(isAsyncFunction((async () => 1).bind(null)), true);
  assert.equal(
    isAsyncFunction(() => Promise.resolve(1)),
    false,
  );
  assert.equal(
    isAsyncFunction(function* () {
      yield 1;
    }),
    false,
  );
});
