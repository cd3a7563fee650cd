import type { LogLevel } from '../base/logger.ts';
import type { AddedFile } from './added-file.ts';
import type { BarrierTaskInfo } from './barrier-sync.ts';
import type { FetchedPart, RemoteBlock } from './block-transfer.ts';
import type { AskDriver } from './driver-executor.ts';
import type { ExecutorId, RddId, StageId, TaskId } from './ids.ts';
import type { BlockManagerId, MapStatus } from './map-output.ts';
import type { Split, StageProgram } from './stage-program.ts';
import type { StorageLevel } from './storage-level.ts';
import type { AccumulatorUpdate, TaskDescription, TaskResult } from './task.ts';

/** The copy of the application's modules that an executor has. Folders end with a slash. */
export interface LocalPackage {
  /** What the driver's paths begin with. */
  readonly from: string;
  /** Its counterpart here. */
  readonly to: string;
  /** Folders of the application itself, without what all paths begin with. */
  readonly folders: readonly string[];
  /** Iskra itself: on the driver, and here. */
  readonly installation: { readonly from: string; readonly to: string };
  /** Added to what is said of a module that cannot be imported; empty: nothing. */
  readonly hint: string;
}

/** What one slot's thread holds, in bytes. */
export interface HeldMemory {
  /** Objects that are not young. */
  readonly heapBytes: number;
  /** ArrayBuffers and other memory outside the heap that objects of this thread own; not what threads share. */
  readonly bufferBytes: number;
  /** Measured right after a collection: nothing of it is garbage. */
  readonly collected: boolean;
}

/** What a slot (a worker thread) is given when it starts. */
export interface SlotSettings {
  /** Who serves the map outputs that this slot writes. */
  readonly location: BlockManagerId;
  readonly slotIndex: number;
  /** The application's scripts; never imported by a slot, or the job would start again inside it. */
  readonly mainScripts: readonly string[];
  /** `spark.*` settings of the application. */
  readonly conf: Readonly<Record<string, string>>;
  readonly logLevel: LogLevel;
  /** storage/local-dirs.ts as data. */
  readonly localDirs: unknown;
  /** What SparkFiles.getRootDirectory() says. */
  readonly filesDir: string;
  /** The driver's files cannot be seen: modules come by EnsurePackage. */
  readonly shipped: boolean;
  /** What its objects may take; V8's own limit is another. */
  readonly heapBytes: number;
  /** Int32: [0] answer flag of an ask, [1] task id + 1 that is to be killed, [4] 1: spill, [5] 1: tell what the task has added so far, from [6] on task ids + 1 that were sent ahead; then the slot's progress (executor/slot-progress.ts). */
  readonly flags: SharedArrayBuffer;
  /** Small results of its tasks (executor/result-ring.ts). */
  readonly results: SharedArrayBuffer;
}

/** The first message of a slot's thread; the thread may have been started before it was known what for. */
export interface StartSlot {
  readonly settings: SlotSettings;
  /** A MessagePort: where the slot asks and is answered. */
  readonly asks: unknown;
  /** In place of the one that the thread was started in; null: that is it. */
  readonly environment: Readonly<Record<string, string | undefined>> | null;
}

/** What all tasks of a stage attempt have in common; travels once, with the program. */
export interface StageFacts {
  readonly program: StageProgram;
  readonly stageId: StageId;
  readonly stageAttemptId: number;
  readonly numPartitions: number;
  readonly cpus: number;
  readonly localProperties: Readonly<Record<string, string>>;
  /** See TaskDescription. */
  readonly barrier: readonly BarrierTaskInfo[] | null;
}

/**
 * Where a task that was sent ahead waits to be claimed: one of some words of shared memory, which no other task has until the
 * executor has heard of this one's end or has taken it back.
 */
export type AheadCell = number;

/**
 * One task, as small as it can be: a message of a few numbers takes a third of the time of one with a TaskDescription, and
 * there is one for each task. `split` is null when it says nothing but the partition's index.
 *
 * `cell`: null when the slot has no task. Else it is still at work, and has to claim this one there before it begins it
 * (executor-link.ts), since the executor may have taken it back for another slot.
 */
export type RunTask = readonly [
  taskId: TaskId,
  attemptNumber: number,
  partition: number,
  cell: AheadCell | null,
  split: Split | null,
  resources: TaskDescription['resources'],
];

/** Tasks of one stage, to be run one after another. `stage` is null when this slot was sent it before. */
export type RunTasks = readonly [programKey: string, stage: StageFacts | null, tasks: readonly RunTask[]];

/**
 * A task that ended well and whose result is not among the small ones in shared memory: kind 0 is a Result, 1 a MapOutput.
 * Metrics as numbers (task-metrics.ts).
 */
