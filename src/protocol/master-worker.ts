// Master ↔ worker. The worker connects; the master answers over that connection, and connects itself only to tell a worker it has
// on record that it leads now. Spark: DeployMessages
import type {
  ApplicationDescription,
  DriverDescription,
  DriverReport,
  ExecutorReport,
  ResourceAddresses,
} from './deploy-description.ts';
import type { DriverState, ExecutorState } from './deploy-states.ts';

/** Spark: Master.ENDPOINT_NAME */
export const MASTER_ENDPOINT = 'Master';
/** Spark: Worker.ENDPOINT_NAME */
export const WORKER_ENDPOINT = 'Worker';

/** What a worker has to give. It is on record while the worker lives: only the address of its connection is not in it. */
export interface WorkerDescription {
  readonly id: string;
  /** Where its endpoint can be reached. */
  readonly host: string;
  readonly port: number;
  readonly cores: number;
  /** MiB. */
  readonly memory: number;
  readonly webUiAddress: string;
  readonly resources: ResourceAddresses;
}

/** Worker → master, one way. */
export type WorkerToMaster =
  | {
      readonly type: 'RegisterWorker';
      readonly worker: WorkerDescription;
      /** `host:port` of the master as this worker was told; comes back with the answer. */
      readonly masterAddress: string;
    }
  | { readonly type: 'Heartbeat'; readonly workerId: string }
  /** After a registration: what really runs. */
  | {
      readonly type: 'WorkerLatestState';
      readonly workerId: string;
      readonly executors: readonly ExecutorReport[];
      readonly drivers: readonly DriverReport[];
    }
  /** The answer to MasterChanged. */
  | {
      readonly type: 'WorkerSchedulerStateResponse';
      readonly workerId: string;
      readonly executors: readonly ExecutorReport[];
      readonly drivers: readonly DriverReport[];
    }
  | {
      readonly type: 'ExecutorStateChanged';
      readonly appId: string;
      readonly execId: number;
      readonly state: ExecutorState;
      readonly message: string | null;
      readonly exitStatus: number | null;
    }
  | {
      readonly type: 'DriverStateChanged';
      readonly driverId: string;
      readonly state: DriverState;
      /** What went wrong, as text. */
      readonly exception: string | null;
    }
  /** The worker was told by its operator; no more launches. */
  | { readonly type: 'WorkerDecommissioning'; readonly workerId: string };

/** News that a master acknowledges. Spark: ExecutorStateChanged is asked by Worker.syncExecutorStateWithMaster */
export type WorkerNews = Extract<WorkerToMaster, { type: 'ExecutorStateChanged' | 'DriverStateChanged' }>;

/** Worker → master, answered when what follows from it is done: on record, and told to applications. */
export interface TellMaster {
  ExecutorStateChanged: [Extract<WorkerNews, { type: 'ExecutorStateChanged' }>, null];
  DriverStateChanged: [Extract<WorkerNews, { type: 'DriverStateChanged' }>, null];
}

/** Master → worker, one way. */
export type MasterToWorker =
  | {
      readonly type: 'RegisteredWorker';
      /** `spark://host:port`: by this the master is told from others. */
      readonly masterUrl: string;
      readonly masterWebUiUrl: string;
      /** As the worker said it. */
      readonly masterAddress: string;
      /** The worker was registered already. */
      readonly duplicate: boolean;
    }
  | { readonly type: 'RegisterWorkerFailed'; readonly message: string }
  | { readonly type: 'MasterInStandby' }
  | { readonly type: 'MasterChanged'; readonly masterUrl: string; readonly masterWebUiUrl: string }
  | { readonly type: 'ReconnectWorker'; readonly masterUrl: string }
  | {
      readonly type: 'LaunchExecutor';
      readonly masterUrl: string;
      readonly appId: string;
      readonly execId: number;
      readonly resourceProfileId: number;
      readonly app: ApplicationDescription;
      readonly cores: number;
      /** MiB. */
      readonly memory: number;
      readonly resources: ResourceAddresses;
    }
  | {
      readonly type: 'KillExecutor';
      readonly masterUrl: string;
      readonly appId: string;
      readonly execId: number;
    }
  | {
      readonly type: 'LaunchDriver';
      readonly driverId: string;
      readonly driver: DriverDescription;
      readonly resources: ResourceAddresses;
    }
  | { readonly type: 'KillDriver'; readonly driverId: string }
  | { readonly type: 'ApplicationFinished'; readonly appId: string }
  | { readonly type: 'DecommissionWorker' };
