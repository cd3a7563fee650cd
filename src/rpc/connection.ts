// One TCP connection: the handshake, then messages in both directions.
import type { Socket } from 'node:net';
import type { Clock } from '../base/clock.ts';
import { type ErrorData, errorToData } from '../base/errors.ts';
import type { Logger } from '../base/logger.ts';
import { ConnectionRef } from './connection-ref.ts';
import { type Dispatcher, VERIFIER_NAME } from './dispatcher.ts';
import { FrameType, type MessageType } from './frame.ts';
import { FrameReader, type FrameSink } from './frame-reader.ts';
import { FrameWriter } from './frame-writer.ts';
import {
  ClientHandshake,
  type HandshakeResult,
  type HandshakeSelf,
  RefusedHandshake,
  ServerHandshake,
} from './handshake.ts';
import { HandshakeReader } from './handshake-frames.ts';
import { encodeValue } from './message-codec.ts';
import { PendingAsks } from './pending-asks.ts';
import { formatAddress, type RpcAddress } from './rpc-address.ts';
import type { AskOptions, Asks, NoAsks, RpcCaller, RpcRef } from './rpc-endpoint.ts';
import {
  durationText,
  RemoteError,
  RpcConnectionError,
  RpcMessageError,
  RpcProtocolError,
  RpcTimeoutError,
} from './rpc-errors.ts';
import type { RpcTimeout } from './rpc-settings.ts';
import { RecordOpener, RecordSealer } from './secure-records.ts';
import { LOOKS_PER_TIMEOUT, SilenceWatch } from './silence-watch.ts';
import { canBeReached, keepAlive } from './sockets.ts';

/** What all connections of an environment share. */
export interface ConnectionContext {
  readonly self: HandshakeSelf;
  readonly dispatcher: Dispatcher;
  readonly clock: Clock;
  readonly log: Logger;
  readonly maxMessageBytes: number;
  readonly maxAttachmentBytes: number;
  readonly askTimeout: RpcTimeout;
  /** How long the other side may be silent and out of reach while something is owed to this one. */
  readonly silenceTimeout: RpcTimeout;
}

export interface Peer {
  /** See `RpcCaller`. */
  readonly id: string;
  readonly remote: RpcAddress;
  /** Connects, or takes what has connected. `receive` gets what comes over it. */
  open(receive: (chunk: Buffer) => void): Socket;
  /** True when the memory of a chunk is filled again after `receive` has returned. */
  readonly reusesChunks: boolean;
  /** Until both know each other, connecting included. */
  readonly handshakeTimeoutMs: number;
  /** After that it is tried whether the other side can be reached, and then waited on. */
  readonly waitsWhileReachable: boolean;
}

export interface ConnectionEvents {
  /** Both know each other; messages can be sent. */
  opened(connection: Connection): void;
  /** Once. @param wasOpen false when it never came to `opened` */
  closed(connection: Connection, error: Error, wasOpen: boolean): void;
}

/** How long a closed connection may take to send what it was given before. */
const LINGER_MS = 2000;

export class Connection implements RpcCaller, FrameSink {
  readonly id: string;
  readonly remote: RpcAddress;
  readonly #context: ConnectionContext;
  readonly #socket: Socket;
  readonly #asks: PendingAsks;
  readonly #handshakeReader = new HandshakeReader();
  #handshake: ClientHandshake | ServerHandshake | null;
  #result: HandshakeResult | null = null;
  #reader: { push(chunk: Buffer): void } | null = null;
  #writer: FrameWriter | null = null;
  #closed = false;
  /** Why the socket failed, until its close event comes. */
  #cause: Error | null = null;
  /** Names of our endpoints by the number that the other side calls them by, and the numbers we gave theirs. */
  readonly #names: (string | undefined)[] = [];
  readonly #numbers = new Map<string, number>();
  readonly #isOutgoing: boolean;
  readonly #reusesChunks: boolean;
  readonly #events: ConnectionEvents;
  #stopHandshakeTimer: () => void = () => {};
  readonly #silence = new SilenceWatch();
  #stopLooking: () => void = () => {};

