import type { EpochMs } from '../../base/clock.ts';
import type { Logger } from '../../base/logger.ts';
import { FINISHED_EXECUTOR_STATES } from '../../protocol/deploy-states.ts';
import type { WorkerNews } from '../../protocol/master-worker.ts';
import type { Registration } from './registration.ts';
import type { ConnectionId, NewsFault, NewsId, WorkerEffect } from './worker-events.ts';
import type { WorkerSettings } from './worker-settings.ts';

interface Untold {
  readonly news: WorkerNews;
  /** Over which it was told last; null: over none that stands. */
  connection: ConnectionId | null;
  failures: number;
}

/**
 * What a worker tells its master, until that has acknowledged it.
 *
 *   told ─acknowledged─► forgotten
 *     ├─ its link breaks ─► an end waits, and is told over the next link before what runs; anything else is in what runs
 *     └─ not answered, or failed ─► told again; the n-th time: the process ends with 1
 *
 * An end that got lost would be taken for one of the worker's making: a driver that has finished would be one in ERROR.
 *
 * Spark: Worker.syncExecutorStateWithMaster
 */
export class UntoldNews {
  readonly #settings: WorkerSettings;
  readonly #log: Logger;
  readonly #registration: Registration;
  readonly #untold = new Map<NewsId, Untold>();
  #next = 0;

  constructor(settings: WorkerSettings, log: Logger, registration: Registration) {
    this.#settings = settings;
    this.#log = log;
    this.#registration = registration;
  }

  tell(news: WorkerNews): WorkerEffect[] {
    const { master, connected } = this.#registration;
    if (master === null) {
      this.#log.warn(`Dropping ${news.type} because the connection to master has not yet been established`);
      return [];
    }
    if (!connected && !isEnd(news)) return [];
    const untold = { news, connection: null, failures: 0 };
    const id = `${this.#next++}`;
    this.#untold.set(id, untold);
    if (connected) return [this.#over(master.connection, id, untold)];
    this.#log.info(`${nameOf(news)} is told when the master is back`);
    return [];
  }

  /** A master leads over a link that stands. */
  tellAgain(): WorkerEffect[] {
    const connection = this.#registration.master?.connection;
    if (connection === undefined) return [];
    return [...this.#untold].flatMap(([id, untold]) =>
      untold.connection === connection ? [] : [this.#over(connection, id, untold)],
    );
  }

  /** @param fault null: the master has it. */
  answered(id: NewsId, connection: ConnectionId, fault: NewsFault | null, at: EpochMs): WorkerEffect[] {
    const untold = this.#untold.get(id);
    if (untold === undefined || untold.connection !== connection) return []; // told again since
    const { news } = untold;
    if (fault?.kind === 'link') untold.connection = null;
    if (fault?.kind === 'refused') this.#log.error(`The master does not take ${nameOf(news)}: ${fault.message}`);
    if (fault === null || fault.kind === 'refused' || (fault.kind === 'link' && !isEnd(news))) this.#untold.delete(id);
    if (fault?.kind !== 'timeout' && fault?.kind !== 'failed') return [];
    const { syncMaxAttempts, askTimeoutMs } = this.#settings;
    const what = `Failed to send ${nameOf(news)} to Master ${this.#registration.master?.url}`;
    if (++untold.failures >= syncMaxAttempts) {
      const message = `${what} for ${syncMaxAttempts} times. Giving up.`;
      this.#log.error(message);
      return [{ type: 'Exit', code: 1, message }];
    }
    this.#log.error(`${what}, will retry (${untold.failures}/${syncMaxAttempts}): ${fault.message}`);
    // What took its time has waited long enough.
    if (fault.kind === 'timeout') return [this.#over(connection, id, untold)];
    return [{ type: 'SetTimer', timer: `tell ${id}`, at: at + askTimeoutMs }];
  }

  woken(id: NewsId): WorkerEffect[] {
    const untold = this.#untold.get(id);
    if (untold?.connection == null) return [];
    return [this.#over(untold.connection, id, untold)];
  }

  #over(connection: ConnectionId, id: NewsId, untold: Untold): WorkerEffect {
    untold.connection = connection;
    return { type: 'TellMaster', id, connection, news: untold.news };
  }
}

function isEnd(news: WorkerNews): boolean {
  return news.type === 'DriverStateChanged' || FINISHED_EXECUTOR_STATES.has(news.state);
}

function nameOf(news: WorkerNews): string {
  const of = news.type === 'DriverStateChanged' ? news.driverId : `${news.appId}/${news.execId}`;
  return `${news.type}(${of}, ${news.state})`;
}
