// What a history server serves over HTTP: the list, the pages of each application, the REST API. Spark: HistoryServer
import type { Logger } from '../../base/logger.ts';
import type { SparkConf } from '../../config/spark-conf.ts';
import { apiHandler } from '../api/api-handler.ts';
import type { ApplicationSource } from '../api/application-source.ts';
import { applicationPages } from '../app/application-pages.ts';
import { type HttpHandler, htmlAnswer, jsonAnswer } from '../http-messages.ts';
import { STATIC_ROUTES } from '../page-layout.ts';
import { type Route, route } from '../router.ts';
import { startWebUi, type WebUi } from '../start-web-ui.ts';
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

/** @throws IskraError `HTTP_BIND` when no port is free. */
export function startHistoryWebUi(options: HistoryWebUiOptions): Promise<WebUi> {
  const { conf, host, bindAddress, port, log } = options;
  return startWebUi({
    ...{ conf, host, bindAddress, port, log },
    service: 'HistoryServerUI',
    portKey: 'spark.history.ui.port, or --port',
    tls: 'historyServer',
    handler: () => historyHandler(options),
  });
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
