import type { Clock } from '../base/clock.ts';
import type { ClientPackage, PackageClient, PackageError } from './client-package.ts';
import { ZooKeeperError, type ZooKeeperFault } from './zookeeper-error.ts';
import type { ConnectOptions, CreateMode, Operation, SessionListener, ZooKeeperSession } from './zookeeper-session.ts';

const FAULTS: ReadonlyMap<number, ZooKeeperFault> = new Map([
  [-4, 'CONNECTION_LOSS'],
  [-101, 'NO_NODE'],
  [-103, 'BAD_VERSION'],
  [-110, 'NODE_EXISTS'],
  [-111, 'NOT_EMPTY'],
  [-112, 'SESSION_ENDED'],
]);
/** In a transaction: not the one that was refused, but one after it. */
const NOT_TRIED = -2;
/** A state of the package's connection: it does not connect again. */
const CLOSING = -1;
/** How long a server may take to confirm the end of a session that nobody needs any more. */
const CLOSE_LIMIT_MS = 1000;

interface Ask {
  readonly what: string;
  readonly sentAt: number;
  reject(error: Error): void;
}

/**
 * A session of the package node-zookeeper-client, mended:
 *
 * - It does not see a dead link: it pings, but does not look for the answer; and a server that takes the connection and says
 *   nothing holds it for ever. Here a question goes out six times in a session's timeout, and a link on which nothing has been
 *   answered for a third of it is cut, so that there is time for another server.
 * - What is asked while it has no link, or when the session expires, may never be answered. Here it is, with a reason.
 * - Half a message of a link that broke is read as the beginning of the next one's, and its limit cuts the next one, too. Here both
 *   are forgotten.
 * - Bytes that it does not understand, codes of errors that it does not know among them, throw where nobody catches. Here they cut the link.
 * - It has no limit for the first connection, and none for the last.
 */
export class PackageSession implements ZooKeeperSession {
  /** Settled when a server has answered for the first time. */
  readonly opened: Promise<void>;
  id = '';
  timeoutMs: number;
  heardAt: number;
  readonly #package: ClientPackage;
  readonly #client: PackageClient;
  readonly #servers: string;
  readonly #clock: Clock;
  readonly #listener: SessionListener;
  readonly #asks = new Set<Ask>();
  readonly #waiting = new Set<{ resolve(): void; reject(error: Error): void }>();
  #connected = false;
  /** Since when this link, or this search for one, is waited for. */
  #tryingSince: number;
  #isOpen = false;
  #ended: string | null = null;
  #closed: Promise<void> | null = null;
  #cancelTick: () => void = () => {};
  #settleOpened: { resolve(): void; reject(error: Error): void } = { resolve() {}, reject() {} };

  constructor(clientPackage: ClientPackage, options: ConnectOptions) {
    const { servers, sessionTimeoutMs, clock, listener } = options;
    this.#package = clientPackage;
    this.#servers = servers;
    this.#clock = clock;
    this.#listener = listener;
    this.timeoutMs = sessionTimeoutMs;
    this.heardAt = clock.now();
    this.#tryingSince = this.heardAt;
    this.opened = new Promise((resolve, reject) => {
      this.#settleOpened = { resolve, reject };
    });
    this.opened.catch(() => {}); // whoever waits for it hears of it, and perhaps nobody does any more
    const spinDelay = Math.min(1000, Math.ceil(sessionTimeoutMs / 10));
    this.#client = clientPackage.createClient(servers, { sessionTimeout: sessionTimeoutMs, spinDelay, retries: 0 });
    this.#mend();
    this.#client.on('state', ({ name }) => this.#stateChanged(name));
    this.#client.connect();
    this.#tickLater();
  }

  create(path: string, data: Buffer, mode: CreateMode): Promise<string> {
    const { PERSISTENT, EPHEMERAL_SEQUENTIAL } = this.#package.CreateMode;
    const number = mode === 'persistent' ? PERSISTENT : EPHEMERAL_SEQUENTIAL;
    return this.#ask(`create ${path}`, (done) => this.#client.create(path, data, number, done));
  }

  async makePath(path: string): Promise<void> {
    const names = path.split('/').filter((name) => name !== '');
    for (let i = 1; i <= names.length; i++) {
      const part = `/${names.slice(0, i).join('/')}`;
      if (await this.exists(part)) continue;
      try {
        await this.create(part, Buffer.alloc(0), 'persistent');
      } catch (error) {
        if (!(error instanceof ZooKeeperError) || error.fault !== 'NODE_EXISTS') throw error; // somebody else was quicker
      }
    }
  }

