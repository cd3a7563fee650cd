import assert from 'node:assert/strict';
import { test } from 'node:test';
import '../../src/config/all-entries.ts';
import { allEntries, type ConfigEntry } from '../../src/config/config-entry.ts';

/** The value that counts when nobody says anything; that of its fallback where it has one. */
function defaultOf(entry: ConfigEntry<unknown>): unknown {
  if (entry.default !== undefined || entry.fallback === undefined) return entry.default ?? null;
  return defaultOf(entry.fallback);
}

const KIB = 1024;
const MIB = 1024 * KIB;
const MAX_INT = 2 ** 31 - 1;

/** Times in ms, sizes in bytes, null: not set. */
const SPARKS: Readonly<Record<string, unknown>> = {
  'spark.barrier.sync.timeout': 365 * 24 * 3_600_000,
  'spark.broadcast.blockSize': 4 * MIB,
  'spark.broadcast.checksum': true,
  'spark.checkpoint.compress': false,
  'spark.checkpoint.dir': null,
  'spark.cleaner.periodicGC.interval': 1_800_000,
  'spark.cleaner.referenceTracking': true,
  'spark.cleaner.referenceTracking.blocking': true,
  'spark.cleaner.referenceTracking.blocking.shuffle': false,
  'spark.cleaner.referenceTracking.cleanCheckpoints': false,
  'spark.decommission.enabled': false,
  'spark.driver.maxResultSize': 1024 * MIB,
  'spark.dynamicAllocation.cachedExecutorIdleTimeout': null,
  'spark.dynamicAllocation.enabled': false,
  'spark.dynamicAllocation.executorAllocationRatio': 1,
  'spark.dynamicAllocation.executorIdleTimeout': 60_000,
  'spark.dynamicAllocation.initialExecutors': 0,
  'spark.dynamicAllocation.maxExecutors': null,
  'spark.dynamicAllocation.minExecutors': 0,
  'spark.dynamicAllocation.schedulerBacklogTimeout': 1000,
  'spark.dynamicAllocation.shuffleTracking.enabled': true,
  'spark.dynamicAllocation.shuffleTracking.timeout': null,
  'spark.dynamicAllocation.sustainedSchedulerBacklogTimeout': 1000,
  'spark.excludeOnFailure.application.fetchFailure.enabled': false,
  'spark.excludeOnFailure.application.maxFailedExecutorsPerNode': 2,
  'spark.excludeOnFailure.application.maxFailedTasksPerExecutor': 2,
  'spark.excludeOnFailure.enabled': null,
  'spark.excludeOnFailure.killExcludedExecutors': false,
  'spark.excludeOnFailure.killExcludedExecutors.decommission': false,
  'spark.excludeOnFailure.stage.maxFailedExecutorsPerNode': 2,
  'spark.excludeOnFailure.stage.maxFailedTasksPerExecutor': 2,
  'spark.excludeOnFailure.task.maxTaskAttemptsPerExecutor': 1,
  'spark.excludeOnFailure.task.maxTaskAttemptsPerNode': 2,
  'spark.executor.decommission.forceKillTimeout': null,
  'spark.executor.decommission.killInterval': null,
  'spark.executor.decommission.signal': 'PWR',
  'spark.executor.heartbeat.maxFailures': 60,
  'spark.executor.heartbeatInterval': 10_000,
  'spark.files.fetchFailure.unRegisterOutputOnHost': false,
  'spark.io.compression.codec': 'lz4',
  'spark.locality.wait': 3000,
  'spark.locality.wait.node': 3000,
  'spark.locality.wait.process': 3000,
  'spark.locality.wait.rack': 3000,
  'spark.memory.fraction': 0.6,
  'spark.memory.storageFraction': 0.5,
  'spark.network.timeout': 120_000,
  'spark.reducer.maxReqsInFlight': MAX_INT,
  'spark.reducer.maxSizeInFlight': 48 * MIB,
  'spark.rpc.message.maxSize': 128 * MIB,
  'spark.scheduler.barrier.maxConcurrentTasksCheck.interval': 15_000,
  'spark.scheduler.barrier.maxConcurrentTasksCheck.maxFailures': 40,
  'spark.scheduler.excludeOnFailure.unschedulableTaskSetTimeout': 120_000,
  'spark.scheduler.listenerbus.eventqueue.capacity': 10_000,
  'spark.scheduler.maxRegisteredResourcesWaitingTime': 30_000,
  'spark.scheduler.minRegisteredResourcesRatio': 0,
  'spark.scheduler.mode': 'FIFO',
  'spark.scheduler.numCancelledJobGroupsToTrack': 1000,
  'spark.scheduler.revive.interval': 1000,
  'spark.shuffle.compress': true,
  'spark.shuffle.io.maxRetries': 3,
  'spark.shuffle.io.retryWait': 5000,
  'spark.shuffle.minNumPartitionsToHighlyCompress': 2000,
  'spark.shuffle.readHostLocalDisk': true,
  'spark.shuffle.reduceLocality.enabled': true,
  'spark.shuffle.service.db.enabled': true,
  'spark.shuffle.service.enabled': false,
  'spark.shuffle.service.fetch.rdd.enabled': false,
  'spark.shuffle.service.port': 7337,
  'spark.shuffle.service.removeShuffle': true,
  'spark.shuffle.spill.compress': true,
  'spark.speculation': false,
  'spark.speculation.efficiency.enabled': true,
  'spark.speculation.efficiency.longRunTaskFactor': 2,
  'spark.speculation.efficiency.processRateMultiplier': 0.75,
  'spark.speculation.interval': 100,
  'spark.speculation.minTaskRuntime': 100,
  'spark.speculation.multiplier': 3,
  'spark.speculation.quantile': 0.9,
  'spark.speculation.task.duration.threshold': null,
  'spark.stage.ignoreDecommissionFetchFailure': false,
  'spark.stage.maxAttempts': MAX_INT,
  'spark.stage.maxConsecutiveAttempts': 4,
  'spark.storage.cleanupFilesAfterExecutorExit': true,
  'spark.storage.decommission.enabled': false,
  'spark.storage.decommission.maxReplicationFailuresPerBlock': 3,
  'spark.storage.decommission.rddBlocks.enabled': true,
  'spark.storage.decommission.replicationReattemptInterval': 30_000,
  'spark.storage.decommission.shuffleBlocks.enabled': true,
  'spark.storage.replication.proactive': true,
  'spark.task.cpus': 1,
  'spark.task.maxDirectResultSize': MIB,
  'spark.task.maxFailures': 4,
};

test('schedulers, storage and shuffles have the defaults of Spark', () => {
  const known = new Map(allEntries().map((entry) => [entry.key, entry]));
  const found = Object.keys(SPARKS).map((key) => {
    const entry = known.get(key);
    return [key, entry === undefined ? 'unknown' : defaultOf(entry)];
  });
  assert.deepEqual(Object.fromEntries(found), SPARKS);
});
