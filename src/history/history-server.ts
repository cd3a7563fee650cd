// The door of this folder: a history server, from its settings. Spark: HistoryServer
import { systemClock } from '../base/clock.ts';
import type { Logger } from '../base/logger.ts';
import { RETAINED_JOBS, RETAINED_STAGES } from '../config/context-entries.ts';
import * as entries from '../config/history-entries.ts';
import type { SparkConf } from '../config/spark-conf.ts';
import { qualifyPath } from '../io/file-system.ts';
import { startHistoryWebUi } from '../ui/history/history-web-ui.ts';
import { LogDirectory } from './log-directory.ts';

export interface HistoryServerOptions {
  readonly conf: SparkConf;
  /** By which others reach it. */
  readonly host: string;
  readonly bindAddress: string;
  /** 0: any. */
  readonly port: number;
  readonly log: Logger;
}

export interface HistoryServer {
  /** `http://host:port`, or `https:` */
  readonly url: string;
  readonly port: number;
  /** Twice is fine. */
  stop(): Promise<void>;
}

/** @throws IskraError when there is no such directory of logs, or no port is free. */
export async function startHistoryServer(options: HistoryServerOptions): Promise<HistoryServer> {
  const { conf, host, bindAddress, port } = options;
  const log = options.log.named('HistoryServer');
  const directory = await LogDirectory.open({
    dir: qualifyPath(conf.get(entries.HISTORY_LOG_DIRECTORY), 'read'),
    updateIntervalMs: conf.get(entries.HISTORY_UPDATE_INTERVAL),
    retainedApplications: conf.get(entries.HISTORY_RETAINED_APPLICATIONS),
    retention: {
      jobs: conf.get(RETAINED_JOBS),
      stages: conf.get(RETAINED_STAGES),
      tasks: conf.get(entries.RETAINED_TASKS),
      deadExecutors: conf.get(entries.RETAINED_DEAD_EXECUTORS),
    },
    cleaner: conf.get(entries.HISTORY_CLEANER_ENABLED)
      ? {
          intervalMs: conf.get(entries.HISTORY_CLEANER_INTERVAL),
          maxAgeMs: conf.get(entries.HISTORY_CLEANER_MAX_AGE),
          maxNum: conf.get(entries.HISTORY_CLEANER_MAX_NUM),
        }
      : null,
    clock: systemClock,
    log,
  });
  try {
    const webUi = await startHistoryWebUi({
      conf,
      host,
      bindAddress,
      port,
      source: directory,
      facts: () => ({ logDir: `file:${directory.dir}`, lastUpdated: directory.lastUpdated }),
      maxApplications: conf.get(entries.HISTORY_MAX_APPLICATIONS),
      log,
    });
    return {
      url: webUi.url,
      port: webUi.port,
      async stop() {
        await webUi.stop();
        await directory.close();
      },
    };
  } catch (error) {
    await directory.close();
    throw error;
  }
}
