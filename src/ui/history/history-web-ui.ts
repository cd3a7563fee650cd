// What a history server serves over HTTP: the list, the pages of each application, the REST API. Spark: HistoryServer
import { systemClock } from '../../base/clock.ts';
import type { Logger } from '../../base/logger.ts';
import { PORT_MAX_RETRIES } from '../../config/network-entries.ts';
import type { SparkConf } from '../../config/spark-conf.ts';
import { apiHandler } from '../api/api-handler.ts';
import type { ApplicationSource } from '../api/application-source.ts';
import { applicationPages } from '../app/application-pages.ts';
import { type HttpHandler, htmlAnswer, jsonAnswer } from '../http-messages.ts';
import { startHttpServer } from '../http-server.ts';
import { openPageGuard } from '../page-guard.ts';
import { STATIC_ROUTES } from '../page-layout.ts';
import { type Route, route } from '../router.ts';
import { securityHeaders } from '../security-headers.ts';
import { tlsSettings } from '../tls-settings.ts';
import { historyPage } from './history-page.ts';

/** What the first page says of the server. */
export interface HistoryFacts {
  readonly logDir: string;
  readonly lastUpdated: number;
}

export interface HistoryUiOptions {
  readonly source: ApplicationSource;
  readonly facts: () => HistoryFacts;
  /** On the first page. */
  readonly maxApplications: number;
}

export interface HistoryWebUiOptions extends HistoryUiOptions {
  readonly conf: SparkConf;
  readonly host: string;
  readonly bindAddress: string;
  readonly port: number;
  readonly log: Logger;
}

const MAX_BODY_BYTES: number = 64 * 1024;

/** @throws IskraError `HTTP_BIND` when no port is free. */
export async function startHistoryWebUi(
  options: HistoryWebUiOptions,
): Promise<{ readonly url: string; readonly port: number; stop(): Promise<void> }> {
  const { conf, host, bindAddress, port, log } = options;
  const { guard } = await openPageGuard(conf, systemClock, log);
  const server = await startHttpServer({
    service: 'HistoryServerUI',
    bindAddress,
    port,
    maxRetries: conf.get(PORT_MAX_RETRIES),
    portKey: 'spark.history.ui.port, or --port',
    handle: guard(historyHandler(options)),
    headers: securityHeaders(conf),
    maxBodyBytes: MAX_BODY_BYTES,
    tls: tlsSettings(conf, 'historyServer'),
    log,
  });
  return {
    url: server.url(host),
    port: server.port,
    stop: () => server.close(),
  };
}

/** The whole of it but for the sockets. */
export function historyHandler({ source, facts, maxApplications }: HistoryUiOptions): HttpHandler {
  const api = apiHandler(source);
  const pages = applicationPages(source);
  const routes: readonly Route[] = [
    {
      method: 'GET',
      path: '/',
      handle: ({ query }) =>
        htmlAnswer(
          historyPage(source.applications(), {
            ...facts(),
            showIncomplete: query.get('showIncomplete') === 'true',
            maxApplications,
          }),
        ),
    },
    { method: 'GET', path: '/api/v1/*', handle: api },
    { method: 'GET', path: '/history/*', handle: pages },
    { method: 'GET', path: '/health', handle: () => jsonAnswer({ status: 'UP' }) },
    // The directory was looked through.
    {
      method: 'GET',
      path: '/readyz',
      handle: () => jsonAnswer({ ready: facts().lastUpdated > 0 }, facts().lastUpdated > 0 ? 200 : 503),
    },
    ...STATIC_ROUTES,
  ];
  return (request) => route(routes, request);
}
