import { type ConfigEntry, defineEntry, defineOptional } from './config-entry.ts';
import { aFreeSignal, notNegative, positive, types } from './value-types.ts';

export const EXECUTOR_HEARTBEAT_INTERVAL: ConfigEntry<number> = defineEntry({
  key: 'spark.executor.heartbeatInterval',
  type: types.durationMs,
  default: 10_000,
  check: positive,
  doc: 'How often an executor tells the driver that it lives. Has to be well below `spark.network.timeout`.',
  since: '0.2',
});

export const EXECUTOR_HEARTBEAT_MAX_FAILURES: ConfigEntry<number> = defineEntry({
  key: 'spark.executor.heartbeat.maxFailures',
  type: types.int,
  default: 60,
  check: positive,
  doc: 'After so many heartbeats without an answer, one after another, an executor ends.',
  since: '0.2',
});

export const NETWORK_TIMEOUT_INTERVAL: ConfigEntry<number> = defineEntry({
  key: 'spark.network.timeoutInterval',
  type: types.durationMs,
  default: 60_000,
  check: positive,
  doc: 'How often the driver looks for executors that were silent for longer than `spark.network.timeout`.',
  since: '0.2',
});

export const REDUCER_MAX_SIZE_IN_FLIGHT: ConfigEntry<number> = defineEntry({
  key: 'spark.reducer.maxSizeInFlight',
  type: types.mib,
  default: 48 * 1024 ** 2,
  check: positive,
  doc: 'How much of other executors’ map output a task may have on its way, or waiting to be read.',
  since: '0.2',
});

export const REDUCER_MAX_REQS_IN_FLIGHT: ConfigEntry<number> = defineEntry({
  key: 'spark.reducer.maxReqsInFlight',
  type: types.int,
  default: 2 ** 31 - 1,
  check: positive,
  doc: 'How many requests for map output a task may have on their way.',
  since: '0.2',
});

export const SHUFFLE_IO_MAX_RETRIES: ConfigEntry<number> = defineEntry({
  key: 'spark.shuffle.io.maxRetries',
  type: types.int,
  default: 3,
  check: notNegative,
  doc: 'How often an executor that cannot be reached is tried again before its blocks count as lost. One that the driver knows to be lost is not tried again.',
  since: '0.2',
});

export const SHUFFLE_IO_RETRY_WAIT: ConfigEntry<number> = defineEntry({
  key: 'spark.shuffle.io.retryWait',
  type: types.durationMs,
  default: 5_000,
  check: notNegative,
  doc: 'The time between these tries.',
  since: '0.2',
});

export const BROADCAST_BLOCK_SIZE: ConfigEntry<number> = defineEntry({
  key: 'spark.broadcast.blockSize',
  type: types.kib,
  default: 4 * 1024 ** 2,
  check: positive,
  doc: 'The size of the pieces in which broadcast values travel. Executors get them from each other.',
  since: '0.2',
});

export const BROADCAST_CHECKSUM: ConfigEntry<boolean> = defineEntry({
  key: 'spark.broadcast.checksum',
  type: types.boolean,
  default: true,
  doc: 'Whether each piece is checked when it arrives.',
  since: '0.2',
});

export const MAX_EXECUTOR_RETRIES: ConfigEntry<number> = defineEntry({
  key: 'spark.deploy.maxExecutorRetries',
  type: types.int,
  default: 10,
  doc: 'After so many executors that ended early, one after another, with none left, the application is given up; negative: never.',
  since: '0.2',
});

export const DECOMMISSION_ENABLED: ConfigEntry<boolean> = defineEntry({
  key: 'spark.decommission.enabled',
  type: types.boolean,
  default: false,
  doc: 'Whether executors can be drained: they finish what they run, hand on what they hold, and end.',
  since: '0.2',
});

export const EXECUTOR_DECOMMISSION_SIGNAL: ConfigEntry<string> = defineEntry({
  key: 'spark.executor.decommission.signal',
  type: types.text,
  default: 'PWR',
  check: aFreeSignal,
  doc: 'The signal by which somebody outside tells an executor to drain itself, where `spark.decommission.enabled` is true.',
  since: '0.2',
});

export const EXECUTOR_DECOMMISSION_FORCE_KILL_TIMEOUT: ConfigEntry<number | undefined> = defineOptional({
  key: 'spark.executor.decommission.forceKillTimeout',
  type: types.durationSeconds,
  check: positive,
  defaultText: 'no limit',
  doc: 'How long an executor that is being drained may go on; then it is ended, whatever it still runs or holds.',
  since: '0.2',
});

export const STORAGE_DECOMMISSION_ENABLED: ConfigEntry<boolean> = defineEntry({
  key: 'spark.storage.decommission.enabled',
  type: types.boolean,
  default: false,
  doc: 'Whether a draining executor hands on its blocks.',
  since: '0.2',
});

export const STORAGE_DECOMMISSION_SHUFFLE_BLOCKS: ConfigEntry<boolean> = defineEntry({
  key: 'spark.storage.decommission.shuffleBlocks.enabled',
  type: types.boolean,
  default: true,
  doc: 'Whether these include map outputs.',
  since: '0.2',
});

export const STORAGE_DECOMMISSION_RDD_BLOCKS: ConfigEntry<boolean> = defineEntry({
  key: 'spark.storage.decommission.rddBlocks.enabled',
  type: types.boolean,
  default: true,
  doc: 'Whether these include cached partitions.',
  since: '0.2',
});

export const STORAGE_REPLICATION_PROACTIVE: ConfigEntry<boolean> = defineEntry({
  key: 'spark.storage.replication.proactive',
  type: types.boolean,
  default: true,
  doc: 'Cached partitions that lose one of several copies with its executor get another one, from those that are left.',
  since: '0.2',
});

export const STORAGE_DECOMMISSION_MAX_FAILURES: ConfigEntry<number> = defineEntry({
  key: 'spark.storage.decommission.maxReplicationFailuresPerBlock',
  type: types.int,
  default: 3,
  check: positive,
  doc: 'After so many tries a block is not handed on, and computed again when it is needed.',
  since: '0.2',
});

export const STORAGE_DECOMMISSION_INTERVAL: ConfigEntry<number> = defineEntry({
  key: 'spark.storage.decommission.replicationReattemptInterval',
  type: types.durationMs,
  default: 30_000,
  check: positive,
  doc: 'The time between these tries.',
  since: '0.2',
});

export const RESOURCES_DISCOVERY_TIMEOUT: ConfigEntry<number> = defineEntry({
  key: 'spark.iskra.resources.discoveryTimeout',
  type: types.durationMs,
  default: 60_000,
  check: positive,
  doc: 'How long a script that finds custom resources may take.',
  since: '0.2',
});
