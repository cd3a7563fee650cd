// What both ends of a conversation are, as types: references, endpoints, callers.
import type { RpcAddress } from './rpc-address.ts';

/** Bound of a table of questions: name → [request, reply]. See `protocol/`. */
export type Asks<A> = { readonly [K in keyof A]: readonly [request: unknown, reply: unknown] };

/** No questions: one-way messages only. */
export type NoAsks = Record<never, never>;

/** A question as the endpoint gets it: a union tagged by `type`. */
export type AskMessage<A extends Asks<A>> = {
  [K in keyof A & string]: { readonly type: K; readonly request: A[K][0] };
}[keyof A & string];

/** How one question is asked. */
export interface AskOptions {
  /** Milliseconds until `RpcTimeoutError`; the environment's ask timeout when absent, no limit when Infinity. */
  readonly timeoutMs?: number;
  /** The key that the error names as what controls the timeout. */
  readonly timeoutKey?: string;
  /** Ends the wait: the promise is rejected with the signal's reason. The other side is not told. */
  readonly signal?: AbortSignal;
  /** Bytes of the reply are put into a `SharedArrayBuffer`, so that worker threads can have them without a copy. */
  readonly shared?: boolean;
  /**
   * Gives the memory for each piece of bytes in the reply, in order; wins over `shared`. It is called when the piece's
   * size is known, and the memory is filled as bytes arrive, also when the ask has failed or ended meanwhile.
   */
  readonly allocate?: (byteLength: number) => Uint8Array;
}

/**
 * A way to send to one endpoint of another process (or of this one). It belongs to one connection: when that has closed
 * the reference stays closed. `Send` are the one-way messages, `A` the questions of the protocol.
 *
 * Messages are plain data: JSON's values and `undefined`, every number, bigint, Date, Map, Set; plus bytes (`Buffer`,
 * typed arrays, `ArrayBuffer`, `FileRegion`) at any depth. Bytes are not copied: do not change them until they are
 * sent (`bufferedBytes`). An object's prototype and symbol keys, and holes of an array, do not travel.
 *
 * Messages to one endpoint over one connection arrive in the order of `send` and `ask`. Replies come as they are ready.
 */
export interface RpcRef<Send extends { readonly type: string }, A extends Asks<A> = NoAsks> {
  readonly address: RpcAddress;
  readonly name: string;
  /** True when the connection is gone; `send` then does nothing. */
  readonly closed: boolean;
  /** Bytes given to this connection and not yet taken by the system; whoever sends much waits while it is high. */
  readonly bufferedBytes: number;
  /**
   * One way; whether it arrived is not known. Does nothing when the connection is closed.
   *
   * @throws RpcMessageError when the message cannot travel.
   */
  send(message: Send): void;
  /**
   * Asks, and waits for the reply.
   *
   * @throws RemoteError what the endpoint threw; RpcTimeoutError; RpcConnectionError when the connection closes or is
   * closed; RpcMessageError when the request cannot travel.
   */
  ask<K extends keyof A & string>(type: K, request: A[K][0], options?: AskOptions): Promise<A[K][1]>;
}

/**
 * The other end of a connection. It can be sent to as well: a process that serves no port (an executor) is reached back
 * over the connection that it made. Spark: the `sender` of RpcCallContext, and RpcAddress of onConnected.
 */
export interface RpcCaller {
  /** Unique in this environment for its life. */
  readonly id: string;
  /** The socket's other end. */
  readonly remote: RpcAddress;
  /** The address that the other side says it serves, unverified; null for a client. */
  readonly advertised: RpcAddress | null;
  /** Whose secret it proved to have; null without authentication. */
  readonly keyId: string | null;
  readonly closed: boolean;
  /** A reference to an endpoint over there; does not ask whether it exists. */
  ref<Send extends { readonly type: string }, A extends Asks<A> = NoAsks>(endpointName: string): RpcRef<Send, A>;
  /** Closes the connection at once, with all that is asked over it in either direction. */
  close(): void;
}

/** Serves messages under a name. Spark: RpcEndpoint */
export interface RpcEndpoint<M extends { readonly type: string }, A extends Asks<A> = NoAsks> {
  /** One-way messages, in the order they were sent. What it throws is logged. */
  receive(message: M, from: RpcCaller): void;
  /** Questions. What it throws, or a promise that is rejected, becomes a `RemoteError` of the asker. */
  receiveAndReply?(ask: AskMessage<A>, from: RpcCaller): unknown;
  /** A connection stands, incoming or outgoing. Once for each, before any of its messages; none for `local` callers. */
  onConnected?(caller: RpcCaller): void;
  /** That connection is gone. Once for each that `onConnected` told of; not told when the environment stops. */
  onDisconnected?(caller: RpcCaller): void;
  /** Bytes in messages to this endpoint are put into a `SharedArrayBuffer`. */
  readonly shared?: boolean;
  /** Gives the memory for each piece of bytes in messages to this endpoint, as in `AskOptions`; wins over `shared`. */
  allocate?(byteLength: number): Uint8Array;
}
