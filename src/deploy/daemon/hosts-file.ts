import { readFileSync } from 'node:fs';
import { hostname, networkInterfaces } from 'node:os';
import { resolve } from 'node:path';
import { IskraError } from '../../base/errors.ts';
import { type Environment, findConfFile } from '../../config/conf-file.ts';
import { variable } from './daemon-environment.ts';

/**
 * The hosts of `conf/workers`, or of the file that `WORKERS` names, one a line, `#` beginning a comment; this one when there is no
 * such file.
 *
 * @throws IskraError `WORKERS_FILE` when the file that is named cannot be read.
 */
export function workerHosts(env: Environment, workingFolder: string): readonly string[] {
  const named = variable(env, 'WORKERS');
  const file = named === undefined ? findConfFile(env, workingFolder, 'workers') : resolve(workingFolder, named);
  if (file === undefined) return ['localhost'];
  return read(file)
    .split('\n')
    .map((line) => line.replace(/#.*/, '').trim())
    .filter((line) => line !== '');
}

/** Whether a name or an address is this very machine's. */
export function isThisHost(host: string): boolean {
  const wanted = host.toLowerCase();
  const names = ['localhost', hostname().toLowerCase(), hostname().split('.')[0]?.toLowerCase()];
  if (names.includes(wanted) || wanted === '::1' || wanted.startsWith('127.')) return true;
  return Object.values(networkInterfaces()).some((entries) => entries?.some(({ address }) => address === wanted));
}

function read(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (cause) {
    throw new IskraError('WORKERS_FILE', `The hosts of workers cannot be read: ${(cause as Error).message}`, { cause });
  }
}
