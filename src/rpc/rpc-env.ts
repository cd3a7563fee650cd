// How the processes of Iskra talk: endpoints under names, references to those of others, over one connection for each
// pair of processes that serves both directions.
import type { Server, Socket } from 'node:net';
import { type Clock, systemClock } from '../base/clock.ts';
import { type Logger, silentLogger } from '../base/logger.ts';
import { Connection, type ConnectionContext } from './connection.ts';
import { type AnyEndpoint, Dispatcher, VERIFIER_NAME } from './dispatcher.ts';
import { NotIskra } from './handshake-frames.ts';
import { LocalConnection } from './local-connection.ts';
import { OutboxRef } from './outbox.ts';
import { endpointUrl, formatAddress, type RpcAddress } from './rpc-address.ts';
import type { Asks, NoAsks, RpcEndpoint, RpcRef } from './rpc-endpoint.ts';
import {
  RpcConnectionError,
  RpcEndpointNotFoundError,
  RpcEnvStoppedError,
  RpcHandshakeError,
  RpcTimeoutError,
} from './rpc-errors.ts';
import type { RpcTimeout } from './rpc-settings.ts';
import type { RpcSecurity } from './security.ts';
import { connectSocket, listen } from './sockets.ts';

export interface RpcEnvOptions {
  /** The service's name in logs and errors, and to whom it connects. Spark: "sparkDriver", "sparkMaster"… */
  readonly name: string;
  /** The name or address by which others reach this process; `localhost` when absent. */
  readonly host?: string;
  /** Where it listens; `host` when absent. */
  readonly bindAddress?: string;
  /** 0: any. Absent: nothing is served, others are only connected to. */
  readonly port?: number;
  /** Ports above `port` that are tried when it is taken. `spark.port.maxRetries`; 16 when absent. */
  readonly portMaxRetries?: number;
  /** Bytes of one message's text, without attached bytes. `spark.rpc.message.maxSize`; 128 MiB when absent. */
  readonly maxMessageBytes?: number;
  /** Bytes attached to one message; 2 GiB when absent. */
  readonly maxAttachmentBytes?: number;
  /** `spark.rpc.askTimeout`; 120 s when absent. */
  readonly askTimeout?: RpcTimeout;
  /** `spark.rpc.lookupTimeout`; 120 s when absent. */
  readonly lookupTimeout?: RpcTimeout;
  /** `spark.rpc.io.connectionTimeout`; 120 s when absent. See `SilenceWatch`. */
  readonly silenceTimeout?: RpcTimeout;
  /** How long an incoming connection may take to say who it is; 10 s when absent. */
  readonly handshakeTimeoutMs?: number;
  readonly security: RpcSecurity;
  readonly clock?: Clock;
  readonly logger?: Logger;
}

export interface ConnectOptions {
  /** Milliseconds for connecting, the handshake and the look-up; the environment's look-up timeout when absent. */
  readonly timeoutMs?: number;
  /**
   * A process that computes, or was stopped, does not answer, but its system takes connections. It is waited for as long as
   * that does; false when absent.
   */
  readonly whileReachable?: boolean;
}

const DEFAULT_MAX_MESSAGE_BYTES = 128 * 1024 ** 2;
const DEFAULT_MAX_ATTACHMENT_BYTES = 2 * 1024 ** 3;
const DEFAULT_TIMEOUT_MS = 120_000;
const HANDSHAKE_TIMEOUT_MS = 10_000;
/** Connections that have not said who they are; more are closed at once. */
const MAX_HANDSHAKES = 1000;
/** Remote addresses that are remembered as having sent garbage. */
const MAX_REMEMBERED = 1000;

