import { printTo } from '../base/standard-streams.ts';
import { findConfFile } from '../config/conf-file.ts';

/** Takes what `conf/spark-env.sh` sets, before anything looks at the environment. Spark: bin/load-spark-env.sh */
export async function takeEnvironmentFile(): Promise<void> {
  // Without one no shell is started, and nothing loaded that would start it.
  if (findConfFile(process.env, process.cwd(), 'spark-env.sh') === undefined) return;
  const { readEnvironmentFile } = await import('../deploy/daemon/environment-file.ts');
  const read = readEnvironmentFile(process.env, process.cwd(), process.execPath);
  for (const warning of read?.warnings ?? []) printTo('stderr', `iskra: ${warning}\n`);
  Object.assign(process.env, read?.values);
}
