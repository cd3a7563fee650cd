// What a driver serves over HTTP while its application runs: pages, the REST API, ends of jobs and stages. Spark: SparkUI
import { type Clock, systemClock } from '../../base/clock.ts';
import type { Logger } from '../../base/logger.ts';
import { VERSION } from '../../base/version.ts';
import type { SparkConf } from '../../config/spark-conf.ts';
import { UI_KILL_ENABLED } from '../../config/ui-entries.ts';
import type { AppStatusStore } from '../../status/app-status-store.ts';
import type { AccessLists } from '../access-lists.ts';
import { apiHandler } from '../api/api-handler.ts';
import type { ApplicationSource } from '../api/application-source.ts';
import { Refusal } from '../api/query-values.ts';
import { html } from '../html.ts';
import {
  formFields,
  type HttpHandler,
  type HttpRequest,
  htmlAnswer,
  jsonAnswer,
  redirectAnswer,
  textAnswer,
} from '../http-messages.ts';
import { type MetricsPage, metricsRoutes } from '../metrics.ts';
import { page, STATIC_ROUTES } from '../page-layout.ts';
import { type Route, route } from '../router.ts';
import { isCrossSite } from '../security-headers.ts';
import type { PagesOptions } from '../start-web-ui.ts';
import type { PoolFacts } from './app-page.ts';
import { partsOf, showPage, toSlash } from './application-pages.ts';

/** An application that runs in this process. */
export interface LiveApplication {
  readonly id: string;
  readonly name: string;
  readonly user: string;
  readonly startTime: number;
  /** All that has happened until now. */
  store(): Promise<AppStatusStore>;
  /** Null: jobs wait in one line. */
  pools(): readonly PoolFacts[] | null;
  cancelJob(jobId: number): void;
  cancelStage(stageId: number): void;
  /** Pages of what it measures. */
  metrics(): Promise<readonly MetricsPage[]>;
}

export interface LivePagesOptions {
  readonly conf: SparkConf;
  /** Null: it has not got so far yet. */
  readonly application: () => LiveApplication | null;
  readonly log: Logger;
  readonly clock?: Clock;
}

export function livePages({ conf, application, log, clock = systemClock }: LivePagesOptions): PagesOptions {
  return {
    ...{ conf, log, clock },
    service: 'SparkUI',
    handler: (access) => liveHandler(application, { killEnabled: conf.get(UI_KILL_ENABLED), access }),
  };
}

interface Rights {
  /** `spark.ui.killEnabled` */
  readonly killEnabled: boolean;
  readonly access: Pick<AccessLists, 'mayModify'>;
}

/** Answers for the application as it is now. */
type Show = (app: LiveApplication, request: HttpRequest) => ReturnType<HttpHandler>;

/** The whole of it but for the sockets. */
export function liveHandler(application: () => LiveApplication | null, { killEnabled, access }: Rights): HttpHandler {
  const of =
    (show: Show): HttpHandler =>
    (request) => {
      const app = application();
      return app === null
        ? textAnswer(503, "Spark is starting up. Please wait a while until it's ready.")
        : show(app, request);
    };
  const mayKill = async ({ user }: HttpRequest): Promise<boolean> => killEnabled && (await access.mayModify(user));
  const pages = of(async (app, request) => {
    const elsewhere = toSlash(request);
    if (elsewhere !== null) return elsewhere;
    const parts = partsOf(request.path);
    const root = '../'.repeat(parts.length);
    const live = { mayKill: await mayKill(request), pools: app.pools() };
    const shown = showPage(await app.store(), parts, request.query, { root, live });
    return shown ?? htmlAnswer(page('Not Found', root, html`<p>There is no such page.</p>`), 404);
  });
  const kill = (end: (app: LiveApplication, store: AppStatusStore, id: number) => void): HttpHandler =>
    of(async (app, request) => {
      // By GET, too, as Spark has it: but by nobody else's page.
      if (isCrossSite(request)) return textAnswer(403, 'Refused: a page of another site has sent this.');
      const id = formFields(request).get('id') ?? '';
      if (/^\d{1,15}$/.test(id) && (await mayKill(request))) end(app, await app.store(), Number(id));
      return redirectAnswer(request.path.endsWith('/') ? '../../' : '../');
    });
  const killJob = kill((app, store, id) => {
    if (store.job(id)?.status === 'RUNNING') app.cancelJob(id);
  });
  const killStage = kill((app, store, id) => {
    const runs = store.attemptsOf(id).some(({ status }) => status === 'ACTIVE' || status === 'PENDING');
    if (runs) app.cancelStage(id);
  });
  const both = (path: string, handle: HttpHandler): Route[] => [
    { method: 'GET', path, handle },
    { method: 'POST', path, handle },
  ];
  const routes: readonly Route[] = [
    { method: 'GET', path: '/', handle: () => redirectAnswer('jobs/') },
    ...both('/jobs/job/kill', killJob),
    ...both('/stages/stage/kill', killStage),
    ...['jobs', 'stages', 'storage', 'environment', 'executors'].map(
      (section): Route => ({ method: 'GET', path: `/${section}/*`, handle: pages }),
    ),
    { method: 'GET', path: '/api/v1/*', handle: of((app, request) => apiHandler(sourceOf(app))(request)) },
    { method: 'GET', path: '/health', handle: () => jsonAnswer({ status: 'UP' }) },
    ...STATIC_ROUTES,
    // Their paths are said in settings, which few read: only who asks for one of them has them looked at.
    {
      method: 'GET',
      path: '/*',
      handle: of(async (app, request) => route(metricsRoutes(await app.metrics()), request)),
    },
  ];
  return (request) => route(routes, request);
}

/** Spark: SparkUI.getApplicationInfoList */
function sourceOf({ id, name, user, startTime, store }: LiveApplication): ApplicationSource {
  const attempt = {
    ...{ attemptId: null, startTime, endTime: null, lastUpdated: startTime },
    ...{ user, sparkVersion: VERSION, exitCode: null, logDir: null },
  };
  return {
    isLive: true,
    applications: () => [{ id, name, attempts: [attempt] }],
    store: async (appId, attemptId) => (appId === id && attemptId === null ? store() : null),
    logZip: async (appId) => {
      if (appId !== id) return null;
      throw new Refusal(503, `Event logs are not available for app: ${id}.`);
    },
  };
}
