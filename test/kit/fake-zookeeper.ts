import type { Clock } from '../../src/base/clock.ts';
import { ZooKeeperError } from '../../src/zookeeper/zookeeper-error.ts';
import type {
  CreateMode,
  Operation,
  SessionListener,
  ZooKeeperSession,
} from '../../src/zookeeper/zookeeper-session.ts';

interface Node {
  data: Buffer;
  readonly owner: FakeSession | null;
  /** The number of the next sequential child. */
  next: number;
}

/** An ensemble in memory: the tree, sessions, watches. Every answer comes a turn later. */
export class FakeZooKeeper {
  readonly nodes = new Map<string, Node>([['/', { data: Buffer.alloc(0), owner: null, next: 0 }]]);
  readonly sessions: FakeSession[] = [];
  readonly clock: Clock;
  /** No new sessions while it is false. */
  isUp = true;

  constructor(clock: Clock) {
    this.clock = clock;
  }

  async connect(listener: SessionListener, timeoutMs = 9000): Promise<FakeSession> {
    if (!this.isUp) throw new ZooKeeperError('CONNECTION_LOSS', 'no ZooKeeper server of fake:1 has answered');
    const session = new FakeSession(this, `s${this.sessions.length + 1}`, timeoutMs, listener);
    this.sessions.push(session);
    return session;
  }

  children(path: string): string[] {
    const start = path === '/' ? '/' : `${path}/`;
    return [...this.nodes.keys()].flatMap((each) => {
      const name = each.startsWith(start) && each !== start ? each.slice(start.length) : '';
      return name === '' || name.includes('/') ? [] : [name];
    });
  }

  need(path: string): Node {
    const node = this.nodes.get(path);
    if (node === undefined) throw new ZooKeeperError('NO_NODE', `there is no ${path}`);
    return node;
  }

  create(path: string, data: Buffer, owner: FakeSession | null, sequential: boolean): string {
    const parent = this.need(path.slice(0, path.lastIndexOf('/')) || '/');
    const whole = sequential ? path + String(parent.next++).padStart(10, '0') : path;
    if (this.nodes.has(whole)) throw new ZooKeeperError('NODE_EXISTS', `${whole} is there`);
    this.nodes.set(whole, { data, owner, next: 0 });
    return whole;
  }

  remove(path: string): void {
    this.need(path);
    this.nodes.delete(path);
    for (const session of this.sessions) session.tell(path);
  }

  /** The ensemble ends it; its owner hears of it, unless it is asleep. */
  expire(session: FakeSession): void {
    session.isAlive = false;
    for (const [path, { owner }] of [...this.nodes]) if (owner === session) this.remove(path);
  }
}

export class FakeSession implements ZooKeeperSession {
  readonly id: string;
  readonly timeoutMs: number;
  heardAt: number;
  /** The ensemble has it. */
  isAlive = true;
  isClosed = false;
  /** The next so many asks are done, but their answer is lost with the link. */
  loseAnswers = 0;
  /** The next so many asks are lost with the link. */
  loseAsks = 0;
  readonly listener: SessionListener;
  readonly #ensemble: FakeZooKeeper;
  readonly #watches = new Map<string, () => void>();

  constructor(ensemble: FakeZooKeeper, id: string, timeoutMs: number, listener: SessionListener) {
    this.#ensemble = ensemble;
    this.id = id;
    this.timeoutMs = timeoutMs;
    this.listener = listener;
    this.heardAt = ensemble.clock.now();
  }

  tell(path: string): void {
    const watch = this.#watches.get(path);
    this.#watches.delete(path);
    if (this.isAlive && watch !== undefined) setImmediate(watch);
  }

  /** It hears that it has ended. */
  wake(): void {
    if (!this.isAlive && !this.isClosed) this.listener.ended?.('it has expired');
  }

  create(path: string, data: Buffer, mode: CreateMode): Promise<string> {
    const ephemeral = mode === 'ephemeral-sequential';
    return this.#ask(() => this.#ensemble.create(path, data, ephemeral ? this : null, ephemeral));
  }

  makePath(path: string): Promise<void> {
    return this.#ask(() => {
      const names = path.split('/').slice(1);
      for (let i = 1; i <= names.length; i++) {
        const part = `/${names.slice(0, i).join('/')}`;
        if (!this.#ensemble.nodes.has(part)) this.#ensemble.create(part, Buffer.alloc(0), null, false);
      }
    });
  }

  set(path: string, data: Buffer): Promise<void> {
    return this.commit([{ type: 'set', path, data }]);
  }

  get(path: string): Promise<Buffer | null> {
    return this.#ask(() => this.#ensemble.nodes.get(path)?.data ?? null);
  }

  remove(path: string): Promise<void> {
    return this.commit([{ type: 'remove', path }]);
  }

  children(path: string): Promise<readonly string[]> {
    return this.#ask(() => {
      this.#ensemble.need(path);
      return this.#ensemble.children(path).reverse();
    });
  }

  exists(path: string, changed?: () => void): Promise<boolean> {
    return this.#ask(() => {
      if (changed !== undefined) this.#watches.set(path, changed);
      return this.#ensemble.nodes.has(path);
    });
  }

  commit(operations: readonly Operation[]): Promise<void> {
    return this.#ask(() => {
      const before = new Map(this.#ensemble.nodes);
      operations.forEach((operation, index) => {
        try {
          const { path } = operation;
          if (operation.type === 'create') this.#ensemble.create(path, operation.data, null, false);
          else if (operation.type === 'remove') this.#ensemble.remove(path);
          else {
            const node = this.#ensemble.need(path);
            if (operation.type === 'set') this.#ensemble.nodes.set(path, { ...node, data: operation.data });
          }
        } catch (error) {
          this.#ensemble.nodes.clear();
          for (const [path, node] of before) this.#ensemble.nodes.set(path, node);
          const fault = error instanceof ZooKeeperError ? error.fault : 'OTHER';
          throw new ZooKeeperError(fault, String(error), { operation: index });
        }
      });
    });
  }

  whenConnected(): Promise<void> {
    return this.isAlive && !this.isClosed ? Promise.resolve() : Promise.reject(this.#ended());
  }

  async close(): Promise<void> {
    this.isClosed = true;
    this.#ensemble.expire(this);
  }

  async #ask<T>(act: () => T): Promise<T> {
    await new Promise(setImmediate);
    if (!this.isAlive || this.isClosed) throw this.#ended();
    const lost = new ZooKeeperError('CONNECTION_LOSS', 'the connection is lost');
    if (this.loseAsks > 0) {
      this.loseAsks--;
      throw lost;
    }
    const answer = act();
    if (this.loseAnswers > 0) {
      this.loseAnswers--;
      throw lost;
    }
    return answer;
  }

  #ended(): ZooKeeperError {
    return new ZooKeeperError('SESSION_ENDED', 'the session has ended');
  }
}
