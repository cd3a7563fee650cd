import { Args, context, measure } from './common.ts';

/** One stage of many tasks that do nothing: the price of a task. */
export async function main(array: string[]): Promise<void> {
  const args = new Args(array);
  const tasks = args.int('tasks', 10_000);
  const sc = await context(args);
  await measure('empty-tasks', tasks, args.int('rounds', 6), () => sc.parallelize([] as number[], tasks).count());
  await sc.stop();
}
