import assert from 'node:assert/strict';
import { test } from 'node:test';
import { silentLogger } from '../../../src/base/logger.ts';
import { type SeededRandom, seededRandom } from '../../../src/base/seeded-random.ts';
import {
  type ElectionEffect,
  type ElectionEvent,
  ZooKeeperLeaderElection,
} from '../../../src/deploy/recovery/zookeeper-leader-election.ts';

type Event = ElectionEvent extends infer E ? (E extends unknown ? Omit<E, 'at'> : never) : never;
type Step =
  Exclude<Event, { type: 'Start' | 'Stop' | 'Woken' | 'Refused' }> extends infer E
    ? E extends unknown
      ? Omit<E, 'session'>
      : never
    : never;

const TIMEOUT = 9000;
const CERTAIN = 6000;

/** A participant whose events go in by hand. */
class Participant {
  readonly machine = new ZooKeeperLeaderElection(silentLogger);
  at = 0;
  effects: ElectionEffect[] = [];
  /** Of all effects: what was said to the master. */
  readonly said: string[] = [];
  session = 0;

  handle(event: Event): this {
    this.effects = this.machine.handle({ ...event, at: this.at } as ElectionEvent);
    this.machine.checkInvariants();
    for (const effect of this.effects) {
      if (effect.type === 'OpenSession') this.session = effect.session;
      if (effect.type === 'Elected' || effect.type === 'Revoked') this.said.push(effect.type);
    }
    return this;
  }

  /** In the session that was opened last. */
  in(event: Step, session = this.session): this {
    return this.handle({ ...event, session } as Event);
  }

  /** What is wanted now, but for alarms. */
  get wants(): string[] {
    return this.effects.flatMap((effect) => {
      if (effect.type === 'WakeAt') return [];
      return [effect.type + ('name' in effect ? ` ${effect.name}` : 'prefix' in effect ? ` ${effect.prefix}` : '')];
    });
  }

  open(id = 's1'): this {
    return this.in({ type: 'SessionOpened', id, timeoutMs: TIMEOUT, heardAt: this.at });
  }

  list(...names: string[]): this {
    return this.in({ type: 'Listed', names });
  }

  watched(name: string, exists = true): this {
    return this.in({ type: 'Watched', name, exists });
  }
}

const node = (session: string, number: number): string => `_c_${session}-latch-${String(number).padStart(10, '0')}`;
const OWN = node('s1', 5);
const OTHER = node('s0', 4);

/** Has asked for its node. */
function joined(): Participant {
  const it = new Participant();
  assert.deepEqual(it.handle({ type: 'Start' }).wants, ['OpenSession']);
  assert.deepEqual(it.open().wants, ['List']);
  assert.deepEqual(it.list('something-else').wants, ['Create _c_s1-latch-']);
  return it;
}

/** Watches the one before it. */
function waiting(): Participant {
  const it = joined();
  assert.deepEqual(it.in({ type: 'Created', name: OWN }).wants, ['List']);
  assert.deepEqual(it.list(node('s9', 9), OWN, node('s3', 3), OTHER).wants, [`Watch ${OWN}`, `Watch ${OTHER}`]);
  it.watched(OWN).watched(OTHER);
  return it;
}

function leading(): Participant {
  const it = joined();
  it.in({ type: 'Created', name: OWN });
  it.list(OWN, node('s9', 9));
  assert.deepEqual(it.watched(OWN).wants, ['Elected']);
  return it;
}

test('who is alone leads as soon as its node is there and watched', () => {
  const it = leading();
  assert.equal(it.machine.node, OWN);
  assert.deepEqual(it.effects.at(-1), { type: 'WakeAt', at: CERTAIN });
  assert.ok(it.machine.leads(CERTAIN - 1));
  assert.ok(!it.machine.leads(CERTAIN));
});

test('everybody else watches the one before it, and only that one', () => {
  const it = waiting();
  assert.deepEqual(it.said, []);
  assert.equal(it.machine.node, null);
  // The end of the one before that is no news here.
  assert.deepEqual(it.in({ type: 'Changed', name: node('s3', 3) }).wants, []);
});

test('the end of the one before makes a leader of who is first then', () => {
  const it = waiting();
  assert.deepEqual(it.in({ type: 'Changed', name: OTHER }).wants, ['List']);
  assert.deepEqual(it.list(OWN, node('s9', 9)).wants, ['Elected']);
});

