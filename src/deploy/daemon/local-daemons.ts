// Daemons of this machine in the background, with a line for each.

import { IskraError } from '../../base/errors.ts';
import { UsageError } from '../submit/submit-arguments.ts';
import type { DaemonFiles } from './daemon-environment.ts';
import { variable } from './daemon-environment.ts';
import type { DaemonHost } from './daemon-host.ts';
import type { DaemonClass } from './daemon-options.ts';
import { type DaemonName, isDaemon, knownInstances, runningPid } from './pid-files.ts';
import { type DaemonReady, startDaemon } from './start-daemon.ts';
import { stopDaemon } from './stop-daemon.ts';

const LOOK_EVERY_MS = 50;

/** @throws IskraError `DAEMON_RUNS`, `DAEMON_FAILED`. */
export async function startAndSay(
  name: DaemonName,
  argv: readonly string[],
  files: DaemonFiles,
  host: DaemonHost,
): Promise<DaemonReady> {
  const { program, env } = host;
  const { pid, url, webUiUrl, log } = await startDaemon({ name, files, program, argv, env });
  const pages = webUiUrl === '' ? '' : `, pages at ${webUiUrl}`;
  host.print(`started ${name.of} ${name.instance} as process ${pid} at ${url}${pages}, log in ${log}`);
  return { type: 'Ready', url, webUiUrl };
}

/**
 * @param only all of the class when absent.
 * @throws IskraError `DAEMON_STAYS`, when all that can be stopped have been.
 */
export async function stopClass(of: DaemonClass, files: DaemonFiles, host: DaemonHost, only?: number): Promise<void> {
  const instances = only === undefined ? knownInstances(files, of) : [only];
  const stopped = await Promise.allSettled(instances.map((instance) => stopDaemon(files, { of, instance })));
  let any = false;
  for (const [i, result] of stopped.entries()) {
    if (result.status !== 'fulfilled' || result.value === null) continue;
    any = true;
    host.print(`stopped ${of} ${instances[i]}, which was process ${result.value}`);
  }
  for (const result of stopped) if (result.status === 'rejected') throw result.reason;
  if (!any) host.print(`no ${of}${only === undefined ? '' : ` ${only}`} to stop`);
}

/**
 * Sends workers the signal by which they take nothing more.
 *
 * @param only all of them when absent.
 * @param untilGone waits for their end.
 * @throws IskraError `DAEMON_ABSENT` when none runs; `DAEMON_STAYS` when one may not be told by this user.
 *
 * Spark: sbin/decommission-worker.sh
 */
export async function decommissionWorkers(
  files: DaemonFiles,
  host: DaemonHost,
  signal: string,
  only: number | undefined,
  untilGone: boolean,
): Promise<void> {
  const told: (readonly [DaemonName, number])[] = [];
  for (const instance of only === undefined ? knownInstances(files, 'worker') : [only]) {
    const name = { of: 'worker', instance } as const;
    const pid = runningPid(files, name);
    if (pid === null) continue;
    try {
      process.kill(pid, signal);
    } catch (error) {
      throw new IskraError(
        'DAEMON_STAYS',
        `worker ${instance}, process ${pid}, cannot be sent ${signal}: ${(error as Error).message}`,
      );
    }
    told.push([name, pid]);
    host.print(`decommissioning worker ${instance}, which is process ${pid}; its log says what becomes of it`);
  }
  if (told.length === 0)
    throw new IskraError(
      'DAEMON_ABSENT',
      `no worker${only === undefined ? '' : ` ${only}`} runs here in the background; one in the foreground takes: kill -${signal.slice('SIG'.length)} PROCESS`,
    );
  if (untilGone) for (const [name, pid] of told) while (isDaemon(pid, name)) await host.pause(LOOK_EVERY_MS);
}

/** A variable that is a whole number; undefined when it is not set. @throws UsageError */
export function numberOf({ env }: DaemonHost, name: string): number | undefined {
  const text = variable(env, name);
  if (text === undefined) return undefined;
  if (!/^\d{1,5}$/.test(text)) throw new UsageError(`${name} is '${text}', but must be a whole number`);
  return Number(text);
}
