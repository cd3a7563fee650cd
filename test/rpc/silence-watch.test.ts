import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { SilenceWatch } from '../../src/rpc/silence-watch.ts';
import { freePort } from '../kit/free-port.ts';
import { ManualClock } from '../kit/manual-clock.ts';
import { Middleman, portOf, recordingLogger, withEnvs } from '../kit/rpc.ts';

const looks = (watch: SilenceWatch, count: number): string =>
  Array.from({ length: count }, () => watch.look()).join(' ');

describe('a silent connection', () => {
  it('is asked, then probed, when something is owed', () => {
    const watch = new SilenceWatch();
    watch.sent();
    assert.equal(looks(watch, 6), 'nothing ask probe nothing nothing nothing');
  });

  it('is left alone when nothing was sent since the last word', () => {
    const watch = new SilenceWatch();
    watch.sent();
    watch.heard();
    assert.equal(looks(watch, 8), Array(8).fill('nothing').join(' '));
  });

  it('begins anew with each word', () => {
    const watch = new SilenceWatch();
    watch.sent();
    assert.equal(looks(watch, 2), 'nothing ask');
    watch.heard();
    watch.sent(); // after it: owed again
    assert.equal(looks(watch, 4), 'nothing nothing ask probe');
  });

  it('is asked and probed again as long as a new connection can be made', () => {
    const watch = new SilenceWatch();
    watch.sent();
    assert.equal(looks(watch, 3), 'nothing ask probe');
    watch.reachable();
    assert.equal(looks(watch, 3), 'nothing ask probe');
  });
});

const SILENCE = { ms: 40, key: 'spark.network.timeout' };
interface Question {
  Never: [null, null];
  Echo: [number, number];
}

describe('a connection that leads nowhere any more', () => {
  it('is closed: what was asked over it fails, and its endpoints hear of it', async () => {
    await withEnvs(async (make) => {
      const lines: string[] = [];
      const server = await make({ port: 0, silenceTimeout: { ...SILENCE, ms: Number.POSITIVE_INFINITY } });
      server.register<never, Question>('Mute', { receive: () => {}, receiveAndReply: () => new Promise(() => {}) });
      const between = new Middleman(portOf(server));
      await between.listen();
      const client = await make({ silenceTimeout: SILENCE, logger: recordingLogger(lines) });
      const gone = new Promise<void>((resolve) =>
        client.register('Here', { receive: () => {}, onDisconnected: () => resolve() }),
      );
      const ref = await client.connect<never, Question>({ host: '127.0.0.1', port: between.port }, 'Mute');
      between.cut();
      const asked = ref.ask('Never', null, { timeoutMs: Number.POSITIVE_INFINITY });
      await assert.rejects(asked, (error: Error) => {
        assert.match(
          error.message,
          /^Connection from 127\.0\.0\.1:\d+ closed: nothing has come from 127\.0\.0\.1:\d+ for 40 milliseconds, and it cannot be reached: connect ECONNREFUSED/,
        );
        return true;
      });
      await gone;
      assert.equal(ref.closed, true);
      assert.equal(lines.length, 1);
      assert.match(lines[0] ?? '', /its connection is closed\. This timeout is controlled by spark\.network\.timeout/);
      await between.close();
    });
  });

  it('is closed by the side that was connected to, which tries the address that the other one serves', async () => {
    await withEnvs(async (make) => {
      const server = await make({ port: 0, silenceTimeout: SILENCE });
      let tell: (words: string) => void = () => {};
      const gone = new Promise<string>((resolve) => {
        tell = resolve;
      });
      server.register<{ type: 'Hello' }>('Server', {
        receive: (_message, from) => {
          void from
            .ref<never, Question>('Client')
            .ask('Never', null, { timeoutMs: Number.POSITIVE_INFINITY })
            .catch((error: Error) => tell(error.message));
        },
      });
      const between = new Middleman(portOf(server));
      await between.listen();
      const never = { ...SILENCE, ms: Number.POSITIVE_INFINITY };
      const port = await freePort();
      // It says that it serves a port at which nobody is.
      const client = await make({ port, portMaxRetries: 0, silenceTimeout: never });
      const ref = await client.connect<{ type: 'Hello' }>({ host: '127.0.0.1', port: between.port }, 'Server');
      ref.send({ type: 'Hello' });
      await client.connect({ host: '127.0.0.1', port: between.port }, 'Server'); // it has arrived
      between.cut();
      await client.stop();
      assert.match(await gone, new RegExp(`nothing has come from 127.0.0.1:${port} for 40 milliseconds`));
      await between.close();
    });
  });

  it('is kept when the other side only computes', async () => {
    await withEnvs(async (make) => {
      const server = await make({ port: 0 });
      server.register<never, Question>('Slow', { receive: () => {}, receiveAndReply: () => 7 });
      const between = new Middleman(portOf(server));
      await between.listen();
      const client = await make({ silenceTimeout: SILENCE });
      const ref = await client.connect<never, Question>({ host: '127.0.0.1', port: between.port }, 'Slow');
      const asked = ref.ask('Echo', 1);
      await between.hold(3); // new connections, which are probes
      between.release();
      assert.equal(await asked, 7);
      await between.close();
    });
  });

  it('does not happen to two that have nothing to say, and they do not ask each other either', async () => {
    await withEnvs(async (make) => {
      const clock = new ManualClock();
      const server = await make({ port: 0, silenceTimeout: SILENCE, clock });
      server.register('Quiet', { receive: () => {} });
      const between = new Middleman(portOf(server));
      await between.listen();
      const client = await make({ silenceTimeout: SILENCE, clock });
      const look = () => client.connect({ host: '127.0.0.1', port: between.port }, 'Quiet');
      const passed = () => Buffer.concat([...between.toServer, ...between.toClient]).length;
      await look();
      const first = passed();
      await look();
      const second = passed();
      clock.advance(100 * SILENCE.ms);
      const ref = await look();
      assert.equal(passed() - second, second - first);
      assert.equal(ref.closed, false);
      await between.close();
    });
  });
});
