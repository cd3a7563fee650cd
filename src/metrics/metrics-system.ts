import { type Clock, steadyClock, systemClock } from '../base/clock.ts';
import type { Logger } from '../base/logger.ts';
import { type MetricsInstance, partsOf } from './metrics-config.ts';
import { type MetricsSnapshot, type Source, takeSnapshot } from './metrics-snapshot.ts';
import { isSparkClass, type OpenSink, openSinks } from './open-sinks.ts';
import { type OpenSource, openSources } from './open-sources.ts';
import { type ScheduleEffect, SinkSchedule } from './sink-schedule.ts';

export interface MetricsSystemOptions {
  readonly instance: MetricsInstance;
  /** What is said about metrics, the earlier ones losing: lines of the file, lines that keys are. */
  readonly layers: readonly Readonly<Record<string, string>>[];
  readonly log: Logger;
  /** Shown with values. */
  readonly clock?: Clock;
  /** By which sinks are called. */
  readonly timer?: Clock;
}

/**
 * Looks at the lines of an instance that runs elsewhere. Modules of somebody else's making are not loaded.
 *
 * @throws IllegalArgumentError naming the line that is wrong.
 */
export async function checkMetrics(
  instance: MetricsInstance,
  layers: MetricsSystemOptions['layers'],
  log: Logger,
): Promise<void> {
  const ofSpark = partsOf(instance, layers).sinks.filter(({ className }) => isSparkClass(className));
  await openSinks(instance, ofSpark, log);
}

/** The present sources of an instance; null: it has not started yet. */
export type SourcesOf = () => readonly Source[] | null | Promise<readonly Source[] | null>;

/** A page with metrics. */
export interface MetricsPage {
  readonly path: string;
  readonly contentType: string;
  /** Null: there is nothing to show yet. */
  body(): Promise<string | null>;
}

/** At the end: how long a server that does not answer is waited for. */
const LAST_REPORT_MS = 3000;

/**
 * What one instance of a process measures, and where that goes: pages that are asked, and sinks that report after each of their
 * periods and when it stops. No sink can harm it: one that fails is warned of once and called again after its period.
 *
 * Spark: MetricsSystem
 */
export class MetricsSystem {
  readonly instance: MetricsInstance;
  readonly pages: readonly MetricsPage[];
  readonly #clock: Clock;
  readonly #timer: Clock;
  readonly #log: Logger;
  readonly #sinks: ReadonlyMap<string, OpenSink>;
  readonly #ownSources: readonly OpenSource[];
  readonly #reports = new Map<string, Promise<void>>();
  #schedule: SinkSchedule | null = null;
  #sources: SourcesOf = () => null;
  #prefix = '';
  #cancelTimer: () => void = () => {};
  #stopping: Promise<void> | null = null;

  /** Loads what is configured. @throws IllegalArgumentError, IskraError naming the line that is wrong. */
  static async open(options: MetricsSystemOptions): Promise<MetricsSystem> {
    const { instance, layers } = options;
    const log = options.log.named('MetricsSystem');
    const { sinks, sources, warnings } = partsOf(instance, layers);
    for (const warning of warnings) log.warn(warning);
    const opened = await openSinks(instance, sinks, log);
    return new MetricsSystem(
      { ...options, log },
      opened.sinks,
      opened.servlets,
      await openSources(instance, sources, log),
    );
  }

  private constructor(
    { instance, log, clock = systemClock, timer = steadyClock }: MetricsSystemOptions,
    sinks: readonly OpenSink[],
    servlets: readonly (Omit<MetricsPage, 'body'> & { show(snapshot: MetricsSnapshot): string })[],
    ownSources: readonly OpenSource[],
  ) {
    this.instance = instance;
    this.#clock = clock;
    this.#timer = timer;
    this.#log = log;
    this.#sinks = new Map(sinks.map((sink) => [sink.name, sink]));
    this.#ownSources = ownSources;
    this.pages = servlets.map(({ path, contentType, show }) => ({
      path,
      contentType,
      body: async () => {
        const snapshot = await this.#snapshot();
        return snapshot === null ? null : show(snapshot);
      },
    }));
  }

  /** Whether anything is called by itself. */
  get hasSinks(): boolean {
    return this.#sinks.size > 0;
  }

  /**
   * Sinks begin to report.
   *
   * @param prefix stands before each source's name: `app-1.driver.`; '' where it has none.
   */
  start(sources: SourcesOf, prefix = ''): void {
    this.#sources = sources;
    this.#prefix = prefix;
    if (!this.hasSinks || this.#stopping !== null) return;
    const periods = new Map([...this.#sinks].map(([name, { periodMs }]) => [name, periodMs]));
    this.#schedule = new SinkSchedule(periods, this.#timer.now());
    this.#do(this.#schedule.start());
  }

  /** Reports a last time, then ends the sinks. Never rejects; twice is fine. */
  stop(): Promise<void> {
    this.#stopping ??= this.#stop();
    return this.#stopping;
  }

  async #stop(): Promise<void> {
    this.#cancelTimer();
    const end = async (): Promise<void> => {
      // What is under way began before the end: the last values come after it.
      await Promise.all(this.#reports.values());
      this.#do(this.#schedule?.lastRound() ?? []);
      await Promise.all(this.#reports.values());
      for (const { name, sink } of this.#sinks.values())
        try {
          await sink.stop?.();
        } catch (error) {
          this.#log.warn(`metrics sink ${this.instance}.${name} did not end well: ${String(error)}`);
        }
    };
    let cancel = (): void => {};
    const late = new Promise<void>((resolve) => {
      cancel = this.#timer.after(LAST_REPORT_MS, () => {
        this.#log.warn(`the last report of metrics took more than ${LAST_REPORT_MS} ms; it is given up`);
        resolve();
      });
    });
    await Promise.race([end(), late]);
    cancel();
    for (const source of this.#ownSources) source.close?.();
  }

  async #snapshot(): Promise<MetricsSnapshot | null> {
    const sources = await this.#sources();
    if (sources === null) return null;
    return takeSnapshot([...sources, ...this.#ownSources], this.#prefix, this.#clock.now());
  }

  #do(effects: readonly ScheduleEffect[]): void {
    for (const effect of effects)
      switch (effect.type) {
        case 'Report':
          this.#reports.set(effect.sink, this.#report(effect.sink));
          break;
        case 'WakeAt': {
          const wake = (): void => this.#do(this.#schedule?.woken(this.#timer.now()) ?? []);
          this.#cancelTimer = this.#timer.after(effect.at - this.#timer.now(), wake, true);
          break;
        }
        case 'Failed':
          this.#log.warn(
            `metrics sink ${this.instance}.${effect.sink} could not report: ${effect.why}. It is tried again after each period; this is said once`,
          );
          break;
        case 'WorksAgain':
          this.#log.info(`metrics sink ${this.instance}.${effect.sink} reports again`);
          break;
      }
  }

  /** Never rejects. */
  async #report(name: string): Promise<void> {
    let why: string | null = null;
    try {
      const snapshot = await this.#snapshot();
      if (snapshot !== null) await this.#sinks.get(name)?.sink.report(snapshot);
    } catch (error) {
      why = error instanceof Error ? error.message || error.name : String(error);
    }
    this.#reports.delete(name);
    this.#do(this.#schedule?.ended(name, why) ?? []);
  }
}
