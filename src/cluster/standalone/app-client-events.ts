import type { EpochMs } from '../../base/clock.ts';
import type { ExecutorState } from '../../protocol/deploy-states.ts';
import type { AppToMaster, ExecutorTotal, MasterToApp } from '../../protocol/master-client.ts';

/** An RPC connection, by a name that is never used again in the process. */
export type ConnectionId = string;

/** All that can happen to the client. */
export type AppClientEvent = { readonly at: EpochMs } & (
  | { readonly type: 'Start' }
  /** There is a connection to a master, as `Connect` wanted. */
  | { readonly type: 'Reached'; readonly master: string; readonly connection: ConnectionId }
  /** There is none. `final`: the two do not let each other in, and another try would end the same way. */
  | { readonly type: 'NotReached'; readonly master: string; readonly message: string; readonly final: boolean }
  | { readonly type: 'FromMaster'; readonly from: ConnectionId; readonly message: MasterToApp }
  | { readonly type: 'Disconnected'; readonly connection: ConnectionId }
  | { readonly type: 'Woken' }
  | { readonly type: 'RequestExecutors'; readonly askId: number; readonly totals: readonly ExecutorTotal[] }
  | { readonly type: 'KillExecutors'; readonly askId: number; readonly executorIds: readonly string[] }
  /** What the master said to an `Ask`; false too when it could not be asked. */
  | { readonly type: 'Answered'; readonly askId: number; readonly accepted: boolean }
  | { readonly type: 'Stop' }
);

/** What the client asks of its master. */
export type AppQuestion =
  | { readonly type: 'RequestExecutors'; readonly totals: readonly ExecutorTotal[] }
  | { readonly type: 'KillExecutors'; readonly executorIds: readonly string[] };

/** What whoever has the client hears of. Spark: StandaloneAppClientListener */
export type AppClientNews =
  | { readonly type: 'Connected'; readonly appId: string; readonly masterUrl: string }
  /** The master is gone, perhaps to come back; executors go on. */
  | { readonly type: 'Disconnected' }
  /** Nothing will come any more. */
  | { readonly type: 'Dead'; readonly reason: string }
  | Extract<MasterToApp, { type: 'ExecutorAdded' }>
  | {
      readonly type: 'ExecutorUpdated';
      readonly execId: number;
      readonly state: ExecutorState;
      readonly message: string;
      readonly exitStatus: number | null;
      readonly workerHost: string | null;
    }
  | { readonly type: 'WorkerRemoved'; readonly workerId: string; readonly host: string; readonly message: string };

/** All that the client can want. Effects are done in order. */
export type AppClientEffect =
  /** Ends in `Reached` or `NotReached`; does nothing while an attempt to reach it is under way. */
  | { readonly type: 'Connect'; readonly master: string }
  | { readonly type: 'Send'; readonly connection: ConnectionId; readonly message: AppToMaster }
  /** Ends in `Answered`. */
  | {
      readonly type: 'Ask';
      readonly connection: ConnectionId;
      readonly askId: number;
      readonly appId: string;
      readonly question: AppQuestion;
    }
  /** The answer to `RequestExecutors` or `KillExecutors`. */
  | { readonly type: 'Reply'; readonly askId: number; readonly accepted: boolean }
  | { readonly type: 'Tell'; readonly news: AppClientNews }
  /** There is one alarm; a new one replaces it. */
  | { readonly type: 'WakeAt'; readonly at: EpochMs }
  | { readonly type: 'CancelWake' };
