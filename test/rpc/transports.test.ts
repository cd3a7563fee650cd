import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { FileRegion } from '../../src/rpc/file-region.ts';
import type { AskMessage, RpcEndpoint, RpcRef } from '../../src/rpc/rpc-endpoint.ts';
import type { RpcEnv } from '../../src/rpc/rpc-env.ts';
import { RemoteError, RpcMessageError, RpcTimeoutError } from '../../src/rpc/rpc-errors.ts';
import { sharedSecret } from '../../src/rpc/security.ts';
import { freePort } from '../kit/free-port.ts';
import { ManualClock } from '../kit/manual-clock.ts';
import { addressOf, recordingLogger, withEnvs } from '../kit/rpc.ts';

type Note = { readonly type: 'Note'; readonly n: unknown };
interface Questions {
  Echo: [unknown, unknown];
  Fail: [unknown, never];
  File: [readonly FileRegion[], readonly Uint8Array[]];
  Never: [null, null];
  Notes: [null, unknown[]];
}
type Ref = RpcRef<Note, Questions>;

class Box implements RpcEndpoint<Note, Questions> {
  readonly notes: unknown[] = [];
  readonly shared: boolean;

  constructor(shared = false) {
    this.shared = shared;
  }

  receive(message: Note): void {
    if (message.n === 'throw') throw new Error('a bad note');
    this.notes.push(message.n);
  }

  receiveAndReply(ask: AskMessage<Questions>): unknown {
    switch (ask.type) {
      case 'Echo':
        return ask.request;
      case 'Fail':
        return Promise.reject(ask.request);
      case 'File':
        // Where it comes from is where it is; the asker only says which.
        return ask.request.map((region) => (region instanceof Uint8Array ? region : new FileRegion(...place(region))));
      case 'Never':
        return new Promise(() => {});
      case 'Notes':
        return this.notes;
    }
  }
}

const place = (r: FileRegion): [string, number, number] => [r.path, r.offset, r.length];

const dir = mkdtempSync(join(tmpdir(), 'iskra-rpc-'));
after(() => rmSync(dir, { recursive: true, force: true }));
const content = Buffer.from(Uint8Array.from({ length: 2_000_003 }, (_, i) => (i * 31) >> 3));
const file = join(dir, 'data');
writeFileSync(file, content);

interface Transport {
  readonly name: string;
  run(body: (ref: Ref, box: Box, env: RpcEnv) => Promise<void>, options?: Options): Promise<void>;
}

interface Options {
  readonly clock?: ManualClock;
  readonly shared?: boolean;
  readonly logger?: ReturnType<typeof recordingLogger>;
}

const apart = (name: string, security?: ReturnType<typeof sharedSecret>): Transport => ({
  name,
  run: (body, { clock, shared, logger } = {}) =>
    withEnvs(async (make) => {
      const common = security === undefined ? {} : { security };
      const server = await make({ port: 0, ...common, ...(logger ? { logger } : {}) });
      const box = new Box(shared);
      server.register('Box', box);
      const client = await make({ ...common, ...(clock ? { clock } : {}) });
      await body(await client.connect<Note, Questions>(addressOf(server), 'Box'), box, client);
    }),
});

const transports: readonly Transport[] = [
  {
    name: 'in one process',
    run: (body, { clock, shared, logger } = {}) =>
      withEnvs(async (make) => {
        const env = await make({ port: 0, ...(clock ? { clock } : {}), ...(logger ? { logger } : {}) });
        const box = new Box(shared);
        env.register('Box', box);
        await body(await env.connect<Note, Questions>(addressOf(env), 'Box'), box, env);
      }),
  },
  apart('over TCP'),
  apart('over TCP, encrypted', sharedSecret('s', { encrypt: true })),
  {
    name: 'over a reference that connects by itself',
    run: (body, { clock, shared, logger } = {}) =>
      withEnvs(async (make) => {
        const server = await make({ port: 0, ...(logger ? { logger } : {}) });
        const box = new Box(shared);
        server.register('Box', box);
        const client = await make(clock ? { clock } : {});
        await body(client.ref<Note, Questions>(addressOf(server), 'Box'), box, client);
      }),
  },
];

