import { Args, context } from './common.ts';

/** Short tasks for some seconds; prints for each executor, by its process, when its first and its last task ran. */
export async function main(array: string[]): Promise<void> {
  const args = new Args(array);
  const tasks = args.int('tasks', 200);
  const sc = await context(args);
  const ran = await sc
    .range(0, tasks, 1, tasks)
    .map(() => {
      const until = Date.now() + 20;
      while (Date.now() < until);
      return [process.pid, until] as [number, number];
    })
    .collect();
  const executors = new Map<number, { first: number; last: number; tasks: number }>();
  for (const [pid, at] of ran) {
    const seen = executors.get(pid) ?? { first: at, last: at, tasks: 0 };
    executors.set(pid, { first: Math.min(seen.first, at), last: Math.max(seen.last, at), tasks: seen.tasks + 1 });
  }
  console.log(JSON.stringify({ bench: 'executor-loss', executors: [...executors] }));
  await sc.stop();
}