  set(path: string, data: Buffer): Promise<void> {
    return this.#ask<void>(`set ${path}`, (done) => this.#client.setData(path, data, (error) => done(error)));
  }

  async get(path: string): Promise<Buffer | null> {
    try {
      const data = await this.#ask<Buffer | undefined>(`get ${path}`, (done) => this.#client.getData(path, done));
      return data ?? Buffer.alloc(0);
    } catch (error) {
      if (error instanceof ZooKeeperError && error.fault === 'NO_NODE') return null;
      throw error;
    }
  }

  remove(path: string): Promise<void> {
    return this.#ask<void>(`remove ${path}`, (done) => this.#client.remove(path, done));
  }

  children(path: string): Promise<readonly string[]> {
    return this.#ask(`list ${path}`, (done) => this.#client.getChildren(path, done));
  }

  async exists(path: string, changed?: () => void): Promise<boolean> {
    const watch =
      changed === undefined
        ? undefined
        : () => {
            if (this.#ended === null) changed();
          };
    return (await this.#ask<unknown>(`look for ${path}`, (done) => this.#client.exists(path, watch, done))) !== null;
  }

  commit(operations: readonly Operation[]): Promise<void> {
    const what = operations.map(({ type, path }) => `${type} ${path}`).join(', ');
    return this.#ask<void>(what, (done) => {
      const transaction = this.#client.transaction();
      for (const operation of operations)
        switch (operation.type) {
          case 'check':
            transaction.check(operation.path);
            break;
          case 'create':
            transaction.create(operation.path, operation.data);
            break;
          case 'set':
            transaction.setData(operation.path, operation.data);
            break;
          case 'remove':
            transaction.remove(operation.path);
            break;
        }
      transaction.commit((error, results) => {
        const refused = results?.findIndex(({ err = 0 }) => err !== 0 && err !== NOT_TRIED) ?? -1;
        done(error, undefined, Math.max(0, refused));
      });
    });
  }

