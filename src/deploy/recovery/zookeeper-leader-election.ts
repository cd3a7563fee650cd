import { assertNever } from '../../base/assert-never.ts';
import type { EpochMs } from '../../base/clock.ts';
import { InvariantError } from '../../base/errors.ts';
import type { Logger } from '../../base/logger.ts';

/** How much of a session's timeout may pass without an answer before a leader steps down. See `ZooKeeperLeaderElection`. */
const CERTAIN_PART = 2 / 3;
/** Before another session is tried, and before something that was refused is tried again. */
const RETRY_MS = 1000;
const PARTICIPANT = /-latch-(\d{10})$/;

type InSession =
  /** It lives; `heardAt` is when the latest request was sent that has been answered. */
  | { readonly type: 'SessionOpened'; readonly id: string; readonly timeoutMs: number; readonly heardAt: number }
  | { readonly type: 'SessionFailed'; readonly message: string }
  | { readonly type: 'SessionEnded'; readonly message: string }
  | { readonly type: 'Renewed'; readonly heardAt: number }
  /** The link is there (again). */
  | { readonly type: 'Connected' }
  | { readonly type: 'Listed'; readonly names: readonly string[] }
  | { readonly type: 'Created'; readonly name: string }
  /** A node was looked for, and is watched from then on if it exists. */
  | { readonly type: 'Watched'; readonly name: string; readonly exists: boolean }
  /** A watched node was removed or changed. */
  | { readonly type: 'Changed'; readonly name: string }
  /** `lost`: the link broke, and it may have been done. */
  | {
      readonly type: 'Failed';
      readonly what: 'list' | 'create' | 'watch';
      readonly name: string;
      readonly lost: boolean;
      readonly message: string;
    };

/** All that can happen. Times are of a clock that nobody sets. Sessions are numbered. */
export type ElectionEvent = { readonly at: EpochMs } & (
  | { readonly type: 'Start' }
  | ({ readonly session: number } & InSession)
  /** A write was refused because the leader's node is gone. */
  | { readonly type: 'Refused'; readonly name: string }
  | { readonly type: 'Woken' }
  | { readonly type: 'Stop' }
);

export type ElectionEffect =
  | { readonly type: 'OpenSession'; readonly session: number }
  | { readonly type: 'CloseSession'; readonly session: number }
  /** Answered with Connected. */
  | { readonly type: 'AwaitConnection'; readonly session: number }
  /** A node of the session, with a number behind the prefix; the directory, too, if it is not there. */
  | { readonly type: 'Create'; readonly session: number; readonly prefix: string }
  | { readonly type: 'List'; readonly session: number }
  | { readonly type: 'Watch'; readonly session: number; readonly name: string }
  | { readonly type: 'Elected' }
  | { readonly type: 'Revoked'; readonly message: string }
  /** There is one alarm; a new one replaces it. */
  | { readonly type: 'WakeAt'; readonly at: EpochMs };

interface Session {
  readonly number: number;
  readonly id: string;
  readonly timeoutMs: number;
  heardAt: number;
  /** The own node, the lowest if a lost answer has made two. */
  own: string | null;
  /** The node before it; null: none, or not known. */
  before: string | null;
  readonly watched: Set<string>;
  readonly asked: Set<string>;
}

/**
 * Decides whether this process leads: a latch.
 *
 *   idle ─Start─► opening ─► joining ─► waiting ─► leading ─► ended
 *                    ▲──session ends────┴───┘         └─ in doubt, session ends, node gone ─► Revoked
 *
 * Each participant has a node of its session with a number behind its name. The one with the lowest leads; every other watches the one
 * before it, so that one end wakes one participant. A node's name has the id of its session in it: whoever lost the answer to its
 * creation finds it in the list, and no node of an older session is taken for the own one.
 *
 * Glossary: *certain*: the ensemble cannot have ended the session. It counts from when the request was sent that was answered
 * last, so for the timeout from then on; the last third is kept in reserve, for a server that has not passed on the sign of
 * life before it died, and for getting out of the way. A leader that is not certain does not act, and ends: nobody is elected before.
 *
 * When something fails. The link breaks: nothing changes, if it is back while the leader is certain. The session ends: a leader
 * is revoked, everybody else joins again in a new session. Somebody removes the own node: likewise. The directory is removed: it
 * is made again, by those who wait. News of an older session, and answers that came too late, count for nothing.
 *
 * Invariants:
 * 1. Elected comes once at most, Revoked only after it and once; nothing comes after Revoked or Stop but the closing of sessions.
 * 2. Who leads has a node, and knows of none before it.
 * 3. Who waits watches its own node and the one before, or is on
 *    its way to that: has asked, waits for the link, will try again.
 * 4. Who is not in a session asks for one, or will.
 *
 * Spark: ZooKeeperLeaderElectionAgent, on Curator's LeaderLatch
 */
