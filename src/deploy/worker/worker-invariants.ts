import { InvariantError } from '../../base/errors.ts';
import { FINISHED_EXECUTOR_STATES } from '../../protocol/deploy-states.ts';
import type { ApplicationDirectories } from './application-directories.ts';
import type { DriverRunner } from './driver-runner.ts';
import type { ExecutorRunner } from './executor-runner.ts';
import type { Holdings } from './holdings.ts';
import type { Registration } from './registration.ts';
import type { SpareExecutors } from './spare-executors.ts';
import type { ProcessKey } from './worker-events.ts';

export interface WorkerTables {
  readonly executors: ReadonlyMap<ProcessKey, ExecutorRunner>;
  readonly drivers: ReadonlyMap<ProcessKey, DriverRunner>;
  readonly finishedExecutors: ReadonlyMap<string, unknown>;
  readonly used: Holdings;
  readonly registration: Registration;
  readonly appDirs: ApplicationDirectories<ExecutorRunner>;
  readonly spares: SpareExecutors;
  /** It stops, or is drained. */
  readonly takesNothing: boolean;
}

/** The invariants of `Worker`, as code. @throws InvariantError */
export function checkWorkerInvariants(tables: WorkerTables): void {
  const fail = (rule: number, text: string): never => {
    throw new InvariantError(`worker, rule ${rule}: ${text}`);
  };
  const { executors, drivers, finishedExecutors, used, registration, appDirs, spares, takesNothing } = tables;
  const held = [
    ...Array.from(executors.values(), ({ launch }) => launch),
    ...Array.from(drivers.values(), ({ launch }) => launch.driver),
  ];
  const cores = held.reduce((sum, each) => sum + each.cores, 0);
  const memory = held.reduce((sum, each) => sum + each.memory, 0);
  if (cores !== used.cores || memory !== used.memory)
    fail(1, `counts ${used.cores} cores and ${used.memory} MiB, but ${cores} and ${memory} are in use`);
  for (const [key, { state }] of executors)
    if (FINISHED_EXECUTOR_STATES.has(state) || finishedExecutors.has(key)) fail(2, `${key} is ${state} and live`);
  if (registration.connected && registration.trying) fail(3, 'registers although it is connected');
  const stuck = appDirs.stuck((key) => executors.has(key));
  if (stuck !== null) fail(4, `executors of ${stuck} wait for directories that nobody makes`);
  if (takesNothing && spares.numWaiting > 0) fail(5, 'spares wait for nothing');
}
