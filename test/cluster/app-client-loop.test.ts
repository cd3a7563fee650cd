import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { AppClientNews } from '../../src/cluster/standalone/app-client-events.ts';
import { AppClientLoop, type AppClientLoopOptions } from '../../src/cluster/standalone/app-client-loop.ts';
import {
  APP_CLIENT_ENDPOINT,
  type AppToMaster,
  type AskMaster,
  type MasterToApp,
} from '../../src/protocol/master-client.ts';
import { MASTER_ENDPOINT } from '../../src/protocol/master-worker.ts';
import { formatAddress } from '../../src/rpc/rpc-address.ts';
import type { AskMessage, RpcCaller } from '../../src/rpc/rpc-endpoint.ts';
import type { RpcEnv } from '../../src/rpc/rpc-env.ts';
import { driverSecurity, type RpcSecurity, sharedSecret } from '../../src/rpc/security.ts';
import { ManualClock } from '../kit/manual-clock.ts';
import { app } from '../kit/master-machine.ts';
import { addressOf, OPEN, recordingLogger, withEnvs } from '../kit/rpc.ts';
import { until } from '../kit/until.ts';

/** What comes, one after the other. */
class Inbox<T> {
  readonly #items: T[] = [];
  #wake: () => void = () => {};

  readonly put = (item: T): void => {
    this.#items.push(item);
    this.#wake();
  };

  async next(): Promise<T> {
    while (this.#items.length === 0)
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    return this.#items.shift() as T;
  }
}

/** A master that says what it is told to say. */
class PuppetMaster {
  readonly env: RpcEnv;
  readonly heard = new Inbox<AppToMaster | AskMessage<AskMaster>>();
  caller: RpcCaller | null = null;

  constructor(env: RpcEnv) {
    this.env = env;
    env.register<AppToMaster, AskMaster>(MASTER_ENDPOINT, {
      receive: (message, from) => {
        this.caller = from;
        this.heard.put(message);
      },
      receiveAndReply: (ask) => {
        this.heard.put(ask);
        return { accepted: true };
      },
    });
  }

