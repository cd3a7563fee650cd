import assert from 'node:assert/strict';
import { test } from 'node:test';
import { LaunchInbox } from '../../src/executor/launch-inbox.ts';
import type { ToExecutor } from '../../src/protocol/driver-executor.ts';

/** What an inbox did, and its ticks, which a test lets pass one by one. */
function inbox(): { events: string[]; receive: (message: ToExecutor) => void; tick: () => void } {
  const events: string[] = [];
  const ticks: (() => void)[] = [];
  const box = new LaunchInbox({
    tell: (taskIds) => events.push(`tell ${taskIds}`),
    handOn: (messages) => events.push(`hand on ${messages.map(nameOf)}`),
    later: (work) => ticks.push(work),
  });
  return { events, receive: (message) => box.receive(message), tick: () => ticks.shift()?.() };
}

function nameOf(message: ToExecutor): string {
  if (message.type === 'LaunchTask') return `launch ${message.task.taskId}`;
  return message.type === 'KillTask' ? `kill ${message.taskId}` : message.type;
}

const launch = (taskId: number): ToExecutor =>
  ({ type: 'LaunchTask', task: { taskId }, program: null }) as unknown as ToExecutor; // the inbox looks at no more of it
const kill = (taskId: number): ToExecutor => ({ type: 'KillTask', taskId, interrupt: true, reason: '' });

test('tasks begin a tick after the driver was told that they are there', () => {
  const { events, receive, tick } = inbox();
  receive(launch(1));
  receive(launch(2));
  assert.deepEqual(events, []);
  tick();
  assert.deepEqual(events, ['tell 1,2']);
  tick();
  assert.deepEqual(events, ['tell 1,2', 'hand on launch 1,launch 2']);
});

test('what comes after a task is handed on after it', () => {
  const { events, receive, tick } = inbox();
  receive(launch(1));
  tick();
  receive(kill(1));
  tick();
  tick();
  assert.deepEqual(events, ['tell 1', 'hand on launch 1', 'hand on kill 1']);
});