test('the end of a standby before it moves the watch on', () => {
  const it = waiting();
  it.in({ type: 'Changed', name: OTHER });
  assert.deepEqual(it.list(OWN, node('s3', 3)).wants, [`Watch ${node('s3', 3)}`]);
  assert.deepEqual(it.watched(node('s3', 3), false).wants, ['List']); // gone before it could be watched
  assert.deepEqual(it.list(OWN).wants, ['Elected']);
});

test('an own node that was removed is made again by who waits, and ends who leads', () => {
  const it = waiting();
  assert.deepEqual(it.in({ type: 'Changed', name: OWN }).wants, ['List']);
  assert.deepEqual(it.list(OTHER).wants, ['Create _c_s1-latch-']);
  assert.deepEqual(it.in({ type: 'Created', name: node('s1', 7) }).wants, ['List']);
  assert.deepEqual(it.list(OTHER, node('s1', 7)).wants, [`Watch ${node('s1', 7)}`]);
  const leader = leading();
  assert.deepEqual(leader.in({ type: 'Changed', name: OWN }).wants, [`Watch ${OWN}`]);
  assert.ok(leader.machine.leads(1)); // its data was changed, perhaps
  assert.deepEqual(leader.watched(OWN, false).wants, ['Revoked']);
  assert.deepEqual(leader.in({ type: 'Changed', name: OWN }).wants, []);
});

test('an own node that is gone before it is watched is made again', () => {
  const it = joined();
  it.in({ type: 'Created', name: OWN });
  it.list(OWN);
  assert.deepEqual(it.watched(OWN, false).wants, ['List']);
  assert.deepEqual(it.list().wants, ['Create _c_s1-latch-']);
  assert.deepEqual(it.said, []);
});

test('a node whose creation was not answered is found again, and of two the lower counts', () => {
  const it = joined();
  const lost = { type: 'Failed', name: '', lost: true, message: 'link' } as const;
  assert.deepEqual(it.in({ ...lost, what: 'create' }).wants, ['AwaitConnection']);
  assert.deepEqual(it.in({ ...lost, what: 'create' }).wants, []);
  assert.deepEqual(it.in({ type: 'Connected' }).wants, ['List']);
  assert.deepEqual(it.list(OTHER).wants, ['Create _c_s1-latch-']); // it was not done; but what if it is late
  it.in({ type: 'Created', name: node('s1', 6) });
  assert.deepEqual(it.list(node('s1', 6), OWN, OTHER).wants, [`Watch ${OWN}`, `Watch ${OTHER}`]);
  it.watched(OWN).watched(OTHER);
  it.in({ type: 'Changed', name: OTHER });
  assert.deepEqual(it.list(node('s1', 6), OWN).wants, ['Elected']);
  assert.equal(it.machine.node, OWN);
});

test('a list that was lost is asked for again when the link is back, and not before', () => {
  const it = waiting();
  it.in({ type: 'Changed', name: OTHER });
  it.in({ type: 'Failed', what: 'list', name: '', lost: true, message: 'link' });
  assert.deepEqual(it.wants, ['AwaitConnection']);
  assert.deepEqual(it.in({ type: 'Changed', name: OWN }).wants, []);
  assert.deepEqual(it.in({ type: 'Connected' }).wants, ['List']);
});

test('a watch that was lost is set again', () => {
  const it = joined();
  it.in({ type: 'Created', name: OWN });
  it.list(OWN, OTHER);
  it.in({ type: 'Failed', what: 'watch', name: OTHER, lost: true, message: 'link' });
  it.in({ type: 'Failed', what: 'watch', name: OWN, lost: true, message: 'link' });
  assert.deepEqual(it.in({ type: 'Connected' }).wants, ['List']);
  assert.deepEqual(it.list(OWN, OTHER).wants, [`Watch ${OWN}`, `Watch ${OTHER}`]);
});

test('a session that ends while waiting makes it join again in another one, whose news alone count', () => {
  const it = waiting();
  assert.deepEqual(it.in({ type: 'SessionEnded', message: 'expired' }).wants, ['OpenSession']);
  assert.equal(it.session, 2);
  const late: Step[] = [
    { type: 'Listed', names: [OWN] },
    { type: 'Watched', name: OWN, exists: true },
    { type: 'Changed', name: OTHER },
    { type: 'Renewed', heardAt: 5 },
    { type: 'Created', name: OWN },
    { type: 'Connected' },
    { type: 'SessionEnded', message: 'again' },
    { type: 'SessionFailed', message: 'late' },
    { type: 'Failed', what: 'list', name: '', lost: true, message: 'link' },
  ];
  for (const news of late) assert.deepEqual(it.in(news, 1).wants, [], news.type);
  assert.deepEqual(it.in({ type: 'SessionOpened', id: 's1', timeoutMs: 1, heardAt: 0 }, 1).wants, ['CloseSession']);
  assert.deepEqual(it.open('s2').wants, ['List']);
  // The node of the session before is somebody else's now: it has to end first.
  assert.deepEqual(it.list(OWN).wants, ['Create _c_s2-latch-']);
  it.in({ type: 'Created', name: node('s2', 8) });
  assert.deepEqual(it.list(OWN, node('s2', 8)).wants, [`Watch ${node('s2', 8)}`, `Watch ${OWN}`]);
});

