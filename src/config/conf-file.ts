import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';

/** Variables of a process. */
export type Environment = Readonly<Record<string, string | undefined>>;

/** A file of the folder `conf`, where Spark looks for it; Iskra's own variables come first. Undefined: there is none. */
export function findConfFile(env: Environment, folder: string, name: string): string | undefined {
  const confFolders = [
    env['ISKRA_CONF_DIR'],
    env['SPARK_CONF_DIR'],
    env['ISKRA_HOME'] && join(env['ISKRA_HOME'], 'conf'),
    env['SPARK_HOME'] && join(env['SPARK_HOME'], 'conf'),
    join(folder, 'conf'),
  ];
  for (const confFolder of confFolders) {
    if (!confFolder) continue;
    const file = resolve(folder, confFolder, name);
    if (existsSync(file)) return file;
  }
  return undefined;
}
