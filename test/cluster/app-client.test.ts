import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { REGISTRATION_TIMEOUT_MS, StandaloneAppClient } from '../../src/cluster/standalone/app-client.ts';
import type { AppClientEffect, AppClientEvent } from '../../src/cluster/standalone/app-client-events.ts';
import type { ExecutorTotal, MasterToApp } from '../../src/protocol/master-client.ts';
import { app } from '../kit/master-machine.ts';
import { recordingLogger } from '../kit/rpc.ts';

type WithoutTime<E> = E extends unknown ? Omit<E, 'at'> : never;

const URL_1 = 'spark://m1:7077';
const URL_2 = 'spark://m2:7077';
const ADDED = {
  execId: 0,
  workerId: 'w1',
  hostPort: 'host-a:7000',
  workerWebUiUrl: 'http://host-a:8081',
  cores: 4,
  memory: 1024,
} as const;
const UPDATED = { execId: 0, message: null, exitStatus: null, workerHost: null } as const;

/** A client alone: events go in by hand, after each its invariants must hold. */
class Machine {
  readonly lines: string[] = [];
  readonly client: StandaloneAppClient;
  at = 1000;
  #asks = 0;

  constructor(...masters: string[]) {
    const options = { masters, app: app(), driverAddress: 'driver:5000' };
    this.client = new StandaloneAppClient(options, recordingLogger(this.lines));
  }

  handle(event: WithoutTime<AppClientEvent>): AppClientEffect[] {
    const effects = this.client.handle({ ...event, at: this.at } as AppClientEvent);
    this.client.checkInvariants();
    return effects;
  }

  start(): AppClientEffect[] {
    return this.handle({ type: 'Start' });
  }

  reached(master: string, connection = `c-${master}`): AppClientEffect[] {
    return this.handle({ type: 'Reached', master, connection });
  }

  from(from: string, message: MasterToApp): AppClientEffect[] {
    return this.handle({ type: 'FromMaster', from, message });
  }

  registered(): this {
    this.start();
    this.reached('m1:7077', 'c1');
    this.from('c1', { type: 'RegisteredApplication', appId: 'app-1', masterUrl: URL_1 });
    return this;
  }