  say(message: MasterToApp): void {
    this.caller?.ref<MasterToApp>(APP_CLIENT_ENDPOINT).send(message);
  }
}

interface Scene {
  readonly master: PuppetMaster;
  readonly client: AppClientLoop;
  readonly driver: RpcEnv;
  readonly news: Inbox<AppClientNews>;
  readonly lines: string[];
}

const CLUSTER = sharedSecret('of the cluster');

async function scene(
  body: (scene: Scene, make: Parameters<Parameters<typeof withEnvs>[0]>[0]) => Promise<void>,
  security: { readonly master: RpcSecurity; readonly driver: RpcSecurity } = { master: OPEN, driver: OPEN },
  more: Partial<AppClientLoopOptions> = {},
): Promise<void> {
  await withEnvs(async (make) => {
    const master = new PuppetMaster(await make({ port: 0, security: security.master }));
    const driver = await make({ port: 0, security: security.driver });
    const news = new Inbox<AppClientNews>();
    const lines: string[] = [];
    const client = new AppClientLoop({
      masters: [formatAddress(addressOf(master.env))],
      app: app(),
      driverAddress: formatAddress(addressOf(driver)),
      rpc: driver,
      clusterKeyId: security.driver.kind === 'secret' ? security.driver.keyId : null,
      hear: news.put,
      log: recordingLogger(lines),
      ...more,
    });
    await body({ master, client, driver, news, lines }, make);
    client.stop();
  });
}

const REGISTERED = { type: 'RegisteredApplication', appId: 'app-1', masterUrl: 'spark://m' } as const;

describe('the client of an application over the network', () => {
  test('registers, hears, asks and is unregistered', () =>
    scene(async ({ master, client, driver, news }) => {
      client.start();
      const driverAddress = formatAddress(addressOf(driver));
      assert.deepEqual(await master.heard.next(), { type: 'RegisterApplication', app: app(), driverAddress });
      assert.equal(await client.requestTotalExecutors([]), false);
      master.say(REGISTERED);
      assert.deepEqual(await news.next(), { type: 'Connected', appId: 'app-1', masterUrl: 'spark://m' });
      const totals = [{ resourceProfileId: 0, total: 3, demand: null }];
      assert.equal(await client.requestTotalExecutors(totals), true);
      assert.deepEqual(await master.heard.next(), { type: 'RequestExecutors', request: { appId: 'app-1', totals } });
      assert.equal(await client.killExecutors(['0']), true);
      assert.deepEqual(await master.heard.next(), {
        type: 'KillExecutors',
        request: { appId: 'app-1', executorIds: ['0'] },
      });
      client.stop();
      assert.deepEqual(await master.heard.next(), { type: 'UnregisterApplication', appId: 'app-1' });
    }));

  test('gives up at once when what it is cannot be sent', () =>
    scene(
      async ({ client, news }) => {
        client.start();
        const dead = await news.next();
        assert.equal(dead.type, 'Dead');
        assert.match('reason' in dead ? dead.reason : '', /message\.app\.name holds a function, which cannot travel/);
      },
      undefined,
      { app: { ...app(), name: (() => {}) as unknown as string } },
    ));

  test('stops while it registers: an answer that is late is declined', () =>
    scene(async ({ master, client }) => {
      client.start();
      await master.heard.next();
      client.stop();
      master.say(REGISTERED);
      assert.deepEqual(await master.heard.next(), { type: 'UnregisterApplication', appId: 'app-1' });
    }));

  test('asks again over the same connection when no answer came', () => {
    const clock = new ManualClock();
    return scene(
      async ({ master, client, news }) => {
        client.start();
        assert.equal((await master.heard.next()).type, 'RegisterApplication');
        const first = master.caller;
        clock.advance(100);
        assert.equal((await master.heard.next()).type, 'RegisterApplication');
        assert.equal(master.caller?.id, first?.id);
        master.say(REGISTERED);
        assert.equal((await news.next()).type, 'Connected');
      },
      undefined,
      { registrationTimeoutMs: 100, clock },
    );
  });

  test('takes the word of another master that calls, and of its connection alone from then on', () =>
    scene(async ({ master, client, driver, news, lines }, make) => {
      client.start();
      await master.heard.next();
      master.say(REGISTERED);
      await news.next();
      const next = new PuppetMaster(await make({ port: 0 }));
      const ref = await next.env.connect<MasterToApp>(addressOf(driver), APP_CLIENT_ENDPOINT);
      ref.send({ type: 'MasterChanged', masterUrl: 'spark://n', masterWebUiUrl: '' });
      assert.deepEqual(await next.heard.next(), {
        type: 'MasterChangeAcknowledged',
        appId: 'app-1',
        highestExecutorId: null,
        totals: null,
      });
      assert.deepEqual(await news.next(), { type: 'Connected', appId: 'app-1', masterUrl: 'spark://n' });
      master.say({ type: 'ApplicationRemoved', message: 'FINISHED' });
      ref.send({ type: 'WorkerRemoved', workerId: 'w', host: 'h', message: 'gone' });
      assert.equal((await news.next()).type, 'WorkerRemoved');
      await next.env.stop();
      assert.equal((await news.next()).type, 'Disconnected');
      assert.equal(await client.killExecutors(['0']), false);
      assert.match(lines.join('\n'), /Attempted to kill executors while no master is connected/);
    }));

  test('does not take an executor for a master', () =>
    scene(
      async ({ master, client, driver, news, lines }, make) => {
        client.start();
        await master.heard.next();
        master.say(REGISTERED);
        await news.next();
        const executor = await make({ security: sharedSecret('of the application', { keyId: 'app-1' }) });
        const ref = await executor.connect<MasterToApp>(addressOf(driver), APP_CLIENT_ENDPOINT);
        ref.send({ type: 'MasterChanged', masterUrl: 'spark://evil', masterWebUiUrl: '' });
        ref.send({ type: 'ApplicationRemoved', message: 'ha' });
        await until(() => lines.length >= 2);
        assert.deepEqual(
          lines,
          ['MasterChanged', 'ApplicationRemoved'].map(
            (type) => `Ignored ${type} of somebody who has not shown the secret of the cluster`,
          ),
        );
        assert.equal(await client.killExecutors(['0']), true);
      },
      { master: CLUSTER, driver: driverSecurity(CLUSTER, 'of the application', { encrypt: false }) },
    ));
});
