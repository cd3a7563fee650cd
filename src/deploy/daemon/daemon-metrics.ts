import type { Logger } from '../../base/logger.ts';
import type { SparkConf } from '../../config/spark-conf.ts';
import type { MetricsInstance } from '../../metrics/metrics-config.ts';
import { metricsLayers } from '../../metrics/metrics-file.ts';
import { type MetricsPage, MetricsSystem, type SourcesOf } from '../../metrics/metrics-system.ts';

/** The metrics of a daemon's process, of one instance or two. */
export class DaemonMetrics<I extends MetricsInstance> {
  readonly pages: readonly MetricsPage[];
  readonly #systems: ReadonlyMap<MetricsInstance, MetricsSystem>;

  /** @throws IskraError, IllegalArgumentError when a file or a line of it cannot be used. */
  static async open<I extends MetricsInstance>(
    conf: SparkConf,
    instances: readonly I[],
    log: Logger,
  ): Promise<DaemonMetrics<I>> {
    const layers = await metricsLayers(conf);
    const systems = new Map<MetricsInstance, MetricsSystem>();
    for (const instance of instances) systems.set(instance, await MetricsSystem.open({ instance, layers, log }));
    return new DaemonMetrics<I>(systems);
  }

  private constructor(systems: ReadonlyMap<MetricsInstance, MetricsSystem>) {
    this.#systems = systems;
    // A shuffle service has no pages, and what its worker has are the worker's.
    this.pages = [...systems.values()].flatMap(({ instance, pages }) => (instance === 'shuffleService' ? [] : pages));
  }

  /** Whether this one reports anywhere by itself. */
  hasSinks(instance: I): boolean {
    return this.#systems.get(instance)?.hasSinks ?? false;
  }

  start(instance: I, sources: SourcesOf): void {
    this.#systems.get(instance)?.start(sources);
  }

  /** With a last report. Never rejects; twice is fine. */
  async stop(): Promise<void> {
    await Promise.all([...this.#systems.values()].map((system) => system.stop()));
  }
}