for (const { name, run } of transports) {
  describe(`messages ${name}`, () => {
    it('arrive in order, the large ones too', () =>
      run(async (ref) => {
        const large = 'x'.repeat(300_000);
        const sent = [1, large, new Uint8Array(3), 2, new Uint8Array(700_000), 3];
        for (const n of sent) ref.send({ type: 'Note', n });
        assert.deepStrictEqual(await ref.ask('Notes', null), sent);
      }));

    it('are answered as replies are ready', () =>
      run(async (ref) => {
        const big = new Uint8Array(3_000_000).fill(1);
        const values = [big, undefined, null, -0, [big, 7n], new Map([['k', Number.NaN]])];
        const replies = await Promise.all(values.map((value) => ref.ask('Echo', value)));
        assert.deepStrictEqual(replies, values);
      }));

    it('bring errors with message, code, stack and cause', () =>
      run(async (ref) => {
        const cause = new RangeError('deep');
        const thrown = Object.assign(new TypeError('on top', { cause }), { code: 'E_TOP' });
        await assert.rejects(
          ref.ask('Fail', String(thrown)),
          (error) => error instanceof RemoteError && error.code === 'RPC_REMOTE',
        );
        await assert.rejects(ref.ask('Echo', thrown), /message\.request holds an object of class TypeError/);
        await assert.rejects(
          ref.ask('Never', null, { timeoutMs: 1, timeoutKey: 'spark.x' }),
          /in 1 millisecond\. This timeout is controlled by spark\.x$/,
        );
      }));

    it('bring bytes of files', () =>
      run(async (ref) => {
        const regions = [
          new FileRegion(file, 0, content.length),
          new FileRegion(file, 5, 0),
          new FileRegion(file, 1_000_000, 10),
          new FileRegion(file, 700_000, 600_000),
        ];
        const expected = regions.map((r) => new Uint8Array(content.subarray(r.offset, r.offset + r.length)));
        // As a request they arrive as bytes.
        assert.deepStrictEqual(await ref.ask('Echo', regions), expected);
        ref.send({ type: 'Note', n: regions[3] });
        ref.send({ type: 'Note', n: 'behind' });
        assert.deepStrictEqual(await ref.ask('Notes', null), [expected[3], 'behind']);
      }));

    it('with files that are not there, or too short, fail', () =>
      run(async (ref, box, env) => {
        const missing = new FileRegion(join(dir, 'missing'), 0, 10);
        await assert.rejects(ref.ask('Echo', missing), /cannot read .*missing: ENOENT/);
        await assert.rejects(ref.ask('Echo', new FileRegion(dir, 0, 1)), /it is not a file/);
        await assert.rejects(
          ref.ask('Echo', new FileRegion(file, 2_000_000, 10)),
          /cannot read .*data: it has 2000003 bytes, and 10 from 2000000 were to be sent/,
        );
        env.register('Broken', { receive() {}, receiveAndReply: () => missing });
        const broken = env.localRef<never, Questions>('Broken');
        await assert.rejects(
          broken.ask('Echo', 1),
          (error) => error instanceof RemoteError && /cannot read .*missing/.test(error.message),
        );
        assert.equal(await ref.ask('Echo', 1), 1);
        assert.deepEqual(box.notes, []);
      }));

    it('put bytes into memory that threads can share, when asked', () =>
      run(
        async (ref, box) => {
          for (const n of [10, 100_000]) {
            const bytes = new Uint8Array(n).fill(4);
            ref.send({ type: 'Note', n: bytes });
            const reply = (await ref.ask('Echo', [bytes], { shared: true })) as Uint8Array[];
            assert.ok(reply[0]?.buffer instanceof SharedArrayBuffer);
            assert.deepEqual(Buffer.from(reply[0]), Buffer.from(bytes));
            assert.ok((box.notes.at(-1) as Uint8Array).buffer instanceof SharedArrayBuffer);
            const slab = new Uint8Array(n + 5);
            const into = (await ref.ask('Echo', bytes, {
              allocate: (length) => slab.subarray(5, 5 + length),
            })) as Uint8Array;
            assert.equal(into.buffer, slab.buffer);
            assert.deepEqual(into, bytes);
          }
        },
        { shared: true },
      ));

    it('end when the asker gives up', () =>
      run(async (ref) => {
        const stop = new AbortController();
        const asked = ref.ask('Never', null, { signal: stop.signal });
        stop.abort(new Error('enough'));
        await assert.rejects(asked, /^Error: enough$/);
        await assert.rejects(ref.ask('Never', null, { signal: stop.signal }), /^Error: enough$/);
      }));

    it('go on after an endpoint has thrown', () => {
      const lines: string[] = [];
      return run(
        async (ref) => {
          ref.send({ type: 'Note', n: 'throw' });
          ref.send({ type: 'Note', n: 1 });
          assert.deepEqual(await ref.ask('Notes', null), [1]);
          assert.match(
            lines.join(),
            /An error happened while processing a message in the RPC endpoint Box: Error: a bad note/,
          );
        },
        { logger: recordingLogger(lines) },
      );
    });
  });
}

