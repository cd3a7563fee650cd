import { type Clock, systemClock } from '../../base/clock.ts';
import { IskraError } from '../../base/errors.ts';
import type { DaemonFiles } from './daemon-environment.ts';
import { type DaemonName, isDaemon, releasePidFile, runningPid } from './pid-files.ts';

/** A worker may give its executors 10 s to end. */
const STOP_TIMEOUT_MS = 30_000;
const LOOK_EVERY_MS = 50;

/**
 * Ends a daemon in good order, and waits until it is gone.
 *
 * @returns its process, or null when it did not run.
 * @throws IskraError `DAEMON_STAYS` when it is still there after 30 s, or may not be ended by this user.
 */
export async function stopDaemon(
  files: DaemonFiles,
  name: DaemonName,
  clock: Clock = systemClock,
): Promise<number | null> {
  const pid = runningPid(files, name);
  if (pid === null) {
    releasePidFile(files, name, []);
    return null;
  }
  try {
    process.kill(pid, 'SIGTERM');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH')
      throw new IskraError(
        'DAEMON_STAYS',
        `${name.of} ${name.instance}, process ${pid}, cannot be stopped: ${(error as Error).message}`,
      );
  }
  const until = clock.now() + STOP_TIMEOUT_MS;
  while (isDaemon(pid, name)) {
    if (clock.now() > until)
      throw new IskraError(
        'DAEMON_STAYS',
        `${name.of} ${name.instance}, process ${pid}, did not end within ${STOP_TIMEOUT_MS / 1000} s. Look into its log, or end it with: kill -9 ${pid}`,
      );
    await new Promise<void>((resolve) => {
      clock.after(LOOK_EVERY_MS, resolve);
    });
  }
  releasePidFile(files, name, [pid]);
  return pid;
}
