import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import type { Duplex } from 'node:stream';
import { text } from 'node:stream/consumers';
import { test } from 'node:test';

const FENCE = new URL('../../src/executor/worker-fence.js', import.meta.url).href;

/** A process that fences itself and goes on with `then`. */
function fenced(then: string, graceMs: number): { readonly child: ChildProcess; readonly lifeline: Duplex } {
  const source = `
    const { fenceWorker } = await import(${JSON.stringify(FENCE)});
    const log = { warn: (message) => console.error(message) };
    fenceWorker({ lifeline: 3, graceMs: ${graceMs}, lastWords: 'the end', log });
    ${then}`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', source], {
    stdio: ['ignore', 'pipe', 'pipe', 'pipe'],
  });
  return { child, lifeline: child.stdio[3] as Duplex }; // a pipe
}

const ended = (child: ChildProcess): Promise<readonly unknown[]> =>
  new Promise((resolve) => child.once('exit', (code, signal) => resolve([code, signal])));

test('a process whose main thread computes is killed when the other end of its lifeline is closed', async () => {
  const { child, lifeline } = fenced("(await import('node:fs')).writeSync(1, '.'); for (;;);", 10);
  const end = ended(child);
  const said = text(child.stderr as NonNullable<typeof child.stderr>);
  await new Promise((resolve) => child.stdout?.once('data', resolve)); // it computes from now on
  lifeline.destroy();
  assert.deepEqual(await end, [null, 'SIGKILL']);
  assert.equal(await said, 'the end\n');
});

test('one that ends in time ends as it wants to, and a fence keeps none alive', async () => {
  const asked = fenced(
    "process.on('SIGTERM', () => process.exit(7)); setInterval(() => {}, 1000); console.log('.');",
    3_600_000,
  );
  const end = ended(asked.child);
  await new Promise((resolve) => asked.child.stdout?.once('data', resolve));
  asked.lifeline.destroy();
  asked.child.kill('SIGTERM');
  assert.deepEqual(await end, [7, null]);
  const done = fenced('', 10);
  assert.deepEqual(await ended(done.child), [0, null]);
  done.lifeline.destroy();
});