  constructor(role: 'client' | 'server', peer: Peer, context: ConnectionContext, events: ConnectionEvents) {
    const { remote } = peer;
    const socket = peer.open((chunk) => this.#data(chunk));
    this.id = peer.id;
    this.#isOutgoing = role === 'client';
    this.#reusesChunks = peer.reusesChunks;
    this.remote = remote;
    this.#socket = socket;
    this.#context = context;
    this.#events = events;
    this.#asks = new PendingAsks(context.clock, context.askTimeout, remote);
    keepAlive(socket, context.silenceTimeout.ms);
    socket.on('error', (error) => {
      this.#cause = error;
    });
    socket.on('close', () => this.#finish(this.#connectionClosed(this.#cause)));
    if (role === 'client') {
      const handshake = new ClientHandshake(context.self);
      this.#handshake = handshake;
      socket.write(handshake.hello());
    } else {
      this.#handshake = new ServerHandshake(context.self);
    }
    this.#limitHandshake(peer, LOOKS_PER_TIMEOUT);
  }

  /** In parts, as of one that is over the socket has been read: a process that computed between them has not listened. */
  #limitHandshake(peer: Peer, parts: number): void {
    this.#stopHandshakeTimer = this.#context.clock.after(peer.handshakeTimeoutMs / LOOKS_PER_TIMEOUT, () => {
      if (parts > 1) this.#limitHandshake(peer, parts - 1);
      else if (peer.waitsWhileReachable) void this.#probeHandshake(peer);
      else this.#handshakeTimedOut(peer, '');
    });
  }

  async #probeHandshake(peer: Peer): Promise<void> {
    const { remote, handshakeTimeoutMs: ms } = peer;
    const fault = await canBeReached(remote, this.#context.clock, ms);
    if (this.#closed || this.#result !== null) return;
    if (fault === null) this.#limitHandshake(peer, LOOKS_PER_TIMEOUT);
    else this.#handshakeTimedOut(peer, `, and it cannot be reached: ${fault}`);
  }

  #handshakeTimedOut({ remote, handshakeTimeoutMs: ms }: Peer, more: string): void {
    const text = this.#isOutgoing
      ? `Connecting to ${formatAddress(remote)} timed out (${ms} ms)${more}`
      : `${formatAddress(remote)} has not said within ${ms} ms who it is`;
    this.#fail(new RpcTimeoutError(text, { ms }));
  }

  get advertised(): RpcAddress | null {
    return this.#result?.advertised ?? null;
  }

  get keyId(): string | null {
    return this.#result?.keyId ?? null;
  }

  get closed(): boolean {
    return this.#closed;
  }

  get bufferedBytes(): number {
    return this.#closed ? 0 : (this.#writer?.queuedBytes ?? 0) + this.#socket.writableLength;
  }

  ref<Send extends { readonly type: string }, A extends Asks<A> = NoAsks>(endpointName: string): RpcRef<Send, A> {
    return new ConnectionRef<Send, A>(this, endpointName);
  }

  close(): void {
    this.closeWith(this.#connectionClosed(null));
  }

  /** Small messages that were sent before still go out, for two seconds at most. */
  closeWith(error: Error): void {
    if (this.#closed) return;
    this.#writer?.flush();
    const socket = this.#socket;
    socket.destroySoon();
    const cancel = this.#context.clock.after(LINGER_MS, () => socket.destroy());
    socket.once('close', cancel);
    this.#finish(error);
  }

  /** Resolves when the socket is gone. */
  gone(): Promise<void> {
    if (this.#socket.closed) return Promise.resolve();
    return new Promise((resolve) => this.#socket.once('close', () => resolve()));
  }

  /** Whether the connection keeps the process alive. */
  setKeepAlive(keep: boolean): void {
    if (keep) this.#socket.ref();
    else this.#socket.unref();
  }

  send(name: string, message: unknown): void {
    const body = encodeValue(message);
    const writer = this.#writer;
    if (this.#closed || writer === null) return;
    this.#silence.sent();
    writer.message(FrameType.send, this.#number(name), 0, body, (error) => {
      if (this.#closed) return;
      this.#context.log.warn(`A message to ${name} at ${formatAddress(this.remote)} was not sent: ${error.message}`);
    });
  }

  ask(name: string, type: string, request: unknown, options: AskOptions | undefined): Promise<unknown> {
    return this.#asks.add(options, (id) => {
      const body = encodeValue({ type, request });
      const writer = this.#writer;
      if (this.#closed || writer === null) throw this.#connectionClosed(this.#cause);
      this.#silence.sent();
      writer.message(FrameType.ask, this.#number(name), id, body, (error) => this.#asks.reject(id, error));
    });
  }

  onName(endpoint: number, name: string): void {
    if (this.#names[endpoint] !== undefined) throw new RpcProtocolError(`endpoint number ${endpoint} named twice`);
    this.#names[endpoint] = name;
  }

  onMessage(type: number, endpoint: number, id: number, value: unknown): void {
    if (this.#closed) return;
    switch (type) {
      case FrameType.send:
        this.#context.dispatcher.message(this.#nameOf(endpoint), value, this);
        return;
      case FrameType.ask: {
        const name = this.#nameOf(endpoint);
        this.#context.dispatcher.ask(name, value, this, {
          value: (reply) => {
            this.#reply(id, reply);
            // Else two that have nothing to say would ask each other for ever whether they are there.
            if (name !== VERIFIER_NAME) this.#silence.sent();
          },
          error: (error) => this.#fails(id, error),
        });
        return;
      }
      case FrameType.reply:
        this.#asks.resolve(id, value);
        return;
      case FrameType.failure:
        this.#asks.reject(id, new RemoteError(parseErrorData(value, 0), formatAddress(this.remote)));
        return;
    }
  }

  onBroken(type: number, endpoint: number, id: number, reason: string): void {
    const error = new RpcMessageError(reason);
    if (type === FrameType.ask) this.#fails(id, error);
    else if (type === FrameType.send) {
      this.#context.log.warn(
        `A message to ${this.#nameOf(endpoint)} from ${formatAddress(this.remote)} broke off: ${reason}`,
      );
    } else this.#asks.reject(id, error);
  }

  allocatorFor(type: number, endpoint: number, id: number): ((byteLength: number) => Uint8Array) | undefined {
    if (type === FrameType.reply) return this.#asks.allocator(id);
    const name = this.#names[endpoint];
    return name === undefined ? undefined : this.#context.dispatcher.allocator(name);
  }

  #reply(id: number, value: unknown): void {
    try {
      this.#answer(FrameType.reply, id, value);
    } catch (error) {
      this.#fails(id, error);
    }
  }

  #fails(id: number, error: unknown): void {
    this.#answer(FrameType.failure, id, errorToData(error));
  }

  #answer(type: MessageType, id: number, value: unknown): void {
    const writer = this.#writer;
    if (this.#closed || writer === null) return;
    writer.message(type, 0, id, encodeValue(value), (error) => this.#fails(id, error));
  }

  #data(chunk: Buffer): void {
    if (this.#closed) return;
    this.#silence.heard();
    try {
      if (this.#reader === null) this.#handshakeData(chunk);
      else this.#reader.push(chunk);
    } catch (error) {
      this.#fail(error instanceof Error ? error : new Error(String(error)));
    }
  }

  #handshakeData(chunk: Buffer): void {
    this.#handshakeReader.push(this.#reusesChunks ? Buffer.from(chunk) : chunk);
    for (;;) {
      const frame = this.#handshakeReader.next();
      const handshake = this.#handshake;
      if (frame === null || handshake === null) return;
      const { send, result } = handshake.receive(frame);
      for (const bytes of send) this.#socket.write(bytes);
      if (result === null) continue;
      this.#open(result);
      const rest = this.#handshakeReader.rest();
      if (rest.length > 0) this.#reader?.push(rest);
      return;
    }
  }

  #open(result: HandshakeResult): void {
    this.#handshake = null;
    this.#result = result;
    const frames = new FrameReader(this, this.#context, this.#reusesChunks);
    this.#reader =
      result.receiveKey === null ? frames : new RecordOpener(result.receiveKey, (bytes) => frames.push(bytes));
    const sealer = result.sendKey === null ? null : new RecordSealer(result.sendKey);
    const socket = this.#socket;
    this.#writer = new FrameWriter(
      {
        write(buffers, done) {
          const out = sealer === null ? buffers : sealer.seal(buffers);
          if (out.length === 1 && out[0] !== undefined) {
            socket.write(out[0], done);
            return;
          }
          socket.cork();
          out.forEach((buffer, i) => {
            socket.write(buffer, i === out.length - 1 ? done : undefined);
          });
          socket.uncork();
        },
      },
      this.#context,
    );
    this.#stopHandshakeTimer();
    this.#look();
    this.#events.opened(this);
    this.#context.dispatcher.connected(this);
  }

  /** From now on, again and again: is the other side there? */
  #look(): void {
    const { silenceTimeout, clock } = this.#context;
    if (silenceTimeout.ms === Number.POSITIVE_INFINITY) return;
    const look = (): void => {
      this.#look();
      const step = this.#silence.look();
      // Whatever comes back will do.
      if (step === 'ask')
        this.ask(VERIFIER_NAME, 'CheckExistence', '', { timeoutMs: Number.POSITIVE_INFINITY }).catch(() => {});
      else if (step === 'probe') void this.#probe();
    };
    this.#stopLooking = clock.after(silenceTimeout.ms / LOOKS_PER_TIMEOUT, look, true);
  }

  async #probe(): Promise<void> {
    const { self, clock, silenceTimeout } = this.#context;
    const { ms, key } = silenceTimeout;
    // Where it serves: the port that an incoming connection comes from serves nobody.
    const address = this.#isOutgoing ? this.remote : this.advertised;
    const fault = address === null ? 'it serves no port' : await canBeReached(address, clock, ms / LOOKS_PER_TIMEOUT);
    if (this.#closed || this.#silence.hasHeard) return;
    if (fault === null) {
      this.#silence.reachable();
      return;
    }
    const peer = formatAddress(address ?? this.remote);
    const text = `nothing has come from ${peer} for ${durationText(ms)}, and it cannot be reached: ${fault}`;
    this.#context.log.warn(`${self.name}: ${text}; its connection is closed. This timeout is controlled by ${key}`);
    this.closeWith(this.#connectionClosed(new RpcTimeoutError(text, { peer, ms, key })));
  }

  /** The connection ends because of what came over it. */
  #fail(error: Error): void {
    if (error instanceof RefusedHandshake && error.refusal !== null) this.#socket.write(error.refusal);
    this.#socket.destroySoon();
    const cancel = this.#context.clock.after(LINGER_MS, () => this.#socket.destroy());
    this.#socket.once('close', cancel);
    if (this.#result === null) {
      this.#finish(error);
      return;
    }
    this.#context.log.warn(`Connection from ${formatAddress(this.remote)} is closed, for it sent ${error.message}`);
    this.#finish(this.#connectionClosed(error));
  }

  #finish(error: Error): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#writer?.close(error);
    this.#asks.rejectAll(error);
    this.#stopHandshakeTimer();
    this.#stopLooking();
    this.#events.closed(this, error, this.#result !== null);
    // Now that it is forgotten: an endpoint that hears of it may connect again at once.
    if (this.#result !== null) this.#context.dispatcher.disconnected(this);
  }

  #connectionClosed(cause: Error | null): RpcConnectionError {
    const why = cause === null ? '' : `: ${cause.message}`;
    return new RpcConnectionError(`Connection from ${formatAddress(this.remote)} closed${why}`, {
      address: this.remote,
      ...(cause === null ? {} : { cause }),
    });
  }

  #nameOf(endpoint: number): string {
    const name = this.#names[endpoint];
    if (name === undefined) throw new RpcProtocolError(`a message to endpoint number ${endpoint}, which has no name`);
    return name;
  }

  /** The number by which an endpoint over there is called, once the other side was told of it. */
  #number(name: string): number {
    const known = this.#numbers.get(name);
    if (known !== undefined) return known;
    const number = this.#numbers.size;
    if (number > 65_535 || name === '' || Buffer.byteLength(name) > 512) {
      throw new RpcMessageError(
        `'${name.slice(0, 40)}' cannot be the name of an endpoint, or is one of more than 65536`,
      );
    }
    this.#numbers.set(name, number);
    this.#writer?.name(number, name);
    return number;
  }
}

/** An error as it came; nothing in it is taken for granted. */
function parseErrorData(value: unknown, depth: number): ErrorData {
  const { name, code, message, stack, cause } = (typeof value === 'object' && value !== null ? value : {}) as Record<
    string,
    unknown
  >;
  return {
    name: typeof name === 'string' ? name : 'Error',
    code: typeof code === 'string' ? code : null,
    message: typeof message === 'string' ? message : 'an error that says nothing',
    stack: typeof stack === 'string' ? stack : '',
    cause: typeof cause === 'object' && cause !== null && depth < 8 ? parseErrorData(cause, depth + 1) : null,
  };
}
