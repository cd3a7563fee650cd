// The HTTP server under every page, REST and JSON: it listens, reads requests, writes answers and ends. What is answered is
// the handler's.
import { lookup } from 'node:dns/promises';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { isIPv6, type Server as NetServer, type Socket } from 'node:net';
import { pipeline, type Readable } from 'node:stream';
import { systemClock } from '../base/clock.ts';
import { IllegalArgumentError, IskraError } from '../base/errors.ts';
import { bindPort, type PortOptions, portAt, webUrl } from './bind-port.ts';
import { type HttpHandler, type HttpRequest, type HttpResponse, textAnswer } from './http-messages.ts';
import type { TlsSettings } from './tls-settings.ts';

export interface HttpServerOptions extends PortOptions {
  /** Where it listens: a name or an address. */
  readonly bindAddress: string;
  readonly handle: HttpHandler;
  /** Headers of every answer. */
  readonly headers: Readonly<Record<string, string>>;
  /** Bytes; a larger body is refused. */
  readonly maxBodyBytes: number;
  /** The body of an answer that no handler makes: 400, 413, 500. */
  readonly refuse?: (status: number, message: string) => HttpResponse;
  /** Refuses an address, by throwing, before anything listens there. */
  readonly checkAddress?: (ip: string) => void;
  /** Null or absent: without. */
  readonly tls?: TlsSettings | null;
}

/** What answering takes, without where it listens. */
export type Serving = Pick<HttpServerOptions, 'service' | 'handle' | 'headers' | 'maxBodyBytes' | 'refuse' | 'log'>;

export interface RunningHttpServer {
  /** With TLS that of TLS. */
  readonly port: number;
  /** Where it is, with a name by which others reach this machine: `http://host:port`. */
  url(host: string): string;
  /** Answers what was asked, for at most a second, and ends. Twice is fine. */
  close(): Promise<void>;
}

/** A client that sends slower is cut off. */
const REQUEST_TIMEOUT_MS = 30_000;
const HEADERS_TIMEOUT_MS = 10_000;
const MAX_CONNECTIONS = 1000;
const CLOSE_GRACE_MS = 1000;
const DROPPED_BYTES: number = 16 * 1024 * 1024;

/**
 * Listens, on the port or one above it when it is taken.
 *
 * @throws IskraError `HTTP_BIND` when it cannot; whatever `checkAddress` throws.
 *
 * Spark: JettyUtils.startJettyServer, Utils.startServiceOnPort
 */
export async function startHttpServer(options: HttpServerOptions): Promise<RunningHttpServer> {
  const { service, bindAddress } = options;
  let ip: string;
  try {
    ip = (await lookup(bindAddress)).address;
  } catch (cause) {
    throw new IskraError('HTTP_BIND', `'${service}' cannot listen on ${bindAddress}: the name is not known here`, {
      cause,
    });
  }
  options.checkAddress?.(ip);
  const handle = (incoming: IncomingMessage, outgoing: ServerResponse): void => void serve(options, incoming, outgoing);
  const { tls = null } = options;
  if (tls === null) {
    const server = createServer(SERVER_OPTIONS, handle);
    const bound = await bind(server, ip, options);
    return running([server], bound, 'http');
  }
  const { port } = options;
  const secure = await secureServer(tls, handle);
  let securePort = 0;
  const plain = createServer(SERVER_OPTIONS, (incoming, outgoing) => redirect(incoming, outgoing, ip, securePort));
  const bound = await bind(plain, ip, options);
  try {
    // Spark: Utils.userPort
    const wanted = tls.port ?? (port === 0 ? 0 : portAt(bound, 400));
    const https = { service: `${service} (HTTPS)`, port: wanted, portKey: TLS_PORT_KEY };
    securePort = await bind(secure, ip, { ...options, ...https });
  } catch (error) {
    await close(plain);
    throw error;
  }
  return running([secure, plain], securePort, 'https');
}

const SERVER_OPTIONS = {
  requestTimeout: REQUEST_TIMEOUT_MS,
  headersTimeout: HEADERS_TIMEOUT_MS,
  keepAliveTimeout: 5000,
};
const TLS_PORT_KEY = 'spark.ssl.standalone.port';