export class ZooKeeperLeaderElection {
  readonly #log: Logger;
  #state: 'idle' | 'opening' | 'joining' | 'leading' | 'ended' = 'idle';
  /** Of the latest session that was asked for. */
  #number = 0;
  #session: Session | null = null;
  #awaiting = false;
  /** Something was refused: it is tried again when the alarm goes off. */
  #retry = false;
  /** How often the master was told something. */
  #said = 0;
  #at: EpochMs = 0;
  #effects: ElectionEffect[] = [];

  constructor(log: Logger) {
    this.#log = log;
  }

  handle(event: ElectionEvent): ElectionEffect[] {
    this.#at = event.at;
    this.#effects = [];
    // A late answer in the same session says that it has lived all the time.
    if (event.type === 'Renewed' && event.session === this.#session?.number)
      this.#session.heardAt = Math.max(this.#session.heardAt, event.heardAt);
    if (this.#state === 'leading' && !this.isCertain(event.at)) this.#revoke('no server has answered for too long');
    switch (event.type) {
      case 'Start':
        if (this.#state === 'idle') this.#open();
        break;
      case 'Stop':
        if (this.#session !== null) this.#effects.push({ type: 'CloseSession', session: this.#session.number });
        this.#session = null;
        this.#state = 'ended';
        break;
      case 'Woken':
        this.#woken();
        break;
      case 'Refused':
        if (this.#state === 'leading' && this.#session?.own === event.name) this.#revoke('its node was removed');
        break;
      default:
        this.#inSession(event);
    }
    return this.#effects;
  }

  /** The name of the node by which it leads; null when it does not. */
  get node(): string | null {
    return this.#state === 'leading' ? (this.#session?.own ?? null) : null;
  }

  /** The number of the session in use; null: none. */
  get session(): number | null {
    return this.#session?.number ?? null;
  }

  /** Whether it leads, and nobody else can. */
  leads(at: EpochMs): boolean {
    return this.#state === 'leading' && this.isCertain(at);
  }

  /** Whether the session cannot have ended at this time. */
  isCertain(at: EpochMs): boolean {
    return this.#session !== null && at < certainUntil(this.#session);
  }

  /** @throws InvariantError when one of the class comment's does not hold. */
  checkInvariants(): void {
    const fail = (rule: number, text: string): never => {
      throw new InvariantError(`election, rule ${rule}: ${text}`);
    };
    if (this.#said > 2) fail(1, `told the master ${this.#said} times`);
    const session = this.#session;
    if (this.#state === 'leading' && (session === null || session.own === null || session.before !== null))
      fail(2, `leads with the node ${session?.own} behind ${session?.before}`);
    if (session !== null && (this.#state === 'joining' || this.#state === 'leading')) {
      const { own, before, watched, asked } = session;
      const willLook = this.#awaiting || this.#retry || asked.has('list') || asked.has('create');
      const isSeen = (name: string | null): boolean => name === null || watched.has(name) || asked.has(name);
      if (!willLook && this.#state === 'joining' && own === null) fail(3, 'has no node, and has not asked for one');
      // A leader whose watch was refused asks again with the next answer.
      if (!willLook && this.#state === 'joining' && !(isSeen(own) && isSeen(before)))
        fail(3, `does not watch ${own} and ${before}`);
    }
    if (session === null && this.#state === 'joining') fail(4, 'has no session');
  }

  #inSession(event: Extract<ElectionEvent, { session: number }>): void {
    if (event.type === 'SessionOpened') {
      this.#opened(event);
      return;
    }
    if (this.#state === 'idle' || this.#state === 'ended' || event.session !== this.#number) return;
    if (event.type === 'SessionFailed') {
      if (this.#state !== 'opening') return;
      this.#log.warn(`${event.message}. Trying again.`);
      this.#wakeAfterRetry();
      return;
    }
    const session = this.#session;
    if (session === null) return;
    switch (event.type) {
      case 'SessionEnded':
        if (this.#state === 'leading') this.#revoke(event.message);
        else {
          this.#log.warn(`The session with ZooKeeper has ended: ${event.message}. Joining the election again.`);
          this.#open();
        }
        return;
      case 'Renewed':
        // It should watch its node, but that was refused.
        if (this.#state === 'leading') this.#examine(session);
        this.#maybeLead(session);
        return;
      case 'Connected':
        this.#awaiting = false;
        this.#examine(session);
        return;
      case 'Listed':
        session.asked.delete('list');
        if (this.#state === 'joining') this.#placed(session, event.names);
        return;
      case 'Created':
        session.asked.delete('create');
        this.#examine(session);
        return;
      case 'Watched':
        session.asked.delete(event.name);
        if (event.exists) session.watched.add(event.name);
        if (event.exists) this.#maybeLead(session);
        else this.#gone(session, event.name);
        return;
      case 'Changed':
        session.watched.delete(event.name);
        if (this.#state === 'leading' && event.name === session.own) this.#watch(session, event.name);
        else this.#gone(session, event.name);
        return;
      case 'Failed':
        session.asked.delete(event.what === 'watch' ? event.name : event.what);
        this.#failed(session, event);
        return;
      default:
        assertNever(event);
    }
  }

  #open(): void {
    this.#state = 'opening';
    this.#session = null;
    this.#awaiting = false;
    this.#retry = false;
    this.#number++;
    this.#effects.push({ type: 'OpenSession', session: this.#number });
  }

  #opened(event: Extract<ElectionEvent, { type: 'SessionOpened' }>): void {
    if (this.#state !== 'opening' || event.session !== this.#number) {
      this.#effects.push({ type: 'CloseSession', session: event.session }); // nobody waits for it any more
      return;
    }
    const { session: number, id, timeoutMs, heardAt } = event;
    this.#state = 'joining';
    this.#session = {
      number,
      id,
      timeoutMs,
      heardAt,
      own: null,
      before: null,
      watched: new Set(),
      asked: new Set(),
    };
    this.#examine(this.#session);
  }

  /** Looks where it stands. */
  #examine(session: Session): void {
    if (this.#awaiting) return;
    if (this.#state === 'leading') {
      if (session.own !== null) this.#watch(session, session.own);
    } else if (!session.asked.has('list') && !session.asked.has('create')) {
      session.asked.add('list');
      this.#effects.push({ type: 'List', session: session.number });
    }
  }

  #placed(session: Session, names: readonly string[]): void {
    const queue = names
      .flatMap((name) => {
        const number = PARTICIPANT.exec(name)?.[1];
        return number === undefined ? [] : [{ name, number }];
      })
      .sort((a, b) => (a.number < b.number ? -1 : a.number > b.number ? 1 : a.name < b.name ? -1 : 1));
    const prefix = prefixOf(session);
    const place = queue.findIndex(({ name }) => name.startsWith(prefix));
    const own = queue[place]?.name ?? null;
    session.own = own;
    session.before = place > 0 ? (queue[place - 1]?.name ?? null) : null;
    if (own === null) {
      if (session.asked.has('create')) return;
      session.asked.add('create');
      this.#effects.push({ type: 'Create', session: session.number, prefix });
      return;
    }
    this.#watch(session, own);
    if (session.before !== null) this.#watch(session, session.before);
    this.#maybeLead(session);
  }

  #watch(session: Session, name: string): void {
    if (session.watched.has(name) || session.asked.has(name)) return;
    session.asked.add(name);
    this.#effects.push({ type: 'Watch', session: session.number, name });
  }

  /** A node is not there any more, or has changed, so that it must be looked at. */
  #gone(session: Session, name: string): void {
    if (name !== session.own && name !== session.before) return;
    if (this.#state === 'leading') this.#revoke('its node was removed');
    else this.#examine(session);
  }

  #maybeLead(session: Session): void {
    const { own, before, watched } = session;
    if (this.#state === 'leading') {
      this.#effects.push({ type: 'WakeAt', at: certainUntil(session) });
      return;
    }
    // The list that had none before it may be old, but new ones come behind; and the node was seen after it.
    if (this.#state !== 'joining' || own === null || before !== null || !watched.has(own)) return;
    if (!this.isCertain(this.#at)) return; // with the next answer
    this.#state = 'leading';
    this.#said++;
    this.#log.info('We have gained leadership');
    this.#effects.push({ type: 'Elected' }, { type: 'WakeAt', at: certainUntil(session) });
  }

  #failed(session: Session, { lost, message, what }: Extract<ElectionEvent, { type: 'Failed' }>): void {
    if (lost) {
      if (this.#awaiting) return;
      this.#awaiting = true;
      this.#effects.push({ type: 'AwaitConnection', session: session.number });
      return;
    }
    // The directory is made together with the first node.
    if (what === 'list' && this.#state === 'joining' && !session.asked.has('create')) {
      session.asked.add('create');
      this.#effects.push({ type: 'Create', session: session.number, prefix: prefixOf(session) });
      return;
    }
    this.#log.warn(`The election cannot go on: ${message}. Trying again.`);
    if (this.#state !== 'leading') this.#wakeAfterRetry();
  }

  #wakeAfterRetry(): void {
    this.#retry = true;
    this.#effects.push({ type: 'WakeAt', at: this.#at + RETRY_MS });
  }

  #woken(): void {
    if (!this.#retry) return; // a leader's alarm: what it is for has been done already
    this.#retry = false;
    if (this.#state === 'opening') this.#open();
    else if (this.#session !== null) this.#examine(this.#session);
  }

  #revoke(why: string): void {
    this.#state = 'ended';
    this.#said++;
    const message = `We have lost leadership: ${why}`;
    this.#log.error(message);
    this.#effects.push({ type: 'Revoked', message });
  }
}

function certainUntil({ heardAt, timeoutMs }: Session): number {
  return heardAt + timeoutMs * CERTAIN_PART;
}

function prefixOf({ id }: Session): string {
  return `_c_${id}-latch-`;
}
