// What a request passes before a page answers it: filters, which may find out who asks, then the lists of who may.
import type { Clock } from '../base/clock.ts';
import { IllegalArgumentError, IskraError } from '../base/errors.ts';
import { loadFunction } from '../base/load-function.ts';
import type { Logger } from '../base/logger.ts';
import { UI_FILTERS } from '../config/access-entries.ts';
import type { ConfigEntry } from '../config/config-entry.ts';
import type { SparkConf } from '../config/spark-conf.ts';
import { UI_PROXY_REDIRECT_URI } from '../config/ui-entries.ts';
import { type AccessLists, accessLists } from './access-lists.ts';
import { type HttpFilter, type HttpHandler, type HttpRequest, type HttpResponse, textAnswer } from './http-messages.ts';
import { jwsFilter } from './jws-filter.ts';
import { proxyRedirects } from './proxy-redirect.ts';

/** What `spark.NAME.param.KEY` and `spark.NAME.params` say. Spark: JettyUtils.addFilters */
function filterParameters(conf: SparkConf, name: string): Readonly<Record<string, string>> {
  const parameters: [string, string][] = [];
  for (const pair of (conf.getText(`spark.${name}.params`) ?? '').split(',')) {
    const at = pair.indexOf('=');
    if (at > 0) parameters.push([pair.slice(0, at).trim(), pair.slice(at + 1).trim()]);
  }
  const prefix = `spark.${name}.param.`;
  for (const [key, value] of conf.getAll())
    if (key.startsWith(prefix)) parameters.push([key.slice(prefix.length), value]);
  return Object.fromEntries(parameters);
}

const JWS_FILTER = 'org.apache.spark.ui.JWSFilter';

/** @throws IskraError that names the filter that cannot be made. */
export async function openFilters(
  conf: SparkConf,
  entry: ConfigEntry<readonly string[]>,
  clock: Clock,
  log: Logger,
): Promise<readonly HttpFilter[]> {
  const filters: HttpFilter[] = [];
  for (const name of conf.get(entry)) {
    log.info(`Adding filter: ${name}`);
    const parameters = filterParameters(conf, name);
    if (name === JWS_FILTER) {
      filters.push(jwsFilter(parameters, clock));
      continue;
    }
    if (/^(org|com|javax|jakarta)\./.test(name) && !name.endsWith('js'))
      throw new IllegalArgumentError(
        `${entry.key} has ${name}, a class of Java's: name a JavaScript module with a function createFilter(parameters, log), or ${JWS_FILTER}`,
      );
    const create = await loadFunction(entry.key, name, 'createFilter(parameters, log)');
    let filter: unknown;
    try {
      filter = await create(parameters, log);
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      throw new IskraError('MODULE_SETTING', `${entry.key}=${name}: createFilter failed: ${why}`, { cause: error });
    }
    if (typeof filter !== 'function')
      throw new IskraError('MODULE_SETTING', `${entry.key}=${name}: createFilter gave no function (request, next)`);
    filters.push(filter as HttpFilter); // a function of somebody else's making
  }
  return filters;
}

/** Puts filters before a handler, the first outermost. */
export function filtered(filters: readonly HttpFilter[], handler: HttpHandler): HttpHandler {
  return filters.reduceRight<HttpHandler>((next, filter) => (request) => filter(request, next), handler);
}

/** What a daemon's pages are behind. */
export interface PageGuard {
  readonly access: AccessLists;
  guard(handler: HttpHandler): HttpHandler;
}

/** @throws IskraError for filters, or a provider of groups, that cannot be used. */
export async function openPageGuard(conf: SparkConf, clock: Clock, log: Logger): Promise<PageGuard> {
  const access = await accessLists(conf, clock, log);
  const filters = await openFilters(conf, UI_FILTERS, clock, log);
  const proxyUri = conf.get(UI_PROXY_REDIRECT_URI);
  return {
    access,
    guard: (handler) =>
      proxyRedirects(
        proxyUri,
        filtered(filters, (request) => lookedAt(request, access, handler)),
      ),
  };
}

/** Spark: HttpSecurityFilter.doFilter */
async function lookedAt(request: HttpRequest, access: AccessLists, handler: HttpHandler): Promise<HttpResponse> {
  const inNameOf = request.query.get('doAs');
  let { user } = request;
  if (inNameOf !== null) {
    if (user !== inNameOf && !(await access.isAdmin(user)))
      return textAnswer(403, `User ${user} is not allowed to impersonate others.`);
    user = inNameOf;
  }
  if (!(await access.mayView(user))) return textAnswer(403, `User ${user} is not authorized to access this page.`);
  return handler({ ...request, user });
}