describe('replies that take long', () => {
  it('time out after 120 seconds, in words of Spark', async () => {
    const clock = new ManualClock();
    await transports[1]?.run(
      async (ref) => {
        const asked = ref.ask('Never', null);
        clock.advance(119_999);
        await ref.ask('Echo', 1);
        clock.advance(1);
        await assert.rejects(
          asked,
          (error) =>
            error instanceof RpcTimeoutError &&
            /^Cannot receive any reply from 127\.0\.0\.1:\d+ in 120 seconds\. This timeout is controlled by spark\.rpc\.askTimeout$/.test(
              error.message,
            ),
        );
      },
      { clock },
    );
    assert.equal(clock.numTimers, 0);
  });
});

describe('bytes on their way', () => {
  it('do not hold up small messages to another endpoint', () =>
    withEnvs(async (make) => {
      const server = await make({ port: 0 });
      const order: string[] = [];
      const upload = new Promise<void>((resolve) => {
        server.register('Blocks', {
          receive() {
            order.push('block');
            resolve();
          },
        });
      });
      server.register('HeartbeatReceiver', { receive() {}, receiveAndReply: () => order.push('heartbeat') });
      const client = await make();
      const blocks = await client.connect<Note>(addressOf(server), 'Blocks');
      const heart = await client.connect<never, { Beat: [null, null] }>(addressOf(server), 'HeartbeatReceiver');
      blocks.send({ type: 'Note', n: new Uint8Array(64 * 1024 * 1024) });
      assert.ok(blocks.bufferedBytes > 32 * 1024 * 1024);
      await heart.ask('Beat', null);
      await upload;
      assert.deepEqual(order, ['heartbeat', 'block']);
      await heart.ask('Beat', null);
      assert.equal(blocks.bufferedBytes, 0);
    }));

  it('break off when their file gets shorter, and the connection stays', () =>
    withEnvs(async (make) => {
      const server = await make({ port: 0 });
      server.register('Box', new Box());
      const shrinking = join(dir, 'shrinking');
      writeFileSync(shrinking, Buffer.alloc(40_000_000));
      server.register('Files', { receive() {}, receiveAndReply: () => new FileRegion(shrinking, 0, 40_000_000) });
      const client = await make();
      const files = await client.connect<never, Questions>(addressOf(server), 'Files');
      const box = await client.connect<Note, Questions>(addressOf(server), 'Box');
      let allocated = (): void => {};
      const begun = new Promise<void>((resolve) => {
        allocated = resolve;
      });
      const reply = files.ask('Never', null, {
        allocate(bytes) {
          truncateSync(shrinking, 1000);
          allocated();
          return new Uint8Array(bytes);
        },
      });
      const failed = assert.rejects(
        reply,
        (error) =>
          error instanceof RpcMessageError &&
          /cannot read .*shrinking: it has \d+ bytes, and 40000000 from 0 were to be sent/.test(error.message),
      );
      await begun;
      await failed;
      assert.equal(await box.ask('Echo', 'still there'), 'still there');
    }));

  it('of many small files come as one', () =>
    withEnvs(async (make) => {
      const server = await make({ port: 0 });
      const paths = Array.from({ length: 100 }, (_, i) => join(dir, `small-${i}`));
      for (const [i, path] of paths.entries()) writeFileSync(path, Buffer.alloc(1000 + i, i));
      server.register('Files', {
        receive() {},
        receiveAndReply: () => paths.map((path, i) => new FileRegion(path, 500, 500 + i)),
      });
      const client = await make();
      const files = await client.connect<never, { All: [null, Uint8Array[]] }>(addressOf(server), 'Files');
      const all = await files.ask('All', null);
      assert.deepEqual(
        all,
        paths.map((_, i) => new Uint8Array(500 + i).fill(i)),
      );
    }));
});

