import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { ManualClock } from '../kit/manual-clock.ts';
import { Middleman, portOf, RawClient, recordingLogger, withEnvs } from '../kit/rpc.ts';
import { until } from '../kit/until.ts';

const LOOKUP = { ms: 120_000, key: 'spark.rpc.lookupTimeout' };
const HANDSHAKE_MS = 10_000;
const PARTS = 4;

/** Counts how often a wait for a handshake has begun, in parts. */
class CountingClock extends ManualClock {
  parts = 0;
  readonly #partMs: number;

  constructor(partMs: number) {
    super();
    this.#partMs = partMs;
  }

  override after(delayMs: number, fire: () => void): () => void {
    if (delayMs === this.#partMs) this.parts++;
    return super.after(delayMs, fire);
  }

  async until(parts: number): Promise<void> {
    await until(() => this.parts >= parts);
  }
}

describe('a process that computes while others connect', () => {
  it('is waited for as long as it can be reached by who says so', async () => {
    await withEnvs(async (make) => {
      const server = await make({ port: 0 });
      server.register('Busy', { receive: () => {} });
      const between = new Middleman(portOf(server));
      await between.listen();
      const clock = new CountingClock(LOOKUP.ms / PARTS);
      const client = await make({ clock, lookupTimeout: LOOKUP });
      const taken = between.hold(1);
      const connecting = client.connect({ host: '127.0.0.1', port: between.port }, 'Busy', { whileReachable: true });
      await taken;
      for (let round = 1; round <= 3; round++) {
        const probed = between.hold(1);
        clock.advance(LOOKUP.ms);
        await probed;
        await clock.until(round * PARTS + 1);
      }
      between.release();
      assert.equal((await connecting).closed, false);
      await between.close();
    });
  });

  it('is given up when it cannot be reached any more', async () => {
    await withEnvs(async (make) => {
      const server = await make({ port: 0 });
      const between = new Middleman(portOf(server));
      await between.listen();
      const clock = new ManualClock();
      const client = await make({ clock, lookupTimeout: LOOKUP });
      const taken = between.hold(1);
      const connecting = client.connect({ host: '127.0.0.1', port: between.port }, 'Busy', { whileReachable: true });
      await taken;
      between.cut();
      clock.advance(LOOKUP.ms);
      await assert.rejects(
        connecting,
        /^RpcTimeoutError: Connecting to 127\.0\.0\.1:\d+ timed out \(120000 ms\), and it cannot be reached: connect ECONNREFUSED/,
      );
      await between.close();
    });
  });

  it('hears who connected before it computed, however long that was', async () => {
    await withEnvs(async (make) => {
      const lines: string[] = [];
      const clock = new CountingClock(HANDSHAKE_MS / PARTS);
      const server = await make({ port: 0, clock, handshakeTimeoutMs: HANDSHAKE_MS, logger: recordingLogger(lines) });
      const client = new RawClient(portOf(server));
      await clock.until(1);
      clock.skip(10 * HANDSHAKE_MS);
      clock.advance(0);
      client.socket.write('GET / HTTP/1.1\r\n\r\n');
      await client.closed();
      assert.match(lines.join('\n'), /^Refused a connection that sent [^\n]*$/);
    });
  });
});
