import type { Logger } from '../base/logger.ts';
import {
  METRICS_CONF,
  METRICS_EXECUTOR_METRICS_SOURCE_ENABLED,
  METRICS_FILE_VARIABLE,
} from '../config/metrics-entries.ts';
import type { SparkConf } from '../config/spark-conf.ts';
import { cpuSource, executorMetricsSource, type MemoryUse } from '../metrics/executor-metrics-source.ts';
import { linesOfConf, metricsPrefix } from '../metrics/metrics-config.ts';
import { readMetricsFile } from '../metrics/metrics-file.ts';
import { MetricsSystem } from '../metrics/metrics-system.ts';
import type { Executor } from './executor.ts';

/** Whose metrics they are. */
export interface MeasuredExecutor {
  readonly conf: SparkConf;
  readonly applicationId: string;
  readonly executorId: string;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly executor: Executor;
  readonly memory: MemoryUse;
  readonly log: Logger;
}

/**
 * Starts the metrics of an executor's process, if anything is to get them. The driver's file has come as settings; where it has
 * none, that of the worker counts. Faults are logged: no executor fails for what only looks at it.
 */
export async function startExecutorMetrics(measured: MeasuredExecutor): Promise<MetricsSystem | null> {
  const { conf, applicationId, executorId, environment, executor, memory, log } = measured;
  try {
    const file = conf.contains(METRICS_CONF) ? undefined : environment[METRICS_FILE_VARIABLE];
    const layers = [...(file === undefined ? [] : [await readMetricsFile(file)]), linesOfConf(conf)];
    const system = await MetricsSystem.open({ instance: 'executor', layers, log });
    if (!system.hasSinks) return null;
    const sources = [
      await executor.measure(),
      cpuSource(),
      ...(conf.get(METRICS_EXECUTOR_METRICS_SOURCE_ENABLED) ? [executorMetricsSource(memory)] : []),
    ];
    system.start(() => sources, metricsPrefix(conf, applicationId, executorId));
    return system;
  } catch (error) {
    log.error(`this executor has no metrics: ${error instanceof Error ? error.message : String(error)}`);
    return null;
  }
}
