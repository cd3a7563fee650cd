import { IllegalArgumentError, IskraError } from '../base/errors.ts';
import type { Logger } from '../base/logger.ts';
import { DRIVER_MAX_RESULT_SIZE } from '../config/core-entries.ts';
import { EXCEPTION_PRINT_INTERVAL } from '../config/logging-entries.ts';
import { RPC_MESSAGE_MAX_SIZE } from '../config/network-entries.ts';
import * as entries from '../config/scheduler-entries.ts';
import { SHUFFLE_SERVICE_ENABLED } from '../config/shuffle-service-entries.ts';
import { PARANOID } from '../config/slot-entries.ts';
import type { SparkConf } from '../config/spark-conf.ts';
import { types } from '../config/value-types.ts';
import type { SchedulerSettings } from '../scheduler/settings.ts';
import { schedulingPools } from './scheduling-pools.ts';
import { exclusionSettings, speculationSettings } from './task-fault-settings.ts';

/** The schedulers' part of the configuration. `maxFailures` comes from the master URL in local mode. */
export function schedulerSettings(
  conf: SparkConf,
  maxFailures: number,
  log: Logger,
  isLocal: boolean,
  executorNeeds: string | null = null,
): Partial<SchedulerSettings> {
  return {
    maxFailures,
    executorNeeds,
    starvationWarningMs: conf.get(entries.STARVATION_TIMEOUT),
    cpusPerTask: conf.get(entries.TASK_CPUS),
    taskResources: taskResources(conf, !isLocal),
    legacyLocalityWaitReset: conf.get(entries.LOCALITY_WAIT_LEGACY_RESET),
    maxConsecutiveStageAttempts: conf.get(entries.STAGE_MAX_CONSECUTIVE_ATTEMPTS),
    maxStageAttempts: conf.get(entries.STAGE_MAX_ATTEMPTS),
    ignoreDecommissionFetchFailure: conf.get(entries.STAGE_IGNORE_DECOMMISSION_FETCH_FAILURE),
    shuffleServiceEnabled: !isLocal && conf.get(SHUFFLE_SERVICE_ENABLED),
    unregisterOutputOnHost: conf.get(entries.UNREGISTER_OUTPUT_ON_HOST),
    reduceLocality: conf.get(entries.REDUCE_LOCALITY),
    localityWaitMs: {
      process: conf.get(entries.LOCALITY_WAIT_PROCESS),
      node: conf.get(entries.LOCALITY_WAIT_NODE),
      rack: conf.get(entries.LOCALITY_WAIT_RACK),
    },
    dynamicAllocation: !isLocal && conf.getText('spark.dynamicAllocation.enabled') === 'true',
    barrierCheckIntervalMs: conf.get(entries.BARRIER_CHECK_INTERVAL),
    barrierCheckMaxFailures: conf.get(entries.BARRIER_CHECK_MAX_FAILURES),
    numCancelledJobGroupsToTrack: conf.get(entries.NUM_CANCELLED_JOB_GROUPS_TO_TRACK),
    mode: conf.get(entries.SCHEDULER_MODE),
    pools: schedulingPools(conf, log),
    maxResultSizeBytes: conf.get(DRIVER_MAX_RESULT_SIZE),
    exceptionPrintIntervalMs: conf.get(EXCEPTION_PRINT_INTERVAL),
    maxMessageBytes: conf.get(RPC_MESSAGE_MAX_SIZE),
    speculation: isLocal ? null : speculationSettings(conf),
    exclusion: exclusionSettings(conf, log),
    paranoid: conf.get(PARANOID),
  };
}

/**
 * What a task takes of custom resources.
 *
 * @param hasCustomResources whether executors of the master can have any.
 * @throws IllegalArgumentError when an amount is neither whole nor at most 1. Spark: ResourceUtils.parseResourceRequirements
 */
function taskResources(conf: SparkConf, hasCustomResources: boolean): Record<string, number> {
  const found: Record<string, number> = {};
  for (const [key, text] of conf.getAll()) {
    const name = /^spark\.task\.resource\.(.+)\.amount$/.exec(key)?.[1];
    if (name === undefined) continue;
    const amount = types.double.parse(text.trim());
    if (amount === undefined || amount < 0 || (amount > 1 && !Number.isInteger(amount)))
      throw new IllegalArgumentError(
        `The ${name} resource amount ${text} in ${key} must be either <= 1.0, or a whole number`,
      );
    if (amount === 0) continue;
    const had = conf.getText(`spark.executor.resource.${name}.amount`);
    if (had === undefined)
      throw new IllegalArgumentError(
        `The executor resource config for resource: ${name} needs to be specified since a task requirement config: ${key} was specified.`,
      );
    if (Number(had) < amount)
      throw new IllegalArgumentError(
        `The executor resource: ${name}, amount: ${had} needs to be >= the task resource request amount of ${amount}`,
      );
    // Else tasks would wait for ever for executors that have it.
    if (!hasCustomResources)
      throw new IskraError(
        'RESOURCES_NOT_AVAILABLE',
        `${key} asks for a custom resource, but executors of this master have none; remove the setting`,
      );
    found[name] = amount;
  }
  return found;
}