/** The RPC of one process. Spark: RpcEnv, NettyRpcEnv */
export class RpcEnv {
  /** What is served here; null for a client. */
  readonly address: RpcAddress | null;
  readonly name: string;
  readonly #dispatcher: Dispatcher;
  readonly #context: ConnectionContext;
  readonly #lookup: RpcTimeout;
  readonly #handshakeTimeoutMs: number;
  readonly #log: Logger;
  readonly #clock: Clock;
  readonly #server: Server | null;
  readonly #local: LocalConnection;
  readonly #connections = new Set<Connection>();
  /** Outgoing ones by address: the connection, or the attempt to make it. */
  readonly #outgoing = new Map<string, Promise<Connection>>();
  readonly #garbageFrom = new Set<string>();
  #handshakes = 0;
  #nextConnection = 1;
  #keepAlive = true;
  #stopping: Promise<void> | null = null;

  /**
   * @throws IllegalArgumentError when it would be reachable by others without authentication; IskraError `RPC_BIND` when it
   * cannot listen.
   */
  static async create(options: RpcEnvOptions): Promise<RpcEnv> {
    const { name, port, security } = options;
    const log = (options.logger ?? silentLogger).named('RpcEnv');
    const host = options.host ?? 'localhost';
    if (port === undefined) return new RpcEnv(options, log, null, null);
    // Nothing can be asked before the caller has the environment: sockets that come earlier wait for it.
    let accept: (socket: Socket) => void = (socket) => early.push(socket);
    const early: Socket[] = [];
    const bindAddress = options.bindAddress ?? host;
    const retries = options.portMaxRetries ?? 16;
    const bound = await listen(name, bindAddress, port, retries, security, log, (socket) => accept(socket));
    const env = new RpcEnv(options, log, { host, port: bound.port }, bound.server);
    accept = (socket) => env.#accept(socket);
    for (const socket of early) accept(socket);
    return env;
  }