function running(servers: readonly Server[], port: number, scheme: 'http' | 'https'): RunningHttpServer {
  let closing: Promise<unknown> | null = null;
  return {
    port,
    url: (host) => webUrl(scheme, host, port),
    async close() {
      closing ??= Promise.all(servers.map(close));
      await closing;
    },
  };
}

/** @throws IllegalArgumentError for keys, certificates and ciphers that make no sense. */
async function secureServer(
  { options }: TlsSettings,
  handle: (incoming: IncomingMessage, outgoing: ServerResponse) => void,
): Promise<Server> {
  const https = await import('node:https');
  try {
    return https.createServer({ ...SERVER_OPTIONS, ...options }, handle);
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new IllegalArgumentError(
      `the settings spark.ssl.* cannot be used: ${why}. Look at keyStore and its password, and at enabledAlgorithms`,
    );
  }
}

/** Whoever comes without TLS is led to where it is. Spark: JettyUtils.createRedirectHttpsHandler */
function redirect(incoming: IncomingMessage, outgoing: ServerResponse, ip: string, port: number): void {
  const [, named] = /^([\w.-]+|\[[\da-fA-F:.]+\])(?::\d+)?$/.exec(incoming.headers.host ?? '') ?? [];
  const host = named ?? (isIPv6(ip) ? `[${ip}]` : ip);
  const url = incoming.url ?? '';
  incoming.resume();
  outgoing.writeHead(302, {
    location: `https://${host}:${port}${url.startsWith('/') ? url : '/'}`,
    'content-length': 0,
  });
  outgoing.end();
}

/**
 * Serves what comes to a port that is open already: whoever listens there hands it over, with those who came first and whom nobody
 * has read from yet. From then on it is this server's, which `close` ends.
 */
export function takeOver(
  listener: NetServer,
  first: readonly Socket[],
  port: number,
  options: Serving,
): RunningHttpServer {
  const server = createServer(SERVER_OPTIONS, (incoming, outgoing) => void serve(options, incoming, outgoing));
  prepare(server, options);
  // Pages keep no program from ending, as the port did not.
  server.on('connection', (socket) => socket.unref());
  server.listen(listener);
  for (const socket of first) {
    server.emit('connection', socket);
    socket.resume();
  }
  return running([server], port, 'http');
}

/** @returns the port that it was. @throws IskraError `HTTP_BIND` */
async function bind(server: Server, ip: string, options: PortOptions): Promise<number> {
  const bound = await bindPort(server, ip, options);
  prepare(server, options);
  return bound;
}

function prepare(server: Server, { service, log }: Pick<PortOptions, 'service' | 'log'>): void {
  server.maxConnections = MAX_CONNECTIONS;
  server.on('clientError', (error: NodeJS.ErrnoException, socket) => refuseConnection(error, socket as Socket));
  server.on('error', (error) => log.error(`${service}: ${error.message}`));
}

function close(server: Server): Promise<void> {
  return new Promise((resolve) => {
    const force = systemClock.after(CLOSE_GRACE_MS, () => server.closeAllConnections());
    server.close(() => {
      force();
      resolve();
    });
    server.closeIdleConnections();
  });
}

/** What is not HTTP, or comes too slowly, or has too many headers. */
function refuseConnection(error: NodeJS.ErrnoException, socket: Socket): void {
  if (error.code === 'ECONNRESET' || !socket.writable) {
    socket.destroy();
    return;
  }
  const status =
    error.code === 'HPE_HEADER_OVERFLOW'
      ? '431 Request Header Fields Too Large'
      : error.code === 'ERR_HTTP_REQUEST_TIMEOUT'
        ? '408 Request Timeout'
        : '400 Bad Request';
  socket.end(`HTTP/1.1 ${status}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`);
}

