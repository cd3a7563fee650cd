import type { ChildProcess } from 'node:child_process';

/** Processes lead groups of their own, so that a signal reaches what they have started as well. */
export const GROUPS: boolean = process.platform !== 'win32';

export function signalGroup(child: ChildProcess, signal: NodeJS.Signals): void {
  if (child.pid === undefined) return;
  try {
    process.kill(GROUPS ? -child.pid : child.pid, signal);
  } catch {
    // It has ended, or belongs to somebody else by now.
  }
}
