import { DRIVER_MAX_RESULT_SIZE } from '../config/core-entries.ts';
import * as entries from '../config/scheduler-entries.ts';
import { PARANOID } from '../config/slot-entries.ts';
import type { SparkConf } from '../config/spark-conf.ts';
import type { SchedulerSettings } from '../scheduler/settings.ts';

/** The schedulers' part of the configuration. `maxFailures` comes from the master URL in local mode. */
export function schedulerSettings(conf: SparkConf, maxFailures: number): Partial<SchedulerSettings> {
  return {
    maxFailures,
    cpusPerTask: conf.get(entries.TASK_CPUS),
    maxConsecutiveStageAttempts: conf.get(entries.STAGE_MAX_CONSECUTIVE_ATTEMPTS),
    localityWaitMs: {
      process: conf.get(entries.LOCALITY_WAIT_PROCESS),
      node: conf.get(entries.LOCALITY_WAIT_NODE),
      rack: conf.get(entries.LOCALITY_WAIT_RACK),
    },
    mode: conf.get(entries.SCHEDULER_MODE),
    maxResultSizeBytes: conf.get(DRIVER_MAX_RESULT_SIZE),
    paranoid: conf.get(PARANOID),
  };
}
