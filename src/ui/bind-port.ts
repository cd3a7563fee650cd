// Ports: the one that is wanted, or one above it when it is taken. Needs no HTTP, so that a port can be open before that is loaded.
import type { AddressInfo, Server } from 'node:net';
import { IskraError } from '../base/errors.ts';
import type { Logger } from '../base/logger.ts';

export interface PortOptions {
  /** Its name in logs and errors: `MasterUI`. */
  readonly service: string;
  /** 0: any. */
  readonly port: number;
  /** Ports above that are tried when it is taken: `spark.port.maxRetries`. */
  readonly maxRetries: number;
  /** Which setting names the port, for the error that none was free. */
  readonly portKey: string;
  readonly log: Logger;
}

/** Above 65535 it goes on at 1024, not among the system's ports. Spark: Utils.userPort */
export function portAt(port: number, attempt: number): number {
  return attempt === 0 ? port : ((port + attempt - 1024) % (65_536 - 1024)) + 1024;
}

/** Where pages are, with a name by which others reach this machine. */
export function webUrl(scheme: 'http' | 'https', host: string, port: number): string {
  return `${scheme}://${host.includes(':') ? `[${host}]` : host}:${port}`;
}

/** @returns the port that it was. @throws IskraError `HTTP_BIND` when it cannot be any. Spark: Utils.startServiceOnPort */
export async function bindPort(
  server: Server,
  ip: string,
  { service, port, maxRetries, portKey, log }: PortOptions,
): Promise<number> {
  for (let attempt = 0; ; attempt++) {
    const tried = port === 0 ? 0 : portAt(port, attempt);
    const error = await listenOnce(server, ip, tried);
    if (error === null) break;
    const taken = error.code === 'EADDRINUSE' || error.code === 'EACCES';
    if (!taken || port === 0)
      throw new IskraError('HTTP_BIND', `Service '${service}' cannot listen on ${ip}:${port}: ${error.message}`, {
        cause: error,
      });
    if (attempt >= maxRetries)
      throw new IskraError(
        'HTTP_BIND',
        `${error.message}: Service '${service}' failed after ${maxRetries} retries (starting from ${port})! Consider explicitly setting the appropriate port for the service '${service}' (${portKey}) to an available port or increasing spark.port.maxRetries.`,
        { cause: error, details: { service, ip, port } },
      );
    log.warn(`Service '${service}' could not bind on port ${tried}. Attempting port ${portAt(port, attempt + 1)}.`);
  }
  // An object, since it is no pipe.
  const bound = (server.address() as AddressInfo).port;
  log.info(`Successfully started service '${service}' on port ${bound}.`);
  return bound;
}

function listenOnce(server: Server, host: string, port: number): Promise<NodeJS.ErrnoException | null> {
  return new Promise((resolve) => {
    const failed = (error: NodeJS.ErrnoException): void => resolve(error);
    server.once('error', failed);
    server.listen({ host, port, exclusive: true }, () => {
      server.off('error', failed);
      resolve(null);
    });
  });
}
