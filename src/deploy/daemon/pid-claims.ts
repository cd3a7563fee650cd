import { randomBytes } from 'node:crypto';
import { closeSync, openSync, readdirSync, rmSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { IskraError } from '../../base/errors.ts';

const LOOK_EVERY_MS = 5;
/** What is done alone takes less than a millisecond: whoever is in there for 5 s stands still. */
const LOOKS = 1000;

/**
 * Looks at a pid file and changes it while no other process does.
 *
 * Each who wants to leaves a claim beside the file, a name of its own, and then looks which others there are. Those with a lower
 * process number go first; those with a higher one give way, unless they were in before, in which case they are waited for. So
 * of two who come at the same time at least one sees the other, and no claim has to be taken from anybody: those of processes
 * that are gone count for nothing, and a name is never used again.
 *
 * @throws IskraError `DAEMON_FILE_BUSY` when another process does not leave.
 */
export function whileAlone<T>(path: string, act: () => T, looks: number = LOOKS): T {
  const own = `${basename(path)}.claim-${process.pid}-${randomBytes(8).toString('hex')}`;
  const claim = join(dirname(path), own);
  for (let left = looks; ; left--) {
    closeSync(openSync(claim, 'wx', 0o600));
    try {
      let others = otherClaimants(path, own);
      // They give way, or end what they do: in both cases their claims go.
      for (; others.length > 0 && others.every((pid) => pid > process.pid) && left > 0; left--) {
        pause();
        others = otherClaimants(path, own);
      }
      if (others.length === 0) return act();
      if (left <= 0)
        throw new IskraError(
          'DAEMON_FILE_BUSY',
          `process ${others[0]} has been looking at ${path} for too long: end it, or remove ${path}.claim-${others[0]}-*`,
        );
    } finally {
      rmSync(claim, { force: true });
    }
    pause();
  }
}

/** Processes that live and have a claim; claims of others go. */
function otherClaimants(path: string, own: string): readonly number[] {
  const folder = dirname(path);
  const prefix = `${basename(path)}.claim-`;
  const pids: number[] = [];
  for (const file of readdirSync(folder)) {
    if (!file.startsWith(prefix) || file === own) continue;
    const pid = Number(/^(\d+)-/.exec(file.slice(prefix.length))?.[1]);
    if (isAlive(pid)) pids.push(pid);
    else rmSync(join(folder, file), { force: true });
  }
  return pids;
}

function isAlive(pid: number): boolean {
  if (!(pid > 0)) return false;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'; // somebody else's
  }
}

function pause(): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, LOOK_EVERY_MS);
}
