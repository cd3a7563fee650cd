import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Logger } from '../../src/base/logger.ts';
import { ListenerBus, type SparkListener } from '../../src/events/listener-bus.ts';
import type { SparkListenerEvent } from '../../src/protocol/spark-listener-event.ts';

const jobEnd = (jobId: number): SparkListenerEvent => ({ type: 'SparkListenerJobEnd', at: 0, jobId, error: null });
const appEnd: SparkListenerEvent = { type: 'SparkListenerApplicationEnd', at: 0 };

function logged(): { logger: Logger; lines: string[] } {
  const lines: string[] = [];
  const logger: Logger = {
    debug() {},
    info() {},
    warn: (m) => lines.push(`WARN ${m}`),
    error: (m) => lines.push(`ERROR ${m}`),
    enabled: () => true,
    named: () => logger,
  };
  return { logger, lines };
}

const microtasks = (): Promise<void> => new Promise((done) => setImmediate(done));

describe('the listener bus', () => {
  test('brings every event to every listener, in order, and never inside of post', async () => {
    const bus = new ListenerBus(logged());
    const heard: string[] = [];
    bus.add({ onJobEnd: (e) => heard.push(`a ${e.jobId}`) });
    bus.add({
      onJobEnd: (e) => heard.push(`b ${e.jobId}`),
      onApplicationEnd: () => heard.push('b end'),
      onEvent: (e) => heard.push(`b any ${e.type}`),
    });
    bus.post(jobEnd(1));
    bus.post(jobEnd(2));
    bus.post(appEnd);
    assert.deepEqual(heard, []);
    await microtasks();
    assert.deepEqual(heard, [
      'a 1',
      'b 1',
      'b any SparkListenerJobEnd',
      'a 2',
      'b 2',
      'b any SparkListenerJobEnd',
      'b end',
      'b any SparkListenerApplicationEnd',
    ]);
  });

  test('delivers at once what waits when it is drained, and nothing twice', async () => {
    const bus = new ListenerBus(logged());
    const heard: number[] = [];
    bus.add({ onJobEnd: (e) => heard.push(e.jobId) });
    bus.post(jobEnd(1));
    bus.drain();
    assert.deepEqual(heard, [1]);
    await microtasks();
    bus.drain();
    assert.deepEqual(heard, [1]);
  });

  test('queues what a listener posts, behind what waits', () => {
    const bus = new ListenerBus(logged());
    const heard: number[] = [];
    bus.add({
      onJobEnd: (e) => {
        heard.push(e.jobId);
        if (e.jobId !== 1) return;
        bus.post(jobEnd(3));
        bus.drain();
      },
    });
    bus.post(jobEnd(1));
    bus.post(jobEnd(2));
    bus.drain();
    assert.deepEqual(heard, [1, 2, 3]);
  });

  test('logs a listener that throws once, and goes on with it and the others', async () => {
    const { logger, lines } = logged();
    const bus = new ListenerBus({ logger });
    const heard: number[] = [];
    class Bad implements SparkListener {
      onJobEnd(): void {
        throw new Error('boom');
      }
    }
    bus.add(new Bad());
    bus.add({
      async onJobEnd() {
        throw new Error('later');
      },
    } as SparkListener);
    bus.add({ onJobEnd: (e) => heard.push(e.jobId) });
    bus.post(jobEnd(1));
    bus.post(jobEnd(2));
    await microtasks();
    assert.deepEqual(heard, [1, 2]);
    assert.equal(lines.length, 2);
    assert.match(lines[0] ?? '', /^ERROR Listener Bad threw an exception; .*boom/);
    assert.match(lines[1] ?? '', /later/);
  });

  test('drops what is more than it holds, counts it and warns', () => {
    const { logger, lines } = logged();
    const bus = new ListenerBus({ logger, capacity: 5 });
    const heard: number[] = [];
    bus.add({ onJobEnd: (e) => heard.push(e.jobId) });
    for (let i = 0; i < 20; i++) bus.post(jobEnd(i));
    bus.drain();
    assert.deepEqual(heard, [0, 1, 2, 3, 4]);
    assert.equal(bus.numDropped, 15);
    assert.equal(lines.length, 2);
    assert.match(
      lines[0] ?? '',
      /^WARN Dropped 1 listener events so far: more than 5 waited at once; raise spark\.scheduler\.listenerbus/,
    );
    assert.match(lines[1] ?? '', /Dropped 10 /);
    bus.post(jobEnd(20));
    bus.drain();
    assert.equal(heard.at(-1), 20);
  });

  test('tells a removed listener nothing more, also not the rest of an event', () => {
    const bus = new ListenerBus(logged());
    const heard: string[] = [];
    const second: SparkListener = { onJobEnd: () => heard.push('second') };
    bus.add({
      onJobEnd: () => {
        heard.push('first');
        bus.remove(second);
      },
    });
    bus.add(second);
    bus.post(jobEnd(1));
    bus.drain();
    assert.deepEqual(heard, ['first']);
  });

  test('keeps nothing when nobody listens', () => {
    const bus = new ListenerBus(logged());
    assert.equal(bus.isHeard, false);
    bus.post(jobEnd(1));
    const heard: number[] = [];
    bus.add({ onJobEnd: (e) => heard.push(e.jobId) });
    bus.drain();
    assert.deepEqual(heard, []);
    assert.equal(bus.isHeard, true);
  });
});
