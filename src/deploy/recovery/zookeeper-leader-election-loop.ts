import type { Clock } from '../../base/clock.ts';
import type { Logger } from '../../base/logger.ts';
import { ZooKeeperError } from '../../zookeeper/zookeeper-error.ts';
import type { SessionListener, ZooKeeperSession } from '../../zookeeper/zookeeper-session.ts';
import type { LeaderElection, LeadershipListener } from './leader-election.ts';
import { type ElectionEffect, type ElectionEvent, ZooKeeperLeaderElection } from './zookeeper-leader-election.ts';

/** The right of a leader to write: its session, and the path of the node that is there as long as it leads. */
export interface Fence {
  readonly session: ZooKeeperSession;
  readonly path: string;
}

export interface ElectionOptions {
  readonly connect: (listener: SessionListener, signal: AbortSignal) => Promise<ZooKeeperSession>;
  /** Of the participants' nodes. */
  readonly directory: string;
  /** What a participant's node says about it, for those who look. */
  readonly name: string;
  /** One that nobody sets. */
  readonly clock: Clock;
  readonly log: Logger;
}

type WithoutTime<E> = E extends unknown ? Omit<E, 'at'> : never;

/** Takes part in an election at ZooKeeper: does what `ZooKeeperLeaderElection` decides. */
export class ZooKeeperLeaderElectionLoop implements LeaderElection {
  readonly #options: ElectionOptions;
  readonly #log: Logger;
  readonly #machine: ZooKeeperLeaderElection;
  readonly #sessions = new Map<number, ZooKeeperSession>();
  readonly #closing = new Set<Promise<void>>();
  readonly #given = new AbortController();
  readonly #queue: WithoutTime<ElectionEvent>[] = [];
  #working = false;
  #listener: LeadershipListener | null = null;
  #cancelAlarm: () => void = () => {};

  constructor(options: ElectionOptions) {
    this.#options = options;
    this.#log = options.log.named('ZooKeeperLeaderElection');
    this.#machine = new ZooKeeperLeaderElection(this.#log);
  }

  /** Opens the first session, so that a wrong address is said at the start. @throws ZooKeeperError that names the servers. */
  async open(): Promise<void> {
    const first = await this.#connect(1);
    this.#sessions.set(1, first);
  }

