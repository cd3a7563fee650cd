import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { AsyncBatchIterator } from '../../src/executor/async-batches.ts';
import { AsyncPartition, type PartitionFunction } from '../../src/executor/async-partition.ts';
import { RatePermits } from '../../src/executor/rate-permits.ts';
import { arraySource, countedSource, FakeAsyncTask, readAll, turn, turns } from '../kit/async-task.ts';
import { ManualClock } from '../kit/manual-clock.ts';

const numbers = (n: number): number[] => Array.from({ length: n }, (_, i) => i);

const partition = (
  f: PartitionFunction,
  records: readonly unknown[] | AsyncBatchIterator,
  task = new FakeAsyncTask(),
): AsyncPartition => new AsyncPartition(f, 'next' in records ? records : arraySource(records), task, null);

test('generators, async functions and plain iterables give records; promises in them are awaited', async () => {
  const doubled = partition(async function* (records) {
    for await (const x of records) yield (x as number) * 2;
  }, numbers(5000));
  assert.deepEqual(
    await readAll(doubled),
    numbers(5000).map((x) => x * 2),
  );
  assert.deepEqual(await readAll(partition(async () => [1, 2], [])), [1, 2]);
  assert.deepEqual(await readAll(partition(() => new Set([3]), [])), [3]);
  assert.deepEqual(await readAll(partition(async () => [Promise.resolve(4)], [])), [4]);
});

test('several readers may pull from the records at once: each record goes to one of them', async () => {
  const seen: unknown[] = [];
  const f: PartitionFunction = async (records) => {
    const reader = async (): Promise<void> => {
      for (let step = await records.next(); !step.done; step = await records.next()) {
        seen.push(step.value);
        await turn();
      }
    };
    await Promise.all([reader(), reader(), reader()]);
    return seen;
  };
  const all = await readAll(partition(f, countedSource(numbers(100), 7)));
  assert.deepEqual(
    [...all].sort((a, b) => Number(a) - Number(b)),
    numbers(100),
  );
});

test('records are pulled no faster than results are read', async () => {
  const source = countedSource(numbers(10_000));
  const op = partition(async function* (records) {
    yield* records;
  }, source);
  await op.next();
  await turns(20);
  assert.ok(source.pulled <= 256 + 32, `${source.pulled} records were pulled for one batch`);
  await op.close();
});

test('a result does not wait for the next one', async () => {
  let go: () => void = () => {};
  const op = partition(async function* () {
    yield 1;
    await new Promise<void>((resolve) => {
      go = resolve;
    });
    yield 2;
  }, []);
  assert.deepEqual(await op.next(), [1]);
  const second = op.next();
  await turn();
  go();
  assert.deepEqual(await second, [2]);
  assert.equal(await op.next(), null);
});

test('a reader that stops early aborts the signal, and the generator cleans up before the task goes on', async () => {
  const log: string[] = [];
  const op = partition(async function* (_, { signal }) {
    signal.addEventListener('abort', () => log.push('aborted'));
    try {
      for (let i = 0; ; i++) yield i;
    } finally {
      await turn();
      log.push('cleaned up');
    }
  }, []);
  await op.next();
  await op.close();
  assert.deepEqual(log, ['aborted', 'cleaned up']);
});

test('a generator that does not clean up in time is left behind', async () => {
  const clock = new ManualClock();
  const op = partition(
    async function* () {
      try {
        for (;;) yield 1;
      } finally {
        await new Promise(() => {});
      }
    },
    [],
    new FakeAsyncTask(clock),
  );
  await op.next();
  const closing = op.close();
  await turns(2);
  clock.advance(10_000);
  await closing;
});

test('a killed task ends while its function waits for something that never comes', async () => {
  const task = new FakeAsyncTask();
  let signal: AbortSignal | undefined;
  const never: PartitionFunction = (_, call) => {
    signal = call.signal;
    return new Promise(() => {});
  };
  const all = readAll(partition(never, [], task));
  await turn();
  task.kill();
  await assert.rejects(all, /killed/);
  assert.equal(signal?.aborted, true);
  assert.equal(task.numListeners, 0);
});

test('errors of the function, of its iterable and of its source come out', async () => {
  await assert.rejects(
    readAll(
      partition(async () => {
        throw new Error('function');
      }, []),
    ),
    /function/,
  );
  await assert.rejects(
    readAll(
      partition(async function* () {
        yield 1;
        throw new Error('generator');
      }, []),
    ),
    /generator/,
  );
  const broken: AsyncBatchIterator = { next: () => Promise.reject(new Error('source')), close() {} };
  await assert.rejects(
    readAll(
      partition(async function* (records) {
        yield* records;
      }, broken),
    ),
    /source/,
  );
  await assert.rejects(
    readAll(partition(async () => 5, [])),
    /mapPartitionsAsync\(\) must give an \(async\) iterable, but it gave 5/,
  );
});

test('permit() waits for the rate limit, and for nothing without one', async () => {
  let answer: (permits: number) => void = () => {};
  const permits = new RatePermits({ key: 'k', perSecond: 1, burst: 1 }, 7, {
    acquire: () => new Promise((resolve) => (answer = (n) => resolve({ permits: n }))),
    giveBack() {},
  });
  const calls: number[] = [];
  const f: PartitionFunction = async function* (_, { permit }) {
    for (const i of [1, 2]) {
      await permit();
      calls.push(i);
      yield i;
    }
  };
  const all = readAll(new AsyncPartition(f, arraySource([]), new FakeAsyncTask(), permits));
  await turns(2);
  assert.deepEqual(calls, []);
  answer(1);
  await turns(3);
  assert.deepEqual(calls, [1]);
  answer(1);
  assert.deepEqual(await all, [1, 2]);
  assert.deepEqual(await readAll(partition(f, [])), [1, 2]);
});
