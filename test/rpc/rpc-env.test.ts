import assert from 'node:assert/strict';
import { after, describe, it } from 'node:test';
import type { RpcCaller, RpcEndpoint } from '../../src/rpc/rpc-endpoint.ts';
import { RpcEnv, type RpcEnvOptions } from '../../src/rpc/rpc-env.ts';
import { RemoteError } from '../../src/rpc/rpc-errors.ts';

type Note = { readonly type: 'Note'; readonly n: number; readonly bytes?: Uint8Array | null };
interface Questions {
  Echo: [unknown, unknown];
  Fail: [string, never];
  Later: [number, number];
}

const envs: RpcEnv[] = [];
after(() => Promise.all(envs.map((env) => env.stop())));

async function env(options: Partial<RpcEnvOptions> = {}): Promise<RpcEnv> {
  const made = await RpcEnv.create({ name: 'test', security: { kind: 'none', offLoopback: 'refused' }, ...options });
  envs.push(made);
  return made;
}

function recorder(
  notes: unknown[] = [],
  events: string[] = [],
): RpcEndpoint<Note, Questions> & { callers: RpcCaller[] } {
  const callers: RpcCaller[] = [];
  return {
    callers,
    receive(message) {
      notes.push(message);
    },
    receiveAndReply(ask) {
      switch (ask.type) {
        case 'Echo':
          return ask.request;
        case 'Fail':
          throw Object.assign(new TypeError(ask.request), { code: 'E_TEST' });
        case 'Later':
          return Promise.resolve(ask.request + notes.length);
      }
    },
    onConnected(caller) {
      callers.push(caller);
      events.push('connected');
    },
    onDisconnected() {
      events.push('disconnected');
    },
  };
}

describe('two environments', () => {
  it('send and ask in order over one connection', async () => {
    const notes: unknown[] = [];
    const server = await env({ port: 0 });
    server.register('Box', recorder(notes));
    const client = await env();
    assert.ok(server.address);
    const ref = await client.connect<Note, Questions>(server.address, 'Box');
    for (let n = 0; n < 5; n++) ref.send({ type: 'Note', n });
    assert.equal(await ref.ask('Later', 100), 105);
    assert.deepEqual(notes[4], { type: 'Note', n: 4 });
    const odd = { u: undefined, nan: Number.NaN, m: new Map([[1n, new Set(['x'])]]), bytes: new Uint8Array([1, 2]) };
    assert.deepStrictEqual(await ref.ask('Echo', odd), odd);
    const big = new Uint8Array(3_000_000).map((_, i) => i * 7);
    assert.deepStrictEqual(await ref.ask('Echo', [big, 'ä'.repeat(200_000)]), [big, 'ä'.repeat(200_000)]);
  });

  it('reach a client back over the connection that it made', async () => {
    const server = await env({ port: 0 });
    const atServer = recorder();
    server.register('Driver', atServer);
    const client = await env();
    client.register('Executor', recorder());
    assert.ok(server.address);
    await client.connect(server.address, 'Driver');
    const back = atServer.callers[0]?.ref<Note, Questions>('Executor');
    assert.equal(await back?.ask('Echo', 'hello'), 'hello');
  });

  it('throw at the asker what the endpoint threw', async () => {
    const server = await env({ port: 0 });
    server.register('Box', recorder());
    const client = await env();
    assert.ok(server.address);
    const ref = await client.connect<Note, Questions>(server.address, 'Box');
    await assert.rejects(ref.ask('Fail', 'no such thing'), (error) => {
      assert.ok(error instanceof RemoteError);
      assert.equal(error.message, 'no such thing');
      assert.equal(error.code, 'E_TEST');
      assert.equal(error.remote.name, 'TypeError');
      assert.match(error.stack ?? '', /rpc-env\.test/);
      return true;
    });
    await assert.rejects(
      client.connect(server.address, 'Nobody'),
      /Cannot find endpoint: spark:\/\/Nobody@localhost:\d+/,
    );
  });

  it('tell of the connection and of its end once, and fail what waits', async () => {
    const events: string[] = [];
    const server = await env({ port: 0 });
    server.register('Box', recorder([], events));
    const never = new Promise(() => {});
    server.register('Mute', { receive() {}, receiveAndReply: () => never });
    const client = await env();
    const clientEvents: string[] = [];
    client.register('Own', recorder([], clientEvents));
    assert.ok(server.address);
    const ref = await client.connect<Note, { Wait: [null, null] }>(server.address, 'Mute');
    await client.connect(server.address, 'Box');
    const waiting = assert.rejects(ref.ask('Wait', null), /Connection from localhost:\d+ closed/);
    await assert.rejects(
      ref.ask('Wait', null, { timeoutMs: 5 }),
      /^RpcTimeoutError: Cannot receive any reply from localhost:\d+ in 5 milliseconds\. This timeout is controlled by spark\.rpc\.askTimeout$/,
    );
    await server.stop();
    await waiting;
    assert.deepEqual(clientEvents, ['connected', 'disconnected']);
    assert.deepEqual(events, ['connected']);
    assert.ok(ref.closed);
    ref.send({ type: 'Note', n: 1 });
    await assert.rejects(ref.ask('Wait', null), /closed/);
  });

  it('connect anew, not over what was lost, when they are asked to in the moment of the loss', async () => {
    const server = await env({ port: 0 });
    const { callers, ...box } = recorder();
    server.register('Box', { ...box, onConnected: (caller) => callers.push(caller) });
    assert.ok(server.address);
    const { address } = server;
    const client = await env();
    const again = new Promise<unknown>((resolve) => {
      client.register('Own', {
        receive() {},
        onDisconnected: () => resolve(client.connect(address, 'Box').then((ref) => ref.closed)),
      });
    });
    await client.connect(address, 'Box');
    callers[0]?.close();
    assert.equal(await again, false);
  });
});
