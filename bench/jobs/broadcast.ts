import { SparkContext } from 'iskra';
import { Args, measure } from './common.ts';

/** A value for all executors: how long until each has it. What the driver sent is in the log, at INFO. */
export async function main(array: string[]): Promise<void> {
  const args = new Args(array);
  const bytes = args.int('bytes', 100_000_000);
  const executors = args.int('executors', 4);
  const sc = await SparkContext.create({
    master: `local-cluster[${executors},1,1024]`,
    appName: 'broadcast',
    'spark.log.level': 'INFO',
  });
  const seen = sc.range(0, executors * 4, 1, executors * 4);
  // All executors are there, and their first task has run.
  while (new Set(await seen.map(() => process.pid).collect()).size < executors);
  await measure('broadcast', bytes, args.int('rounds', 3), async () => {
    const value = sc.broadcast(Buffer.alloc(bytes, 7));
    const pids = await seen
      .map(() => {
        Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 20);
        return value.value.length === 0 ? 0 : process.pid;
      })
      .collect();
    value.destroy();
    return `${new Set(pids).size} executors`;
  });
  await sc.stop();
}
