import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import { silentLogger } from '../../src/base/logger.ts';
import { Executor } from '../../src/executor/executor.ts';
import type { TaskDescription } from '../../src/protocol/task.ts';
import type { BlockManager } from '../../src/storage/block-manager.ts';
import { LocalDirs } from '../../src/storage/local-dirs.ts';
import { ManualClock } from '../kit/manual-clock.ts';
import { until } from '../kit/until.ts';

/** Words of memory that test and slots share: the last task that began, the last that ended, and which of them may end. */
const BEGUN = 0;
const ENDED = 1;
const MAY_END = 2;

/** A slot whose tasks only wait until they may end. */
const SLOT = new URL(
  `data:text/javascript,${encodeURIComponent(`
    import { parentPort } from 'node:worker_threads';
    import { ExecutorLink } from '${new URL('../../src/executor/executor-link.js', import.meta.url)}';
    parentPort.once('message', ({ settings, asks }) => {
      const script = new Int32Array(settings.conf.script);
      const link = new ExecutorLink(asks, settings.flags, () => {});
      const tell = (word, value) => {
        Atomics.store(script, word, value);
        Atomics.notify(script, word);
      };
      parentPort.postMessage({ type: 'SlotReady' });
      parentPort.on('message', (message) => {
        if (!Array.isArray(message)) return;
        for (const [taskId, , , cell] of message[2]) {
          if (cell !== null && !link.claim(taskId, cell)) continue;
          tell(${BEGUN}, taskId);
          for (let may; (may = Atomics.load(script, ${MAY_END})) < taskId; ) Atomics.wait(script, ${MAY_END}, may);
          parentPort.postMessage([taskId, 0, new Uint8Array(0), null, []]);
          tell(${ENDED}, taskId);
        }
      });
    });
  `)}`,
);
const GRACE_MS = 100;

let directory: string;
let script: Int32Array<SharedArrayBuffer>;
let clock: ManualClock;
let executor: Executor;
/** `1 Result`, `2 TaskKilled` … in the order in which the driver hears of them. */
let told: string[];
/** The same with the reasons of kills: `1 TaskKilled enough` */
let heard: string[];

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'iskra-executor-'));
  script = new Int32Array(new SharedArrayBuffer(12));
  clock = new ManualClock();
  told = [];
  heard = [];
  executor = new Executor(
    {
      location: { executorId: 'driver', host: '127.0.0.1', port: 0 },
      cores: 1,
      slotEntry: SLOT,
      memory: { slotHeapBytes: 2 ** 28, memoryBytes: 2 ** 29, overheadBytes: 0 },
      killGraceMs: GRACE_MS,
      // Not settings, but the way to the slots.
      conf: { script: script.buffer } as never,
      mainScripts: [],
      localDirs: LocalDirs.open(directory, silentLogger).toData(),
      filesDir: directory,
      logLevel: 'OFF',
    },
    { taskEnded() {} } as unknown as BlockManager,
    () => assert.fail('nothing is asked'),
    null,
    (message) => {
      if (message.type !== 'StatusUpdate') return;
      const { taskId, result } = message;
      const why = result.kind === 'Failed' && result.reason.kind === 'TaskKilled' ? ` ${result.reason.reason}` : '';
      heard.push(`${taskId} ${result.kind === 'Failed' ? result.reason.kind : result.kind}${why}`);
      told.push(`${taskId} ${result.kind === 'Failed' ? result.reason.kind : result.kind}`);
    },
    clock,
    silentLogger,
  );
});
afterEach(async () => {
  await executor.stop();
  rmSync(directory, { recursive: true });
});

const launch = (taskId: number): void =>
  executor.receive({
    type: 'LaunchTask',
    task: {
      taskId,
      name: `${taskId}`,
      attemptNumber: 0,
      partition: 0,
      programKey: '0.0',
      split: {},
    } as TaskDescription,
    program: { key: '0.0', sink: { kind: 'count' } } as never,
  });
const kill = (taskId: number): void =>
  executor.receive({ type: 'KillTask', taskId, interrupt: false, reason: 'enough' });
const mayEnd = (taskId: number): void => {
  Atomics.store(script, MAY_END, taskId);
  Atomics.notify(script, MAY_END);
};
/** Lets this thread hear of nothing meanwhile, as a driver that computes. */
const standStillUntil = (word: number, taskId: number): void => {
  for (let is = Atomics.load(script, word); is !== taskId; is = Atomics.load(script, word))
    Atomics.wait(script, word, is);
};
const begun = (taskId: number): Promise<void> => until(() => Atomics.load(script, BEGUN) === taskId);

test('what a slot said before it was ended does not bring it back: the next task goes to one that lives', async () => {
  launch(1);
  await begun(1);
  kill(1);
  mayEnd(1);
  standStillUntil(ENDED, 1);
  clock.advance(GRACE_MS);
  assert.deepEqual(told, ['1 TaskKilled']);
  launch(2);
  mayEnd(2);
  await until(() => told.length === 2);
  assert.deepEqual(told, ['1 TaskKilled', '2 Result']);
});

test('a slot that has begun its next task is not ended for the killed one before, whose end nobody has heard of', async () => {
  launch(1);
  await begun(1);
  launch(2);
  kill(1);
  mayEnd(1);
  standStillUntil(BEGUN, 2);
  clock.advance(GRACE_MS);
  mayEnd(2);
  await until(() => told.length === 2);
  assert.deepEqual(told, ['1 Result', '2 Result']);
});

test('a killed task that does not end loses its slot, also when nobody had heard of its beginning', async () => {
  launch(1);
  await begun(1);
  launch(2);
  mayEnd(1);
  standStillUntil(BEGUN, 2);
  kill(2);
  clock.advance(GRACE_MS);
  await until(() => told.length === 1);
  clock.advance(GRACE_MS);
  assert.deepEqual(told, ['1 Result', '2 TaskKilled']);
  launch(3);
  mayEnd(3);
  await until(() => told.length === 3);
  assert.deepEqual(told[2], '3 Result');
});

test('of a task that is killed its driver hears once, with the reason; of no other', async () => {
  launch(1);
  mayEnd(1);
  await until(() => told.length === 1);
  launch(2);
  await begun(2);
  kill(7); // nobody's
  kill(2);
  kill(2);
  clock.advance(GRACE_MS);
  await until(() => told.length === 2);
  clock.advance(GRACE_MS);
  assert.deepEqual(heard, ['1 Result', '2 TaskKilled enough']);
});
