// What applications, drivers and executors of a standalone cluster are described by. The recovery files hold some of these:
// a field may be added, with a meaning for its absence, and none may change.
import type { ExecutorState } from './deploy-states.ts';

/** Addresses of custom resources by name: `{ gpu: ['0', '1'] }`. */
export type ResourceAddresses = Readonly<Record<string, readonly string[]>>;

/** How many addresses of custom resources are wanted, by name: `{ gpu: 1 }`. Spark: ResourceRequirement */
export type ResourceAmounts = Readonly<Record<string, number>>;

/** A process that a worker starts. Spark: Command */
export interface Command {
  /** Which program of the worker's installation runs; the worker knows where each lies. */
  readonly mainClass: string;
  /** With `{{EXECUTOR_ID}}` and the like in them, which the worker fills in. */
  readonly arguments: readonly string[];
  /** Set over the worker's own environment. */
  readonly environment: Readonly<Record<string, string>>;
  /** Options of `node` itself, before the program. Spark: javaOpts */
  readonly nodeOptions: readonly string[];
}

/** What each executor of one resource profile is given. Spark: ExecutorResourceDescription */
export interface ExecutorDemand {
  /** null: all that a worker has free, in one executor a worker. */
  readonly coresPerExecutor: number | null;
  /** MiB. */
  readonly memoryPerExecutor: number;
  readonly resourcesPerExecutor: ResourceAmounts;
}

/** Spark: ApplicationDescription */
export interface ApplicationDescription {
  readonly name: string;
  /** `spark.cores.max`; null: as `spark.deploy.defaultCores` says. */
  readonly maxCores: number | null;
  readonly command: Command;
  /**
   * 64 hex digits, from which and from the cluster's secret each worker derives that of the application, for its executors. Absent:
   * the environment of `command` has what they need.
   */
  readonly secretSalt?: string;
  readonly appUiUrl: string;
  readonly user: string;
  /** Of resource profile 0. */
  readonly demand: ExecutorDemand;
  /** Executors to begin with, under dynamic allocation; null: no limit. */
  readonly initialExecutorLimit: number | null;
  readonly eventLogDir: string | null;
  readonly eventLogCodec: string | null;
}

/** Spark: DriverDescription */
export interface DriverDescription {
  /** Where the worker gets the application's bundle. Spark: jarUrl */
  readonly appResource: string;
  /** MiB. */
  readonly memory: number;
  readonly cores: number;
  readonly supervise: boolean;
  readonly command: Command;
  readonly resources: ResourceAmounts;
}

/** A live executor as its worker tells of it. Spark: ExecutorDescription, WorkerExecutorStateResponse */
export interface ExecutorReport {
  readonly appId: string;
  readonly execId: number;
  readonly resourceProfileId: number;
  readonly cores: number;
  readonly memory: number;
  readonly state: ExecutorState;
  readonly resources: ResourceAddresses;
}

/** A live driver as its worker tells of it. Spark: WorkerDriverStateResponse */
export interface DriverReport {
  readonly driverId: string;
  readonly resources: ResourceAddresses;
}
