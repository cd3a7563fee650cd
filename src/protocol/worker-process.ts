// A worker and the processes it starts. They speak little: a driver or executor that was given `--worker-url` connects to the
// worker's endpoint and ends when that connection breaks (fate sharing, Spark: WorkerWatcher). Who looks at a worker asks it.
import type { ApplicationDescription, DriverDescription, ResourceAddresses } from './deploy-description.ts';
import type { DriverState, ExecutorState } from './deploy-states.ts';

/** `Command.mainClass` of an executor. */
export const EXECUTOR_MAIN = 'CoarseGrainedExecutorBackend';
/** `Command.mainClass` of a driver in cluster mode. Spark: DriverWrapper */
export const DRIVER_MAIN = 'DriverWrapper';

/**
 * First argument of an executor's program that is started before it is known what for; cores and MiB of the executor that it most
 * likely becomes follow. It waits for a line on descriptor `SPARE_ORDERS`, answers with a byte, and is that executor from then on.
 * When whoever has started it is gone, it ends.
 */
export const SPARE_ARGUMENT = '--spare';
export const SPARE_ORDERS = 3;

/** The line, as JSON: all in which it differs from a process that is started for the purpose. */
export interface SpareOrder {
  readonly arguments: readonly string[];
  /** The whole of it, secrets and all. */
  readonly environment: Readonly<Record<string, string>>;
  /** Where it runs. */
  readonly directory: string;
  /** What lists of processes show. */
  readonly title: string;
}

/**
 * Variable of a started process's environment: what it needs to connect to its worker, as JSON of `WorkerAccess`. Absent where
 * nobody has to prove anything.
 */
export const WORKER_ACCESS_VARIABLE = '_ISKRA_WORKER_ACCESS';

export interface WorkerAccess {
  readonly keyId: string;
  /** Hex. */
  readonly secret: string;
  readonly encrypt: boolean;
}

/**
 * Variable of a driver's environment: a descriptor whose other end is its worker's, and is closed when that is gone. Nothing is
 * written to it. Absent where somebody else has started it.
 */
export const LIFELINE_VARIABLE = 'ISKRA_WORKER_LIFELINE';
/** Behind those of a process's own input and output. */
export const LIFELINE = 3;

/** Variable of a driver's environment: the file with the addresses of custom resources that are its own; absent without any. */
export const DRIVER_RESOURCES_VARIABLE = 'ISKRA_DRIVER_RESOURCES_FILE';

export interface WorkerExecutor {
  readonly appId: string;
  readonly execId: number;
  readonly app: ApplicationDescription;
  readonly cores: number;
  /** MiB. */
  readonly memory: number;
  readonly resources: ResourceAddresses;
  readonly state: ExecutorState;
}

export interface WorkerDriver {
  readonly driverId: string;
  readonly driver: DriverDescription;
  readonly resources: ResourceAddresses;
  /** RUNNING until it has a final state. */
  readonly state: DriverState;
  readonly exception: string | null;
}

/** All that a page about a worker shows. Spark: WorkerStateResponse */
export interface WorkerStateResponse {
  readonly host: string;
  readonly port: number;
  readonly workerId: string;
  readonly executors: readonly WorkerExecutor[];
  readonly finishedExecutors: readonly WorkerExecutor[];
  readonly drivers: readonly WorkerDriver[];
  readonly finishedDrivers: readonly WorkerDriver[];
  /** Empty while there is no master. */
  readonly masterUrl: string;
  readonly masterWebUiUrl: string;
  readonly cores: number;
  readonly coresUsed: number;
  /** MiB. */
  readonly memory: number;
  readonly memoryUsed: number;
  readonly resources: ResourceAddresses;
  readonly resourcesUsed: ResourceAddresses;
}

/** Questions to a worker. name → [request, reply] */
export interface AskWorker {
  RequestWorkerState: [null, WorkerStateResponse];
}

/** Settings of a driver that a worker starts, as JSON in its environment: arguments can be seen by others. */
export const DRIVER_CONF_VARIABLE = 'ISKRA_DRIVER_CONF';
