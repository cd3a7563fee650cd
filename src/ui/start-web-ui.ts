// Pages at a port, behind what the settings want before them: the same for all who serve some.
import { type Clock, systemClock } from '../base/clock.ts';
import type { Logger } from '../base/logger.ts';
import { PORT_MAX_RETRIES } from '../config/network-entries.ts';
import type { SparkConf } from '../config/spark-conf.ts';
import type { AccessLists } from './access-lists.ts';
import type { HttpHandler } from './http-messages.ts';
import { type Serving, startHttpServer } from './http-server.ts';
import { openPageGuard } from './page-guard.ts';
import { securityHeaders } from './security-headers.ts';
import { type TlsNamespace, tlsSettings } from './tls-settings.ts';

export interface PagesOptions {
  readonly conf: SparkConf;
  /** Its name in logs and errors: `MasterUI`. */
  readonly service: string;
  /** All of it but for the sockets. @param access who may do what. */
  readonly handler: (access: AccessLists) => HttpHandler;
  readonly log: Logger;
  readonly clock?: Clock;
}

export interface WebUiOptions extends PagesOptions {
  /** By which others reach it: part of the URL. */
  readonly host: string;
  /** Where it listens; `host` when absent. */
  readonly bindAddress?: string | undefined;
  /** 0: any. */
  readonly port: number;
  /** What names the port, for the error that none was free. */
  readonly portKey: string;
  readonly tls: TlsNamespace;
}

export interface WebUi {
  /** `http://host:port`, or `https:`, the port being the bound one. */
  readonly url: string;
  readonly port: number;
  /** Twice is fine. */
  stop(): Promise<void>;
}

const MAX_BODY_BYTES: number = 64 * 1024;

/** @throws IskraError `HTTP_BIND` when no port is free; for filters of requests, lists and keys that cannot be used. */
export async function startWebUi(options: WebUiOptions): Promise<WebUi> {
  const { conf, host, bindAddress = host, port, portKey } = options;
  const server = await startHttpServer({
    ...(await guardedPages(options)),
    ...{ bindAddress, port, portKey },
    maxRetries: conf.get(PORT_MAX_RETRIES),
    tls: tlsSettings(conf, options.tls),
  });
  return { url: server.url(host), port: server.port, stop: () => server.close() };
}

/** @throws IskraError for filters of requests, and lists, that cannot be used. */
export async function guardedPages({
  conf,
  service,
  handler,
  log,
  clock = systemClock,
}: PagesOptions): Promise<Serving> {
  const { access, guard } = await openPageGuard(conf, clock, log);
  return {
    service,
    handle: guard(handler(access)),
    headers: securityHeaders(conf),
    maxBodyBytes: MAX_BODY_BYTES,
    log,
  };
}
