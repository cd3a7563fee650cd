// The package node-zookeeper-client, as far as it is used here: its types, and how it is loaded.
import { createRequire } from 'node:module';
import type { Socket } from 'node:net';
import { IskraError } from '../base/errors.ts';

export const PACKAGE = 'node-zookeeper-client';
/** That this build is tested with; package.json has it as an optional peer. */
export const VERSION = '1.1.3';

export interface PackageError extends Error {
  /** ZooKeeper's number. */
  readonly code: number;
}

export interface PackageTransaction {
  /** A version would be ignored when it is 0: the package takes that for any. So it is not given. */
  check(path: string): this;
  create(path: string, data: Buffer): this;
  setData(path: string, data: Buffer): this;
  remove(path: string): this;
  commit(
    done: (error: PackageError | null | undefined, results: readonly { readonly err?: number }[] | undefined) => void,
  ): void;
}

/** What is inside, and has to be mended from outside: see `ZooKeeperSession`. */
export interface ConnectionManager {
  socket?: Socket;
  state: number;
  pendingBuffer: Buffer | null;
  readonly connectTimeoutHandler: NodeJS.Timeout | null;
  readonly packetQueue: { queue: unknown[] };
  onSocketData(data: Buffer): void;
  findNextServer(found: (server: unknown) => void): void;
}

export interface PackageClient {
  readonly connectionManager: ConnectionManager;
  connect(): void;
  close(): void;
  getSessionId(): Buffer;
  getSessionTimeout(): number;
  on(event: 'state', listener: (state: { readonly name: string }) => void): void;
  create(
    path: string,
    data: Buffer,
    mode: number,
    done: (error: PackageError | null | undefined, path: string) => void,
  ): void;
  remove(path: string, done: (error: PackageError | null | undefined) => void): void;
  exists(
    path: string,
    watch: (() => void) | undefined,
    done: (error: PackageError | null | undefined, stat: unknown) => void,
  ): void;
  getData(path: string, done: (error: PackageError | null | undefined, data: Buffer | undefined) => void): void;
  setData(path: string, data: Buffer, done: (error: PackageError | null | undefined) => void): void;
  getChildren(path: string, done: (error: PackageError | null | undefined, names: string[]) => void): void;
  transaction(): PackageTransaction;
}

export interface ClientPackage {
  createClient(
    servers: string,
    options: { readonly sessionTimeout: number; readonly spinDelay: number; readonly retries: number },
  ): PackageClient;
  readonly CreateMode: { readonly PERSISTENT: number; readonly EPHEMERAL_SEQUENTIAL: number };
}

/** @throws IskraError PACKAGE_NOT_INSTALLED with the command to type. */
export function loadPackage(): ClientPackage {
  try {
    return createRequire(import.meta.url)(PACKAGE) as ClientPackage; // this version has that shape
  } catch (cause) {
    const { code, message } = cause as { code?: unknown; message?: string };
    const why = code === 'MODULE_NOT_FOUND' ? 'which is not installed' : `which cannot be loaded (${message})`;
    throw new IskraError(
      'PACKAGE_NOT_INSTALLED',
      `ZooKeeper needs the package ${PACKAGE}, ${why}; type: npm install ${PACKAGE}@${VERSION}`,
      { cause, details: { package: PACKAGE, version: VERSION } },
    );
  }
}
