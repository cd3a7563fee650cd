// Masters and workers as pages and their JSON see them: a picture at one moment.
import type { ApplicationDescription, DriverDescription, ResourceAddresses } from './deploy-description.ts';
import type { ApplicationState, DriverState, ExecutorState, WorkerState } from './deploy-states.ts';
import type { WorkerDescription } from './master-worker.ts';

export interface WorkerSummary {
  readonly worker: WorkerDescription;
  readonly state: WorkerState;
  readonly coresUsed: number;
  /** MiB. */
  readonly memoryUsed: number;
  readonly resourcesUsed: ResourceAddresses;
  /** Epoch ms. */
  readonly lastHeartbeat: number;
}

export interface ExecutorSummary {
  readonly appId: string;
  readonly execId: number;
  readonly workerId: string;
  readonly resourceProfileId: number;
  readonly cores: number;
  /** MiB. */
  readonly memory: number;
  readonly resources: ResourceAddresses;
  readonly state: ExecutorState;
}

export interface ApplicationSummary {
  readonly id: string;
  readonly app: ApplicationDescription;
  readonly state: ApplicationState;
  /** Epoch ms. */
  readonly startedAt: number;
  /** Epoch ms; null while it lives. */
  readonly endedAt: number | null;
  readonly coresGranted: number;
  /** null: no limit. */
  readonly coresLeft: number | null;
  /** null: no limit. */
  readonly executorLimit: number | null;
  readonly executors: readonly ExecutorSummary[];
  readonly removedExecutors: readonly ExecutorSummary[];
}

export interface DriverSummary {
  readonly id: string;
  readonly driver: DriverDescription;
  readonly state: DriverState;
  /** Epoch ms. */
  readonly submittedAt: number;
  /** Epoch ms; null while it waits or runs. */
  readonly endedAt: number | null;
  readonly workerId: string | null;
  readonly workerHostPort: string | null;
  readonly resources: ResourceAddresses;
  readonly exception: string | null;
}
