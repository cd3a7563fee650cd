import type { EpochMs } from '../../base/clock.ts';
import type { AppToMaster, AskMaster, MasterToApp } from '../../protocol/master-client.ts';
import type { MasterToWorker, WorkerToMaster } from '../../protocol/master-worker.ts';
import type { RecoveryRecord } from '../../protocol/recovery.ts';

/** An RPC connection, by a name that is never used again in the process. */
export type ConnectionId = string;

/** One to send to: over its connection while that is open, else over one made to its address, where it has one. */
export interface Peer {
  /** `host:port`; null for somebody who only called. */
  readonly address: string | null;
  readonly connection: ConnectionId | null;
}

/** A question to the master, tagged by its name. */
export type MasterQuestion = {
  [K in keyof AskMaster]: { readonly type: K; readonly request: AskMaster[K][0] };
}[keyof AskMaster];

export type MasterTimer = 'CheckForWorkerTimeOut' | 'CompleteRecovery';

/** All that can happen to a master. */
export type MasterEvent = { readonly at: EpochMs } & (
  | { readonly type: 'Start' }
  /** It leads; `recovered` is what the one before it kept. */
  | { readonly type: 'ElectedLeader'; readonly recovered: readonly RecoveryRecord[] }
  | { readonly type: 'RevokedLeadership' }
  | { readonly type: 'FromWorker'; readonly from: ConnectionId; readonly message: WorkerToMaster }
  | { readonly type: 'FromApp'; readonly from: ConnectionId; readonly message: AppToMaster }
  | { readonly type: 'Asked'; readonly askId: number; readonly ask: MasterQuestion }
  | { readonly type: 'Disconnected'; readonly connection: ConnectionId }
  | { readonly type: 'Woken'; readonly timer: MasterTimer }
);

/** All that a master can want. Effects are done in order: what is persisted is on disk before anybody hears of it. */
export type MasterEffect =
  | { readonly type: 'SendToWorker'; readonly to: Peer; readonly message: MasterToWorker }
  | { readonly type: 'SendToApp'; readonly to: Peer; readonly message: MasterToApp }
  | MasterReply
  | { readonly type: 'Persist'; readonly record: RecoveryRecord }
  | { readonly type: 'Unpersist'; readonly kind: RecoveryRecord['kind']; readonly id: string }
  /** There is one alarm a timer; a new one replaces it. */
  | { readonly type: 'WakeAt'; readonly at: EpochMs; readonly timer: MasterTimer }
  | { readonly type: 'Exit'; readonly code: number; readonly message: string };

/** The answer to a question. */
export type MasterReply = {
  [K in keyof AskMaster]: {
    readonly type: 'Reply';
    readonly askId: number;
    readonly ask: K;
    readonly reply: AskMaster[K][1];
  };
}[keyof AskMaster];
