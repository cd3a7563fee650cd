// What a submitter tells of its driver, until there is nothing more to tell. Spark: ClientEndpoint.pollAndReportStatus
import type { Clock } from '../../base/clock.ts';
import { type DriverState, FINAL_DRIVER_STATES } from '../../protocol/deploy-states.ts';
import type { DriverStatusResponse } from '../../protocol/master-client.ts';
import type { SubmissionGateway } from './submission-gateway.ts';

export interface FollowOptions {
  readonly driverId: string;
  readonly status: SubmissionGateway['status'];
  /** `spark.standalone.submit.waitAppCompletion`: until the driver has ended. */
  readonly wait: boolean;
  /** What the driver needs, for one that stays without a worker: `2 cores and 1024 MiB`. */
  readonly needs: string;
  /** A master that is away for longer is gone, ms. */
  readonly lostAfterMs: number;
  readonly clock: Clock;
  readonly print: (line: string) => void;
  readonly warn: (line: string) => void;
}

const POLL_MS = 250;
/** A driver is looked at for so long, so that one that cannot start is told of. Spark waits 5 s in any case. */
const EARLY_MS = 5000;
const RUNNING_MS = 1000;

/**
 * Tells of a driver's states as they change.
 *
 * @returns the exit code: 0 while it runs or waits, and when it has finished; 1 when it ended otherwise.
 */
export async function followDriver(options: FollowOptions): Promise<number> {
  const { driverId, wait, clock, print } = options;
  const started = clock.now();
  let heard = started;
  let shown: DriverState | null = null;
  let runningSince: number | null = null;
  for (;;) {
    let status: DriverStatusResponse;
    try {
      status = await options.status(driverId);
      // A master that does not lead knows nothing of it.
      if (status.exception?.startsWith('Current state is not alive')) throw new Error(status.exception);
      heard = clock.now();
    } catch (error) {
      if (clock.now() - heard >= options.lostAfterMs) throw error;
      options.warn(`${error instanceof Error ? error.message : String(error)}; trying again`);
      await pause(clock, Math.max(POLL_MS, 1000));
      continue;
    }
    const { found, state, workerId, workerHostPort, workerWebUiUrl, exception } = status;
    if (!found || state === null) {
      print(`ERROR: Cluster master did not recognize ${driverId}`);
      return 1;
    }
    if (state !== shown) {
      print(`State of ${driverId} is ${state}`);
      if (state === 'RUNNING') print(`Driver running on ${workerHostPort} (${workerId})`);
      shown = state;
      runningSince = state === 'RUNNING' ? clock.now() : null;
    }
    if (exception !== null) print(`Exception from cluster was: ${exception}`);
    if (state === 'FINISHED') return 0;
    if (FINAL_DRIVER_STATES.has(state)) {
      if (workerHostPort !== null) print(`What it wrote: ${logOf(driverId, workerHostPort, workerWebUiUrl)}`);
      return 1;
    }
    if (state === 'RELAUNCHING') {
      print(
        `The worker of ${driverId} is lost: the driver starts again elsewhere, under another id, which the master's page shows`,
      );
      return wait ? 1 : 0;
    }
    const now = clock.now();
    if (!wait && runningSince !== null && now - runningSince >= RUNNING_MS) return 0;
    if (!wait && now - started >= EARLY_MS) {
      if (state === 'SUBMITTED') {
        print(`${driverId} waits: no worker has ${options.needs} free for it. It starts when one has`);
      }
      return 0;
    }
    await pause(clock, wait && now - started > EARLY_MS ? 1000 : POLL_MS);
  }
}

function logOf(driverId: string, workerHostPort: string, workerWebUiUrl: string | null): string {
  const page = workerWebUiUrl && `${workerWebUiUrl}/logPage/?driverId=${driverId}&logType=stderr, and `;
  return `${page ?? ''}work/${driverId}/stderr of the worker at ${workerHostPort}`;
}

function pause(clock: Clock, ms: number): Promise<void> {
  return new Promise((resolve) => void clock.after(ms, resolve));
}
