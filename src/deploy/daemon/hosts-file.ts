import { readFileSync } from 'node:fs';
import { hostname, networkInterfaces } from 'node:os';
import { type Environment, findConfFile } from '../submit/spark-defaults.ts';

/** The hosts of `conf/workers`, one a line, `#` beginning a comment; this one when there is no such file. */
export function workerHosts(env: Environment, workingFolder: string): readonly string[] {
  const file = findConfFile(env, workingFolder, 'workers');
  if (file === undefined) return ['localhost'];
  return readFileSync(file, 'utf8')
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
