import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { until } from './until.ts';

/** False also, where there is /proc, for one that has ended and waits for its parent to see that. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    if (!existsSync('/proc/self/stat')) return true;
    return readFileSync(`/proc/${pid}/stat`, 'latin1').replace(/^.*\)/s, '').trim()[0] !== 'Z';
  } catch {
    return false;
  }
}

/** Resolves when none of these processes is left. */
export async function gone(pids: readonly number[]): Promise<void> {
  assert.ok(pids.every((pid) => pid > 0));
  await until(() => !pids.some(isAlive));
}

/** Resolves when it has ended. */
export async function kill(pid: number): Promise<void> {
  process.kill(pid, 'SIGKILL');
  await gone([pid]);
}