describe('a reference that connects by itself', () => {
  it('connects again after the server came back', () =>
    withEnvs(async (make) => {
      const first = await make({ port: await freePort() });
      first.register('Box', new Box());
      const address = addressOf(first);
      const lines: string[] = [];
      const client = await make({ logger: recordingLogger(lines) });
      const ref = client.ref<Note, Questions>(address, 'Box');
      assert.equal(await ref.ask('Echo', 1), 1);
      await first.stop();
      await assert.rejects(ref.ask('Echo', 2), /closed|Failed to connect/);
      await assert.rejects(ref.ask('Echo', 2), /Failed to connect/);
      ref.send({ type: 'Note', n: 'lost' });
      await assert.rejects(ref.ask('Echo', 2), /Failed to connect/);
      assert.match(lines.join(), /A message to Box at 127\.0\.0\.1:\d+ was not sent: Failed to connect/);
      const second = await make({ port: address.port });
      const box = new Box();
      second.register('Box', box);
      ref.send({ type: 'Note', n: 1 });
      ref.send({ type: 'Note', n: 2 });
      assert.deepEqual(await ref.ask('Notes', null), [1, 2]);
    }));
});

describe('endpoints', () => {
  it('that are unregistered, or do not answer, fail the ask', () =>
    withEnvs(async (make) => {
      const server = await make({ port: 0 });
      server.register('Box', new Box());
      server.register('Deaf', { receive() {} });
      const client = await make();
      const box = await client.connect<Note, Questions>(addressOf(server), 'Box');
      const deaf = await client.connect<Note, Questions>(addressOf(server), 'Deaf');
      await assert.rejects(deaf.ask('Echo', 1), /Deaf won't reply anything/);
      assert.throws(() => server.register('Box', new Box()), /There is already an RpcEndpoint called Box/);
      server.unregister('Box');
      await assert.rejects(
        box.ask('Echo', 1),
        (error) => error instanceof RemoteError && error.code === 'RPC_ENDPOINT_NOT_FOUND',
      );
      assert.throws(() => server.register('', new Box()), /cannot be the name/);
    }));

  it('are told of each connection and its end once, also those registered later', () =>
    withEnvs(async (make) => {
      const server = await make({ port: 0 });
      const events: string[] = [];
      const listener = (name: string) => ({
        receive() {},
        onConnected: (caller: { id: string }) => events.push(`${name} + ${caller.id}`),
        onDisconnected: (caller: { id: string }) => {
          events.push(`${name} - ${caller.id}`);
          last();
        },
      });
      let last = (): void => {};
      server.register('A', listener('A'));
      const client = await make();
      const ref = await client.connect<Note>(addressOf(server), 'A');
      server.register('B', listener('B'));
      const gone = new Promise<void>((resolve) => {
        last = () => events.length === 4 && resolve();
      });
      await client.stop();
      await gone;
      assert.deepEqual(events, ['A + in-1', 'B + in-1', 'A - in-1', 'B - in-1']);
      assert.ok(ref.closed);
      await assert.rejects(client.connect(addressOf(server), 'A'), /^RpcEnvStoppedError: RpcEnv already stopped\.$/);
      assert.throws(() => client.register('C', listener('C')), /already stopped/);
    }));

  it('get what was sent just before the environment stopped', () =>
    withEnvs(async (make) => {
      const server = await make({ port: 0 });
      const got = new Promise((resolve) => {
        server.register('A', { receive: (message: Note) => resolve(message.n) });
      });
      const client = await make();
      const ref = await client.connect<Note>(addressOf(server), 'A');
      ref.send({ type: 'Note', n: 'last words' });
      await client.stop();
      assert.equal(await got, 'last words');
    }));

  it('share one connection between two processes', () =>
    withEnvs(async (make) => {
      const server = await make({ port: 0 });
      const callers = new Set<string>();
      server.register('A', { receive() {}, onConnected: (caller) => callers.add(caller.id) });
      const client = await make();
      await Promise.all(Array.from({ length: 5 }, () => client.connect(addressOf(server), 'A')));
      await client.connect(addressOf(server), 'A');
      assert.equal(callers.size, 1);
    }));

  it('can close a caller', () =>
    withEnvs(async (make) => {
      const server = await make({ port: 0 });
      server.register('A', { receive: (_message: Note, from) => from.close() });
      const client = await make();
      const closed = new Promise<void>((resolve) => {
        client.register('Own', { receive() {}, onDisconnected: () => resolve() });
      });
      const ref = await client.connect<Note>(addressOf(server), 'A');
      ref.send({ type: 'Note', n: 1 });
      await closed;
      assert.ok(ref.closed);
    }));
});
