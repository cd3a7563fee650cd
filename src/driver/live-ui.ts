import type { Logger } from '../base/logger.ts';
import { ACLS_ENABLE, UI_FILTERS } from '../config/access-entries.ts';
import { PORT_MAX_RETRIES } from '../config/network-entries.ts';
import type { SparkConf } from '../config/spark-conf.ts';
import { UI_ENABLED, UI_PORT } from '../config/ui-entries.ts';
import type { SparkListenerEvent } from '../protocol/spark-listener-event.ts';
import type { Scheduler } from '../scheduler/dag-scheduler-loop.ts';
import type { LiveApplication } from '../ui/app/live-web-ui.ts';
import { webUrl } from '../ui/bind-port.ts';
import { LiveEvents } from './live-events.ts';

export interface ShownApplication extends Pick<LiveApplication, 'id' | 'name' | 'user' | 'startTime' | 'metrics'> {
  readonly scheduler: Pick<Scheduler, 'schedulingMode' | 'pools' | 'cancelJob' | 'cancelStage'>;
}

/**
 * The pages of a driver, at a port that is open before the application is registered anywhere.
 *
 * Few programs are looked at: their pages cost an open port and the events that wait. What serves them is loaded when the first
 * request comes, unless the settings have something before the pages whose faults are to be told at the start.
 *
 * Spark: SparkUI
 */
export class LiveUi {
  readonly #conf: SparkConf;
  readonly #log: Logger;
  readonly #events: LiveEvents;
  #application: LiveApplication | null = null;
  #close: (() => Promise<void>) | null = null;
  #url: string | null = null;

  /** Null: there are none. */
  static of(conf: SparkConf, log: Logger): LiveUi | null {
    return conf.get(UI_ENABLED) ? new LiveUi(conf, log.named('SparkUI')) : null;
  }

  private constructor(conf: SparkConf, log: Logger) {
    this.#conf = conf;
    this.#log = log;
    this.#events = new LiveEvents(conf, log);
  }

  /** Null before it listens. */
  get url(): string | null {
    return this.#url;
  }

  /**
   * @param host by which others reach it.
   * @throws IskraError `HTTP_BIND` when no port is free; for filters, lists and keys that cannot be used.
   *
   * Spark: WebUI.bind
   */
  async listen(host: string, bindAddress: string): Promise<string> {
    const port = this.#conf.get(UI_PORT);
    this.#url = this.#isGuarded()
      ? await this.#start(host, bindAddress, port)
      : await this.#open(host, bindAddress, port);
    this.#log.info(`Bound SparkUI to ${bindAddress}, and started at ${this.#url}`);
    return this.#url;
  }

  #isGuarded(): boolean {
    const conf = this.#conf;
    const tls = conf.getText('spark.ssl.ui.enabled') ?? conf.getText('spark.ssl.enabled') ?? 'false';
    return tls !== 'false' || conf.get(ACLS_ENABLE) || conf.get(UI_FILTERS).length > 0;
  }

  async #open(host: string, bindAddress: string, port: number): Promise<string> {
    const { openLazyPort } = await import('../ui/lazy-port.ts');
    const opened = await openLazyPort({
      ...this.#portOptions(port),
      bindAddress,
      load: async () => {
        const [{ guardedPages }, pages] = await Promise.all([import('../ui/start-web-ui.ts'), this.#pages()]);
        return guardedPages(pages);
      },
    });
    this.#close = () => opened.close();
    return webUrl('http', host, opened.port);
  }

  async #start(host: string, bindAddress: string, port: number): Promise<string> {
    const [{ startWebUi }, pages] = await Promise.all([import('../ui/start-web-ui.ts'), this.#pages()]);
    const started = await startWebUi({ ...pages, ...this.#portOptions(port), host, bindAddress, tls: 'ui' });
    this.#close = () => started.stop();
    return started.url;
  }

  async #pages() {
    const { livePages } = await import('../ui/app/live-web-ui.ts');
    return livePages({ conf: this.#conf, application: () => this.#application, log: this.#log });
  }

  #portOptions(port: number) {
    const maxRetries = this.#conf.get(PORT_MAX_RETRIES);
    return { service: 'SparkUI', port, maxRetries, portKey: 'spark.ui.port', log: this.#log };
  }

  hear(event: SparkListenerEvent): void {
    this.#events.hear(event);
  }

  /** From now on there is something to be shown. */
  show({ scheduler, ...facts }: ShownApplication): void {
    this.#application = {
      ...facts,
      store: () => this.#events.store(),
      pools: () => (scheduler.schedulingMode === 'FAIR' ? scheduler.pools() : null),
      cancelJob: (jobId) => scheduler.cancelJob(jobId),
      // Spark: StagesTab.handleKillRequest
      cancelStage: (stageId) => scheduler.cancelStage(stageId, 'killed via the Web UI'),
    };
  }

  /** Twice is fine. */
  async close(): Promise<void> {
    const close = this.#close;
    this.#close = null;
    await close?.();
  }
}