  private constructor(options: RpcEnvOptions, log: Logger, address: RpcAddress | null, server: Server | null) {
    this.name = options.name;
    this.address = address;
    this.#log = log;
    this.#server = server;
    this.#clock = options.clock ?? systemClock;
    this.#lookup = options.lookupTimeout ?? { ms: DEFAULT_TIMEOUT_MS, key: 'spark.rpc.lookupTimeout' };
    this.#handshakeTimeoutMs = options.handshakeTimeoutMs ?? HANDSHAKE_TIMEOUT_MS;
    this.#dispatcher = new Dispatcher(log);
    const askTimeout = options.askTimeout ?? { ms: DEFAULT_TIMEOUT_MS, key: 'spark.rpc.askTimeout' };
    this.#context = {
      self: { name: options.name, advertised: address, security: options.security },
      dispatcher: this.#dispatcher,
      clock: this.#clock,
      log,
      maxMessageBytes: options.maxMessageBytes ?? DEFAULT_MAX_MESSAGE_BYTES,
      maxAttachmentBytes: options.maxAttachmentBytes ?? DEFAULT_MAX_ATTACHMENT_BYTES,
      askTimeout,
      silenceTimeout: options.silenceTimeout ?? { ms: DEFAULT_TIMEOUT_MS, key: 'spark.rpc.io.connectionTimeout' },
    };
    this.#local = new LocalConnection(this.#dispatcher, this.#clock, askTimeout, address);
    server?.on('error', (error) => log.error(`RPC server: ${error.message}`));
  }

  /**
   * Serves an endpoint under a name, for the connections that stand and those to come.
   *
   * @throws RpcMessageError when the name is taken; RpcEnvStoppedError.
   */
  register<M extends { readonly type: string }, A extends Asks<A> = NoAsks>(
    name: string,
    endpoint: RpcEndpoint<M, A>,
  ): void {
    if (this.#stopping !== null) throw new RpcEnvStoppedError();
    // What arrives is what the protocol says: both sides are compiled against it and of the same version.
    this.#dispatcher.register(name, endpoint as AnyEndpoint);
  }

  /** Messages to it are dropped from now on, and asks fail. */
  unregister(name: string): void {
    this.#dispatcher.unregister(name);
  }

  /** A reference to an endpoint of this environment; does not ask whether it exists. */
  localRef<Send extends { readonly type: string }, A extends Asks<A> = NoAsks>(endpoint: string): RpcRef<Send, A> {
    return this.#local.ref<Send, A>(endpoint);
  }

  /**
   * Connects, or takes the connection that stands, and looks the endpoint up. Its own address gives a reference that
   * stays in the process. Spark: setupEndpointRef
   *
   * @throws RpcConnectionError when nobody answers there; RpcHandshakeError when the two sides do not let each other in;
   * RpcEndpointNotFoundError; RpcTimeoutError; RpcEnvStoppedError.
   */
  async connect<Send extends { readonly type: string }, A extends Asks<A> = NoAsks>(
    address: RpcAddress,
    endpoint: string,
    options: ConnectOptions = {},
  ): Promise<RpcRef<Send, A>> {
    if (this.#stopping !== null) throw new RpcEnvStoppedError();
    const ms = options.timeoutMs ?? this.#lookup.ms;
    const here = this.address !== null && this.address.host === address.host && this.address.port === address.port;
    const started = this.#clock.now();
    const patient = options.whileReachable ?? false;
    const connection = here ? this.#local : await this.#connection(address, ms, patient);
    const verifier = connection.ref<never, { CheckExistence: [string, boolean] }>(VERIFIER_NAME);
    // Of a connection that stands a SilenceWatch takes care.
    const left = patient ? Number.POSITIVE_INFINITY : Math.max(1, ms - (this.#clock.now() - started));
    const found = await verifier.ask('CheckExistence', endpoint, { timeoutMs: left, timeoutKey: this.#lookup.key });
    if (!found) throw new RpcEndpointNotFoundError(endpointUrl(endpoint, address));
    return connection.ref<Send, A>(endpoint);
  }

  /**
   * A reference that connects when it is first used and again after the connection was lost. Whether somebody is there
   * shows when it is asked; one-way messages are dropped with a warning when nobody is. Spark: NettyRpcEndpointRef
   */
  ref<Send extends { readonly type: string }, A extends Asks<A> = NoAsks>(
    address: RpcAddress,
    endpoint: string,
  ): RpcRef<Send, A> {
    const connect = (): Promise<RpcRef<Send, A>> => this.connect<Send, A>(address, endpoint);
    return new OutboxRef<Send, A>(address, endpoint, connect, this.#clock, this.#context.askTimeout, this.#log);
  }

  /** Whether server and connections keep the process alive; true at first. Asks that wait do in any case. */
  setKeepAlive(keep: boolean): void {
    this.#keepAlive = keep;
    if (keep) this.#server?.ref();
    else this.#server?.unref();
    for (const connection of this.#connections) connection.setKeepAlive(keep);
  }

  /** Closes everything; small messages that were sent still go out. Asks that wait are rejected. Twice is fine. */
  stop(): Promise<void> {
    this.#stopping ??= this.#stop();
    return this.#stopping;
  }

  async #stop(): Promise<void> {
    const connections = [...this.#connections];
    this.#dispatcher.stop();
    this.#local.close();
    for (const connection of connections) {
      const peer = formatAddress(connection.remote);
      connection.closeWith(new RpcConnectionError(`Connection from ${peer} closed: RpcEnv ${this.name} is shut down`));
    }
    const server = this.#server;
    if (server !== null) await new Promise<void>((resolve) => server.close(() => resolve()));
    await Promise.all(connections.map((connection) => connection.gone()));
  }

  #accept(socket: Socket): void {
    // Its connection is the peer's as it is known now; a socket that is gone already has none.
    const remote = { host: socket.remoteAddress ?? 'unknown', port: socket.remotePort ?? 0 };
    if (this.#stopping !== null || this.#handshakes >= MAX_HANDSHAKES || socket.remoteAddress === undefined) {
      socket.on('error', () => {});
      socket.destroy();
      return;
    }
    this.#handshakes++;
    const connection = new Connection(
      'server',
      {
        id: `in-${this.#nextConnection++}`,
        remote,
        open: (receive) => socket.on('data', receive),
        reusesChunks: false,
        handshakeTimeoutMs: this.#handshakeTimeoutMs,
        waitsWhileReachable: false,
      },
      this.#context,
      {
        opened: () => this.#handshakes--,
        closed: (closed, error, wasOpen) => {
          this.#connections.delete(closed);
          if (wasOpen) return;
          this.#handshakes--;
          this.#logRefused(remote, error);
        },
      },
    );
    this.#connections.add(connection);
    connection.setKeepAlive(this.#keepAlive);
  }

  #logRefused({ host, port }: RpcAddress, error: Error): void {
    if (error instanceof NotIskra) {
      // Whoever scans ports does so often.
      if (this.#garbageFrom.has(host) || this.#garbageFrom.size >= MAX_REMEMBERED) return;
      this.#garbageFrom.add(host);
      this.#log.warn(`Refused a connection that sent ${error.message}; more of this from there is not logged`, {
        host,
        port,
      });
    } else if (error instanceof RpcConnectionError) {
      // It came and went, as health checks do.
      this.#log.debug(error.message);
    } else {
      const keyId = error instanceof RpcHandshakeError ? error.details['keyId'] : null;
      // What a stranger calls itself goes into the log as one word.
      const as = typeof keyId === 'string' ? { keyId: keyId.replace(/[^\w.:@-]/g, '?') } : {};
      this.#log.warn(`Refused a connection: ${error.message}`, { host, port, ...as });
    }
  }

  /** The connection to an address: the one that stands, the attempt under way, or a new attempt. */
  async #connection(address: RpcAddress, timeoutMs: number, patient: boolean): Promise<Connection> {
    const key = formatAddress(address);
    let attempt = this.#outgoing.get(key);
    if (attempt === undefined) {
      attempt = this.#open(address, key, timeoutMs, patient);
      this.#outgoing.set(key, attempt);
      const made = attempt;
      made.catch(() => {
        if (this.#outgoing.get(key) === made) this.#outgoing.delete(key);
      });
    }
    return attempt;
  }

  #open(address: RpcAddress, key: string, timeoutMs: number, patient: boolean): Promise<Connection> {
    return new Promise((resolve, reject) => {
      if (!(address.port > 0 && address.port <= 65_535)) {
        reject(notConnected(key, address, new RangeError(`${address.port} is not a port`)));
        return;
      }
      const connection = new Connection(
        'client',
        {
          id: `out-${this.#nextConnection++}`,
          remote: address,
          open: (receive) => connectSocket(address, receive),
          reusesChunks: true,
          handshakeTimeoutMs: timeoutMs,
          waitsWhileReachable: patient,
        },
        this.#context,
        {
          opened: resolve,
          closed: (closed, error, wasOpen) => {
            this.#connections.delete(closed);
            this.#outgoing.delete(key);
            if (!wasOpen) reject(notConnected(key, address, error));
          },
        },
      );
      this.#connections.add(connection);
      connection.setKeepAlive(this.#keepAlive);
    });
  }
}

function notConnected(peer: string, address: RpcAddress, error: Error): Error {
  if (error instanceof RpcTimeoutError) return error;
  if (error instanceof NotIskra)
    return new RpcHandshakeError(`${peer} sent ${error.message}: is the port right?`, { peer });
  if (error instanceof RpcHandshakeError)
    return new RpcHandshakeError(`${peer} and this process do not get together: ${error.message}`, { peer });
  const cause = error.cause ?? error;
  const why = cause instanceof Error ? cause.message || String((cause as NodeJS.ErrnoException).code) : String(cause);
  return new RpcConnectionError(`Failed to connect to ${peer}: ${why}`, { cause, address });
}
