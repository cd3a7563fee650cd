// Master ↔ those who use it: the client of an application's driver, and whoever submits drivers or looks. Spark: DeployMessages
import type { ApplicationDescription, DriverDescription, ExecutorDemand } from './deploy-description.ts';
import type { DriverState, ExecutorState, MasterStatus } from './deploy-states.ts';
import type { ApplicationSummary, DriverSummary, WorkerSummary } from './deploy-summaries.ts';

/** The endpoint of a driver that the master speaks to. Spark: StandaloneAppClient's AppClient */
export const APP_CLIENT_ENDPOINT = 'AppClient';

/** How many executors of one profile an application wants in all. */
export interface ExecutorTotal {
  readonly resourceProfileId: number;
  /** null: as many as its cores allow. */
  readonly total: number | null;
  /** null: profile 0, or one that was described before. */
  readonly demand: ExecutorDemand | null;
}

/** Application's driver → master, one way. */
export type AppToMaster =
  | {
      readonly type: 'RegisterApplication';
      readonly app: ApplicationDescription;
      /** `host:port` at which a master that leads later finds this driver. */
      readonly driverAddress: string;
    }
  | { readonly type: 'UnregisterApplication'; readonly appId: string }
  /** An application whose link to its master broke is there still, with its id, which the master may have given up. */
  | {
      readonly type: 'ReattachApplication';
      readonly appId: string;
      readonly app: ApplicationDescription;
      readonly driverAddress: string;
      /** As in MasterChangeAcknowledged. */
      readonly highestExecutorId: number | null;
      readonly totals: readonly ExecutorTotal[] | null;
    }
  /** The answer to MasterChanged, with what only the application remembers. */
  | {
      readonly type: 'MasterChangeAcknowledged';
      readonly appId: string;
      /** The highest id of an executor it was ever told of, so that none is used twice; null: none. */
      readonly highestExecutorId: number | null;
      /** What it last asked for; null: nothing beyond its description. */
      readonly totals: readonly ExecutorTotal[] | null;
    };

/** Master → application's driver, one way. */
export type MasterToApp =
  | { readonly type: 'RegisteredApplication'; readonly appId: string; readonly masterUrl: string }
  /** The application was ended, or not taken: FAILED, KILLED, or what is wrong with it. */
  | { readonly type: 'ApplicationRemoved'; readonly message: string }
  | {
      readonly type: 'ExecutorAdded';
      readonly execId: number;
      readonly workerId: string;
      readonly hostPort: string;
      /** Where the worker's pages are, with what the executor writes; '': it has none. */
      readonly workerWebUiUrl: string;
      readonly cores: number;
      /** MiB. */
      readonly memory: number;
    }
  | {
      readonly type: 'ExecutorUpdated';
      readonly execId: number;
      readonly state: ExecutorState;
      readonly message: string | null;
      readonly exitStatus: number | null;
      /** Set when the whole worker is lost or drained: what it has of other executors is lost, too. */
      readonly workerHost: string | null;
    }
  | { readonly type: 'WorkerRemoved'; readonly workerId: string; readonly host: string; readonly message: string }
  | { readonly type: 'MasterChanged'; readonly masterUrl: string; readonly masterWebUiUrl: string };

export interface SubmitDriverResponse {
  readonly success: boolean;
  readonly driverId: string | null;
  readonly message: string;
}

export interface KillDriverResponse {
  readonly driverId: string;
  readonly success: boolean;
  readonly message: string;
}

export interface DriverStatusResponse {
  readonly found: boolean;
  readonly state: DriverState | null;
  readonly workerId: string | null;
  readonly workerHostPort: string | null;
  /** Where the worker's pages are, with what the driver writes; null: not known. */
  readonly workerWebUiUrl: string | null;
  readonly exception: string | null;
}

/** Questions to a master. name → [request, reply] */
export interface AskMaster {
  RequestSubmitDriver: [{ readonly driver: DriverDescription }, SubmitDriverResponse];
  RequestKillDriver: [{ readonly driverId: string }, KillDriverResponse];
  RequestKillAllDrivers: [null, { readonly success: boolean; readonly message: string }];
  RequestDriverStatus: [{ readonly driverId: string }, DriverStatusResponse];
  RequestClearCompletedDriversAndApps: [null, { readonly success: boolean; readonly message: string }];
  RequestReadyz: [null, { readonly ready: boolean }];
  /** An application may ask for more, or for fewer: running ones are not killed by it. */
  RequestExecutors: [
    { readonly appId: string; readonly totals: readonly ExecutorTotal[] },
    { readonly accepted: boolean },
  ];
  KillExecutors: [{ readonly appId: string; readonly executorIds: readonly string[] }, { readonly accepted: boolean }];
  /** An operator ends an application. Spark: the kill link of the master's page */
  RequestKillApplication: [{ readonly appId: string }, { readonly success: boolean }];
  /** Answered with how many workers these hosts have. */
  DecommissionWorkersOnHosts: [{ readonly hosts: readonly string[] }, { readonly workers: number }];
  RequestMasterState: [null, MasterStateResponse];
}

/** All that a page about the master shows. Spark: MasterStateResponse */
export interface MasterStateResponse {
  readonly url: string;
  readonly status: MasterStatus;
  readonly workers: readonly WorkerSummary[];
  readonly activeApps: readonly ApplicationSummary[];
  readonly completedApps: readonly ApplicationSummary[];
  readonly activeDrivers: readonly DriverSummary[];
  readonly completedDrivers: readonly DriverSummary[];
}
