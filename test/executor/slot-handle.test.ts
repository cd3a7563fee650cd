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
      parentPort.on('message', (task) => parentPort.postMessage({ type: 'Echo', task }));
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
let arrived: (() => void) | null = null;

/** Where the slot would find its n-th task; waits until it was sent. */
async function cellOf(n: number): Promise<AheadCell | null> {
  while (sent.length <= n) await new Promise<void>((resolve) => (arrived = resolve));
  return (sent[n] as RunTask)[3];
}

beforeEach(async () => {
  sent = [];
  let ready: (flags: SharedArrayBuffer) => void = () => {};
  const flags = new Promise<SharedArrayBuffer>((resolve) => (ready = resolve));
  slot = new SlotHandle(
    0,
    ECHO,
    { conf: {}, mainScripts: [] } as never,
    { heapBytes: 2 ** 28 },
    {
      onMessage: (_slot, message) => {
        const echo = message as unknown as { type: string; flags: SharedArrayBuffer; task: RunTask };
        if (echo.type === 'SlotReady') ready(echo.flags);
        if (echo.type !== 'Echo') return;
        sent.push(echo.task);
        arrived?.();
      },
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
  slot.run(task(1), program);
  slot.sendAhead(task(2), program);
  const cell = (await cellOf(1)) as AheadCell;
  assert.equal(slot.takeBack()?.taskId, 2);
  assert.equal(link.claim(2, cell), false, 'it runs elsewhere now');
  slot.sendAhead(task(3), program);
  assert.equal(link.claim(3, (await cellOf(2)) as AheadCell), true);
  assert.equal(slot.takeBack(), null, 'the slot has begun it');
});

test('a task the slot has not claimed yet is not wiped out by the ones sent after it', async () => {
  slot.run(task(1), program);
  slot.sendAhead(task(2), program);
  // Task 1 has ended, but the slot has not come to claim task 2 yet.
  slot.advance();
  assert.equal(slot.running?.taskId, 2);
  slot.sendAhead(task(3), program);
  assert.equal(slot.takeBack()?.taskId, 3);
  slot.sendAhead(task(4), program);
  const [two, three, four] = [await cellOf(1), await cellOf(2), await cellOf(3)] as AheadCell[];
  assert.equal(link.claim(2, two as AheadCell), true, 'task 2 would be lost');
  assert.equal(link.claim(3, three as AheadCell), false);
  assert.equal(link.claim(4, four as AheadCell), true);
});

test('over many tasks each is claimed once, however late the slot is', async () => {
  slot.run(task(0), program);
  let claimed = 0;
  for (let id = 1; id <= 200; id++) {
    slot.sendAhead(task(id), program);
    const late = slot.running?.taskId as number;
    // Sometimes another slot takes it, sometimes this one comes to it; its claim is made after the next one was sent.
    if (id % 3 === 0) {
      assert.equal(slot.takeBack()?.taskId, id);
      slot.sendAhead(task(id), program);
    }
    if (late > 0) {
      const at = sent.findLastIndex((t) => t[0] === late);
      const cell = at >= 0 ? (sent[at] as RunTask)[3] : await waitFor(late);
      assert.equal(link.claim(late, cell as AheadCell), true, `task ${late}`);
      claimed++;
    }
    await waitFor(id);
    slot.advance();
  }
  assert.equal(claimed, 199);
});

async function waitFor(taskId: number): Promise<AheadCell | null> {
  for (;;) {
    const found = sent.findLast((t) => t[0] === taskId);
    if (found !== undefined) return found[3];
    await new Promise<void>((resolve) => (arrived = resolve));
  }
}
