import type { Clock } from '../base/clock.ts';

export type CreateMode = 'persistent' | 'ephemeral-sequential';

/** One operation of a transaction. */
export type Operation =
  /** The node is there. */
  | { readonly type: 'check'; readonly path: string }
  | { readonly type: 'create'; readonly path: string; readonly data: Buffer }
  | { readonly type: 'set'; readonly path: string; readonly data: Buffer }
  | { readonly type: 'remove'; readonly path: string };

/** What a session tells by itself. None is called after `ended`, nor after `close`. */
export interface SessionListener {
  /** A server has answered what was sent at `heardAt`, so that the session lived then. */
  renewed?(heardAt: number): void;
  /** The link is gone; another one is looked for. */
  disconnected?(): void;
  /** The same session goes on. */
  reconnected?(): void;
  /** It has expired, or nobody has answered for as long as a session lives without: another one is needed. */
  ended?(why: string): void;
}

/**
 * A session with a ZooKeeper ensemble.
 *
 * Whatever is asked is settled: with ZooKeeper's answer; with CONNECTION_LOSS as soon as the link breaks, after which it is not sent
 * any more; or with SESSION_ENDED. All these are `ZooKeeperError`s. While there is no link asks are refused at once with
 * CONNECTION_LOSS; `whenConnected` waits.
 */
export interface ZooKeeperSession {
  /** The ensemble's number for it, hexadecimal. None is used twice. */
  readonly id: string;
  /** After so long without a sign of life the ensemble ends it. The servers bound what was wished. */
  readonly timeoutMs: number;
  /** When the latest request was sent that has been answered. In the time of the clock that was given. */
  readonly heardAt: number;
  /** @returns the node's path, with the number behind it when it is sequential. */
  create(path: string, data: Buffer, mode: CreateMode): Promise<string>;
  /** Makes what of the path is not there. */
  makePath(path: string): Promise<void>;
  set(path: string, data: Buffer): Promise<void>;
  /** @returns null when there is no such node. */
  get(path: string): Promise<Buffer | null>;
  remove(path: string): Promise<void>;
  /** Names, in no order. */
  children(path: string): Promise<readonly string[]>;
  /** @param changed called once, when the node is made, changed or removed; never when the session ends before. */
  exists(path: string, changed?: () => void): Promise<boolean>;
  /** All or none. @throws ZooKeeperError that says which operation was refused. */
  commit(operations: readonly Operation[]): Promise<void>;
  /** Settled at once when there is a link. @throws ZooKeeperError SESSION_ENDED. */
  whenConnected(): Promise<void>;
  /** Ends the session, and with it what is ephemeral, if a server can be reached. Never rejected; twice is fine. */
  close(): Promise<void>;
}

export interface ConnectOptions {
  /** `host:port,host:port`, perhaps with the path of a node behind it, below which everything is. */
  readonly servers: string;
  readonly sessionTimeoutMs: number;
  /** How long to look for a server that answers. */
  readonly connectTimeoutMs: number;
  /** One that nobody sets. */
  readonly clock: Clock;
  readonly listener: SessionListener;
  /** Gives up. */
  readonly signal?: AbortSignal;
}
