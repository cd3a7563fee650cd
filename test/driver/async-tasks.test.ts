import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import workers from 'node:worker_threads';
import { SparkContext } from '../../src/driver/spark-context.ts';
import { until } from '../kit/until.ts';

async function withContext<R>(body: (sc: SparkContext) => Promise<R>, conf: Record<string, string> = {}): Promise<R> {
  const settings = { master: 'local[2]', appName: 'async', 'spark.log.level': 'OFF', ...conf };
  const sc = await SparkContext.create(settings);
  try {
    return await body(sc);
  } finally {
    await sc.stop();
  }
}

/** A server that notes each request, and answers when it is told to; `url` is what a task calls. */
async function withServer<R>(
  answer: (path: string, respond: (status: number) => void) => void,
  body: (server: { readonly url: string; readonly times: number[]; readonly closed: () => number }) => Promise<R>,
): Promise<R> {
  const times: number[] = [];
  let closed = 0;
  // Connections that wait are never closed under a caller that is just about to use them.
  const server = createServer({ keepAliveTimeout: 0 }, (request, response) => {
    times.push(performance.now());
    response.on('close', () => {
      if (!response.writableFinished) closed++;
    });
    answer(request.url ?? '', (status) => void response.writeHead(status).end(request.url));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  try {
    return await body({ url: `http://127.0.0.1:${port}`, times, closed: () => closed });
  } finally {
    server.closeAllConnections();
    server.close();
  }
}

test('a rate limit is shared by all tasks of a job in all slots', () =>
  withContext((sc) =>
    withServer(
      (_, respond) => respond(200),
      async ({ url, times }) => {
        await sc.range(0, 4, 1, 4).count(); // slots are there
        const started = performance.now();
        await sc.range(0, 80, 1, 4).foreachConcurrent((i, { signal }) => fetch(`${url}/${i}`, { signal }), {
          rateLimit: { perSecond: 200, burst: 5 },
        });
        const took = performance.now() - started;
        assert.equal(times.length, 80);
        // 5 at once, and the other 75 take 375 ms, of which 20 are credit for a driver that looks late.
        assert.ok(took >= 350, `80 calls took ${took} ms`);
      },
    ),
  ));

test('a rate limit is shared by executors in processes of their own, and a cancelled job ends its calls there', () =>
  withContext(
    (sc) =>
      withServer(
        (path, respond) => {
          if (!path.startsWith('/never')) respond(200);
        },
        async ({ url, times, closed }) => {
          await sc.range(0, 4, 1, 4).count();
          const started = performance.now();
          await sc.range(0, 60, 1, 4).foreachConcurrent((i, { signal }) => fetch(`${url}/${i}`, { signal }), {
            rateLimit: { perSecond: 100, burst: 1 },
          });
          const took = performance.now() - started;
          assert.equal(times.length, 60);
          assert.ok(took >= 560, `60 calls took ${took} ms`);
          const control = new AbortController();
          const stuck = sc
            .range(0, 10, 1, 2)
            .foreachConcurrent((i, call) => fetch(`${url}/never/${i}`, call), { signal: control.signal });
          stuck.catch(() => {});
          await until(() => times.length === 70);
          control.abort(new Error('enough'));
          await assert.rejects(
            stuck.then(() => {}),
            /enough/,
          );
          await until(() => closed() === 10);
        },
      ),
    { master: 'local-cluster[2,1,1024]' },
  ));

test('operators with one key share one limit, over jobs that run side by side', () =>
  withContext(async (sc) => {
    const rateLimit = { perSecond: 100, burst: 1, key: 'the service' };
    const started = performance.now();
    const job = () =>
      sc
        .range(0, 20, 1, 1)
        .mapAsync(async (i) => i, { rateLimit })
        .collect();
    const both = await Promise.all([job(), job()]);
    const took = performance.now() - started;
    assert.deepEqual(
      both.map((list) => list.length),
      [20, 20],
    );
    assert.ok(took >= 350, `40 calls at 100 a second took ${took} ms`);
  }));

test('a cancelled job leaves its limit to others', () =>
  withContext((sc) =>
    withServer(
      (_, respond) => respond(200),
      async ({ url, times }) => {
        const key = 'one service';
        const first = sc.range(0, 2, 1, 1).mapAsync((i, { signal }) => fetch(`${url}/${i}`, { signal }).then(() => i), {
          rateLimit: { perSecond: 1 / 3600, burst: 1, key },
        });
        const control = new AbortController();
        const counting = first.count({ signal: control.signal });
        counting.catch(() => {});
        await until(() => times.length === 1); // and the other call waits
        control.abort(new Error('enough'));
        await assert.rejects(
          counting.then(() => {}),
          /enough/,
        );
        // The lowest limit that a task named holds as long as that task lives.
        const next = sc.range(0, 20, 1, 1).mapAsync(async (i) => i, { rateLimit: { perSecond: 1000, burst: 1, key } });
        assert.equal(await next.count(), 20);
      },
    ),
  ));

test('a cancelled job ends its calls at once through their signal', () =>
  withContext((sc) =>
    withServer(
      () => {}, // never answers
      async ({ url, times, closed }) => {
        const control = new AbortController();
        const calls = sc
          .range(0, 100, 1, 2)
          .mapAsync((i, { signal }) => fetch(`${url}/${i}`, { signal }).then((r) => r.status), { concurrency: 3 })
          .collect({ signal: control.signal });
        calls.catch(() => {});
        await until(() => times.length === 6);
        control.abort(new Error('not needed'));
        await assert.rejects(
          calls.then(() => {}),
          /not needed/,
        );
        await until(() => closed() === 6);
        // The slots are free at once, and were not replaced.
        assert.equal(await sc.range(0, 10, 1, 2).count(), 10);
      },
    ),
  ));

test('calls that ignore their signal and never settle do not keep a killed task', () =>
  withContext(
    (sc) =>
      withServer(
        (_, respond) => respond(200),
        async ({ url, times }) => {
          const slots = () =>
            sc
              .range(0, 8, 1, 8)
              .map(() => {
                Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 20);
                return workers.threadId; // not imported by name: that would be the driver's
              })
              .collect();
          let before = new Set<number>();
          while (before.size < 2) before = new Set(await slots());
          for (let round = 1; round <= 3; round++) {
            const control = new AbortController();
            const stuck = sc
              .range(0, 4, 1, 2)
              .mapAsync(async (i) => {
                await fetch(`${url}/${i}`);
                return new Promise<number>(() => {});
              })
              .collect({ signal: control.signal });
            stuck.catch(() => {});
            await until(() => times.length === 4 * round);
            control.abort(new Error('stuck'));
            await assert.rejects(
              stuck.then(() => {}),
              /stuck/,
            );
          }
          for (const slot of await slots()) assert.ok(before.has(slot), 'no slot was replaced');
        },
      ),
    { 'spark.iskra.slot.killGrace': '1h' }, // a slot that were kept would be kept for ever
  ));

test('a failing call ends its task at once, aborts the calls beside it, and shows the user’s line', () => {
  let calls = 0;
  let fail = (): void => {};
  return withContext((sc) =>
    withServer(
      (path, respond) => {
        if (path === '/3') fail = () => respond(500);
        if (++calls === 8) fail();
      },
      async ({ url, closed }) => {
        const failing = sc.range(0, 8, 1, 1).mapAsync(async function lookUp(i, { signal }) {
          const { status } = await fetch(`${url}/${i}`, { signal });
          if (status !== 200) throw new Error(`user ${i}: ${status}`);
          return i;
        });
        await assert.rejects(
          failing.collect().then(() => {}),
          (error: Error) => {
            assert.match(error.message, /user 3: 500/);
            assert.match(`${error.message}`, /at (async )?(AsyncOperator\.)?lookUp \(.*async-tasks\.test/);
            return true;
          },
        );
        await until(() => closed() === 7);
      },
    ),
  );
});

test('rejections that nobody awaits, and those of calls that were aborted, do not end the slot', () =>
  withContext(async (sc) => {
    const sum = await sc
      .range(0, 20, 1, 2)
      .map((i) => {
        void Promise.reject(new Error(`nobody awaits ${i}`));
        return i;
      })
      .sum();
    assert.equal(sum, 190);
    for (let round = 0; round < 5; round++) {
      const failing = sc.range(0, 8, 1, 2).mapAsync(async (i, { signal }) => {
        if (i % 4 === 0) throw new Error('first');
        // Not awaited by anybody when the signal fires.
        void new Promise((_, reject) => signal.addEventListener('abort', () => reject(new Error('aborted'))));
        await new Promise((resolve) => setTimeout(resolve, 5));
        throw new Error('late sibling');
      });
      await assert.rejects(
        failing.collect().then(() => {}),
        (error: Error) => /first/.test(error.message) && !/thread/.test(error.message),
      );
    }
    await new Promise((resolve) => setTimeout(resolve, 30));
    assert.equal(await sc.range(0, 10, 1, 2).count(), 10);
  }));

test('take() after mapAsync makes no call for results that nobody takes', () =>
  withContext(async (sc) => {
    const calls = sc.longAccumulator();
    const looked = sc.range(0, 1000, 1, 2).mapAsync(async (x) => {
      calls.add(1);
      return x;
    });
    assert.deepEqual(await looked.take(3), [0, 1, 2]);
    assert.equal(Number(calls.value), 3);
    calls.reset();
    const kept = looked.filter((x) => x % 2 === 1);
    assert.deepEqual(await kept.take(2), [1, 3]);
    assert.ok(Number(calls.value) <= 300, `${calls.value} calls for two records`);
  }));

test('a big input with a slow consumer behind an async operator keeps memory flat', () =>
  withContext(
    async (sc) => {
      // 20,000 results of 64 KiB are 1.3 GB, which the slot has no room for.
      const most = await sc
        .range(0, 20_000, 1, 1)
        .mapAsync(
          async (i) => {
            const held = globalThis as { waiting?: number; most?: number };
            held.waiting = (held.waiting ?? 0) + 1;
            held.most = Math.max(held.most ?? 0, held.waiting);
            return Buffer.alloc(64 * 1024, `${i} `).toString('latin1');
          },
          { concurrency: 64 },
        )
        .mapAsync(
          async (text) => {
            const held = globalThis as { waiting?: number };
            held.waiting = (held.waiting ?? 0) - 1;
            if (text.endsWith('7')) await new Promise((resolve) => setImmediate(resolve));
            return text.length;
          },
          { concurrency: 4 },
        )
        .map(() => (globalThis as { most?: number }).most ?? 0)
        .reduce((a, b) => Math.max(a, b));
      assert.ok(most > 0 && most <= 1000, `${most} results waited`);
    },
    { 'spark.driver.memory': '256m' },
  ));

test('mapPartitionsAsync may spend permits of the limit as it likes', () =>
  withContext(async (sc) => {
    const started = performance.now();
    const sums = await sc
      .range(0, 40, 1, 4)
      .mapPartitionsAsync(
        async function* (records, { permit }) {
          let sum = 0;
          let n = 0;
          for await (const x of records) {
            if (n++ % 2 === 0) await permit();
            sum += x;
          }
          yield sum;
        },
        { rateLimit: { perSecond: 50, burst: 1 } },
      )
      .collect();
    assert.deepEqual(sums, [45, 145, 245, 345]);
    const took = performance.now() - started;
    assert.ok(took >= 300, `20 permits at 50 a second took ${took} ms`);
  }));

test('retries, retryIf and retryAfterMs work in a task, with what they capture', () =>
  withContext(async (sc) => {
    const transient = ['busy', 'reset'];
    const rdd = sc.range(0, 6, 1, 2).mapAsync(
      async (i, { attempt }) => {
        if (attempt < 2) throw Object.assign(new Error(transient[attempt]), { retryAfterMs: 1 });
        return `${i} at ${attempt}`;
      },
      { retries: 3, retryDelayMs: 1, retryIf: (error) => transient.includes((error as Error).message) },
    );
    assert.deepEqual(await rdd.take(2), ['0 at 2', '1 at 2']);
    assert.equal(await rdd.count(), 6);
  }));

test('sinks and operators that cannot await follow async operators, however many records there are', () =>
  withContext(async (sc) => {
    const doubled = sc.range(0, 50_000, 1, 2).mapAsync(async (x) => x * 2);
    const perPartition = doubled.mapPartitions((records) => [[...records].length]);
    assert.deepEqual(await perPartition.collect(), [25_000, 25_000]);
    const folder = mkdtempSync(join(tmpdir(), 'iskra-async-'));
    try {
      await doubled.saveAsTextFile(join(folder, 'out'));
      assert.equal(await sc.textFile(join(folder, 'out')).count(), 50_000);
    } finally {
      rmSync(folder, { recursive: true });
    }
    const seen = sc.longAccumulator();
    await doubled.foreachPartition((records) => {
      for (const _ of records) seen.add(1);
    });
    assert.equal(Number(seen.value), 50_000);
    const cached = doubled.persist();
    assert.equal(await cached.count(), 50_000);
    assert.equal(await cached.sum(), 2_499_950_000);
  }));
