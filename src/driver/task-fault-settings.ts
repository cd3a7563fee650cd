import { IllegalArgumentError } from '../base/errors.ts';
import type { Logger } from '../base/logger.ts';
import { MASTER } from '../config/core-entries.ts';
import * as exclude from '../config/exclusion-entries.ts';
import { parseMasterUrl } from '../config/master-url.ts';
import { EXECUTOR_CORES } from '../config/memory-entries.ts';
import { TASK_CPUS, TASK_MAX_FAILURES } from '../config/scheduler-entries.ts';
import type { SparkConf } from '../config/spark-conf.ts';
import * as speculate from '../config/speculation-entries.ts';
import type { ExclusionSettings, SpeculationSettings } from '../scheduler/settings.ts';

/** What spark.speculation* say; null: no second copies, as always in local masters. */
export function speculationSettings(conf: SparkConf): SpeculationSettings | null {
  const master = conf.get(MASTER);
  if (!conf.get(speculate.SPECULATION_ENABLED) || master === undefined || parseMasterUrl(master).kind === 'local')
    return null;
  return {
    intervalMs: conf.get(speculate.SPECULATION_INTERVAL),
    multiplier: conf.get(speculate.SPECULATION_MULTIPLIER),
    quantile: conf.get(speculate.SPECULATION_QUANTILE),
    minTaskRuntimeMs: conf.get(speculate.SPECULATION_MIN_TASK_RUNTIME),
    taskDurationThresholdMs: conf.get(speculate.SPECULATION_TASK_DURATION_THRESHOLD) ?? null,
    efficiency: conf.get(speculate.SPECULATION_EFFICIENCY_ENABLED)
      ? {
          processRateMultiplier: conf.get(speculate.SPECULATION_PROCESS_RATE_MULTIPLIER),
          longRunTaskFactor: conf.get(speculate.SPECULATION_LONG_RUN_TASK_FACTOR),
        }
      : null,
    // Without the key an executor's cores are not known beforehand.
    slotsPerExecutor: Math.max(1, Math.floor(conf.get(EXECUTOR_CORES) / conf.get(TASK_CPUS))),
    decommissionKillIntervalMs: conf.get(speculate.EXECUTOR_DECOMMISSION_KILL_INTERVAL) ?? null,
  };
}

/**
 * What spark.excludeOnFailure.* say; null: nothing is avoided.
 *
 * @throws IllegalArgumentError when a task could fail for good on one node, before it is tried on another.
 *
 * Spark: HealthTracker.isExcludeOnFailureEnabled, validateExcludeOnFailureConfs
 */
export function exclusionSettings(conf: SparkConf, log: Logger): ExclusionSettings | null {
  const enabled = conf.get(exclude.EXCLUDE_ENABLED) ?? enabledByOlderKey(conf, log);
  const application = conf.get(exclude.EXCLUDE_APPLICATION_ENABLED) ?? enabled;
  const taskAndStage = conf.get(exclude.EXCLUDE_TASK_AND_STAGE_ENABLED) ?? enabled;
  if (!application && !taskAndStage) return null;
  const nodeAttempts = conf.get(exclude.EXCLUDE_MAX_TASK_ATTEMPTS_PER_NODE);
  const maxFailures = conf.get(TASK_MAX_FAILURES);
  if (nodeAttempts >= maxFailures) {
    const node = exclude.EXCLUDE_MAX_TASK_ATTEMPTS_PER_NODE.key;
    throw new IllegalArgumentError(
      `${node} ( = ${nodeAttempts}) was >= ${TASK_MAX_FAILURES.key} ( = ${maxFailures} ). Though excludeOnFailure is enabled, with this configuration, Spark will not be robust to one bad node. Decrease ${node}, increase ${TASK_MAX_FAILURES.key}, or disable excludeOnFailure with ${exclude.EXCLUDE_ENABLED.key}`,
    );
  }
  return {
    application,
    taskAndStage,
    maxTaskAttemptsPerExecutor: conf.get(exclude.EXCLUDE_MAX_TASK_ATTEMPTS_PER_EXECUTOR),
    maxTaskAttemptsPerNode: nodeAttempts,
    maxFailedTasksPerExecutorStage: conf.get(exclude.EXCLUDE_MAX_FAILED_TASKS_PER_EXECUTOR_STAGE),
    maxFailedExecutorsPerNodeStage: conf.get(exclude.EXCLUDE_MAX_FAILED_EXECUTORS_PER_NODE_STAGE),
    maxFailedTasksPerExecutor: conf.get(exclude.EXCLUDE_MAX_FAILED_TASKS_PER_EXECUTOR),
    maxFailedExecutorsPerNode: conf.get(exclude.EXCLUDE_MAX_FAILED_EXECUTORS_PER_NODE),
    timeoutMs: conf.get(exclude.EXCLUDE_TIMEOUT) ?? conf.get(exclude.EXCLUDE_OLDER_TIMEOUT) ?? 3_600_000,
    kill: conf.get(exclude.EXCLUDE_KILL),
    killByDecommission: conf.get(exclude.EXCLUDE_KILL_DECOMMISSION),
    fetchFailure: conf.get(exclude.EXCLUDE_FETCH_FAILURE_ENABLED),
    unschedulableTimeoutMs: conf.get(exclude.UNSCHEDULABLE_TASK_SET_TIMEOUT),
  };
}

function enabledByOlderKey(conf: SparkConf, log: Logger): boolean {
  const { key } = exclude.EXCLUDE_OLDER_TIMEOUT;
  const timeout = conf.get(exclude.EXCLUDE_OLDER_TIMEOUT);
  if (timeout === undefined) return false;
  const on = timeout > 0;
  const what = on ? `Turning on excludeOnFailure due to legacy configuration: ${key} > 0` : undefined;
  log.named('HealthTracker').warn(what ?? `Turning off excludeOnFailure due to legacy configuration: ${key} == 0`);
  return on;
}
