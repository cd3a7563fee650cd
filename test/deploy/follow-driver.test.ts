import assert from 'node:assert/strict';
import { test } from 'node:test';
import { followDriver } from '../../src/deploy/submit/follow-driver.ts';
import { type Said, statusOf } from '../kit/fake-gateway.ts';
import { ManualClock } from '../kit/manual-clock.ts';

/** @param story what is said from when on, ms */
async function follow(story: readonly (readonly [from: number, Said])[], wait: boolean) {
  const clock = new ManualClock();
  const lines: string[] = [];
  const warnings: string[] = [];
  const result = followDriver({
    driverId: 'driver-1',
    status: async () => statusOf(story.findLast(([from]) => from <= clock.now())?.[1] ?? 'SUBMITTED'),
    wait,
    needs: '2 cores and 512 MiB',
    lostAfterMs: 30_000,
    clock,
    print: (line) => lines.push(line),
    warn: (line) => warnings.push(line),
  }).then(
    (code) => ({ code, error: null }),
    (error: Error) => ({ code: null, error: error.message }),
  );
  let over = false;
  void result.then(() => {
    over = true;
  });
  for (let i = 0; !over && i < 1000; i++) {
    await new Promise((resolve) => setImmediate(resolve));
    if (!over) clock.advance(250);
  }
  return { ...(await result), lines, warnings, at: clock.now() };
}

const LOG =
  'What it wrote: http://host-a:8081/logPage/?driverId=driver-1&logType=stderr, and work/driver-1/stderr of the worker at host-a:7000';
const RUNNING = ['State of driver-1 is RUNNING', 'Driver running on host-a:7000 (worker-a)'];

test('a driver that runs is left alone after a second', async () => {
  const { code, lines, at } = await follow([[500, 'RUNNING']], false);
  assert.deepEqual([code, lines], [0, ['State of driver-1 is SUBMITTED', ...RUNNING]]);
  assert.ok(at <= 2000);
});

test('a driver that fails at once is told of, with an exit code', async () => {
  const failed = await follow(
    [
      [0, 'RUNNING'],
      [750, { state: 'ERROR', exception: 'no such file' }],
    ],
    false,
  );
  assert.equal(failed.code, 1);
  assert.deepEqual(failed.lines, [
    ...RUNNING,
    'State of driver-1 is ERROR',
    'Exception from cluster was: no such file',
    LOG,
  ]);
  assert.equal((await follow([[0, 'FINISHED']], false)).code, 0);
});

test('a driver without a worker is left waiting after five seconds', async () => {
  const { code, lines, at } = await follow([], false);
  assert.equal(code, 0);
  assert.ok(at >= 5000 && at < 6000);
  assert.equal(lines.at(-1), 'driver-1 waits: no worker has 2 cores and 512 MiB free for it. It starts when one has');
});

test('waiting goes on until the driver has ended, and ends as it did', async () => {
  for (const [state, code] of [
    ['FINISHED', 0],
    ['FAILED', 1],
    ['KILLED', 1],
    ['ERROR', 1],
  ] as const) {
    const followed = await follow(
      [
        [1000, 'RUNNING'],
        [60_000, state],
      ],
      true,
    );
    assert.equal(followed.code, code, state);
    const log = code === 0 ? [] : [LOG];
    assert.deepEqual(followed.lines, [
      'State of driver-1 is SUBMITTED',
      ...RUNNING,
      `State of driver-1 is ${state}`,
      ...log,
    ]);
  }
});

test('a driver that the master does not know is an error', async () => {
  const { code, lines } = await follow([[0, 'unknown']], true);
  assert.deepEqual([code, lines], [1, ['ERROR: Cluster master did not recognize driver-1']]);
});

test('a driver that starts again elsewhere has another id', async () => {
  const { code, lines } = await follow([[0, 'RELAUNCHING']], true);
  assert.equal(code, 1);
  assert.match(lines.at(-1) ?? '', /starts again elsewhere, under another id/);
});

test('a master that is away for a while is waited for, and one that is gone is an error', async () => {
  const away = new Error('Failed to connect');
  const back = await follow(
    [
      [0, 'RUNNING'],
      [1000, away],
      [20_000, 'RUNNING'],
      [25_000, 'FINISHED'],
    ],
    true,
  );
  assert.equal(back.code, 0);
  assert.match(back.warnings[0] ?? '', /^Failed to connect; trying again$/);
  assert.equal(back.lines.filter((line) => line.includes('RUNNING')).length, 1);
  const gone = await follow(
    [
      [0, 'RUNNING'],
      [1000, away],
    ],
    true,
  );
  assert.equal(gone.error, 'Failed to connect');
  const standby = { state: 'RUNNING', exception: 'Current state is not alive: STANDBY. Can only …' } as const;
  assert.match((await follow([[0, standby]], true)).error ?? '', /STANDBY/);
});
