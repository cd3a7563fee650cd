import assert from 'node:assert/strict';
import { createServer, type Socket } from 'node:net';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { FRAME_HEADER_BYTES, writeHeader } from '../../src/rpc/frame.ts';
import { HandshakeKind, handshakeFrame } from '../../src/rpc/handshake-frames.ts';
import type { RpcEnv } from '../../src/rpc/rpc-env.ts';
import { RpcConnectionError, RpcHandshakeError, RpcTimeoutError } from '../../src/rpc/rpc-errors.ts';
import { ManualClock } from '../kit/manual-clock.ts';
import { addressOf, portOf, RawClient, recordingLogger, withEnvs } from '../kit/rpc.ts';

const HELLO = handshakeFrame(HandshakeKind.hello, { name: 'x', advertised: null, authenticate: false, encrypt: false });

async function works(server: RpcEnv, client: RpcEnv): Promise<void> {
  const ref = await client.connect<never, { Ping: [number, number] }>(addressOf(server), 'Ping');
  assert.equal(await ref.ask('Ping', 4), 4);
}

const ping = { receive() {}, receiveAndReply: (ask: { request: unknown }) => ask.request };

describe('a server', () => {
  it('closes who sends garbage, says so once, and goes on', async () => {
    await withEnvs(async (make) => {
      const lines: string[] = [];
      const server = await make({ port: 0, logger: recordingLogger(lines) });
      server.register('Ping', ping);
      for (const garbage of [
        'GET / HTTP/1.1\r\n\r\n',
        '\0\0\0\0',
        'ISK?',
        'ISKR\x01\0\x01\0\xff\xff\xff\xff',
        'ISKR\x01\0\x01\0\x01\0\0\0{',
      ]) {
        const client = new RawClient(portOf(server));
        client.socket.write(Buffer.from(garbage, 'latin1'));
        await client.closed();
      }
      assert.equal(lines.length, 1);
      assert.match(
        lines[0] ?? '',
        /Refused a connection that sent bytes that are not Iskra RPC; more of this from there is not logged.*"host":"127\.0\.0\.1"/,
      );
      await works(server, await make());
    });
  });

  it('survives random bytes, before and after the handshake', async () => {
    await withEnvs(async (make) => {
      const server = await make({ port: 0 });
      server.register('Ping', ping);
      await fc.assert(
        fc.asyncProperty(fc.boolean(), fc.uint8Array({ minLength: 1, maxLength: 60 }), async (greet, bytes) => {
          const client = new RawClient(portOf(server));
          client.socket.end(Buffer.concat([greet ? HELLO : Buffer.alloc(0), bytes]));
          await client.closed();
        }),
        { numRuns: 40 },
      );
      await works(server, await make());
    });
  });

  it('closes a connection with a frame that is too long, or a handshake of another version', async () => {
    await withEnvs(async (make) => {
      const lines: string[] = [];
      const server = await make({ port: 0, logger: recordingLogger(lines) });
      server.register('Ping', ping);
      const frame = Buffer.alloc(FRAME_HEADER_BYTES);
      writeHeader(frame, 0, 0xffffffff, 1, 0, 0, 0);
      const long = new RawClient(portOf(server));
      long.socket.write(Buffer.concat([HELLO, frame]));
      await long.closed();
      const old = new RawClient(portOf(server));
      old.socket.write(handshakeFrame(HandshakeKind.hello, {}, 99));
      await old.closed();
      assert.match(old.received.toString(), /protocolVersion 99 on one side and 1 on the other/);
      assert.match(lines[0] ?? '', /is closed, for it sent a frame of 4294967295 bytes/);
      assert.match(lines[1] ?? '', /Refused a connection: protocolVersion 99 on one side and 1 on the other/);
      await works(server, await make());
    });
  });

  it('closes who does not say in time who it is', async () => {
    await withEnvs(async (make) => {
      const clock = new ManualClock();
      const lines: string[] = [];
      const server = await make({ port: 0, clock, handshakeTimeoutMs: 500, logger: recordingLogger(lines) });
      server.register('Ping', ping);
      const silent = new RawClient(portOf(server));
      silent.socket.write(HELLO.subarray(0, 20));
      while (clock.numTimers === 0) await new Promise((resolve) => setImmediate(resolve));
      clock.advance(500);
      await silent.closed();
      assert.match(lines[0] ?? '', /Refused a connection: 127\.0\.0\.1:\d+ has not said within 500 ms who it is/);
      await works(server, await make());
    });
  });

  it('tries the ports above one that is taken', async () => {
    await withEnvs(async (make) => {
      const lines: string[] = [];
      const first = await make({ port: 0 });
      const taken = portOf(first);
      await assert.rejects(
        make({ name: 'sparkDriver', port: taken, portMaxRetries: 0 }),
        /Service 'sparkDriver' failed after 0 retries \(starting from \d+\)! Consider explicitly setting the appropriate port/,
      );
      const second = await make({
        name: 'sparkDriver',
        port: taken,
        portMaxRetries: 16,
        logger: recordingLogger(lines),
      });
      assert.notEqual(portOf(second), taken);
      assert.match(
        lines[0] ?? '',
        new RegExp(`Service 'sparkDriver' could not bind on port ${taken}\\. Attempting port ${taken + 1}\\.`),
      );
      await assert.rejects(
        make({ port: 0, bindAddress: 'no.such.host.invalid' }),
        /cannot listen on no\.such\.host\.invalid/,
      );
    });
  });
});

describe('a client', () => {
  it('says what is wrong with who it connects to', async () => {
    await withEnvs(async (make) => {
      const client = await make();
      const sockets: Socket[] = [];
      const answers: Buffer[] = [];
      const stranger = createServer((socket) => {
        sockets.push(socket);
        socket.on('error', () => {});
        const answer = answers.shift();
        if (answer !== undefined) socket.write(answer);
      });
      await new Promise<void>((resolve) => stranger.listen(0, '127.0.0.1', resolve));
      const { port } = stranger.address() as { port: number };
      const address = { host: '127.0.0.1', port };
      try {
        answers.push(Buffer.from('HTTP/1.1 400 Bad Request\r\n\r\n'));
        await assert.rejects(
          client.connect(address, 'Ping'),
          (error) =>
            error instanceof RpcHandshakeError &&
            /sent bytes that are not Iskra RPC: is the port right\?/.test(error.message),
        );
        answers.push(handshakeFrame(HandshakeKind.accept, {}, 2));
        await assert.rejects(
          client.connect(address, 'Ping'),
          /do not get together: protocolVersion 2 on one side and 1 on the other/,
        );
        await assert.rejects(
          client.connect(address, 'Ping', { timeoutMs: 20 }),
          (error) =>
            error instanceof RpcTimeoutError &&
            /^Connecting to 127\.0\.0\.1:\d+ timed out \(20 ms\)$/.test(error.message),
        );
      } finally {
        for (const socket of sockets) socket.destroy();
        await new Promise<void>((resolve) => stranger.close(() => resolve()));
      }
      await assert.rejects(
        client.connect(address, 'Ping'),
        (error) =>
          error instanceof RpcConnectionError &&
          /^Failed to connect to 127\.0\.0\.1:\d+: connect ECONNREFUSED/.test(error.message),
      );
      await assert.rejects(
        client.connect({ host: '127.0.0.1', port: 70_000 }, 'Ping'),
        /Failed to connect to 127\.0\.0\.1:70000: 70000 is not a port/,
      );
      await assert.rejects(client.connect({ host: 'no.such.host.invalid', port: 1 }, 'Ping'), RpcConnectionError);
    });
  });
});
