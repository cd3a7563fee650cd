// `conf/spark-env.sh`: what it sets stands below the environment itself. Spark: bin/load-spark-env.sh
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { IskraError } from '../../base/errors.ts';
import { type Environment, findConfFile } from '../../config/conf-file.ts';

/** It may look around, not settle down. */
const TIMEOUT_MS = 30_000;
const MAX_OUTPUT_BYTES = 16 * 1024 ** 2;
/** What shells set for themselves. */
const OF_THE_SHELL: ReadonlySet<string> = new Set([
  'PWD',
  'OLDPWD',
  'SHLVL',
  '_',
  'OPTIND',
  'IFS',
  'PPID',
  'PS1',
  'PS2',
  'PS4',
]);
/** The script may print what it likes: the variables come over a descriptor of their own. */
const SOURCE = 'set -a; . "$1" 1>&2; exec "$2" -e "require(\'node:fs\').writeSync(3, JSON.stringify(process.env))"';

export interface EnvironmentFile {
  readonly file: string;
  /** What the file adds. */
  readonly values: Readonly<Record<string, string>>;
  /** What it said on the way. */
  readonly warnings: readonly string[];
}

/**
 * Has a shell run `spark-env.sh` of the folder `conf`, and takes all that it sets, exported or not.
 *
 * @param node the program `node`.
 * @returns null when there is no such file.
 * @throws IskraError ENVIRONMENT_FILE, with the shell's words, which name file and line.
 */
export function readEnvironmentFile(env: Environment, folder: string, node: string): EnvironmentFile | null {
  const file = findConfFile(env, folder, 'spark-env.sh');
  if (file === undefined) return null;
  const failed = (why: string): IskraError =>
    new IskraError('ENVIRONMENT_FILE', `${file} cannot be read: ${why}. Correct it, or take it away`, {
      details: { file },
    });
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    throw failed((error as Error).message);
  }
  const run = (shell: string, args: readonly string[]) =>
    spawnSync(shell, args, {
      cwd: folder,
      env,
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'pipe', 'pipe'],
      timeout: TIMEOUT_MS,
      killSignal: 'SIGKILL',
      maxBuffer: MAX_OUTPUT_BYTES,
    });
  let shell = /^#!.*\bbash\b/.test(text) ? 'bash' : 'sh';
  let checked = run(shell, ['-n', file]);
  if (checked.error !== undefined && shell === 'bash') {
    shell = 'sh';
    checked = run(shell, ['-n', file]);
  }
  if (checked.error !== undefined)
    return {
      file,
      values: {},
      warnings: [`${file} is not read, since there is no shell here: ${checked.error.message}`],
    };
  if (checked.status !== 0) throw failed(checked.stderr.trim());
  const { error, status, signal, stderr, output } = run(shell, ['-c', SOURCE, file, file, node]);
  if (error !== undefined) throw failed(isTimeout(error) ? `it took more than ${TIMEOUT_MS / 1000} s` : error.message);
  const told = stderr.trim();
  const variables = output[3] ?? '';
  if (variables === '') throw failed(`it ended the shell with ${signal ?? status}${told === '' ? '' : `: ${told}`}`);
  return {
    file,
    values: added(JSON.parse(variables) as Record<string, string>, env), // process.env of our own program
    warnings: told === '' ? [] : told.split('\n').map((line) => (line.includes(file) ? line : `${file}: ${line}`)),
  };
}

function isTimeout(error: Error): boolean {
  return (error as NodeJS.ErrnoException).code === 'ETIMEDOUT';
}

/** Of a variable that the environment has, under Iskra's name or Spark's, nothing is taken. */
function added(all: Readonly<Record<string, string>>, env: Environment): Record<string, string> {
  const values: Record<string, string> = {};
  for (const [name, value] of Object.entries(all)) {
    if (!/^[A-Za-z_]\w*$/.test(name) || OF_THE_SHELL.has(name) || env[name] !== undefined) continue;
    const other = name.replace(/^(ISKRA|SPARK)_/, (prefix) => (prefix === 'ISKRA_' ? 'SPARK_' : 'ISKRA_'));
    if (other === name || !env[other]) values[name] = value;
  }
  return values;
}