  whenConnected(): Promise<void> {
    if (this.#ended !== null) return Promise.reject(this.#endError(this.#ended));
    if (this.#connected) return Promise.resolve();
    return new Promise((resolve, reject) => {
      this.#waiting.add({ resolve, reject });
    });
  }

  close(): Promise<void> {
    this.#end('it was closed', true);
    return this.#closed ?? Promise.resolve();
  }

  // Below: the package's ways

  #ask<T>(
    what: string,
    send: (done: (error: PackageError | null | undefined, value?: T, operation?: number) => void) => void,
  ): Promise<T> {
    if (this.#ended !== null) return Promise.reject(this.#endError(this.#ended));
    if (!this.#connected) return Promise.reject(this.#lost(what));
    return new Promise((resolve, reject) => {
      const ask: Ask = { what, sentAt: this.#clock.now(), reject };
      this.#asks.add(ask);
      try {
        send((error, value, operation = 0) => {
          if (!this.#asks.delete(ask)) return;
          if (!error) {
            this.#heard(ask.sentAt);
            resolve(value as T); // what the package gives when there is no error
            return;
          }
          const fault = FAULTS.get(error.code) ?? 'OTHER';
          if (fault === 'CONNECTION_LOSS') reject(this.#lost(what));
          else {
            if (fault !== 'SESSION_ENDED') this.#heard(ask.sentAt);
            const message = `ZooKeeper (${this.#servers}) refuses to ${what}: ${error.message}`;
            reject(new ZooKeeperError(fault, message, { cause: error, operation }));
          }
        });
      } catch (cause) {
        // An argument that the package does not take: it has not been sent.
        this.#asks.delete(ask);
        const why = cause instanceof Error ? cause.message : String(cause);
        reject(new ZooKeeperError('OTHER', `cannot ${what} in ZooKeeper: ${why}`, { cause }));
      }
    });
  }

  #lost(what: string): ZooKeeperError {
    return new ZooKeeperError(
      'CONNECTION_LOSS',
      `cannot ${what}: the connection to ZooKeeper (${this.#servers}) is lost`,
    );
  }

  #endError(why: string): ZooKeeperError {
    return new ZooKeeperError('SESSION_ENDED', `the session with ZooKeeper (${this.#servers}) has ended: ${why}`);
  }

  #heard(sentAt: number): void {
    if (this.#ended !== null || sentAt < this.heardAt) return;
    this.heardAt = sentAt;
    if (this.#isOpen) this.#listener.renewed?.(sentAt);
  }

  #stateChanged(state: string): void {
    if (this.#ended !== null) return;
    if (state === 'SYNC_CONNECTED') this.#linked();
    else if (state === 'DISCONNECTED') this.#unlinked();
    else if (state === 'EXPIRED') this.#end('it has expired', false);
    else if (state === 'AUTH_FAILED') this.#end('the servers refuse its credentials', false);
  }

  #linked(): void {
    this.#connected = true;
    this.#tryingSince = this.#clock.now();
    this.timeoutMs = this.#client.getSessionTimeout();
    this.id = this.#client.getSessionId().toString('hex');
    // The first answer, not the link, says that the session lives.
    this.#probe().then(
      () => {
        if (this.#ended !== null) return;
        if (this.#isOpen) this.#listener.reconnected?.();
        this.#isOpen = true;
        this.#settleOpened.resolve();
      },
      () => {}, // the link is gone again
    );
    for (const { resolve } of this.#waiting) resolve();
    this.#waiting.clear();
  }

  #unlinked(): void {
    const { connectionManager } = this.#client;
    this.#forgetLink();
    connectionManager.packetQueue.queue = [];
    const was = this.#connected;
    this.#connected = false;
    this.#tryingSince = this.#clock.now();
    for (const { reject, what } of this.#asks) reject(this.#lost(what));
    this.#asks.clear();
    if (was && this.#isOpen) this.#listener.disconnected?.();
  }

  #probe(): Promise<boolean> {
    return this.exists('/');
  }

  #tickLater(): void {
    this.#cancelTick = this.#clock.after(Math.max(1, this.timeoutMs / 6), () => this.#tick(), true);
  }

  #tick(): void {
    const now = this.#clock.now();
    if (this.#isOpen && now - this.heardAt >= this.timeoutMs) {
      this.#end(`no server has answered for ${this.timeoutMs} ms`, false);
      return;
    }
    let oldest = this.#connected ? now : this.#tryingSince;
    for (const { sentAt } of this.#asks) oldest = Math.min(oldest, sentAt);
    if (now - oldest >= this.timeoutMs / 3) {
      this.#tryingSince = now;
      this.#client.connectionManager.socket?.destroy();
    } else if (this.#connected) this.#probe().catch(() => {}); // its answer is heard; when there is none, that shows
    this.#tickLater();
  }

  #end(why: string, byUs: boolean): void {
    if (this.#ended !== null) return;
    this.#ended = why;
    this.#cancelTick();
    const error = this.#endError(why);
    for (const { reject } of this.#asks) reject(error);
    this.#asks.clear();
    for (const { reject } of this.#waiting) reject(error);
    this.#waiting.clear();
    this.#settleOpened.reject(error);
    this.#closed = this.#letGo();
    if (!byUs && this.#isOpen) this.#listener.ended?.(why);
  }

  #letGo(): Promise<void> {
    const { connectionManager: manager } = this.#client;
    const { socket } = manager;
    const linked = this.#connected && socket !== undefined && !socket.destroyed;
    this.#connected = false;
    if (!linked) {
      this.#forgetLink();
      manager.state = CLOSING;
      socket?.destroy();
      return Promise.resolve();
    }
    return new Promise((resolve) => {
      const cancel = this.#clock.after(CLOSE_LIMIT_MS, () => socket.destroy());
      socket.once('close', () => {
        cancel();
        resolve();
      });
      this.#client.close(); // the server closes the link when the session is gone
    });
  }

  /** What the package keeps of one link and would take for the next one's. */
  #forgetLink(): void {
    const { connectionManager: manager } = this.#client;
    manager.pendingBuffer = null;
    clearTimeout(manager.connectTimeoutHandler ?? undefined);
  }

  #mend(): void {
    const { connectionManager: manager } = this.#client;
    const read = manager.onSocketData;
    manager.onSocketData = (data) => {
      try {
        read.call(manager, data);
      } catch {
        manager.socket?.destroy();
      }
    };
    const find = manager.findNextServer;
    manager.findNextServer = (found) =>
      find.call(manager, (server) => {
        if (this.#ended !== null) return;
        this.#forgetLink();
        found(server);
      });
  }
}
