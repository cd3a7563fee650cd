import { lookup } from 'node:dns/promises';
import { connect, createServer, type NetConnectOpts, type Server, type Socket } from 'node:net';
import type { Clock } from '../base/clock.ts';
import { IskraError } from '../base/errors.ts';
import type { Logger } from '../base/logger.ts';
import type { RpcAddress } from './rpc-address.ts';
import { checkBindAddress, type RpcSecurity } from './security.ts';

/** What sockets gather before writing tells to wait; below 256 KiB the throughput falls to a third. */
const SOCKET_BUFFER_BYTES: number = 1024 * 1024;
const READ_BUFFER_BYTES: number = 256 * 1024;

const newReadBuffer = (): Buffer => Buffer.allocUnsafeSlow(READ_BUFFER_BYTES);
let commonReadBuffer: Buffer | null = null;

/**
 * One buffer for all connections: the system fills it only when there are bytes, and they are used before the next read.
 * On Windows a read takes its buffer before there are any.
 */
function readBuffer(): Buffer {
  if (process.platform === 'win32') return newReadBuffer();
  commonReadBuffer ??= newReadBuffer();
  return commonReadBuffer;
}

/** Connects. @param receive gets what comes, in memory that is filled again after it has returned. */
export function connectSocket({ host, port }: RpcAddress, receive: (chunk: Buffer) => void): Socket {
  const buffer = readBuffer();
  const options: NetConnectOpts = {
    host,
    port,
    noDelay: true,
    onread: {
      buffer,
      callback(bytes) {
        receive(buffer.subarray(0, bytes));
        return true;
      },
    },
  };
  // An option of every stream, which the types leave out here.
  return connect({ ...options, ...{ highWaterMark: SOCKET_BUFFER_BYTES } });
}

/** After the last word the system asks ten times, a second apart, before it gives a connection up. */
const KEEP_ALIVE_ASKS_MS = 10_000;

/** Has the system notice that a connection over which nothing is sent leads nowhere any more. */
export function keepAlive(socket: Socket, timeoutMs: number): void {
  if (timeoutMs === Number.POSITIVE_INFINITY) return;
  socket.setKeepAlive(true, Math.max(1000, timeoutMs - KEEP_ALIVE_ASKS_MS));
}

/** What this process itself lacks says nothing about the other one. */
const OWN_FAULTS: ReadonlySet<string> = new Set(['EMFILE', 'ENFILE', 'ENOBUFS', 'ENOMEM', 'EADDRNOTAVAIL']);

/** Tries a connection, and closes it again. @returns why it cannot be made; null when it can. */
export function canBeReached({ host, port }: RpcAddress, clock: Clock, timeoutMs: number): Promise<string | null> {
  return new Promise((resolve) => {
    const socket = connect({ host, port });
    const end = (fault: string | null): void => {
      cancel();
      socket.destroy();
      resolve(fault);
    };
    // Timers come before what has happened meanwhile: a process that itself stood still hears of that first.
    const late = (): unknown => setImmediate(end, `connecting timed out (${timeoutMs} ms)`);
    const cancel = clock.after(timeoutMs, late, true);
    socket.on('connect', () => end(null));
    socket.on('error', (error: NodeJS.ErrnoException) => {
      end(OWN_FAULTS.has(error.code ?? '') ? null : error.message);
    });
    socket.unref();
  });
}

/**
 * Listens on a port, or on one of those above it when it is taken.
 *
 * @param service its name in logs and errors.
 * @throws IllegalArgumentError when the policy forbids to listen there; IskraError `RPC_BIND` when no port is free.
 *
 * Spark: Utils.startServiceOnPort
 */
export async function listen(
  service: string,
  bindAddress: string,
  port: number,
  maxRetries: number,
  security: RpcSecurity,
  log: Logger,
  onSocket: (socket: Socket) => void,
): Promise<{ readonly server: Server; readonly port: number }> {
  let ip: string;
  try {
    ip = (await lookup(bindAddress)).address;
  } catch (error) {
    throw new IskraError('RPC_BIND', `'${service}' cannot listen on ${bindAddress}: the name is not known here`, {
      cause: error,
    });
  }
  checkBindAddress(service, bindAddress, ip, security);
  for (let attempt = 0; ; attempt++) {
    // Above 65535 it goes on at 1024, not among the system's ports.
    const tried = port === 0 ? 0 : ((port + attempt - 1024) % (65536 - 1024)) + 1024;
    const result = await listenOnce(ip, attempt === 0 ? port : tried, onSocket);
    if (!('error' in result)) {
      log.info(`Successfully started service '${service}' on port ${result.port}.`);
      return result;
    }
    const { error } = result;
    const taken = error.code === 'EADDRINUSE' || (error.code === 'EACCES' && port !== 0);
    if (!taken || attempt >= maxRetries) throw cannotBind(service, ip, port, maxRetries, taken, error);
    log.warn(
      port === 0
        ? `Service '${service}' could not bind on a random free port. You may check whether configuring an appropriate binding address.`
        : `Service '${service}' could not bind on port ${tried}. Attempting port ${((tried + 1 - 1024) % (65536 - 1024)) + 1024}.`,
    );
  }
}

function listenOnce(
  ip: string,
  port: number,
  onSocket: (socket: Socket) => void,
): Promise<{ readonly server: Server; readonly port: number } | { readonly error: NodeJS.ErrnoException }> {
  return new Promise((resolve) => {
    const server = createServer({ noDelay: true, highWaterMark: SOCKET_BUFFER_BYTES }, onSocket);
    const failed = (error: NodeJS.ErrnoException): void => resolve({ error });
    server.once('error', failed);
    server.listen({ host: ip, port, exclusive: true }, () => {
      server.off('error', failed);
      const address = server.address();
      resolve({ server, port: typeof address === 'object' && address !== null ? address.port : port });
    });
  });
}

function cannotBind(
  service: string,
  ip: string,
  port: number,
  maxRetries: number,
  taken: boolean,
  cause: NodeJS.ErrnoException,
): IskraError {
  if (!taken)
    return new IskraError('RPC_BIND', `Service '${service}' cannot listen on ${ip}: ${cause.message}`, { cause });
  const where = port === 0 ? ' (on a random free port)' : ` (starting from ${port})`;
  return new IskraError(
    'RPC_BIND',
    `${cause.message}: Service '${service}' failed after ${maxRetries} retries${where}! Consider explicitly setting the appropriate ${
      port === 0
        ? `binding address for the service '${service}' (for example spark.driver.bindAddress for SparkDriver)`
        : `port for the service '${service}' (for example spark.ui.port for SparkUI)`
    } to ${port === 0 ? 'the correct binding address' : 'an available port or increasing spark.port.maxRetries'}.`,
    { cause, details: { service, ip, port } },
  );
}
