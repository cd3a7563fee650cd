import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import type { SparkContext } from '../../src/driver/spark-context.ts';

/** The processes of an application's executors, once there are `n`. */
export async function executorPids(sc: SparkContext, n = 2): Promise<number[]> {
  for (;;) {
    const pids = await sc
      .parallelize([...Array(16).keys()], 16)
      .map(() => {
        Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 20);
        return process.pid;
      })
      .collect();
    const different = [...new Set(pids)];
    if (different.length === n) return different;
  }
}

/** An environment variable that a process was started with. */
export function variableOf(pid: number, name: string): string | undefined {
  const all = readFileSync(`/proc/${pid}/environ`, 'utf8').split('\0');
  return all.find((each) => each.startsWith(`${name}=`))?.slice(name.length + 1);
}

/** The ports at which a process listens. */
export function listeningPorts(pid: number): number[] {
  const own = new Set(
    readdirSync(`/proc/${pid}/fd`).map((fd) => {
      try {
        return readlinkSync(`/proc/${pid}/fd/${fd}`);
      } catch {
        return ''; // closed meanwhile
      }
    }),
  );
  const LISTEN = '0A';
  return ['tcp', 'tcp6'].flatMap((kind) =>
    readFileSync(`/proc/${pid}/net/${kind}`, 'utf8')
      .split('\n')
      .slice(1)
      .map((line) => line.trim().split(/\s+/))
      .filter(([, , , state, , , , , , inode]) => state === LISTEN && own.has(`socket:[${inode}]`))
      .map(([, local = '']) => Number.parseInt(local.slice(local.lastIndexOf(':') + 1), 16)),
  );
}
