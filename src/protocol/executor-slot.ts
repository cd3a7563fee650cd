import type { LogLevel } from '../base/logger.ts';
import type { ExecutorId, RddId, ShuffleId, TaskId } from './ids.ts';
import type { MapOutputs } from './map-output.ts';
import type { StageProgram } from './stage-program.ts';
import type { StorageLevel } from './storage-level.ts';
import type { TaskDescription, TaskResult } from './task.ts';

/** What a slot (a worker thread) is given when it starts. */
export interface SlotSettings {
  readonly executorId: ExecutorId;
  readonly slotIndex: number;
  /** The application's scripts; never imported by a slot, or the job would start again inside it. */
  readonly mainScripts: readonly string[];
  /** `spark.*` settings of the application. */
  readonly conf: Readonly<Record<string, string>>;
  readonly logLevel: LogLevel;
  /** storage/local-dirs.ts as data. */
  readonly localDirs: unknown;
  /** Bytes that a task may hold in tables and sort buffers before it spills. */
  readonly taskMemoryBytes: number;
  /** Int32: [0] answer flag of an ask, [1] task id + 1 that is to be killed. */
  readonly flags: SharedArrayBuffer;
}

/** Executor → slot, one way. */
export type ToSlot =
  /** `program` is null when this slot was sent it before. */
  | { readonly type: 'RunTask'; readonly task: TaskDescription; readonly program: StageProgram | null }
  | { readonly type: 'ForgetProgram'; readonly programKey: string }
  | { readonly type: 'ForgetBroadcast'; readonly broadcastId: number }
  | { readonly type: 'StopSlot' };

/** Slot → executor, one way. */
export type FromSlot =
  | { readonly type: 'SlotReady' }
  | { readonly type: 'TaskDone'; readonly taskId: TaskId; readonly result: TaskResult }
  | { readonly type: 'Log'; readonly level: 'warn' | 'error'; readonly component: string; readonly message: string };

/**
 * Questions of a slot. The slot blocks until the answer is there, so every answer must be quick and never wait for a task.
 * name → [request, reply]
 */
export interface AskExecutor {
  GetMapOutputs: [{ readonly shuffleId: ShuffleId }, MapOutputs];
  GetRddBlock: [{ readonly rddId: RddId; readonly partition: number }, StoredBlock | null];
  PutRddBlock: [
    { readonly rddId: RddId; readonly partition: number; readonly level: StorageLevel; readonly data: StoredBlock },
    { readonly stored: boolean },
  ];
  /** May a partition computed so far (bytes) stay in memory? */
  ReserveMemory: [{ readonly rddId: RddId; readonly bytes: number }, { readonly granted: boolean }];
  GetBroadcast: [{ readonly broadcastId: number }, Uint8Array | null];
  CanCommit: [
    {
      readonly stageId: number;
      readonly stageAttemptId: number;
      readonly partition: number;
      readonly attemptNumber: number;
    },
    { readonly allowed: boolean },
  ];
}

/** A partition as serializer blocks: in shared memory, which every slot of the executor can read, or in a file. */
export type StoredBlock =
  | { readonly kind: 'memory'; readonly chunks: readonly Uint8Array[]; readonly bytes: number }
  | { readonly kind: 'disk'; readonly path: string; readonly bytes: number };

export interface SlotAsk {
  readonly name: keyof AskExecutor;
  readonly request: unknown;
}

export type SlotAnswer =
  | { readonly ok: true; readonly reply: unknown }
  | { readonly ok: false; readonly message: string };