  start(listener: LeadershipListener): void {
    this.#listener = listener;
    // The listener is not called before this has returned.
    queueMicrotask(() => this.#hear({ type: 'Start' }));
  }

  leads(): boolean {
    return this.#machine.leads(this.#options.clock.now());
  }

  /** null: it does not lead. */
  get fence(): Fence | null {
    const { node, session: number } = this.#machine;
    const session = number === null ? undefined : this.#sessions.get(number);
    return node === null || session === undefined ? null : { session, path: `${this.#options.directory}/${node}` };
  }

  /** A write was refused because the node was gone: when this returns, the listener knows that it leads no more. */
  refused({ path }: Fence): void {
    this.#hear({ type: 'Refused', name: path.slice(path.lastIndexOf('/') + 1) });
  }

  async stop(): Promise<void> {
    this.#listener = null;
    this.#given.abort();
    this.#hear({ type: 'Stop' });
    for (const session of this.#sessions.values()) this.#close(session); // those that were never used
    this.#sessions.clear();
    this.#cancelAlarm();
    await Promise.all(this.#closing);
  }

  #hear(event: WithoutTime<ElectionEvent>): void {
    this.#queue.push(event);
    if (this.#working) return;
    this.#working = true;
    try {
      for (let next = this.#queue.shift(); next !== undefined; next = this.#queue.shift()) {
        const at = this.#options.clock.now();
        for (const effect of this.#machine.handle({ ...next, at } as ElectionEvent)) this.#do(effect); // an event with its time
      }
    } finally {
      this.#working = false;
    }
  }

  #do(effect: ElectionEffect): void {
    switch (effect.type) {
      case 'OpenSession':
        void this.#open(effect.session);
        break;
      case 'CloseSession': {
        const session = this.#sessions.get(effect.session);
        this.#sessions.delete(effect.session);
        if (session !== undefined) this.#close(session);
        break;
      }
      case 'AwaitConnection':
        void this.#ask(effect.session, 'list', '', async (session) => {
          await session.whenConnected();
          return { type: 'Connected' };
        });
        break;
      case 'Create':
        void this.#ask(effect.session, 'create', '', (session) => this.#create(session, effect.prefix));
        break;
      case 'List':
        void this.#ask(effect.session, 'list', '', async (session) => ({
          type: 'Listed',
          names: await session.children(this.#options.directory),
        }));
        break;
      case 'Watch':
        void this.#watch(effect.session, effect.name);
        break;
      case 'Elected':
        this.#listener?.elected();
        break;
      case 'Revoked':
        this.#listener?.revoked();
        break;
      case 'WakeAt':
        this.#cancelAlarm();
        this.#cancelAlarm = this.#options.clock.after(
          Math.max(0, effect.at - this.#options.clock.now()),
          () => this.#hear({ type: 'Woken' }),
          true,
        );
        break;
    }
  }

  async #open(number: number): Promise<void> {
    try {
      const session = this.#sessions.get(number) ?? (await this.#connect(number));
      // What is left of the ones before has ended.
      for (const each of this.#sessions.keys()) if (each !== number) this.#sessions.delete(each);
      this.#sessions.set(number, session);
      const { id, timeoutMs, heardAt } = session;
      this.#hear({ type: 'SessionOpened', session: number, id, timeoutMs, heardAt });
    } catch (error) {
      this.#hear({ type: 'SessionFailed', session: number, message: messageOf(error) });
    }
  }

  #connect(number: number): Promise<ZooKeeperSession> {
    const listener: SessionListener = {
      renewed: (heardAt) => this.#hear({ type: 'Renewed', session: number, heardAt }),
      disconnected: () => this.#log.warn('The connection to ZooKeeper is lost. Looking for a server.'),
      reconnected: () => this.#log.info('The connection to ZooKeeper is back, in the same session.'),
      ended: (message) => {
        this.#sessions.delete(number);
        this.#hear({ type: 'SessionEnded', session: number, message });
      },
    };
    return this.#options.connect(listener, this.#given.signal);
  }

  async #create(session: ZooKeeperSession, prefix: string): Promise<{ type: 'Created'; name: string }> {
    const { directory, name } = this.#options;
    await session.makePath(directory);
    const path = await session.create(`${directory}/${prefix}`, Buffer.from(name), 'ephemeral-sequential');
    return { type: 'Created', name: path.slice(path.lastIndexOf('/') + 1) };
  }

  async #watch(number: number, name: string): Promise<void> {
    const changed = (): void => this.#hear({ type: 'Changed', session: number, name });
    // The news may come together with the answer, and before it has got through to here.
    let answered = false;
    let early = false;
    const watch = (): void => {
      if (answered) changed();
      else early = true;
    };
    await this.#ask(number, 'watch', name, async (session) => {
      const exists = await session.exists(`${this.#options.directory}/${name}`, watch);
      return { type: 'Watched', name, exists };
    });
    answered = true;
    if (early) changed();
  }

  async #ask(
    number: number,
    what: 'list' | 'create' | 'watch',
    name: string,
    act: (
      session: ZooKeeperSession,
    ) => Promise<
      | { readonly type: 'Connected' }
      | { readonly type: 'Listed'; readonly names: readonly string[] }
      | { readonly type: 'Created'; readonly name: string }
      | { readonly type: 'Watched'; readonly name: string; readonly exists: boolean }
    >,
  ): Promise<void> {
    const session = this.#sessions.get(number);
    if (session === undefined) return; // it has ended, and that has been said
    try {
      this.#hear({ ...(await act(session)), session: number });
    } catch (error) {
      const fault = error instanceof ZooKeeperError ? error.fault : 'OTHER';
      if (fault === 'SESSION_ENDED') return; // the listener hears of it
      this.#hear({
        type: 'Failed',
        session: number,
        what,
        name,
        lost: fault === 'CONNECTION_LOSS',
        message: messageOf(error),
      });
    }
  }

  #close(session: ZooKeeperSession): void {
    const closing = session.close().finally(() => this.#closing.delete(closing));
    this.#closing.add(closing);
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
