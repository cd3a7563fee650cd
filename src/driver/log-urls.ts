// Where logs of executors can be looked at.
import type { ApplicationBackend } from '../cluster/application-backend.ts';
import type { GrantedExecutor } from '../cluster/standalone/standalone-executors.ts';
import { UI_REVERSE_PROXY, UI_REVERSE_PROXY_URL } from '../config/access-entries.ts';
import type { SparkConf } from '../config/spark-conf.ts';
import type { SparkListenerEvent } from '../protocol/spark-listener-event.ts';

type LogUrls = Readonly<Record<string, string>>;

/** Pages of the worker that runs it, or of the master before it. Spark: ExecutorRunner, SPARK_LOG_URL_STDOUT */
export function workerLogUrls(
  conf: SparkConf,
  appId: string,
  { execId, workerId, workerWebUiUrl }: GrantedExecutor,
): LogUrls {
  const proxied = conf.get(UI_REVERSE_PROXY);
  if (!proxied && workerWebUiUrl === '') return {};
  const front = (conf.get(UI_REVERSE_PROXY_URL) ?? '').replace(/\/+$/, '');
  const base = proxied ? `${front}/proxy/${encodeURIComponent(workerId)}` : workerWebUiUrl.replace(/\/+$/, '');
  const url = (logType: string): string =>
    `${base}/logPage/?${new URLSearchParams({ appId, executorId: String(execId), logType })}`;
  return { stdout: url('stdout'), stderr: url('stderr') };
}

/** The same event, with what its executor's provider knows. */
export function withLogUrls(event: SparkListenerEvent, backend: ApplicationBackend): SparkListenerEvent {
  if (event.type !== 'SparkListenerExecutorAdded') return event;
  const logUrls = backend.logUrlsOf?.(event.executorId);
  return logUrls === undefined ? event : { ...event, logUrls };
}
