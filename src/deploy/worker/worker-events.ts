import type { EpochMs } from '../../base/clock.ts';
import type { ResourceAddresses } from '../../protocol/deploy-description.ts';
import type { MasterToWorker, WorkerDescription, WorkerNews, WorkerToMaster } from '../../protocol/master-worker.ts';
import type { ProcessPlan } from './process-plan.ts';

/** An RPC connection, by a name that is never used again in the process. */
export type ConnectionId = string;

/** News that the master is to acknowledge; never used again in the process. */
export type NewsId = string;

/** Why news were not acknowledged. */
export interface NewsFault {
  /** `link`: it is not there any more; `refused`: the same would come of it another time. */
  readonly kind: 'link' | 'timeout' | 'refused' | 'failed';
  readonly message: string;
}

/** A process that waits to become an executor's; never used again in the process. */
export type SpareId = string;

/** `app-…/0` of an executor, or the id of a driver. One process of a key runs at a time. */
export type ProcessKey = string;

export type WorkerTimer =
  | 'ReregisterWithMaster'
  | 'SendHeartbeat'
  | 'WorkDirCleanup'
  /** One that has ended is replaced. */
  | 'StartSpares'
  /** A process has been running for a moment. */
  | `up ${ProcessKey}`
  /** One that was told to end has had its time. */
  | `kill ${ProcessKey}`
  /** A supervised driver starts again. */
  | `restart ${ProcessKey}`
  /** News that failed are told again. */
  | `tell ${NewsId}`;

/** All that can happen to a worker. */
export type WorkerEvent = { readonly at: EpochMs } & (
  | { readonly type: 'Start' }
  | { readonly type: 'FromMaster'; readonly from: ConnectionId; readonly message: MasterToWorker }
  | { readonly type: 'Disconnected'; readonly connection: ConnectionId }
  | { readonly type: 'Woken'; readonly timer: WorkerTimer }
  /** `fault` null: the master has them. */
  | {
      readonly type: 'NewsAnswered';
      readonly id: NewsId;
      readonly connection: ConnectionId;
      readonly fault: NewsFault | null;
    }
  | { readonly type: 'ExecutorPrepared'; readonly key: ProcessKey; readonly appDirs: readonly string[] }
  /** `appDirs` are there all the same, when they are not null. */
  | {
      readonly type: 'ExecutorNotPrepared';
      readonly key: ProcessKey;
      readonly message: string;
      readonly appDirs: readonly string[] | null;
    }
  /** `userJar`: where the application's bundle lies now. */
  | { readonly type: 'DriverPrepared'; readonly key: ProcessKey; readonly userJar: string }
  | { readonly type: 'DriverNotPrepared'; readonly key: ProcessKey; readonly message: string }
  | { readonly type: 'ProcessStarted'; readonly key: ProcessKey }
  /** It could not be spawned. */
  | { readonly type: 'ProcessFailed'; readonly key: ProcessKey; readonly message: string }
  /** By a signal: 128 and its number. */
  | { readonly type: 'ProcessExited'; readonly key: ProcessKey; readonly exitCode: number }
  /** Of the work directory: nothing in it had been changed for long. */
  | { readonly type: 'DirectoryRemoved'; readonly name: string }
  /** A spare has become the process for which it was taken. */
  | { readonly type: 'SpareUsed'; readonly id: SpareId }
  /** It ended, could not be started, or did not take what it was told: then a process of its own was started instead. */
  | { readonly type: 'SpareEnded'; readonly id: SpareId; readonly message: string }
  /** The operator's signal. Spark: WorkerDecommissionSigReceived */
  | { readonly type: 'DecommissionSignal' }
  | { readonly type: 'Stop' }
);

/** There is one alarm a timer; a new one replaces it. */
type TimerEffect =
  | { readonly type: 'SetTimer'; readonly timer: WorkerTimer; readonly at: EpochMs }
  | { readonly type: 'CancelTimer'; readonly timer: WorkerTimer };

/** What a runner of a process wants; `key` is its own. */
export type ProcessEffect =
  | { readonly type: 'StartProcess'; readonly key: ProcessKey; readonly plan: ProcessPlan }
  /** A driver's: what is fetched for it is not needed any more. */
  | { readonly type: 'EndPreparation'; readonly key: ProcessKey }
  | { readonly type: 'SignalProcess'; readonly key: ProcessKey; readonly signal: 'SIGTERM' | 'SIGKILL' }
  | TimerEffect;

export type SpareEffect =
  /** `node` with these arguments; it waits until `StartProcess` names it. */
  | { readonly type: 'StartSpare'; readonly id: SpareId; readonly args: readonly string[] }
  /** At once; nothing more is heard of it. */
  | { readonly type: 'EndSpare'; readonly id: SpareId }
  | TimerEffect;

/** All that a worker can want. Effects are begun in order. */
export type WorkerEffect =
  | Exclude<ProcessEffect, { type: 'StartProcess' }>
  /** `spare`: the process that is to become it, if it is there still and takes it; null: a new one. */
  | {
      readonly type: 'StartProcess';
      readonly key: ProcessKey;
      readonly plan: ProcessPlan;
      readonly spare: SpareId | null;
    }
  | SpareEffect
  /** A RegisterWorker to each, all at the same time; whom it does not reach is a warning. Ends attempts that go on. */
  | { readonly type: 'RegisterAt'; readonly masters: readonly string[]; readonly worker: WorkerDescription }
  | { readonly type: 'CancelRegistration' }
  | { readonly type: 'SendToMaster'; readonly connection: ConnectionId; readonly message: WorkerToMaster }
  /** What comes of it is a `NewsAnswered`. */
  | {
      readonly type: 'TellMaster';
      readonly id: NewsId;
      readonly connection: ConnectionId;
      readonly news: WorkerNews;
    }
  /** At once, with all that is on its way; does nothing when it is closed. */
  | { readonly type: 'CloseConnection'; readonly connection: ConnectionId }
  /** Makes the directory, which must be new; and, where `appDirs` is null, directories for the application. */
  | {
      readonly type: 'PrepareExecutor';
      readonly key: ProcessKey;
      readonly directory: string;
      readonly appDirs: readonly string[] | null;
      readonly resources: ResourceAddresses;
    }
  /** Makes the directory and fetches the bundle into it. */
  | {
      readonly type: 'PrepareDriver';
      readonly key: ProcessKey;
      readonly directory: string;
      readonly appResource: string;
      readonly resources: ResourceAddresses;
    }
  /** In the background; what cannot be removed is logged. */
  | { readonly type: 'RemoveDirs'; readonly directories: readonly string[] }
  /** In the background: directories in the work directory with nothing in them that is newer, but for those to keep. */
  | { readonly type: 'CleanWorkDir'; readonly keep: readonly string[]; readonly olderThan: EpochMs }
  /** For the shuffle service. */
  | { readonly type: 'ExecutorRemoved'; readonly appId: string; readonly execId: string }
  | { readonly type: 'ApplicationRemoved'; readonly appId: string }
  | { readonly type: 'Exit'; readonly code: number; readonly message: string };
