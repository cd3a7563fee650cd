import assert from 'node:assert/strict';
import { after, afterEach, beforeEach, test } from 'node:test';
import { MessageChannel } from 'node:worker_threads';
import { ExecutorLink } from '../../src/executor/executor-link.ts';
import { SlotHandle } from '../../src/executor/slot-handle.ts';
import type { AheadCell, RunTask } from '../../src/protocol/executor-slot.ts';
import type { StageProgram } from '../../src/protocol/stage-program.ts';
import type { TaskDescription } from '../../src/protocol/task.ts';

/** A thread that runs nothing: it gives the test the flags it was started with, and every task it is sent. */
const ECHO = new URL(
  `data:text/javascript,${encodeURIComponent(`
    import { parentPort } from 'node:worker_threads';
    parentPort.once('message', ({ settings }) => {
      parentPort.postMessage({ type: 'SlotReady', flags: settings.flags });
      parentPort.on('message', ([, , tasks]) => parentPort.postMessage({ type: 'Echo', tasks }));
    });
  `)}`,
);

const program = { key: '0.0' } as StageProgram;
const task = (taskId: number): TaskDescription =>
  ({ taskId, attemptNumber: 0, partition: 0, programKey: '0.0', split: { index: 0 }, localProperties: {} }) as never;

const { port1, port2 } = new MessageChannel();
port2.close();
let slot: SlotHandle;
let link: ExecutorLink;
let sent: RunTask[];
/** Task ids of each message. */
let messages: number[][];
let arrived: (() => void) | null = null;

/** Where the slot would find its n-th task; waits until it was sent. */
async function cellOf(n: number): Promise<AheadCell | null> {
  while (sent.length <= n) await new Promise<void>((resolve) => (arrived = resolve));
  return (sent[n] as RunTask)[3];
}

/** Gives the slot a task and sends it. */
const give = (taskId: number): void => {
  slot.give(task(taskId), program);
  assert.deepEqual(slot.flush(), []);
};

beforeEach(async () => {
  sent = [];
  messages = [];
  let ready: (flags: SharedArrayBuffer) => void = () => {};
  const flags = new Promise<SharedArrayBuffer>((resolve) => (ready = resolve));
  slot = new SlotHandle(
    0,
    ECHO,
    { conf: {}, mainScripts: [] } as never,
    { heapBytes: 2 ** 28 },
    {
      onMessage: (_slot, message) => {
        const echo = message as unknown as { type: string; flags: SharedArrayBuffer; tasks: RunTask[] };
        if (echo.type === 'SlotReady') ready(echo.flags);
        if (echo.type !== 'Echo') return;
        sent.push(...echo.tasks);
        messages.push(echo.tasks.map(([taskId]) => taskId));
        arrived?.();
      },
      onResults: () => {},
      onExit: () => {},
      onAsk: () => null,
    },
  );
  slot.ref();
  link = new ExecutorLink(port1, await flags, () => {});
});

afterEach(() => slot.terminate());
after(() => port1.close());

test('a task sent ahead is begun by the slot, or taken back, never both', async () => {
  give(1);
  give(2);
  assert.equal(await cellOf(0), null, 'it may begin the first at once');
  const cell = (await cellOf(1)) as AheadCell;
  assert.equal(slot.tasks.takeBack(2), true);
  assert.equal(link.claim(2, cell), false, 'it runs elsewhere now');
  give(3);
  assert.equal(link.claim(3, (await cellOf(2)) as AheadCell), true);
  assert.equal(slot.tasks.takeBack(3), false, 'the slot has begun it');
  assert.equal(slot.tasks.takeBack(1), false);
});

test('a task the slot has not claimed yet is not wiped out by the ones sent after it', async () => {
  give(1);
  give(2);
  // Task 1 has ended, but the slot has not come to claim task 2 yet.
  slot.tasks.remove(1);
  assert.equal(slot.running?.taskId, 2);
  give(3);
  assert.equal(slot.tasks.takeBack(3), true);
  give(4);
  const [two, three, four] = [await cellOf(1), await cellOf(2), await cellOf(3)] as AheadCell[];
  assert.equal(link.claim(2, two as AheadCell), true, 'task 2 would be lost');
  assert.equal(link.claim(3, three as AheadCell), false);
  assert.equal(link.claim(4, four as AheadCell), true);
});

test('over many tasks each is claimed once, however late the slot is', async () => {
  give(0);
  let claimed = 0;
  for (let id = 1; id <= 200; id++) {
    give(id);
    const late = slot.running?.taskId as number;
    // Sometimes another slot takes it, sometimes this one comes to it; its claim is made after the next one was sent.
    if (id % 3 === 0) {
      assert.equal(slot.tasks.takeBack(id), true);
      give(id);
    }
    if (late > 0) {
      assert.equal(link.claim(late, (await waitFor(late)) as AheadCell), true, `task ${late}`);
      claimed++;
    }
    await waitFor(id);
    slot.tasks.remove(late);
  }
  assert.equal(claimed, 199);
});

test('tasks given before they are sent go in one message, those of another stage in the next', async () => {
  const other = { ...task(3), programKey: '1.0' };
  slot.give(task(1), program);
  slot.give(task(2), program);
  assert.deepEqual(slot.give(other, { key: '1.0' } as StageProgram), []);
  assert.deepEqual(slot.flush(), []);
  assert.deepEqual(slot.flush(), []);
  await cellOf(2);
  assert.deepEqual(messages, [[1, 2], [3]]);
});

test('a task that cannot be sent is told, and keeps none of the others from their slot', async () => {
  slot.give(task(1), program);
  slot.give({ ...task(2), split: { index: 0, payload: () => {} } } as never, program);
  slot.give(task(3), program);
  const unsent = slot.flush();
  assert.deepEqual(
    unsent.map((each) => each.task.taskId),
    [2],
  );
  await cellOf(1);
  assert.deepEqual(messages, [[1], [3]]);
  assert.equal(slot.tasks.has(2), false);
});

test('as many tasks are taken back as are wanted, those the slot would come to last', async () => {
  for (let id = 1; id <= 6; id++) give(id);
  const two = (await cellOf(1)) as AheadCell;
  assert.equal(link.claim(2, two), true);
  const ids = (tasks: readonly TaskDescription[]): number[] => tasks.map(({ taskId }) => taskId);
  assert.deepEqual(ids(slot.tasks.takeBackLast(2)), [5, 6]);
  assert.deepEqual(ids(slot.tasks.takeBackLast(9)), [3, 4]);
  assert.deepEqual(ids(slot.tasks.giveUp()), [1, 2]);
});

test('a task that was taken back and given again may be begun in its old turn; those before it can be taken back still', async () => {
  for (const id of [1, 2, 3]) give(id);
  assert.equal(slot.tasks.takeBack(2), true);
  give(2);
  // The slot comes to the message that it was sent first.
  assert.equal(link.claim(2, (await cellOf(1)) as AheadCell), true);
  assert.deepEqual(
    slot.tasks.takeBackLast(9).map(({ taskId }) => taskId),
    [3],
  );
  assert.equal(link.claim(2, (await cellOf(3)) as AheadCell), false, 'it runs once');
});

async function waitFor(taskId: number): Promise<AheadCell | null> {
  for (;;) {
    const found = sent.findLast((t) => t[0] === taskId);
    if (found !== undefined) return found[3];
    await new Promise<void>((resolve) => (arrived = resolve));
  }
}
