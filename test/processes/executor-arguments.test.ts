import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

const EXECUTOR = fileURLToPath(new URL('../../src/main/executor-process.js', import.meta.url));
const GOOD = [
  ...['--driver-url', 'spark://CoarseGrainedScheduler@127.0.0.1:1', '--executor-id', '0', '--hostname', '127.0.0.1'],
  ...['--cores', '1', '--app-id', 'app-1'],
];

function run(...args: string[]): { readonly status: number | null; readonly stderr: string } {
  const { status, stderr } = spawnSync(process.execPath, [EXECUTOR, ...args], { encoding: 'utf8' });
  return { status, stderr };
}

test('an executor that is told nonsense says so with its usage, and exits with 1', () => {
  const { status, stderr } = run(...GOOD, '--color', 'red');
  assert.equal(status, 1);
  assert.match(stderr, /^Unrecognized options: --color red\nUsage: CoarseGrainedExecutorBackend \[options\]\n/);
});

test('an executor without a driver, or without its worker, ends by itself', () => {
  const alone = run(...GOOD);
  assert.equal(alone.status, 1);
  assert.match(
    alone.stderr,
    /Executor self-exiting due to : Failed to connect to 127\.0\.0\.1:1: connect ECONNREFUSED/,
  );
  const other = run(...GOOD, '--worker-url', 'spark://Master@127.0.0.1:1');
  assert.equal(other.status, 1);
  assert.match(
    other.stderr,
    /^--worker-url spark:\/\/Master@127\.0\.0\.1:1 is not of the form spark:\/\/Worker@HOST:PORT\nUsage: /,
  );
});
