// `/proxy/ID/…` of a master: the pages of a worker or application, fetched for browsers that reach the master alone.
// Spark: JettyUtils.createProxyHandler
import { request as httpRequest, type IncomingMessage } from 'node:http';
import type { Logger } from '../../base/logger.ts';
import { type HttpRequest, type HttpResponse, redirectAnswer, textAnswer } from '../http-messages.ts';

export interface ReverseProxyOptions {
  /** The http(s) address of the pages of a worker or application; null: there is no such, or it has none. */
  readonly addressOf: (id: string) => Promise<string | null>;
  /** Of the master: by it a request that comes back to the master is known. */
  readonly name: string;
  /** By whom pages are believed that are served by TLS; null: by those that Node knows. */
  readonly ca: Buffer | null;
  readonly log: Logger;
}

/** One whose pages say nothing for so long is given up. */
const SILENCE_MS = 30_000;
/** Of one connection: they do not go on to the next. RFC 9110, 7.6.1. Cookies would be cookies of all that the master serves. */
const NOT_PASSED: ReadonlySet<string> = new Set([
  ...['connection', 'keep-alive', 'proxy-authenticate', 'proxy-authorization', 'proxy-connection'],
  ...['te', 'trailer', 'transfer-encoding', 'upgrade', 'set-cookie', 'cookie'],
]);

export function reverseProxy({ addressOf, name, ca, log }: ReverseProxyOptions) {
  return async (request: HttpRequest): Promise<HttpResponse> => {
    const [, id = '', rest] = /^\/proxy\/([^/]*)(\/.*)?$/.exec(request.path) ?? [];
    // Links of pages are relative to this. The dot: an id that looks like the scheme of a URL leads nowhere else.
    if (id !== '' && rest === undefined) return redirectAnswer(`./${id}/${queryOf(request)}`);
    const address = id === '' ? null : await addressOf(decoded(id));
    if (address === null || rest === undefined)
      return textAnswer(404, `There is no worker or application ${decoded(id)} whose pages could be shown.`);
    if ((request.headers['via'] ?? '').includes(name))
      return textAnswer(508, `The pages of ${decoded(id)} are said to be at a master that looks for them here.`);
    try {
      const answer = await fetched(
        new URL(`${address.replace(/\/+$/, '')}${rest}${queryOf(request)}`),
        request,
        id,
        name,
        ca,
      );
      return passedOn(answer, address, rest);
    } catch (error) {
      const { message, code } = error as NodeJS.ErrnoException;
      log.warn(`The pages of ${decoded(id)} at ${address} cannot be reached: ${message}`);
      return textAnswer(
        code === TIMED_OUT ? 504 : 502,
        `The pages of ${decoded(id)} cannot be reached from the master: ${message}`,
      );
    }
  };
}

const TIMED_OUT = 'ETIMEDOUT';

function queryOf({ query }: HttpRequest): string {
  return query.size === 0 ? '' : `?${query}`;
}

function decoded(id: string): string {
  try {
    return decodeURIComponent(id);
  } catch {
    return id;
  }
}

async function fetched(
  url: URL,
  request: HttpRequest,
  id: string,
  name: string,
  ca: Buffer | null,
): Promise<IncomingMessage> {
  const { headers, body, remoteAddress } = request;
  const via = headers['via'];
  const passed: Record<string, string> = {
    ...Object.fromEntries(Object.entries(headers).filter(([key]) => !NOT_PASSED.has(key))),
    host: url.host,
    via: `${via === undefined ? '' : `${via}, `}1.1 ${name}`,
    // What the browser knows: a page may only be asked by itself to end something.
    'x-forwarded-host': headers['x-forwarded-host'] ?? headers['host'] ?? '',
    'x-forwarded-for': [headers['x-forwarded-for'], remoteAddress].filter(Boolean).join(', '),
    'x-forwarded-context': `${headers['x-forwarded-context'] ?? ''}/proxy/${id}`,
    'content-length': String(Buffer.byteLength(body)),
  };
  const send = url.protocol === 'https:' ? (await import('node:https')).request : httpRequest;
  return new Promise((resolve, reject) => {
    // No connection is used twice: one that its server is about to close would fail a request that it never saw.
    const trust = { agent: false, ...(ca === null ? {} : { ca }) };
    const asked = send(url, { method: request.method, headers: passed, timeout: SILENCE_MS, ...trust });
    asked.once('response', resolve);
    asked.on('error', reject); // after the response this changes nothing: whoever reads that sees it break
    asked.once('timeout', () =>
      asked.destroy(Object.assign(new Error(`no answer within ${SILENCE_MS / 1000} s`), { code: TIMED_OUT })),
    );
    asked.end(body);
  });
}

function passedOn(answer: IncomingMessage, address: string, rest: string): HttpResponse {
  const headers: Record<string, string> = {};
  for (const [key, value] of Object.entries(answer.headers))
    if (value !== undefined && !NOT_PASSED.has(key)) headers[key] = Array.isArray(value) ? value.join(', ') : value;
  const { location } = headers;
  if (location !== undefined) headers['location'] = relocated(location, new URL(address), rest);
  return { status: answer.statusCode ?? 502, headers, body: '', stream: answer };
}

/**
 * Where a page leads to, as seen from the browser. What leads elsewhere stays as it is.
 *
 * @param rest the path of the page, without the part that the master takes off.
 */
export function relocated(location: string, address: URL, rest: string): string {
  const toOrigin = location.startsWith(`${address.origin}/`) || location === address.origin;
  const path = toOrigin ? location.slice(address.origin.length) || '/' : location;
  if (!path.startsWith('/') || path.startsWith('//')) return location;
  // Relative, since the master itself may be behind something that serves it below a path.
  return `${'../'.repeat(rest.split('/').length - 2) || './'}${path.slice(1)}`;
}
