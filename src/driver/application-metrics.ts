import type { Logger } from '../base/logger.ts';
import { saysMetrics } from '../config/metrics-entries.ts';
import type { SparkConf } from '../config/spark-conf.ts';
import type { MetricsPage } from '../metrics/metrics-system.ts';
import type { DriverMetrics, MeasuredApplication } from './driver-metrics.ts';

/**
 * The metrics of an application, once somebody wants them: from the start where the settings say anything of metrics, else from the
 * first look at their pages on. Until then nothing is loaded and nothing is measured.
 */
export class ApplicationMetrics {
  readonly #conf: SparkConf;
  readonly #log: Logger;
  #metrics: DriverMetrics | null;
  #opening: Promise<DriverMetrics> | null = null;
  #application: MeasuredApplication | null = null;
  #stopped = false;

  /** @throws IskraError, IllegalArgumentError for a file or a line that cannot be used. */
  static async open(conf: SparkConf, log: Logger): Promise<ApplicationMetrics> {
    return new ApplicationMetrics(conf, log, saysMetrics(conf) ? await load(conf, log) : null);
  }

  private constructor(conf: SparkConf, log: Logger, metrics: DriverMetrics | null) {
    this.#conf = conf;
    this.#log = log;
    this.#metrics = metrics;
  }

  /** For executors, beside the application's own. */
  get executorSettings(): Readonly<Record<string, string>> {
    return this.#metrics?.executorSettings ?? {};
  }

  /** For pages and logs of the application; nothing where nothing was said. */
  get properties(): Readonly<Record<string, string>> {
    return this.#metrics?.properties ?? {};
  }

  async start(application: MeasuredApplication): Promise<void> {
    this.#application = application;
    await this.#metrics?.start(application);
  }

  async pages(): Promise<readonly MetricsPage[]> {
    if (this.#metrics === null && !this.#stopped && this.#application !== null) {
      this.#opening ??= this.#openLate(this.#application);
      await this.#opening;
    }
    return this.#metrics?.pages ?? [];
  }

  async #openLate(application: MeasuredApplication): Promise<DriverMetrics> {
    const metrics = await load(this.#conf, this.#log);
    await metrics.start(application);
    this.#metrics = metrics;
    return metrics;
  }

  /** With a last report. Never rejects; twice is fine. */
  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#metrics?.stop();
  }
}

async function load(conf: SparkConf, log: Logger): Promise<DriverMetrics> {
  return (await import('./driver-metrics.ts')).DriverMetrics.open(conf, log);
}
