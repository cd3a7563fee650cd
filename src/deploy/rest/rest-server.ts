import { systemClock } from '../../base/clock.ts';
import { IllegalArgumentError } from '../../base/errors.ts';
import type { Logger } from '../../base/logger.ts';
import { MASTER_REST_FILTERS } from '../../config/access-entries.ts';
import { AUTHENTICATE, PORT_MAX_RETRIES } from '../../config/network-entries.ts';
import { MASTER_REST_ENABLED, MASTER_REST_HOST, MASTER_REST_PORT } from '../../config/rest-entries.ts';
import type { SparkConf } from '../../config/spark-conf.ts';
import { checkBindAddress, type RpcSecurity } from '../../rpc/security.ts';
import { startHttpServer } from '../../ui/http-server.ts';
import type { AskTheMaster } from '../../ui/master/master-web-ui.ts';
import { filtered, openFilters } from '../../ui/page-guard.ts';
import { securityHeaders } from '../../ui/security-headers.ts';
import { answerRest, restRefusal } from './rest-handler.ts';

export interface RestServerOptions {
  readonly conf: SparkConf;
  /** The master's host: by which others reach the gateway, and where it listens unless `spark.master.rest.host` is set. */
  readonly host: string;
  /** Where it listens; `spark.master.rest.host`, else `host`, when absent. */
  readonly bindAddress?: string;
  /** `spark://host:port` of the master itself. */
  readonly masterUrl: string;
  readonly security: RpcSecurity;
  readonly ask: AskTheMaster;
  readonly log: Logger;
}

export interface RestServer {
  /** As clients give it for `--master`: `spark://host:6066`. */
  readonly url: string;
  readonly port: number;
  /** Twice is fine. */
  stop(): Promise<void>;
}

const MAX_BODY_BYTES: number = 1024 * 1024;

/**
 * Refuses settings under which a gateway must not be: whoever reaches it can run code, and it asks nobody for a secret. To be
 * called before a master starts, as well as by `startRestServer`.
 *
 * @throws IllegalArgumentError. Spark: Master.onStart
 */
export function checkRestSettings(conf: SparkConf): void {
  if (!conf.get(MASTER_REST_ENABLED) || !conf.get(AUTHENTICATE)) return;
  throw new IllegalArgumentError(
    'The RestSubmissionServer does not support authentication via spark.authenticate.secret. Either turn off the RestSubmissionServer with spark.master.rest.enabled=false, or do not use authentication.',
  );
}

/**
 * Starts the gateway when `spark.master.rest.enabled` says so.
 *
 * @returns null when it does not.
 * @throws IllegalArgumentError where it would be open to others, unless the user has allowed that; IskraError `HTTP_BIND`.
 *
 * Spark: StandaloneRestServer
 */
export async function startRestServer(options: RestServerOptions): Promise<RestServer | null> {
  const { conf, host, masterUrl, security, ask } = options;
  if (!conf.get(MASTER_REST_ENABLED)) return null;
  checkRestSettings(conf);
  const log = options.log.named('StandaloneRestServer');
  const bindAddress = options.bindAddress ?? conf.get(MASTER_REST_HOST) ?? host;
  let restPort = conf.get(MASTER_REST_PORT);
  const filters = await openFilters(conf, MASTER_REST_FILTERS, systemClock, log);
  const server = await startHttpServer({
    service: 'REST-Server',
    bindAddress,
    port: restPort,
    maxRetries: conf.get(PORT_MAX_RETRIES),
    portKey: 'spark.master.rest.port',
    handle: filtered(filters, (request) => answerRest(request, { ask, masterUrl, restPort, env: process.env }, log)),
    refuse: restRefusal,
    headers: securityHeaders(conf),
    maxBodyBytes: MAX_BODY_BYTES,
    checkAddress: (ip) => checkBindAddress('REST-Server', bindAddress, ip, security),
    log,
  });
  restPort = server.port;
  log.info(`Started REST server for submitting applications on ${host} with port ${restPort}`);
  return {
    url: `spark://${host.includes(':') ? `[${host}]` : host}:${restPort}`,
    port: restPort,
    stop: () => server.close(),
  };
}
