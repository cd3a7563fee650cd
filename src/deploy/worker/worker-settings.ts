import type { EpochMs } from '../../base/clock.ts';
import { UI_REVERSE_PROXY, UI_REVERSE_PROXY_URL } from '../../config/access-entries.ts';
import {
  STORAGE_CLEANUP_FILES_AFTER_EXECUTOR_EXIT,
  WORKER_CLEANUP_APP_DATA_TTL,
  WORKER_CLEANUP_ENABLED,
  WORKER_CLEANUP_INTERVAL,
  WORKER_DRIVER_TERMINATE_TIMEOUT,
  WORKER_ID_PATTERN,
  WORKER_INITIAL_REGISTRATION_RETRIES,
  WORKER_MAX_REGISTRATION_RETRIES,
  WORKER_PREFER_CONFIGURED_MASTER_ADDRESS,
  WORKER_RETAINED_DRIVERS,
  WORKER_RETAINED_EXECUTORS,
  WORKER_SPARE_EXECUTORS,
  WORKER_STATE_SYNC_MAX_ATTEMPTS,
  WORKER_TIMEOUT,
} from '../../config/deploy-entries.ts';
import { DECOMMISSION_ENABLED } from '../../config/executor-entries.ts';
import { REDACTION_REGEX } from '../../config/logging-entries.ts';
import { RPC_ASK_TIMEOUT } from '../../config/network-entries.ts';
import type { SparkConf } from '../../config/spark-conf.ts';
import type { ResourceAddresses } from '../../protocol/deploy-description.ts';
import type { WorkerDescription } from '../../protocol/master-worker.ts';
import { fillPattern, idTimestamp } from '../id-pattern.ts';

/** What a worker is, from its command line and its machine. */
export interface WorkerIdentity {
  readonly host: string;
  /** The bound one. */
  readonly port: number;
  readonly cores: number;
  /** MiB. */
  readonly memory: number;
  /** With the bound port; no slash at the end. */
  readonly webUiUrl: string;
  readonly resources: ResourceAddresses;
  /** `host:port` of each master. */
  readonly masters: readonly string[];
  /** An absolute path. */
  readonly workDir: string;
  /** Programs that may be launched: main class → the file that `node` runs. */
  readonly programs: Readonly<Record<string, string>>;
  /** The program of executors can wait until it is needed. See `SPARE_ARGUMENT`. */
  readonly hasSpares: boolean;
}

/** What a worker goes by. */
export interface WorkerSettings extends WorkerIdentity {
  readonly worker: WorkerDescription;
  readonly heartbeatMs: number;
  readonly initialRegistrationRetries: number;
  readonly maxRegistrationRetries: number;
  readonly preferConfiguredMasterAddress: boolean;
  readonly cleanupEnabled: boolean;
  readonly cleanupIntervalMs: number;
  readonly appDataTtlMs: number;
  readonly cleanupFilesAfterExecutorExit: boolean;
  readonly retainedExecutors: number;
  readonly retainedDrivers: number;
  /** Executors' processes that wait. */
  readonly spareExecutors: number;
  readonly driverTerminateTimeoutMs: number;
  /** How often news are told a master that does not acknowledge them. */
  readonly syncMaxAttempts: number;
  readonly askTimeoutMs: number;
  readonly decommissionEnabled: boolean;
  readonly redaction: RegExp;
  /** Its pages are shown by the master, or a front end at this address; null: by itself alone. '': at the master's own address. */
  readonly reverseProxy: string | null;
}

/** @param at when the process started: its id has that. @throws IllegalArgumentError for a setting that cannot be. */
export function workerSettings(conf: SparkConf, identity: WorkerIdentity, at: EpochMs): WorkerSettings {
  const { host, port, cores, memory, webUiUrl, resources } = identity;
  const id = fillPattern(conf.get(WORKER_ID_PATTERN), idTimestamp(at), host, port);
  const initialRegistrationRetries = conf.get(WORKER_INITIAL_REGISTRATION_RETRIES);
  return {
    ...identity,
    worker: { id, host, port, cores, memory, webUiAddress: webUiUrl, resources },
    heartbeatMs: conf.get(WORKER_TIMEOUT) / 4,
    initialRegistrationRetries,
    maxRegistrationRetries: Math.max(conf.get(WORKER_MAX_REGISTRATION_RETRIES), initialRegistrationRetries),
    preferConfiguredMasterAddress: conf.get(WORKER_PREFER_CONFIGURED_MASTER_ADDRESS),
    cleanupEnabled: conf.get(WORKER_CLEANUP_ENABLED),
    cleanupIntervalMs: conf.get(WORKER_CLEANUP_INTERVAL),
    appDataTtlMs: conf.get(WORKER_CLEANUP_APP_DATA_TTL),
    cleanupFilesAfterExecutorExit: conf.get(STORAGE_CLEANUP_FILES_AFTER_EXECUTOR_EXIT),
    retainedExecutors: conf.get(WORKER_RETAINED_EXECUTORS),
    retainedDrivers: conf.get(WORKER_RETAINED_DRIVERS),
    spareExecutors: identity.hasSpares ? conf.get(WORKER_SPARE_EXECUTORS) : 0,
    driverTerminateTimeoutMs: conf.get(WORKER_DRIVER_TERMINATE_TIMEOUT),
    syncMaxAttempts: conf.get(WORKER_STATE_SYNC_MAX_ATTEMPTS),
    askTimeoutMs: conf.get(RPC_ASK_TIMEOUT),
    decommissionEnabled: conf.get(DECOMMISSION_ENABLED),
    redaction: conf.get(REDACTION_REGEX),
    reverseProxy: conf.get(UI_REVERSE_PROXY) ? (conf.get(UI_REVERSE_PROXY_URL) ?? '') : null,
  };
}