test('sessions are tried again until one opens', () => {
  const it = new Participant();
  it.handle({ type: 'Start' });
  for (let i = 0; i < 3; i++) {
    it.in({ type: 'SessionFailed', message: 'nobody' });
    assert.deepEqual(it.effects, [{ type: 'WakeAt', at: it.at + 1000 }]);
    it.at += 1000;
    assert.deepEqual(it.handle({ type: 'Woken' }).wants, ['OpenSession']);
  }
  assert.deepEqual(it.open().wants, ['List']);
});

test('a leader whose session ends is revoked, once, whatever comes then', () => {
  const it = leading();
  assert.deepEqual(it.in({ type: 'SessionEnded', message: 'expired' }).wants, ['Revoked']);
  it.handle({ type: 'Woken' });
  it.in({ type: 'SessionEnded', message: 'expired' });
  it.handle({ type: 'Refused', name: OWN });
  assert.deepEqual(it.said, ['Elected', 'Revoked']);
  assert.ok(!it.machine.leads(1));
});

test('a leader that hears nothing for two thirds of its timeout steps down before another can be elected', () => {
  const it = leading();
  it.at = CERTAIN - 1;
  assert.deepEqual(it.handle({ type: 'Woken' }).wants, []);
  it.at = CERTAIN;
  assert.deepEqual(it.handle({ type: 'Woken' }).wants, ['Revoked']);
});

test('a leader that woke up too late steps down at the first event, whichever it is', () => {
  for (const news of [
    { type: 'Changed', name: OTHER },
    { type: 'Connected' },
    { type: 'Renewed', heardAt: 100 },
  ] as const) {
    const it = leading();
    it.at = 50_000;
    assert.deepEqual(it.in(news).wants, ['Revoked']);
  }
});

test('an answer counts from when its question was sent', () => {
  const it = leading();
  it.at = 5000;
  it.in({ type: 'Renewed', heardAt: 4000 });
  assert.deepEqual(it.effects, [{ type: 'WakeAt', at: 4000 + CERTAIN }]);
  it.in({ type: 'Renewed', heardAt: 3000 });
  assert.deepEqual(it.effects, [{ type: 'WakeAt', at: 4000 + CERTAIN }]);
  assert.ok(it.machine.leads(9999));
  assert.ok(!it.machine.leads(10_000));
  // A late one in the same session says that it has lived all the time.
  it.at = 10_500;
  assert.deepEqual(it.in({ type: 'Renewed', heardAt: 10_400 }).wants, []);
  assert.ok(it.machine.leads(10_500));
});

test('a short break of the link changes nothing for a leader', () => {
  const it = leading();
  it.at = 1000;
  it.in({ type: 'Changed', name: OWN });
  it.in({ type: 'Failed', what: 'watch', name: OWN, lost: true, message: 'link' });
  assert.deepEqual(it.wants, ['AwaitConnection']);
  it.at = 2000;
  assert.deepEqual(it.in({ type: 'Connected' }).wants, [`Watch ${OWN}`]);
  it.watched(OWN);
  it.in({ type: 'Renewed', heardAt: 2000 });
  assert.deepEqual(it.said, ['Elected']);
});

test('who is first but not certain is not elected before the next answer', () => {
  const it = waiting();
  it.at = CERTAIN + 100;
  it.in({ type: 'Changed', name: OTHER });
  assert.deepEqual(it.list(OWN).wants, []);
  assert.deepEqual(it.in({ type: 'Renewed', heardAt: CERTAIN + 50 }).wants, ['Elected']);
});

test('a refused write ends the leader it was refused to', () => {
  const it = leading();
  assert.deepEqual(it.handle({ type: 'Refused', name: OTHER }).wants, []);
  assert.deepEqual(it.handle({ type: 'Refused', name: OWN }).wants, ['Revoked']);
});

