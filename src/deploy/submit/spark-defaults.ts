import { readFileSync } from 'node:fs';
import { IskraError } from '../../base/errors.ts';
import { type Environment, findConfFile } from '../../config/conf-file.ts';

/** `spark-defaults.conf`, where Spark looks for it; Iskra's own variables come first. */
export function findDefaultsFile(env: Environment, folder: string): string | undefined {
  return findConfFile(env, folder, 'spark-defaults.conf');
}

/**
 * Reads a properties file: `spark.key value`, `spark.key=value`, `# comment`. Values are trimmed, and `${env:NAME}` in
 * them is replaced.
 *
 * @throws IskraError PROPERTIES_FILE when it cannot be read. Spark: Utils.getPropertiesFromFile
 */
export async function readProperties(
  file: string,
  env: Environment,
): Promise<{ values: Record<string, string>; warnings: string[] }> {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new IskraError('PROPERTIES_FILE', `Failed when loading Spark properties from ${file}: ${reason}`, { cause });
  }
  const { parse } = await import('dot-properties');
  const values: Record<string, string> = {};
  const warnings: string[] = [];
  for (const [key, value] of Object.entries(parse(text))) {
    if (!key.startsWith('spark.')) warnings.push(`Ignoring non-Spark config property: ${key}`);
    else values[key] = withEnvironment(String(value).trim(), env);
  }
  return { values, warnings };
}

/** Names that the environment does not have stay as they are written. */
export function withEnvironment(text: string, env: Environment): string {
  return text.replace(/\$\{env:([^}]+)\}/g, (reference, name: string) => env[name] ?? reference);
}
