// CPU ns a call of the async operators, beside the same calls made by hand:
//   npm run build && node --max-semi-space-size=64 bench/micro/async.bench.mjs
import { systemClock } from '../../dist/src/base/clock.js';
import { seededRandom } from '../../dist/src/base/seeded-random.js';
import { AsyncOperator } from '../../dist/src/executor/async-operator.js';
import { AsyncPartition } from '../../dist/src/executor/async-partition.js';
import { RatePermits } from '../../dist/src/executor/rate-permits.js';
import { RateLimiter } from '../../dist/src/scheduler/rate-limiter.js';

const ROUNDS = 7;
const N = 500_000;
const CONCURRENCY = 16;

/** CPU time, the collector's threads included; the median of ROUNDS after one. */
async function measure(name, calls, run) {
  const times = [];
  for (let round = 0; round <= ROUNDS; round++) {
    const before = process.cpuUsage();
    await run();
    const { user, system } = process.cpuUsage(before);
    if (round > 0) times.push(((user + system) * 1000) / calls);
  }
  times.sort((a, b) => a - b);
  process.stdout.write(
    `${name.padEnd(60)} ${times[ROUNDS >> 1].toFixed(0).padStart(7)} ns  (best ${times[0].toFixed(0)})\n`,
  );
}

const task = {
  clock: systemClock,
  random: seededRandom(1),
  throwIfKilled() {},
  onKilled: () => () => {},
};

function source() {
  let at = 0;
  return {
    next() {
      if (at >= N) return null;
      const batch = Array.from({ length: Math.min(2048, N - at) }, (_, i) => at + i);
      at += batch.length;
      return batch;
    },
    close() {},
  };
}

async function drain(batches) {
  let sum = 0;
  for (let batch = await batches.next(); batch !== null; batch = await batches.next())
    for (let i = 0; i < batch.length; i++) sum += batch[i];
  await batches.close();
  if (sum !== (N * (N - 1)) / 2) throw new Error(`sum ${sum}`);
}

const OP = {
  op: 'mapAsync',
  f: 0,
  concurrency: CONCURRENCY,
  ordered: true,
  retry: null,
  timeoutMs: null,
  rateLimit: null,
};
const operator = (f, op = {}, more = {}) =>
  drain(new AsyncOperator({ ...OP, callSite: '', ...op }, f, source(), task, more));

const f = async (x) => x;

await measure('by hand: 16 loops of await', N, async () => {
  const from = source();
  let sum = 0;
  let batch = from.next();
  let at = 0;
  const loop = async () => {
    while (batch !== null) {
      if (at >= batch.length) {
        batch = from.next();
        at = 0;
        continue;
      }
      const got = await f(batch[at++]); // not `sum += await`, which reads sum before it waits
      sum += got;
    }
  };
  await Promise.all(Array.from({ length: CONCURRENCY }, loop));
  if (sum !== (N * (N - 1)) / 2) throw new Error(`sum ${sum}`);
});
await measure('mapAsync', N, () => operator(f));
await measure('mapAsync, not in order', N, () => operator(f, { ordered: false }));
await measure('mapAsync, a function that gives plain values', N, () => operator((x) => x));
await measure('mapAsync that looks at its signal', N, () =>
  operator(async (x, { signal }) => (signal.aborted ? -1 : x)),
);
await measure('mapAsync with a timeout', N, () => operator(f, { timeoutMs: 5000 }));
await measure('mapAsync with retries', N, () =>
  operator(f, { retry: { times: 3, delayMs: 1, maxDelayMs: 1, retryIf: null } }),
);
await measure('mapAsync with a rate limit that never holds it back', N, () => {
  const permits = new RatePermits({ key: 'k', perSecond: 1e9, burst: 1e9 }, 1, {
    acquire: async ({ want }) => ({ permits: want }),
    giveBack() {},
  });
  return operator(f, {}, { permits });
});
await measure('mapPartitionsAsync, an async generator', N, () =>
  drain(
    new AsyncPartition(
      async function* (records) {
        for await (const x of records) yield x;
      },
      source(),
      task,
      null,
    ),
  ),
);
for (const tasks of [2, 100, 1000]) {
  const asks = 20_000;
  await measure(`the driver's limiter, an answer to one of ${tasks} tasks`, asks, () => {
    const limiter = new RateLimiter();
    const limit = { key: 'k', perSecond: 10_000, burst: 100 };
    const askers = new Map();
    let askId = 0;
    let answered = 0;
    let now = 0;
    const ask = (taskId) => {
      askers.set(askId, taskId);
      took(limiter.handle({ type: 'Ask', now, askId: askId++, ask: { limit, taskId, want: 16 } }));
    };
    const took = (grants) => {
      for (const grant of grants) {
        answered++;
        const taskId = askers.get(grant.askId);
        askers.delete(grant.askId);
        queue.push(taskId);
      }
    };
    const queue = Array.from({ length: tasks }, (_, i) => i);
    while (answered < asks) {
      for (const taskId of queue.splice(0)) ask(taskId);
      now = Math.max(now, limiter.wakeAt ?? now);
      took(limiter.handle({ type: 'Tick', now }));
    }
  });
}