export type TaskDone = readonly [
  taskId: TaskId,
  kind: 0 | 1,
  value: Uint8Array | MapStatus,
  accumulators: readonly AccumulatorUpdate[] | null,
  metrics: readonly number[],
];

/** Executor → slot, one way. */
export type ToSlot =
  | RunTasks
  | { readonly type: 'ForgetProgram'; readonly programKey: string }
  | { readonly type: 'ForgetBroadcast'; readonly broadcastId: number }
  /** The flag says so, too; this reaches a task that waits for promises. */
  | { readonly type: 'TaskKilled'; readonly taskId: TaskId }
  /** The flag says so, too; this reaches a task that waits for promises. */
  | { readonly type: 'TellAccumulators' }
  | { readonly type: 'Answer'; readonly askId: number; readonly answer: SlotAnswer };

/** Slot → executor, one way. */
export type FromSlot = SlotNews | AskLater | ResultsWait;

/** There are results in the shared memory, for the first time since the executor has looked there. */
export interface ResultsWait {
  readonly type: 'Results';
}

/** A question for whose answer the slot does not block. */
export interface AskLater extends SlotAsk {
  readonly type: 'AskLater';
  readonly askId: number;
}

export type SlotNews =
  | TaskDone
  /** The thread has started and waits for work. */
  | { readonly type: 'SlotReady' }
  /** The thread stands still now, and waits to be ended. `longArray`: elements of the array that is the reason; null: its heap is. */
  | { readonly type: 'OutOfHeap'; readonly memory: HeldMemory; readonly longArray: number | null }
  /** The same, as somebody else has had it. */
  | { readonly type: 'EndedFor'; readonly why: string }
  /** What the running task has added to accumulators so far; told when it was asked for. */
  | { readonly type: 'Accumulated'; readonly taskId: TaskId; readonly updates: readonly AccumulatorUpdate[] }
  | { readonly type: 'TaskFailed'; readonly taskId: TaskId; readonly result: Extract<TaskResult, { kind: 'Failed' }> }
  | {
      readonly type: 'Log';
      readonly level: 'warn' | 'error';
      readonly component: string;
      readonly message: string;
      /** Of messages with the same text here, only the executor's first is logged; null: all are. */
      readonly once: string | null;
    };

/**
 * Questions of a slot. The slot blocks until the answer is there. Some go on to the driver.
 * name → [request, reply]
 */
export interface AskExecutor extends AskDriver {
  GetRddBlock: [{ readonly rddId: RddId; readonly partition: number }, StoredBlock | null];
  PutRddBlock: [
    {
      readonly taskId: TaskId;
      readonly rddId: RddId;
      readonly partition: number;
      readonly level: StorageLevel;
      readonly data: StoredBlock;
    },
    { readonly stored: boolean },
  ];
  /** May a partition computed so far (bytes in all) stay in memory? What is granted is held until it is put or the task ends. */
  ReserveMemory: [
    { readonly taskId: TaskId; readonly rddId: RddId; readonly bytes: number },
    { readonly granted: boolean },
  ];
  /** Memory for tables and sort buffers; `granted` may be less, or 0. The end of the task gives back what it still has. */
  AcquireMemory: [{ readonly taskId: TaskId; readonly bytes: number }, { readonly granted: number }];
  ReleaseMemory: [{ readonly taskId: TaskId; readonly bytes: number }, null];
  GetBroadcast: [{ readonly broadcastId: number }, Uint8Array | null];
  /** Where executors of this host keep their files, from its shuffle service; those that it does not know are left out. */
  GetHostLocalDirs: [
    { readonly executorIds: readonly ExecutorId[] },
    { readonly localDirs: Readonly<Record<ExecutorId, readonly string[]>> },
  ];
  /** Begins to fetch shuffle blocks of other executors, in this order. */
  StartFetch: [{ readonly blocks: readonly RemoteBlock[] }, { readonly fetchId: number }];
  /** What comes next: the parts that are here, one at least. */
  NextParts: [{ readonly fetchId: number }, readonly FetchedPart[]];
  /** One part once more, since it did not decode. */
  FetchAgain: [{ readonly block: RemoteBlock; readonly offset: number; readonly length: number }, Uint8Array];
  StopFetch: [{ readonly fetchId: number }, null];
  /** Answered when all of them are in the slot's files directory. */
  EnsureFiles: [{ readonly files: readonly AddedFile[] }, null];
  /** Answered when the application's modules are on this machine. */
  EnsurePackage: [null, LocalPackage];
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
  | { readonly ok: false; readonly message: string }
  /** The task was killed before there was an answer. */
  | { readonly ok: 'killed' };