async function serve(options: Serving, incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> {
  const refuse = options.refuse ?? textAnswer;
  let response: HttpResponse;
  try {
    const body = await readBody(incoming, options.maxBodyBytes);
    if (body === null) {
      // What still comes is not read: the connection ends with the answer.
      outgoing.setHeader('connection', 'close');
      response = refuse(413, `The request is larger than ${options.maxBodyBytes} bytes.`);
    } else {
      const request = requestOf(incoming, body);
      response = request === null ? refuse(400, 'Bad request path.') : checked(await options.handle(request));
    }
  } catch (error) {
    if (incoming.destroyed && !incoming.complete) return; // it went away while it spoke
    response = failed(options, incoming, error);
  }
  try {
    send(options, incoming, outgoing, response);
  } catch (error) {
    // Filters are of somebody else's making: what they give may be no answer.
    response.stream?.destroy();
    send(options, incoming, outgoing, failed(options, incoming, error));
  }
}

function checked(response: HttpResponse): HttpResponse {
  const { status, headers, body } = (response ?? {}) as Partial<HttpResponse>;
  if (typeof status === 'number' && typeof headers === 'object' && typeof body === 'string') return response;
  throw new TypeError('a filter or handler gave no { status, headers, body }');
}

function failed({ log, service, refuse }: Serving, incoming: IncomingMessage, error: unknown): HttpResponse {
  const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
  log.error(`${service}: ${incoming.method} ${pathOnly(incoming.url ?? '')}: ${text}`);
  return (refuse ?? textAnswer)(500, 'Internal server error; the log of this daemon says more.');
}

/** @throws what Node throws for an answer that cannot be; nothing has been sent then. */
function send(options: Serving, incoming: IncomingMessage, outgoing: ServerResponse, response: HttpResponse): void {
  const { stream } = response;
  if (outgoing.destroyed) {
    stream?.destroy();
    return;
  }
  if (stream !== undefined) {
    sendStream(options, incoming, outgoing, response, stream);
    return;
  }
  const body = Buffer.from(response.body);
  outgoing.writeHead(response.status, { ...options.headers, ...response.headers, 'content-length': body.length });
  outgoing.end(incoming.method === 'HEAD' ? undefined : body);
}

/** One that breaks off ends the connection: the client sees that it has not got all. */
function sendStream(
  { headers }: Serving,
  incoming: IncomingMessage,
  outgoing: ServerResponse,
  response: HttpResponse,
  stream: Readable,
): void {
  outgoing.writeHead(response.status, { ...headers, ...response.headers });
  if (incoming.method === 'HEAD') {
    stream.destroy();
    outgoing.end();
  } else pipeline(stream, outgoing, () => {}); // it destroys both
}

/** @returns null when it is too large. A little too much is read and dropped, since clients read no answer while they write. */
async function readBody(incoming: IncomingMessage, maxBytes: number): Promise<string | null> {
  if (Number(incoming.headers['content-length'] ?? 0) > maxBytes + DROPPED_BYTES) return null;
  const chunks: Buffer[] = [];
  let size = 0;
  return new Promise((resolve, reject) => {
    incoming.on('data', (chunk: Buffer) => {
      size += chunk.length;
      if (size <= maxBytes) chunks.push(chunk);
      else if (size > maxBytes + DROPPED_BYTES) {
        incoming.pause();
        resolve(null);
      }
    });
    incoming.on('end', () => resolve(size > maxBytes ? null : Buffer.concat(chunks).toString('utf8')));
    incoming.on('error', reject);
    incoming.on('close', () => reject(new Error('the connection closed'))); // after `end` this changes nothing
  });
}

function requestOf(incoming: IncomingMessage, body: string): HttpRequest | null {
  const url = incoming.url ?? '';
  if (!url.startsWith('/')) return null;
  const at = url.indexOf('?');
  const headers: Record<string, string> = {};
  for (const [name, value] of Object.entries(incoming.headers)) {
    if (value !== undefined) headers[name] = Array.isArray(value) ? value.join(', ') : value;
  }
  return {
    method: incoming.method === 'HEAD' ? 'GET' : (incoming.method ?? 'GET'),
    path: pathOnly(url),
    query: new URLSearchParams(at < 0 ? '' : url.slice(at + 1)),
    headers,
    user: null,
    remoteAddress: incoming.socket.remoteAddress ?? '',
    localAddress: incoming.socket.localAddress ?? '',
    body,
  };
}

/** Queries may hold what logs should not. */
function pathOnly(url: string): string {
  const at = url.indexOf('?');
  return at < 0 ? url : url.slice(0, at);
}
