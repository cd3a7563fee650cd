// What a master serves over HTTP: its page, its state as JSON, and what operators may do. Spark: MasterWebUI
import { randomUUID } from 'node:crypto';
import { networkInterfaces } from 'node:os';
import { type Clock, systemClock } from '../../base/clock.ts';
import type { Logger } from '../../base/logger.ts';
import { MASTER_UI_HISTORY_SERVER_URL, MASTER_UI_TITLE, UI_REVERSE_PROXY } from '../../config/access-entries.ts';
import type { SparkConf } from '../../config/spark-conf.ts';
import { MASTER_UI_DECOMMISSION_ALLOW_MODE, UI_KILL_ENABLED } from '../../config/ui-entries.ts';
import type { AskMaster, MasterStateResponse } from '../../protocol/master-client.ts';
import type { AccessLists } from '../access-lists.ts';
import {
  formFields,
  type HttpRequest,
  type HttpResponse,
  htmlAnswer,
  jsonAnswer,
  redirectAnswer,
  textAnswer,
} from '../http-messages.ts';
import { PackedLengths } from '../log-files.ts';
import { logRoutes } from '../log-page.ts';
import { type MetricsPage, metricsRoutes } from '../metrics.ts';
import { STATIC_ROUTES } from '../page-layout.ts';
import { type Route, route } from '../router.ts';
import { startWebUi, type WebUi } from '../start-web-ui.ts';
import { trustedAuthorities } from '../tls-settings.ts';
import { environmentPage } from './environment-page.ts';
import { clusterUtilizationJson, masterFieldJson, masterStateJson } from './master-json.ts';
import { applicationPage, masterPage, type PageLinks } from './master-page.ts';
import { reverseProxy } from './reverse-proxy.ts';

/** Puts a question to the master of this process. */
export type AskTheMaster = <K extends keyof AskMaster>(type: K, request: AskMaster[K][0]) => Promise<AskMaster[K][1]>;

export interface MasterWebUiOptions {
  readonly conf: SparkConf;
  /** By which others reach it: part of the URL. */
  readonly host: string;
  /** Where it listens; `host` when absent. */
  readonly bindAddress?: string;
  /** 0: any. */
  readonly port: number;
  /** The master's own log; null or absent when it goes to standard error. */
  readonly logFile?: string | null;
  readonly metrics?: readonly MetricsPage[];
  readonly log: Logger;
  readonly clock?: Clock;
}

export interface MasterWebUi extends WebUi {
  /** From now on there is a master to ask; before, all that needs one is answered by 503. @param restUrl null: no gateway. */
  serve(ask: AskTheMaster, restUrl?: string | null): void;
}

/**
 * Listens before the master itself does anything, so that what it registers has the bound port.
 *
 * @throws IskraError `HTTP_BIND` when no port is free.
 */
export async function startMasterWebUi(options: MasterWebUiOptions): Promise<MasterWebUi> {
  const { conf, host, bindAddress, port, clock = systemClock, logFile, metrics } = options;
  const log = options.log.named('MasterWebUI');
  let ask: AskTheMaster | null = null;
  let restUrl: string | null = null;
  const webUi = await startWebUi({
    ...{ conf, host, bindAddress, port, log, clock },
    service: 'MasterUI',
    portKey: 'spark.master.ui.port, or --webui-port',
    tls: 'standalone',
    handler: (access) => masterHandler(conf, log, clock, () => ({ ask, restUrl }), logFile, access, metrics),
  });
  return {
    ...webUi,
    serve(askMaster, url = null) {
      ask = askMaster;
      restUrl = url;
    },
  };
}

/** A route that needs the master. */
type Asking = (
  method: 'GET' | 'POST',
  path: string,
  answer: (request: HttpRequest, ask: AskTheMaster) => HttpResponse | Promise<HttpResponse>,
) => Route;

type StateOf = (ask: AskTheMaster) => Promise<MasterStateResponse>;

interface Master {
  readonly ask: AskTheMaster | null;
  readonly restUrl: string | null;
}

