// Commands on other hosts, by the ssh of this one.
import { spawn } from 'node:child_process';
import type { Readable } from 'node:stream';
import { IskraError } from '../../base/errors.ts';
import type { Environment } from '../../config/conf-file.ts';
import { variable } from './daemon-environment.ts';

export interface HostCommand {
  /** As ssh takes it: `host-b`, `ann@host-b`, or a name of its configuration. */
  readonly host: string;
  /** A line of its shell. */
  readonly command: string;
}

export interface SshOptions {
  readonly env: Environment;
  /** A line of what a host says, with its name before it. */
  print(line: string): void;
  pause(ms: number): Promise<void>;
}

/** What stands behind the user's own options, of which ssh takes the first: nothing hangs, and nobody is asked beside others. */
const PATIENCE = ['-o', 'ConnectTimeout=30', '-o', 'ServerAliveInterval=15'];
const ASKS_NOBODY = ['-o', 'BatchMode=yes'];
/** Spark takes any key (`no`); a host whose key has changed is refused here. */
const USUAL_OPTIONS = '-o StrictHostKeyChecking=accept-new';

/** Exit codes of ssh itself, and of a shell that does not find what it is to run. */
const NOT_REACHED = 255;
const NOT_FOUND: ReadonlySet<number> = new Set([126, 127]);

/**
 * Runs a command on each host, at the same time unless `SSH_FOREGROUND` is set: then one after another, and ssh may ask for
 * passwords. `SSH_OPTS` are its options, `WORKER_SLEEP` seconds lie between two.
 *
 * @returns what went wrong, a line for each host where something did.
 * @throws IskraError `SSH_NOT_FOUND` when there is no ssh here.
 *
 * Spark: sbin/workers.sh
 */
export async function runOnHosts(commands: readonly HostCommand[], options: SshOptions): Promise<readonly string[]> {
  const { env, pause } = options;
  const inTurns = variable(env, 'SSH_FOREGROUND') !== undefined;
  const own = (variable(env, 'SSH_OPTS') ?? USUAL_OPTIONS).split(/\s+/).filter((word) => word !== '');
  const sshOptions = [...own, ...PATIENCE, ...(inTurns ? [] : ASKS_NOBODY)];
  const sleepMs = Number(variable(env, 'WORKER_SLEEP') ?? 0) * 1000 || 0;
  const running: Promise<string | null>[] = [];
  for (const [i, command] of commands.entries()) {
    if (i > 0 && sleepMs > 0) await pause(sleepMs);
    const ended = ssh(sshOptions, command, inTurns, options);
    ended.catch(() => {}); // seen below
    running.push(ended);
    if (inTurns) await ended;
  }
  return (await Promise.all(running)).filter((fault) => fault !== null);
}

/** A word as any shell takes it. */
export function shellWord(text: string): string {
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}

function ssh(
  options: readonly string[],
  { host, command }: HostCommand,
  mayAsk: boolean,
  { env, print }: SshOptions,
): Promise<string | null> {
  return new Promise((resolve, reject) => {
    const child = spawn('ssh', [...options, '--', host, command], {
      env,
      stdio: [mayAsk ? 'inherit' : 'ignore', 'pipe', 'pipe'],
    });
    eachLine(child.stdout, (line) => print(`${host}: ${line}`));
    eachLine(child.stderr, (line) => print(`${host}: ${line}`));
    child.once('error', (cause: NodeJS.ErrnoException) =>
      reject(
        new IskraError(
          'SSH_NOT_FOUND',
          `ssh cannot be run here (${cause.code ?? cause.message}); install an ssh client, or run on ${host}: ${command}`,
          { cause },
        ),
      ),
    );
    child.once('close', (code, signal) => resolve(faultOf(host, code, signal)));
  });
}

function faultOf(host: string, code: number | null, signal: NodeJS.Signals | null): string | null {
  if (code === 0) return null;
  if (code === null) return `${host}: ssh was ended by ${signal}`;
  if (code === NOT_REACHED)
    return `${host}: ssh did not get there, or its connection broke (exit code 255): see to it that 'ssh ${host} true' asks nothing, with ISKRA_SSH_OPTS for keys and users; with ISKRA_SSH_FOREGROUND=yes it may ask`;
  if (NOT_FOUND.has(code))
    return `${host}: there is no Iskra or no Node as here (exit code ${code}): install them at the same paths, or say with ISKRA_REMOTE_COMMAND what runs Iskra there`;
  return `${host}: ended with exit code ${code}; why stands above, behind its name`;
}

/** Also the last one, if it has no end. */
function eachLine(stream: Readable, line: (text: string) => void): void {
  let rest = '';
  stream.setEncoding('utf8');
  stream.on('data', (text: string) => {
    const lines = (rest + text).split('\n');
    rest = lines.pop() ?? '';
    for (const each of lines) line(each.replace(/\r$/, ''));
  });
  stream.on('end', () => {
    if (rest !== '') line(rest);
  });
}
