import { IllegalArgumentError, IskraError } from '../base/errors.ts';
import type { StderrLogger } from '../base/stderr-logger.ts';
import type { ApplicationBackend, BlockUpdated } from '../cluster/application-backend.ts';
import { EXECUTOR_HEARTBEAT_INTERVAL } from '../config/executor-entries.ts';
import { NETWORK_TIMEOUT } from '../config/network-entries.ts';
import { TASK_CPUS } from '../config/scheduler-entries.ts';
import type { SparkConf } from '../config/spark-conf.ts';
import type { FileProbe } from '../protocol/app-package.ts';
import type { DriverAnswers } from '../protocol/driver-executor.ts';
import type { ExecutorId, ShuffleId } from '../protocol/ids.ts';
import type { ResourceProfile } from '../protocol/resource-profile.ts';
import type { RpcAddress } from '../rpc/rpc-address.ts';
import type { AllocationSettings } from '../scheduler/allocation-settings.ts';
import type { MapOutputTracker } from '../shuffle/map-output-tracker.ts';
import type { LocalDirs } from '../storage/local-dirs.ts';

/** What an application brings to its backend. */
export interface BackendNeeds {
  readonly conf: SparkConf;
  readonly applicationId: string;
  readonly mainScripts: readonly string[];
  readonly localDirs: LocalDirs;
  /** Where the driver has added files; slots in its process look there. */
  readonly filesDir: string;
  /** Where an added file lies, and how it was then, for executors that fetch it; null: there is none. */
  readonly addedFile: (name: string, timestamp: number) => FileProbe | null;
  readonly answers: DriverAnswers;
  readonly onBlock: (update: BlockUpdated) => void;
  readonly rddLocations: (rddId: number, partition: number) => readonly ExecutorId[];
  readonly mapOutputs: MapOutputTracker;
  readonly onMapOutputMoved: (executorId: ExecutorId, shuffleId: ShuffleId) => void;
  readonly resourceProfiles: { get(id: number): ResourceProfile | undefined };
  /** For executors, beside the settings. */
  readonly metricsSettings: Readonly<Record<string, string>>;
  readonly onFailed: (message: string) => void;
  readonly log: StderrLogger;
}

/** A way to get executors that is ready to be used. */
export interface OpenBackend {
  /** The id that the cluster gave the application; null: it makes its own. */
  readonly applicationId: string | null;
  /** `defaultParallelism` when nothing is configured; null: the backend says it, each time anew. */
  readonly cores: number | null;
  readonly maxTaskFailures: number;
  readonly coresPerExecutor: number;
  /** Null: the number of executors stays as it is. */
  readonly allocation: AllocationSettings | null;
  /** What cached blocks may take in memory, an executor. */
  readonly storageBytes: number;
  readonly isLocal: boolean;
  /** Where executors reach the driver, for all that it serves; null: they are in its process. */
  readonly address: RpcAddress | null;
  /** What has to be free for an executor, for a user who waits for one; null: nothing can be missing. */
  readonly executorNeeds: string | null;
  make(needs: BackendNeeds): ApplicationBackend;
  /** All that can be done when the process ends at once. */
  endNow(): void;
  /** Instead of `make`, when something else went wrong. */
  close(): Promise<void>;
}

/** @throws IskraError when no executor could run a task. */
export function checkTaskCpus(conf: SparkConf, url: string, slots: number): void {
  const cpus = conf.get(TASK_CPUS);
  if (cpus > slots)
    throw new IskraError(
      'TASK_CPUS',
      `The number of slots (${slots}) of master '${url}' has to be >= the number of cpus per task (spark.task.cpus = ${cpus}); lower spark.task.cpus, or use executors with ${cpus} slots or more`,
    );
}

/** @throws IllegalArgumentError when executors would be lost between two of their heartbeats. Spark: SparkConf.validateSettings */
export function checkHeartbeats(conf: SparkConf): void {
  const timeoutMs = conf.get(NETWORK_TIMEOUT);
  const intervalMs = conf.get(EXECUTOR_HEARTBEAT_INTERVAL);
  if (timeoutMs <= intervalMs)
    throw new IllegalArgumentError(
      `The value of ${NETWORK_TIMEOUT.key}=${timeoutMs}ms must be greater than the value of ${EXECUTOR_HEARTBEAT_INTERVAL.key}=${intervalMs}ms.`,
    );
}