/** The whole of it but for the sockets. */
export function masterHandler(
  conf: SparkConf,
  log: Logger,
  clock: Clock,
  master: () => Master,
  logFile: string | null = null,
  access: Pick<AccessLists, 'mayModify'> = { mayModify: () => Promise.resolve(true) },
  metrics: readonly MetricsPage[] = [],
): (request: HttpRequest) => HttpResponse | Promise<HttpResponse> {
  const killEnabled = conf.get(UI_KILL_ENABLED);
  const decommissionMode = conf.get(MASTER_UI_DECOMMISSION_ALLOW_MODE);
  const proxied = conf.get(UI_REVERSE_PROXY);
  const links: PageLinks = { proxied, historyUrl: conf.get(MASTER_UI_HISTORY_SERVER_URL) ?? null };
  const state: StateOf = (ask) => ask('RequestMasterState', null);

  const kill =
    (end: (ask: AskTheMaster, id: string) => Promise<unknown>) =>
    async (request: HttpRequest, ask: AskTheMaster): Promise<HttpResponse> => {
      const fields = formFields(request);
      const id = fields.get('id');
      const allowed = killEnabled && (await access.mayModify(request.user));
      if (allowed && id !== null && fields.get('terminate') === 'true') await end(ask, id);
      return redirectAnswer('../../');
    };

  const decommission = async (request: HttpRequest, ask: AskTheMaster): Promise<HttpResponse> => {
    const allowed = decommissionMode === 'ALLOW' || (decommissionMode === 'LOCAL' && isOfThisHost(request));
    if (!allowed) {
      return textAnswer(405, `Not allowed from here: spark.master.ui.decommission.allow.mode is ${decommissionMode}.`, {
        allow: '',
      });
    }
    if (!(await access.mayModify(request.user)))
      return textAnswer(403, `User ${request.user} is not authorized to drain workers.`);
    const hosts = [...new Set([...request.query.getAll('host'), ...formFields(request).getAll('host')])];
    const { workers } = await ask('DecommissionWorkersOnHosts', { hosts });
    log.info(`Decommissioning of hosts ${hosts.join(', ')} decommissioned ${workers} workers`);
    return workers > 0
      ? textAnswer(200, `${workers} workers are being decommissioned.`)
      : textAnswer(404, `No worker is on ${hosts.join(', ') || 'no host: give ?host=NAME, once or more'}.`);
  };

  const asking: Asking = (method, path, answer) => ({
    method,
    path,
    handle: (request) => {
      const { ask } = master();
      return ask === null ? textAnswer(503, 'The master has not started yet.') : answer(request, ask);
    },
  });

  const routes: readonly Route[] = [
    asking('GET', '/', async ({ user }, ask) =>
      htmlAnswer(
        masterPage(await state(ask), {
          ...links,
          title: conf.get(MASTER_UI_TITLE) ?? null,
          now: clock.now(),
          killEnabled: killEnabled && (await access.mayModify(user)),
          restUrl: master().restUrl,
          hasLogFile: logFile !== null,
        }),
      ),
    ),
    asking('GET', '/app', async (request, ask) => {
      const { found, text } = applicationPage(await state(ask), request.query.get('appId'), links);
      return htmlAnswer(text, found ? 200 : 404);
    }),
    { method: 'GET', path: '/environment', handle: () => htmlAnswer(environmentPage(conf, process.env)) },
    ...(proxied ? proxyRoutes(asking, state, trustedAuthorities(conf, 'standalone'), log) : []),
    asking('GET', '/json/*', async (request, ask) => {
      const field = /^\/json\/([a-zA-Z]+)/.exec(request.path)?.[1];
      const now = clock.now();
      const current = await state(ask);
      if (field === undefined) return jsonAnswer(masterStateJson(current, now));
      if (field === 'clusterutilization') return jsonAnswer(clusterUtilizationJson(current));
      return jsonAnswer(masterFieldJson(current, field, now));
    }),
    asking(
      'POST',
      '/app/kill',
      kill((ask, appId) => ask('RequestKillApplication', { appId })),
    ),
    asking(
      'POST',
      '/driver/kill',
      kill((ask, driverId) => ask('RequestKillDriver', { driverId })),
    ),
    asking('POST', '/workers/kill', decommission),
    // It serves: for whoever restarts what does not.
    { method: 'GET', path: '/health', handle: () => jsonAnswer({ status: 'UP' }) },
    // It leads and schedules: for whoever sends work.
    asking('GET', '/readyz', async (_, ask) => {
      const { status } = await state(ask);
      return jsonAnswer({ ready: status === 'ALIVE', status }, status === 'ALIVE' ? 200 : 503);
    }),
    ...metricsRoutes(metrics),
    ...logRoutes({ workDir: null, logFile, lengths: new PackedLengths(0) }),
    ...STATIC_ROUTES,
  ];
  return (request) => route(routes, request);
}

/** Spark: MasterWebUI.addProxy, idToUiAddress */
function proxyRoutes(asking: Asking, state: StateOf, ca: Buffer | null, log: Logger): Route[] {
  const name = `iskra-master-${randomUUID()}`;
  const pass = (request: HttpRequest, ask: AskTheMaster): Promise<HttpResponse> =>
    reverseProxy({
      name,
      ca,
      log,
      addressOf: async (id) => {
        const { workers, activeApps } = await state(ask);
        const worker = workers.find((each) => each.worker.id === id)?.worker.webUiAddress;
        const address = worker ?? activeApps.find((each) => each.id === id)?.app.appUiUrl ?? '';
        return isWebAddress(address) ? address : null;
      },
    })(request);
  return [asking('GET', '/proxy/*', pass), asking('POST', '/proxy/*', pass)];
}

/** They say it of themselves. */
function isWebAddress(text: string): boolean {
  return /^https?:\/\//i.test(text) && URL.canParse(text);
}

/** Also by one of the host's own addresses; what was passed on may come from anywhere. */
function isOfThisHost({ headers, remoteAddress, localAddress }: HttpRequest): boolean {
  if (['forwarded', 'via', 'x-forwarded-for'].some((name) => headers[name] !== undefined)) return false;
  const plain = (address: string): string => address.replace(/^::ffff:/, '');
  const from = plain(remoteAddress);
  if (from === plain(localAddress) || from === '::1' || from.startsWith('127.')) return from !== '';
  return Object.values(networkInterfaces()).some((entries) => entries?.some(({ address }) => address === from));
}
