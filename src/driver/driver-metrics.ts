// What a driver measures. Loaded only where somebody wants to know.
import { steadyClock } from '../base/clock.ts';
import { type Logger, silentLogger } from '../base/logger.ts';
import type { ApplicationBackend } from '../cluster/application-backend.ts';
import {
  METRICS_APP_STATUS_SOURCE_ENABLED,
  METRICS_CONF_PREFIX,
  METRICS_EXECUTOR_METRICS_SOURCE_ENABLED,
} from '../config/metrics-entries.ts';
import type { SparkConf } from '../config/spark-conf.ts';
import type { ListenerBus } from '../events/listener-bus.ts';
import { cpuSource, executorMetricsSource } from '../metrics/executor-metrics-source.ts';
import { Counter, gauge, Timer } from '../metrics/instruments.ts';
import { DEFAULT_METRICS_LINES, metricsPrefix } from '../metrics/metrics-config.ts';
import { metricsLayers } from '../metrics/metrics-file.ts';
import type { Source } from '../metrics/metrics-snapshot.ts';
import { checkMetrics, type MetricsPage, MetricsSystem } from '../metrics/metrics-system.ts';
import type { ExecutorId } from '../protocol/ids.ts';
import type { Scheduler } from '../scheduler/dag-scheduler-loop.ts';
import { AppStatusSource } from './app-status-source.ts';
import type { CachedBlocks } from './cached-blocks.ts';

const DRIVER_ID = 'driver';
const MIB: number = 1024 ** 2;

/** What is looked at. */
export interface MeasuredApplication {
  readonly applicationId: string;
  readonly scheduler: Scheduler;
  readonly backend: ApplicationBackend;
  readonly listeners: ListenerBus;
  readonly cached: CachedBlocks;
  /** What blocks may take in memory, an executor. */
  readonly storageBytes: number;
  readonly executors: ReadonlyMap<ExecutorId, unknown>;
}

/** The metrics of a driver's process. Spark: SparkContext, SparkEnv.metricsSystem */
export class DriverMetrics {
  readonly #conf: SparkConf;
  readonly #system: MetricsSystem;
  /** What the driver's file and its settings say. */
  readonly #lines: Readonly<Record<string, string>>;

  /** @throws IskraError, IllegalArgumentError for a file or a line that cannot be used, by the driver or by its executors. */
  static async open(conf: SparkConf, log: Logger): Promise<DriverMetrics> {
    const layers = await metricsLayers(conf);
    await checkMetrics('executor', layers, silentLogger);
    const system = await MetricsSystem.open({ instance: 'driver', layers, log });
    return new DriverMetrics(conf, system, Object.assign({}, ...layers)); // layers are records of texts
  }

  private constructor(conf: SparkConf, system: MetricsSystem, lines: Readonly<Record<string, string>>) {
    this.#conf = conf;
    this.#system = system;
    this.#lines = lines;
  }

  /** The lines as settings: executors have no file. */
  get executorSettings(): Readonly<Record<string, string>> {
    return Object.fromEntries(Object.entries(this.#lines).map(([key, value]) => [METRICS_CONF_PREFIX + key, value]));
  }

  /** The lines with those that nobody has to write. */
  get properties(): Readonly<Record<string, string>> {
    return { ...DEFAULT_METRICS_LINES, ...this.#lines };
  }

  get pages(): readonly MetricsPage[] {
    return this.#system.pages;
  }

  /** From now on it is measured, and sinks report. */
  async start(application: MeasuredApplication): Promise<void> {
    const { applicationId, backend } = application;
    const own = (await backend.measureOwn?.()) ?? null;
    const sources: Source[] = [
      dagSchedulerSource(application.scheduler),
      blockManagerSource(application),
      listenerBusSource(application.listeners),
      cpuSource(),
      ...(own === null ? [] : [own.source]),
    ];
    if (this.#conf.get(METRICS_EXECUTOR_METRICS_SOURCE_ENABLED))
      sources.push(executorMetricsSource(own?.memory ?? null));
    if (this.#conf.get(METRICS_APP_STATUS_SOURCE_ENABLED)) {
      const status = new AppStatusSource();
      application.listeners.add(status);
      sources.push(status);
    }
    this.#system.start(() => sources, metricsPrefix(this.#conf, applicationId, DRIVER_ID));
  }

  /** With a last report. Never rejects; twice is fine. */
  stop(): Promise<void> {
    return this.#system.stop();
  }
}

/** Spark: DAGSchedulerSource */
function dagSchedulerSource(scheduler: Scheduler): Source {
  const messageProcessingTime = new Timer(steadyClock);
  scheduler.measure = (work) => {
    const begun = steadyClock.now();
    try {
      return work();
    } finally {
      messageProcessingTime.update(steadyClock.now() - begun);
    }
  };
  return {
    name: 'DAGScheduler',
    metrics: {
      'stage.failedStages': gauge(() => scheduler.numStages.failed),
      'stage.runningStages': gauge(() => scheduler.numStages.running),
      'stage.waitingStages': gauge(() => scheduler.numStages.waiting),
      'job.allJobs': gauge(() => scheduler.numJobs),
      'job.activeJobs': gauge(() => scheduler.numActiveJobs),
      messageProcessingTime,
    },
  };
}

/** Of all executors together. Spark: BlockManagerSource */
function blockManagerSource({ cached, storageBytes, executors }: MeasuredApplication): Source {
  const inMiB = (bytes: () => number) => gauge(() => Math.floor(bytes() / MIB));
  const max = (): number => storageBytes * executors.size;
  const total = (bytes: (id: ExecutorId) => number): number =>
    [...executors.keys()].reduce((sum, id) => sum + bytes(id), 0);
  const used = (): number => total((id) => cached.memoryUsed(id));
  const onDisk = (): number => total((id) => cached.bytesOn(id) - cached.memoryUsed(id));
  const none = (): number => 0;
  return {
    name: 'BlockManager',
    metrics: {
      'memory.maxMem_MB': inMiB(max),
      'memory.maxOnHeapMem_MB': inMiB(max),
      'memory.maxOffHeapMem_MB': gauge(none),
      'memory.remainingMem_MB': inMiB(() => max() - used()),
      'memory.remainingOnHeapMem_MB': inMiB(() => max() - used()),
      'memory.remainingOffHeapMem_MB': gauge(none),
      'memory.memUsed_MB': inMiB(used),
      'memory.onHeapMemUsed_MB': inMiB(used),
      'memory.offHeapMemUsed_MB': gauge(none),
      'disk.diskSpaceUsed_MB': inMiB(onDisk),
    },
  };
}

/** Its one queue has the name of Spark's for listeners of applications. Spark: LiveListenerBusMetrics */
function listenerBusSource(listeners: ListenerBus): Source {
  const numEventsPosted = new Counter();
  listeners.add({ onEvent: () => numEventsPosted.inc() });
  return {
    name: 'LiveListenerBus',
    metrics: {
      numEventsPosted,
      'queue.shared.size': gauge(() => listeners.numWaiting),
      'queue.shared.numDroppedEvents': {
        kind: 'counter',
        get count() {
          return listeners.numDropped;
        },
      },
    },
  };
}