test('a directory that is not there is made with the node', () => {
  const it = new Participant();
  it.handle({ type: 'Start' }).open();
  it.in({ type: 'Failed', what: 'list', name: '', lost: false, message: 'NO_NODE' });
  assert.deepEqual(it.wants, ['Create _c_s1-latch-']);
});

test('what is refused is tried again after a second', () => {
  const it = joined();
  it.in({ type: 'Failed', what: 'create', name: '', lost: false, message: 'NO_AUTH' });
  assert.deepEqual(it.effects, [{ type: 'WakeAt', at: 1000 }]);
  it.at = 1000;
  assert.deepEqual(it.handle({ type: 'Woken' }).wants, ['List']);
  assert.deepEqual(it.list().wants, ['Create _c_s1-latch-']);
  const leader = leading();
  leader.in({ type: 'Changed', name: OWN });
  leader.in({ type: 'Failed', what: 'watch', name: OWN, lost: false, message: 'NO_AUTH' });
  assert.deepEqual(leader.in({ type: 'Renewed', heardAt: 0 }).wants, [`Watch ${OWN}`]);
});

test('stop closes the session, and whatever opens later', () => {
  for (const it of [waiting(), leading()]) {
    assert.deepEqual(it.handle({ type: 'Stop' }).wants, ['CloseSession']);
    assert.ok(!it.machine.leads(0));
    assert.deepEqual(it.in({ type: 'SessionEnded', message: 'closed' }).wants, []);
    assert.deepEqual(it.handle({ type: 'Stop' }).wants, []);
  }
  const opening = new Participant().handle({ type: 'Start' });
  assert.deepEqual(opening.handle({ type: 'Stop' }).wants, []);
  assert.deepEqual(opening.open().wants, ['CloseSession']);
  const never = new Participant();
  assert.deepEqual(never.handle({ type: 'Stop' }).wants, []);
  assert.deepEqual(never.handle({ type: 'Start' }).wants, []);
});

/** Participants and an ensemble of lists: links break, sessions expire, answers are late or lost, processes sleep. */
class Ensemble {
  readonly random: SeededRandom;
  readonly people: {
    it: Participant;
    alive: boolean;
    asleepUntil: number;
    inbox: { at: number; event: Step; session: number }[];
  }[] = [];
  /** name → its session's key */
  readonly nodes = new Map<string, string>();
  /** key → when the ensemble ends it */
  readonly sessions = new Map<string, { until: number; watches: Set<string> }>();
  /** Nodes that somebody from outside has removed. */
  readonly robbed = new Set<string>();
  at = 0;
  #numbers = 0;

  constructor(seed: number) {
    this.random = seededRandom(seed);
  }

  join(): void {
    const it = new Participant();
    it.at = this.at;
    this.people.push({ it, alive: true, asleepUntil: 0, inbox: [] });
    this.do(this.people.length - 1, { type: 'Start' } as Event);
  }

  key(who: number, session: number): string {
    return `p${who}x${session}`;
  }

  tell(who: number, session: number, event: Step): void {
    const inbox = this.people[who]?.inbox;
    const before = inbox?.at(-1)?.at ?? 0; // late, but in order
    inbox?.push({ at: Math.max(before, this.at + Math.floor(this.random.next() * 300)), event, session });
  }

  /** The participant hears of it at once. */
  do(who: number, event: Event): void {
    const person = this.people[who];
    if (person === undefined) return;
    person.it.at = this.at;
    person.it.handle(event);
    for (const effect of person.it.effects) this.effect(who, effect);
  }

  effect(who: number, effect: ElectionEffect): void {
    if (!('session' in effect)) return;
    const { session } = effect;
    const key = this.key(who, session);
    if (effect.type === 'OpenSession') {
      if (this.random.next() < 0.2) this.tell(who, session, { type: 'SessionFailed', message: 'nobody' });
      else {
        this.sessions.set(key, { until: this.at + TIMEOUT, watches: new Set() });
        this.tell(who, session, { type: 'SessionOpened', id: key, timeoutMs: TIMEOUT, heardAt: this.at });
      }
      return;
    }
    if (effect.type === 'CloseSession') {
      this.expire(key);
      return;
    }
    const state = this.sessions.get(key);
    if (state === undefined) return; // the participant hears that it has ended
    if (effect.type === 'AwaitConnection') this.tell(who, session, { type: 'Connected' });
    else {
      const what = effect.type === 'Create' ? 'create' : effect.type === 'List' ? 'list' : 'watch';
      const name = 'name' in effect ? effect.name : '';
      const failed: Step = { type: 'Failed', what, name, lost: true, message: 'link' };
      const fate = this.random.next();
      if (fate < 0.1) {
        this.tell(who, session, failed);
        return;
      }
      const answer = this.answer(effect, key, state);
      this.tell(who, session, fate < 0.2 ? failed : answer); // done, but nobody hears it
    }
  }