  request(...totals: (Partial<ExecutorTotal> & { total: number | null })[]): AppClientEffect[] {
    const whole = totals.map((total) => ({ resourceProfileId: 0, demand: null, ...total }));
    return this.handle({ type: 'RequestExecutors', askId: this.#asks++, totals: whole });
  }

  /** The time of the alarm comes. */
  wake(): AppClientEffect[] {
    this.at += REGISTRATION_TIMEOUT_MS;
    return this.handle({ type: 'Woken' });
  }
}

const types = (effects: readonly AppClientEffect[]): string[] => effects.map(({ type }) => type);
const news = (effects: readonly AppClientEffect[]) => effects.flatMap((e) => (e.type === 'Tell' ? [e.news] : []));
const sent = (effects: readonly AppClientEffect[]) =>
  effects.flatMap((e) => (e.type === 'Send' ? [[e.connection, e.message] as const] : []));

describe('an application registers', () => {
  test('with all masters at the same time', () => {
    const machine = new Machine('m1:7077', 'm2:7077');
    assert.deepEqual(machine.start(), [
      { type: 'Connect', master: 'm1:7077' },
      { type: 'Connect', master: 'm2:7077' },
      { type: 'WakeAt', at: 21_000 },
    ]);
    for (const [master, connection] of [
      ['m1:7077', 'c1'],
      ['m2:7077', 'c2'],
    ] as const)
      assert.deepEqual(sent(machine.reached(master, connection)), [
        [connection, { type: 'RegisterApplication', app: app(), driverAddress: 'driver:5000' }],
      ]);
  });

  test('starting twice registers once', () => {
    const machine = new Machine('m1:7077');
    machine.start();
    assert.deepEqual(machine.start(), []);
  });

  test('once: the first answer ends the tries, and a master that is reached later hears nothing', () => {
    const machine = new Machine('m1:7077', 'm2:7077');
    machine.start();
    machine.reached('m1:7077', 'c1');
    const effects = machine.from('c1', { type: 'RegisteredApplication', appId: 'app-1', masterUrl: URL_1 });
    assert.deepEqual(effects, [
      { type: 'CancelWake' },
      { type: 'Tell', news: { type: 'Connected', appId: 'app-1', masterUrl: URL_1 } },
    ]);
    assert.equal(machine.client.appId, 'app-1');
    assert.deepEqual(machine.reached('m2:7077', 'c2'), []);
    assert.deepEqual(machine.handle({ type: 'NotReached', master: 'm2:7077', message: 'no', final: true }), []);
    assert.deepEqual(machine.wake(), []);
  });

  test('three times, 20 s apart, before it gives up; a standby that never answers is named', () => {
    const machine = new Machine('m1:7077', 'm2:7077');
    machine.start();
    for (let tries = 1; tries <= 2; tries++) {
      machine.reached('m1:7077', 'c1');
      machine.handle({ type: 'NotReached', master: 'm2:7077', message: 'connection refused', final: false });
      assert.deepEqual(types(machine.wake()), ['Connect', 'Connect', 'WakeAt']);
    }
    machine.handle({ type: 'NotReached', master: 'm2:7077', message: 'connection refused', final: false });
    const effects = machine.wake();
    assert.equal(machine.at, 61_000);
    assert.deepEqual(types(effects), ['CancelWake', 'Tell']);
    const reason =
      'All masters are unresponsive! Giving up. (spark://m1:7077: no answer to the registration; spark://m2:7077: connection refused)';
    assert.deepEqual(news(effects), [{ type: 'Dead', reason }]);
    assert.ok(machine.lines.includes(`Application has been killed. Reason: ${reason}`));
    assert.deepEqual(machine.wake(), []);
    assert.deepEqual(machine.reached('m1:7077'), []);
  });

  test('and gives up at once when every master refuses to speak to it', () => {
    const machine = new Machine('m1:7077', 'm2:7077');
    machine.start();
    const refused = { type: 'NotReached', message: 'not the same secret', final: true } as const;
    assert.deepEqual(machine.handle({ ...refused, master: 'm1:7077' }), []);
    const effects = machine.handle({ ...refused, master: 'm2:7077' });
    assert.match(JSON.stringify(news(effects)), /"Dead".*Giving up.*m1:7077: not the same secret; .*m2:7077: not the/);
  });

  test('with the master that comes up at the second try', () => {
    const machine = new Machine('m1:7077');
    machine.start();
    machine.handle({ type: 'NotReached', master: 'm1:7077', message: 'connection refused', final: false });
    machine.wake();
    assert.equal(sent(machine.reached('m1:7077', 'c1')).length, 1);
    machine.from('c1', { type: 'RegisteredApplication', appId: 'app-1', masterUrl: URL_1 });
    assert.equal(machine.client.appId, 'app-1');
  });

  test('again when the connection broke before the answer', () => {
    const machine = new Machine('m1:7077');
    machine.start();
    machine.reached('m1:7077', 'c1');
    assert.deepEqual(machine.handle({ type: 'Disconnected', connection: 'c1' }), []);
    assert.deepEqual(types(machine.wake()), ['Connect', 'WakeAt']);
    // What it said over that connection is over with it.
    assert.deepEqual(machine.from('c1', { type: 'RegisteredApplication', appId: 'app-0', masterUrl: URL_1 }), [
      { type: 'Send', connection: 'c1', message: { type: 'UnregisterApplication', appId: 'app-0' } },
    ]);
    machine.reached('m1:7077', 'c2');
    machine.from('c2', { type: 'RegisteredApplication', appId: 'app-1', masterUrl: URL_1 });
    assert.equal(machine.client.appId, 'app-1');
  });

  test('and a second master that takes it, too, is told to forget it', () => {
    const machine = new Machine('m1:7077', 'm2:7077');
    machine.start();
    machine.reached('m1:7077', 'c1');
    machine.reached('m2:7077', 'c2');
    machine.from('c1', { type: 'RegisteredApplication', appId: 'app-1', masterUrl: URL_1 });
    assert.deepEqual(machine.from('c1', { type: 'RegisteredApplication', appId: 'app-1', masterUrl: URL_1 }), []);
    assert.deepEqual(machine.from('c2', { type: 'RegisteredApplication', appId: 'app-7', masterUrl: URL_2 }), [
      { type: 'Send', connection: 'c2', message: { type: 'UnregisterApplication', appId: 'app-7' } },
    ]);
    assert.equal(machine.client.appId, 'app-1');
  });

  test('in vain when the master says what is wrong with it', () => {
    const machine = new Machine('m1:7077');
    machine.start();
    machine.reached('m1:7077', 'c1');
    assert.deepEqual(machine.from('c9', { type: 'ApplicationRemoved', message: 'nobody knows who says so' }), []);
    const effects = machine.from('c1', { type: 'ApplicationRemoved', message: 'an executor has at least 1 core' });
    assert.deepEqual(news(effects), [
      { type: 'Dead', reason: 'Master removed our application: an executor has at least 1 core' },
    ]);
  });

  test('and a master that calls before it is registered gets no answer', () => {
    const machine = new Machine('m1:7077');
    machine.start();
    assert.deepEqual(machine.from('c5', { type: 'MasterChanged', masterUrl: URL_2, masterWebUiUrl: '' }), []);
    assert.deepEqual(machine.from('c5', { type: 'ExecutorAdded', ...ADDED }), []);
  });
});

describe('a registered application', () => {
  test('hears of executors and workers', () => {
    const machine = new Machine('m1:7077').registered();
    assert.deepEqual(news(machine.from('c1', { type: 'ExecutorAdded', ...ADDED })), [
      { type: 'ExecutorAdded', ...ADDED },
    ]);
    assert.deepEqual(news(machine.from('c1', { type: 'ExecutorUpdated', ...UPDATED, state: 'RUNNING' })), [
      { type: 'ExecutorUpdated', ...UPDATED, state: 'RUNNING', message: '' },
    ]);
    const lost = { ...UPDATED, state: 'LOST', message: 'worker lost', workerHost: 'host-a' } as const;
    assert.deepEqual(news(machine.from('c1', { type: 'ExecutorUpdated', ...lost })), [
      { type: 'ExecutorUpdated', ...lost },
    ]);
    const removed = { type: 'WorkerRemoved', workerId: 'w1', host: 'host-a', message: 'gone' } as const;
    assert.deepEqual(news(machine.from('c1', removed)), [removed]);
  });

  test('warns once when executors fail in a row, and says why when its master gives it up', () => {
    const machine = new Machine('m1:7077').registered();
    const fail = (execId: number): void => {
      machine.from('c1', { type: 'ExecutorAdded', ...ADDED, execId });
      const message = 'Command exited with code 9';
      machine.from('c1', { type: 'ExecutorUpdated', ...UPDATED, execId, state: 'EXITED', message, exitStatus: 9 });
    };
    const last = (execId: number): string =>
      `executor ${execId} on host-a:7000: Command exited with code 9; what it wrote: http://host-a:8081/logPage/?appId=app-1&executorId=${execId}&logType=stderr`;
    const warnings = (): string[] =>
      machine.lines.filter((line) => line.includes('Executors end before they can work'));
    fail(0);
    machine.from('c1', { type: 'ExecutorAdded', ...ADDED, execId: 1 });
    machine.from('c1', { type: 'ExecutorUpdated', ...UPDATED, execId: 1, state: 'RUNNING' });
    fail(2);
    assert.deepEqual(warnings(), []);
    for (const execId of [3, 4, 5]) fail(execId);
    assert.equal(warnings().length, 1);
    assert.ok(warnings()[0]?.endsWith(`2 in a row; the last: ${last(3)}`));
    assert.deepEqual(news(machine.from('c1', { type: 'ApplicationRemoved', message: 'FAILED' })), [
      {
        type: 'Dead',
        reason: `Master removed our application: FAILED (its executors ended early, the last: ${last(5)})`,
      },
    ]);
  });

  test('says what comes next when a master is not reached', () => {
    const machine = new Machine('m1:7077');
    const notReached = (): void => {
      machine.handle({ type: 'NotReached', master: 'm1:7077', message: 'refused', final: false });
    };
    machine.start();
    notReached();
    machine.wake();
    notReached();
    machine.wake();
    notReached();
    const told = machine.lines
      .filter((line) => line.includes('Failed to connect'))
      .map((line) => line.split('refused; ')[1]);
    assert.deepEqual(told, [
      'trying again in 20 s, 2 times more before giving up',
      'trying again in 20 s, once more before giving up',
      'this was the last try; giving up in 20 s unless a master answers',
    ]);
  });

  test('is dead when its master removes it, and tells so once', () => {
    const machine = new Machine('m1:7077').registered();
    const effects = machine.from('c1', { type: 'ApplicationRemoved', message: 'FAILED' });
    assert.deepEqual(effects, [
      { type: 'Tell', news: { type: 'Dead', reason: 'Master removed our application: FAILED' } },
    ]);
    assert.deepEqual(machine.from('c1', { type: 'ApplicationRemoved', message: 'KILLED' }), []);
    assert.deepEqual(machine.from('c1', { type: 'ExecutorAdded', ...ADDED }), []);
    assert.deepEqual(machine.handle({ type: 'Disconnected', connection: 'c1' }), []);
    assert.deepEqual(machine.handle({ type: 'Stop' }), []);
  });

  test('tries all masters when the link to its own breaks, for as long as it takes', () => {
    const machine = new Machine('m1:7077', 'm2:7077').registered();
    assert.deepEqual(machine.handle({ type: 'Disconnected', connection: 'c1' }), [
      { type: 'Tell', news: { type: 'Disconnected' } },
      { type: 'Connect', master: 'm1:7077' },
      { type: 'Connect', master: 'm2:7077' },
      { type: 'WakeAt', at: machine.at + REGISTRATION_TIMEOUT_MS },
    ]);
    assert.deepEqual(machine.handle({ type: 'Disconnected', connection: 'c1' }), []);
    const refused = { type: 'NotReached', message: 'nobody', final: true } as const;
    for (let tries = 0; tries < 10; tries++) {
      for (const master of ['m1:7077', 'm2:7077']) assert.deepEqual(machine.handle({ ...refused, master }), []);
      assert.deepEqual(types(machine.wake()), ['Connect', 'Connect', 'WakeAt']);
    }
    assert.equal(machine.client.appId, 'app-1');
  });

  test('says to a master that it reaches again that it is there still, with what only it remembers', () => {
    const machine = new Machine('m1:7077', 'm2:7077').registered();
    machine.from('c1', { type: 'ExecutorAdded', ...ADDED, execId: 3 });
    machine.request({ total: 5 });
    machine.handle({ type: 'Answered', askId: 0, accepted: true });
    machine.handle({ type: 'Disconnected', connection: 'c1' });
    const remembered = { highestExecutorId: 3, totals: [{ resourceProfileId: 0, total: 5, demand: null }] };
    assert.deepEqual(sent(machine.reached('m1:7077', 'c2')), [
      ['c2', { type: 'ReattachApplication', appId: 'app-1', app: app(), driverAddress: 'driver:5000', ...remembered }],
    ]);
    const effects = machine.from('c2', { type: 'MasterChanged', masterUrl: URL_1, masterWebUiUrl: '' });
    assert.deepEqual(types(effects), ['CancelWake', 'Send', 'Tell']);
    assert.deepEqual(machine.reached('m2:7077', 'c3'), []); // too late
    assert.deepEqual(machine.handle({ type: 'Woken' }), []);
    assert.equal(news(machine.from('c2', { type: 'ExecutorAdded', ...ADDED, execId: 4 })).length, 1);
  });

  test('is dead when the master that it reaches again has ended it meanwhile', () => {
    const machine = new Machine('m1:7077').registered();
    machine.handle({ type: 'Disconnected', connection: 'c1' });
    machine.reached('m1:7077', 'c2');
    const effects = machine.from('c2', { type: 'ApplicationRemoved', message: 'KILLED' });
    assert.deepEqual(types(effects), ['CancelWake', 'Tell']);
    assert.deepEqual(news(effects), [{ type: 'Dead', reason: 'Master removed our application: KILLED' }]);
  });

  test('does not mind when a standby goes away', () => {
    const machine = new Machine('m1:7077', 'm2:7077');
    machine.start();
    machine.reached('m2:7077', 'c2');
    machine.reached('m1:7077', 'c1');
    machine.from('c1', { type: 'RegisteredApplication', appId: 'app-1', masterUrl: URL_1 });
    assert.deepEqual(machine.handle({ type: 'Disconnected', connection: 'c2' }), []);
  });

  test('follows the master that leads next, and tells it what only it remembers', () => {
    const machine = new Machine('m1:7077', 'm2:7077').registered();
    machine.from('c1', { type: 'ExecutorAdded', ...ADDED, execId: 3 });
    machine.from('c1', { type: 'ExecutorAdded', ...ADDED, execId: 2 });
    machine.request({ total: 5 });
    machine.handle({ type: 'Answered', askId: 0, accepted: true });
    machine.request({ total: 9 });
    machine.handle({ type: 'Answered', askId: 1, accepted: false });
    machine.handle({ type: 'Disconnected', connection: 'c1' });
    const effects = machine.from('c2', { type: 'MasterChanged', masterUrl: URL_2, masterWebUiUrl: '' });
    assert.deepEqual(effects, [
      { type: 'CancelWake' },
      {
        type: 'Send',
        connection: 'c2',
        message: {
          type: 'MasterChangeAcknowledged',
          appId: 'app-1',
          highestExecutorId: 3,
          totals: [{ resourceProfileId: 0, total: 5, demand: null }],
        },
      },
      { type: 'Tell', news: { type: 'Connected', appId: 'app-1', masterUrl: URL_2 } },
    ]);
    assert.equal(news(machine.from('c2', { type: 'ExecutorAdded', ...ADDED, execId: 4 })).length, 1);
  });

  test('has nothing to remember when nothing happened', () => {
    const machine = new Machine('m1:7077').registered();
    const [[, message] = []] = sent(
      machine.from('c2', { type: 'MasterChanged', masterUrl: URL_1, masterWebUiUrl: '' }),
    );
    assert.deepEqual(message, {
      type: 'MasterChangeAcknowledged',
      appId: 'app-1',
      highestExecutorId: null,
      totals: null,
    });
  });

  test('ignores what a master says that is no longer its own', () => {
    const machine = new Machine('m1:7077').registered();
    machine.from('c2', { type: 'MasterChanged', masterUrl: URL_2, masterWebUiUrl: '' });
    assert.deepEqual(machine.from('c1', { type: 'ApplicationRemoved', message: 'FINISHED' }), []);
    assert.deepEqual(machine.from('c1', { type: 'ExecutorAdded', ...ADDED }), []);
    assert.deepEqual(machine.from('c1', { type: 'ExecutorUpdated', ...UPDATED, state: 'LOST' }), []);
    assert.deepEqual(machine.handle({ type: 'Disconnected', connection: 'c1' }), []);
    assert.match(machine.lines.join('\n'), /Ignored ApplicationRemoved of a master that does not lead/);
    assert.equal(news(machine.from('c2', { type: 'ApplicationRemoved', message: 'KILLED' })).length, 1);
  });
});

describe('what an application asks for', () => {
  const REFUSED = [{ type: 'Reply', askId: 0, accepted: false }];

  test('is refused, with a warning, before it is registered', () => {
    const machine = new Machine('m1:7077');
    machine.start();
    machine.reached('m1:7077', 'c1');
    assert.deepEqual(machine.request({ total: 1 }), REFUSED);
    assert.deepEqual(machine.handle({ type: 'KillExecutors', askId: 0, executorIds: ['0'] }), REFUSED);
    assert.deepEqual(machine.lines, [
      'Attempted to request executors before registering with Master.',
      'Attempted to kill executors before registering with Master.',
    ]);
  });

  test('is asked of the master, whose word it gets', () => {
    const machine = new Machine('m1:7077').registered();
    const totals = [{ resourceProfileId: 0, total: 2, demand: null }];
    const question = { type: 'RequestExecutors', totals };
    assert.deepEqual(machine.request({ total: 2 }), [
      { type: 'Ask', connection: 'c1', askId: 0, appId: 'app-1', question },
    ]);
    assert.deepEqual(machine.handle({ type: 'Answered', askId: 0, accepted: true }), [
      { type: 'Reply', askId: 0, accepted: true },
    ]);
    assert.deepEqual(types(machine.handle({ type: 'KillExecutors', askId: 1, executorIds: ['1'] })), ['Ask']);
    assert.deepEqual(machine.handle({ type: 'Answered', askId: 1, accepted: false }), [
      { type: 'Reply', askId: 1, accepted: false },
    ]);
  });

  test('is refused once when the master goes away meanwhile, and while there is none', () => {
    const machine = new Machine('m1:7077').registered();
    machine.request({ total: 2 });
    const effects = machine.handle({ type: 'Disconnected', connection: 'c1' });
    assert.deepEqual(effects.slice(0, 2), [...REFUSED, { type: 'Tell', news: { type: 'Disconnected' } }]);
    assert.deepEqual(machine.handle({ type: 'Answered', askId: 0, accepted: true }), []);
    assert.deepEqual(types(machine.request({ total: 3 })), ['Reply']);
    assert.equal(machine.lines.at(-1), 'Attempted to request executors while no master is connected.');
  });

  test('is refused when another master takes over before the answer', () => {
    const machine = new Machine('m1:7077').registered();
    machine.request({ total: 2 });
    const effects = machine.from('c2', { type: 'MasterChanged', masterUrl: URL_2, masterWebUiUrl: '' });
    assert.deepEqual(types(effects), ['Reply', 'Send', 'Tell']);
    assert.deepEqual(effects[0], REFUSED[0]);
  });

  test('is refused when the application is dead', () => {
    const machine = new Machine('m1:7077').registered();
    machine.request({ total: 2 });
    const effects = machine.from('c1', { type: 'ApplicationRemoved', message: 'FAILED' });
    assert.deepEqual(types(effects), ['Reply', 'Tell']);
    assert.deepEqual(types(machine.request({ total: 3 })), ['Reply']);
  });
});

describe('an application that stops', () => {
  test('is unregistered, and hears nothing any more', () => {
    const machine = new Machine('m1:7077').registered();
    assert.deepEqual(machine.handle({ type: 'Stop' }), [
      { type: 'Send', connection: 'c1', message: { type: 'UnregisterApplication', appId: 'app-1' } },
    ]);
    assert.deepEqual(machine.handle({ type: 'Stop' }), []);
    assert.deepEqual(machine.from('c1', { type: 'ApplicationRemoved', message: 'FINISHED' }), []);
    assert.deepEqual(machine.from('c1', { type: 'MasterChanged', masterUrl: URL_1, masterWebUiUrl: '' }), []);
  });

  test('while it registers is unregistered when the answer comes', () => {
    const machine = new Machine('m1:7077');
    machine.start();
    machine.reached('m1:7077', 'c1');
    assert.deepEqual(machine.handle({ type: 'Stop' }), [{ type: 'CancelWake' }]);
    assert.deepEqual(machine.reached('m1:7077', 'c2'), []);
    assert.deepEqual(machine.wake(), []);
    assert.deepEqual(machine.from('c1', { type: 'RegisteredApplication', appId: 'app-1', masterUrl: URL_1 }), [
      { type: 'Send', connection: 'c1', message: { type: 'UnregisterApplication', appId: 'app-1' } },
    ]);
  });

  test('without a master has nobody to tell', () => {
    const machine = new Machine('m1:7077').registered();
    machine.handle({ type: 'Disconnected', connection: 'c1' });
    assert.deepEqual(machine.handle({ type: 'Stop' }), [{ type: 'CancelWake' }]);
  });
});
