// What a worker serves over HTTP: its page, its state as JSON, the logs of what it started. Spark: WorkerWebUI
import type { Logger } from '../../base/logger.ts';
import { WORKER_UI_COMPRESSED_LOG_LENGTHS } from '../../config/deploy-entries.ts';
import { SparkConf } from '../../config/spark-conf.ts';
import type { WorkerStateResponse } from '../../protocol/worker-process.ts';
import { type HttpHandler, type HttpResponse, htmlAnswer, jsonAnswer, textAnswer } from '../http-messages.ts';
import { PackedLengths } from '../log-files.ts';
import { logRoutes } from '../log-page.ts';
import { type MetricsPage, metricsRoutes } from '../metrics.ts';
import { STATIC_ROUTES } from '../page-layout.ts';
import { type Route, route } from '../router.ts';
import { startWebUi, type WebUi } from '../start-web-ui.ts';
import { workerStateJson } from './worker-json.ts';
import { workerPage } from './worker-page.ts';

export interface WorkerWebUiOptions {
  readonly conf: SparkConf;
  /** By which others reach it: part of the URL. */
  readonly host: string;
  /** Where it listens; `host` when absent. */
  readonly bindAddress?: string;
  /** 0: any. */
  readonly port: number;
  /** An absolute path: logs are shown from there alone. */
  readonly workDir: string;
  /** The worker's own log; null or absent when it goes to standard error. */
  readonly logFile?: string | null;
  /** The worker at this moment; null before it has started. */
  readonly state: () => WorkerStateResponse | null;
  readonly metrics?: readonly MetricsPage[];
  readonly log: Logger;
}

/** @throws IskraError `HTTP_BIND` when no port is free; for filters of requests that cannot be used. */
export function startWorkerWebUi(options: WorkerWebUiOptions): Promise<WebUi> {
  const { conf, host, bindAddress, port } = options;
  return startWebUi({
    ...{ conf, host, bindAddress, port },
    service: 'WorkerUI',
    portKey: 'spark.worker.ui.port, or --webui-port',
    tls: 'standalone',
    handler: () => workerHandler(options),
    log: options.log.named('WorkerWebUI'),
  });
}

/** The whole of it but for the sockets. */
export function workerHandler({
  workDir,
  logFile = null,
  state,
  metrics = [],
  conf = new SparkConf(),
}: Pick<WorkerWebUiOptions, 'workDir' | 'logFile' | 'state' | 'metrics'> & { readonly conf?: SparkConf }): HttpHandler {
  const showing = (path: string, show: (state: WorkerStateResponse) => HttpResponse): Route => ({
    method: 'GET',
    path,
    handle: () => {
      const current = state();
      return current === null ? textAnswer(503, 'The worker has not started yet.') : show(current);
    },
  });
  const lengths = new PackedLengths(conf.get(WORKER_UI_COMPRESSED_LOG_LENGTHS));
  const routes: readonly Route[] = [
    showing('/', (current) => htmlAnswer(workerPage(current, logFile !== null))),
    showing('/json', (current) => jsonAnswer(workerStateJson(current))),
    { method: 'GET', path: '/health', handle: () => jsonAnswer({ status: 'UP' }) },
    // A master knows it.
    showing('/readyz', ({ masterUrl }) =>
      jsonAnswer({ ready: masterUrl !== '', masterUrl }, masterUrl === '' ? 503 : 200),
    ),
    ...metricsRoutes(metrics),
    ...logRoutes({ workDir, logFile, lengths }),
    ...STATIC_ROUTES,
  ];
  return (request) => route(routes, request);
}