  answer(effect: ElectionEffect, key: string, state: { watches: Set<string> }): Step {
    if (effect.type === 'Create') {
      const name = effect.prefix + String(this.#numbers++).padStart(10, '0');
      this.nodes.set(name, key);
      return { type: 'Created', name };
    }
    if (effect.type === 'List') return { type: 'Listed', names: [...this.nodes.keys()] };
    assert.ok(effect.type === 'Watch');
    const exists = this.nodes.has(effect.name);
    if (exists) state.watches.add(effect.name);
    return { type: 'Watched', name: effect.name, exists };
  }

  remove(name: string): void {
    if (!this.nodes.delete(name)) return;
    for (const [key, { watches }] of this.sessions)
      if (watches.delete(name)) {
        const [, who, session] = /^p(\d+)x(\d+)$/.exec(key) ?? [];
        this.tell(Number(who), Number(session), { type: 'Changed', name });
      }
  }

  expire(key: string): void {
    if (!this.sessions.delete(key)) return;
    for (const [name, owner] of [...this.nodes]) if (owner === key) this.remove(name);
  }

  step(weather: 'storm' | 'clear'): void {
    this.at += Math.floor(this.random.next() * 400);
    for (const [key, { until }] of [...this.sessions]) if (this.at >= until) this.expire(key);
    this.people.forEach((person, who) => {
      if (!person.alive || person.asleepUntil > this.at) return;
      const { it } = person;
      const due = person.inbox.filter(({ at }) => at <= this.at);
      person.inbox = person.inbox.filter(({ at }) => at > this.at);
      for (const { event, session } of due) this.do(who, { ...event, session } as Event);
      const key = this.key(who, it.session);
      const state = this.sessions.get(key);
      if (state === undefined) {
        if (it.machine.session === it.session)
          this.do(who, { type: 'SessionEnded', message: 'expired', session: it.session } as Event);
      } else if (weather === 'clear' || this.random.next() < 0.6) {
        state.until = this.at + TIMEOUT;
        this.do(who, { type: 'Renewed', heardAt: this.at, session: it.session } as Event);
      }
      this.do(who, { type: 'Woken' });
      const { said } = it;
      if (said.includes('Revoked')) {
        person.alive = false; // its process ends
        this.expire(key);
      } else if (weather === 'storm' && this.random.next() < 0.02)
        person.asleepUntil = this.at + this.random.next() * 20_000;
      else if (weather === 'storm' && this.random.next() < 0.01) person.alive = false; // kill -9
    });
    if (weather === 'storm' && this.random.next() < 0.01) {
      const names = [...this.nodes.keys()];
      const name = names[Math.floor(this.random.next() * names.length)];
      if (name !== undefined) {
        this.robbed.add(name);
        this.remove(name);
      }
    }
    // Whose node somebody has removed hears of it later: until then its writes are refused.
    const leaders = this.people.filter(
      ({ it, alive }) => alive && it.machine.leads(this.at) && !this.robbed.has(it.machine.node ?? ''),
    );
    assert.ok(leaders.length <= 1, `two lead at ${this.at}`);
  }
}

test('whatever the weather, no two lead; and when it clears up, one does', () => {
  const first = Number(process.env['ISKRA_SEED'] ?? 1);
  let elections = 0;
  for (let seed = first; seed < first + 60; seed++) {
    const ensemble = new Ensemble(seed);
    for (let i = 0; i < 4; i++) ensemble.join();
    for (let i = 0; i < 300; i++) {
      ensemble.step('storm');
      while (ensemble.people.filter(({ alive }) => alive).length < 3) ensemble.join();
    }
    for (let i = 0; i < 200; i++) ensemble.step('clear');
    for (const { it } of ensemble.people) {
      assert.ok(['', 'Elected', 'Elected,Revoked'].includes(it.said.join()), `seed ${seed}: ${it.said.join()}`);
      elections += it.said.includes('Elected') ? 1 : 0;
    }
    const leaders = ensemble.people.filter(({ alive, it }) => alive && it.machine.leads(ensemble.at));
    assert.equal(leaders.length, 1, `seed ${seed}`);
  }
  assert.ok(elections > 200, `only ${elections} elections: too calm`);
});
