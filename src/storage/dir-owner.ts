import { promises, readdirSync, readFileSync, readlinkSync, rmdirSync, rmSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';

/** Lies in every directory that Iskra made for blocks. A `blockmgr-…` directory without it belongs to somebody else. */
export const OWNER_FILE = 'owner.json';

/** Lies in every directory in which a worker has the executors of an application make such directories. */
const WORKER_FILE = 'worker.json';

/** A process such that no other one, later or elsewhere, looks the same. */
export interface ProcessIdentity {
  readonly pid: number;
  /** Ticks since boot, from /proc; null where there is no /proc, then the pid alone decides. */
  readonly startedAtTicks: string | null;
  /** Host, boot and pid namespace: only there the pid means anything. */
  readonly place: string;
}

export function thisProcess(): ProcessIdentity {
  return { pid: process.pid, startedAtTicks: startTicks(process.pid), place: place() };
}

export interface Sweep {
  /** Looked at before each file. */
  readonly goesOn: () => boolean;
  /** A whole directory is gone. */
  readonly removed: (dir: string) => void;
}

/**
 * Removes the block directories below `root` whose process has ended, however it ended.
 *
 * Left alone are directories of other hosts (a shared disk), of other containers (a shared /tmp), and without owner file.
 *
 * There may be many files and large ones, and whoever starts has something else to do: one file after another, beside that. What is
 * not done when it ends is the next one's.
 */
export async function removeDirsOfDeadOwners(root: string, sweep: Sweep): Promise<void> {
  for (const name of await promises.readdir(root)) {
    if (!sweep.goesOn()) return;
    if (!name.startsWith('blockmgr-')) continue;
    const dir = join(root, name);
    const owner = readOwner(dir, OWNER_FILE);
    if (owner === null || isAlive(owner)) continue;
    try {
      if (await removeOwned(dir, sweep)) sweep.removed(dir);
    } catch {
      // Of another user, or another process removes it at this moment.
    }
  }
}

/** The owner file last: what is left says whose it was. @returns false when the sweep has ended before. */
async function removeOwned(dir: string, sweep: Sweep): Promise<boolean> {
  if (!(await empty(dir, sweep, OWNER_FILE))) return false;
  await promises.unlink(join(dir, OWNER_FILE)).catch(unlessGone);
  await promises.rmdir(dir).catch(unlessGone);
  return true;
}

async function empty(dir: string, sweep: Sweep, but: string | null): Promise<boolean> {
  for (const entry of await promises.readdir(dir, { withFileTypes: true })) {
    if (!sweep.goesOn()) return false;
    if (entry.name === but) continue;
    const path = join(dir, entry.name);
    if (!entry.isDirectory()) await promises.unlink(path).catch(unlessGone);
    else if (await empty(path, sweep, null)) await promises.rmdir(path).catch(unlessGone);
    else return false;
  }
  return true;
}

/** Others may do the same at the same time. */
function unlessGone(error: NodeJS.ErrnoException): void {
  if (error.code !== 'ENOENT') throw error;
}

/** Says that a directory is this process's, a worker's. */
export function ownAsWorker(dir: string): void {
  writeFileSync(join(dir, WORKER_FILE), JSON.stringify(thisProcess()), { mode: 0o600 });
}

/**
 * Removes the directories below `root` whose worker has ended, however it ended, and in which nothing is left. What executors have left
 * there stays: a shuffle service may serve it.
 *
 * @returns the directories that were removed. @throws the error of reading `root`.
 */
export function removeEmptyDirsOfDeadWorkers(root: string): string[] {
  const removed: string[] = [];
  for (const name of readdirSync(root)) {
    if (!name.startsWith('executor-')) continue;
    const dir = join(root, name);
    const owner = readOwner(dir, WORKER_FILE);
    if (owner === null || isAlive(owner)) continue;
    if (removeEmptyWorkerDir(dir)) removed.push(dir);
  }
  return removed;
}

/** Removes a directory of `ownAsWorker` in which nothing is left. @returns false when it is there still. */
export function removeEmptyWorkerDir(dir: string): boolean {
  try {
    if (readdirSync(dir).length > 1) return false;
    rmSync(join(dir, WORKER_FILE));
    rmdirSync(dir);
    return true;
  } catch {
    return false; // of another user, or another process removes it at this moment
  }
}

/** Removes all directories below `root` with such names whose worker has ended, however it ended. @throws the error of reading `root`. */
export function removeDirsOfDeadWorkers(root: string, prefix: string): void {
  for (const name of readdirSync(root)) {
    if (!name.startsWith(prefix)) continue;
    const dir = join(root, name);
    const owner = readOwner(dir, WORKER_FILE);
    if (owner === null || isAlive(owner)) continue;
    try {
      rmSync(dir, { recursive: true, force: true });
    } catch {
      // Of another user, or another process removes it at this moment.
    }
  }
}

function readOwner(dir: string, file: string): ProcessIdentity | null {
  try {
    const owner = JSON.parse(readFileSync(join(dir, file), 'utf8')) as Partial<ProcessIdentity>;
    if (!Number.isInteger(owner.pid) || typeof owner.place !== 'string') return null;
    return { pid: owner.pid as number, startedAtTicks: owner.startedAtTicks ?? null, place: owner.place };
  } catch {
    return null;
  }
}

function isAlive(owner: ProcessIdentity): boolean {
  const here = place();
  if (owner.place !== here) {
    // The same machine after a restart: all its processes are gone. Anything else cannot be judged from here.
    const [host, boot] = owner.place.split(' ');
    const [thisHost, thisBoot] = here.split(' ');
    return !(host === thisHost && boot !== '-' && thisBoot !== '-' && boot !== thisBoot);
  }
  if (owner.startedAtTicks !== null) return startTicks(owner.pid) === owner.startedAtTicks;
  try {
    process.kill(owner.pid, 0);
    return true;
  } catch (e) {
    return (e as NodeJS.ErrnoException).code !== 'ESRCH';
  }
}

/** Field 22 of /proc/<pid>/stat; null for no such process, or one that has ended and waits for its parent. */
function startTicks(pid: number): string | null {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    // Field 2 is the command in parentheses, which may hold anything; fields 3 and on stand behind the last one.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return fields[0] === 'Z' || fields[0] === 'X' ? null : (fields[19] ?? null);
  } catch {
    return null;
  }
}

function place(): string {
  const read = (f: () => string): string => {
    try {
      return f().trim().replaceAll(' ', '_') || '-';
    } catch {
      return '-';
    }
  };
  const boot = read(() => readFileSync('/proc/sys/kernel/random/boot_id', 'latin1'));
  const pids = read(() => readlinkSync('/proc/self/ns/pid'));
  return `${read(hostname)} ${boot} ${pids}`;
}
