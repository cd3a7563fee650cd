import type { LogLevel } from '../base/logger.ts';
import type { PackageNotice } from './app-package.ts';
import type { AskDriver } from './driver-executor.ts';
import type { ExecutorId, RddId, ShuffleId, TaskId } from './ids.ts';
import type { BlockManagerId } from './map-output.ts';
import type { AccumulatorUpdate } from './task.ts';
import type { TaskMetrics } from './task-metrics.ts';

/** The endpoint of the driver that executors speak to. Spark: CoarseGrainedSchedulerBackend.ENDPOINT_NAME */
export const SCHEDULER_ENDPOINT = 'CoarseGrainedScheduler';
/** The endpoint of an executor that the driver speaks to. */
export const EXECUTOR_ENDPOINT = 'Executor';
/** The endpoint of everyone who has blocks: executors, the driver, shuffle services. */
export const BLOCK_TRANSFER_ENDPOINT = 'BlockTransfer';

/** What an executor needs to know of its application. Spark: SparkAppConfig */
export interface AppConfig {
  readonly conf: Readonly<Record<string, string>>;
  readonly applicationId: string;
  /** The application's scripts, which slots never import. */
  readonly mainScripts: readonly string[];
  /** How it gets modules and added files that it does not see; null: it sees them. */
  readonly packages: PackageNotice | null;
  readonly logLevel: LogLevel;
}

export interface RegisterExecutor {
  readonly executorId: ExecutorId;
  readonly host: string;
  /** Where its blocks are served. */
  readonly port: number;
  readonly cores: number;
  readonly pid: number;
  /** Spark: --resourceProfileId */
  readonly resourceProfileId: number;
  /** `stdout` → url. */
  readonly logUrls: Readonly<Record<string, string>>;
  /** Addresses of custom resources that its tasks may use: `gpu` → `0`, `1`. */
  readonly resources: Readonly<Record<string, readonly string[]>>;
}

/** What a running task has done so far. */
export interface TaskProgress {
  readonly taskId: TaskId;
  /** As of its last batch edge; null: not known yet. */
  readonly metrics: TaskMetrics | null;
  /** What it has added so far, as far as that is small. */
  readonly accumulators: readonly AccumulatorUpdate[];
}

export interface Heartbeat {
  readonly executorId: ExecutorId;
  /** Tasks it runs. Spark: Heartbeat.accumUpdates */
  readonly running: readonly TaskProgress[];
}

/** Questions of an executor process to its driver. name → [request, reply] */
export interface AskScheduler extends AskDriver {
  RetrieveSparkAppConfig: [{ readonly executorId: ExecutorId }, AppConfig];
  /** `refused`: why the executor must end. */
  RegisterExecutor: [RegisterExecutor, { readonly refused: string | null }];
  /** `known` false: the driver gave the executor up; it must end. */
  Heartbeat: [Heartbeat, { readonly known: boolean }];
  /** Who has this cached partition, the asker left out. */
  GetRddBlockLocations: [
    { readonly rddId: RddId; readonly partition: number; readonly executorId: ExecutorId },
    { readonly locations: readonly BlockManagerId[] },
  ];
  /** Other executors, to keep replicas. */
  GetPeers: [{ readonly executorId: ExecutorId }, { readonly peers: readonly BlockManagerId[] }];
  /** How a broadcast value is cut; null: there is no such value any more. */
  GetBroadcastInfo: [{ readonly broadcastId: number }, BroadcastInfo | null];
  /**
   * Who has this piece; the driver itself last. None when another executor is about to get it from the driver, unless the
   * asker insists.
   */
  GetBroadcastPieceLocations: [
    {
      readonly broadcastId: number;
      readonly piece: number;
      readonly executorId: ExecutorId;
      readonly insist: boolean;
    },
    { readonly locations: readonly BlockManagerId[] },
  ];
  /** Map outputs that lie on an executor. */
  GetMapOutputsOn: [
    { readonly executorId: ExecutorId },
    { readonly outputs: readonly { readonly shuffleId: ShuffleId; readonly mapId: TaskId }[] },
  ];
  /** A map output is with somebody else now. */
  MapOutputMoved: [
    { readonly shuffleId: ShuffleId; readonly mapId: TaskId; readonly location: BlockManagerId },
    { readonly known: boolean },
  ];
  IsExecutorAlive: [{ readonly executorId: ExecutorId }, { readonly alive: boolean }];
}

/** Executor → driver, one way, besides FromExecutor. */
export type ExecutorNews =
  | {
      readonly type: 'BroadcastPieceStored';
      readonly executorId: ExecutorId;
      readonly broadcastId: number;
      readonly piece: number;
    }
  /** The executor was told by its machine to go: it takes no tasks any more, and hands on what it holds. */
  | { readonly type: 'ExecutorDecommissioning'; readonly executorId: ExecutorId }
  /** The executor ends by itself; its connection will close. */
  | { readonly type: 'ExecutorExiting'; readonly executorId: ExecutorId; readonly reason: string };

/** Spark: TorrentBroadcast's metadata. */
export interface BroadcastInfo {
  /** Of the whole value. */
  readonly bytes: number;
  /** Of every piece but the last. */
  readonly pieceBytes: number;
  /** crc32 of each piece. */
  readonly checksums: readonly number[];
}
