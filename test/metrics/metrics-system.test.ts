import assert from 'node:assert/strict';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, type TestContext, test } from 'node:test';
import { type Logger, silentLogger } from '../../src/base/logger.ts';
import { Counter, gauge } from '../../src/metrics/instruments.ts';
import type { MetricsSnapshot, Source } from '../../src/metrics/metrics-snapshot.ts';
import { MetricsSystem } from '../../src/metrics/metrics-system.ts';
import { ManualClock } from '../kit/manual-clock.ts';

const AT = 1_700_000_000_000;
const SINK = 'org.apache.spark.metrics.sink.';

function folderOf(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'iskra-metrics-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

interface Log {
  readonly logger: Logger;
  readonly lines: string[];
  /** Resolves when there are so many lines. */
  reached(count: number): Promise<void>;
}

function logOf(): Log {
  const lines: string[] = [];
  let waiting: { readonly count: number; readonly done: () => void } | null = null;
  const add = (line: string): void => {
    lines.push(line);
    if (waiting !== null && lines.length >= waiting.count) waiting.done();
  };
  const logger: Logger = {
    ...silentLogger,
    info: (message) => add(`INFO ${message}`),
    warn: (message) => add(`WARN ${message}`),
    enabled: () => true,
    named: () => logger,
  };
  const reached = (count: number): Promise<void> =>
    new Promise((done) => {
      if (lines.length >= count) done();
      else waiting = { count, done };
    });
  return { logger, lines, reached };
}

/** A system over one counter and one gauge, with time that stands still. */
async function open(t: TestContext, lines: Record<string, string>, log: Logger = silentLogger) {
  const counter = new Counter();
  counter.inc(5);
  const source: Source = { name: 'own', metrics: { seen: counter, waiting: gauge(() => 3) } };
  const timer = new ManualClock();
  const system = await MetricsSystem.open({
    ...{ instance: 'driver', layers: [lines], log, clock: new ManualClock(AT), timer },
  });
  t.after(() => system.stop());
  return { system, timer, counter, source, start: () => system.start(() => [source], 'app-1.driver.') };
}

/** What one connection sent, whole. */
async function streamOf(server: Server): Promise<string> {
  const [socket] = (await once(server, 'connection')) as [Socket];
  let text = '';
  for await (const chunk of socket.setEncoding('utf8')) text += chunk;
  return text;
}

async function listening(t: TestContext): Promise<{ server: Server; port: string }> {
  const server = createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => server.close());
  return { server, port: String((server.address() as { port: number }).port) };
}

const GRAPHITE_LINES = 'app-1.driver.own.waiting 3 1700000000\napp-1.driver.own.seen.count 5 1700000000\n';

describe('a metrics system', () => {
  test('sends Graphite a connection each period, and one at the end', async (t) => {
    const { server, port } = await listening(t);
    const { system, timer, counter, start } = await open(t, {
      ...{ 'driver.sink.g.class': `${SINK}GraphiteSink`, 'driver.sink.g.host': '127.0.0.1', '*.sink.g.port': port },
      'driver.sink.g.period': '2',
    });
    start();
    timer.advance(1999);
    const first = streamOf(server);
    timer.advance(1);
    assert.equal(await first, GRAPHITE_LINES);
    counter.inc(2);
    const last = streamOf(server);
    await system.stop();
    assert.match(await last, /own\.seen\.count 7 1700000000/);
  });

  test('warns once of a server that is gone, goes on, and says when it is back', async (t) => {
    const port = '1'; // of a service that no machine has any more
    const { logger, lines, reached } = logOf();
    const { timer, start } = await open(
      t,
      {
        ...{ 'driver.sink.g.class': `${SINK}GraphiteSink`, 'driver.sink.g.host': '127.0.0.1' },
        ...{ 'driver.sink.g.port': port, 'driver.sink.g.period': '1' },
        ...{ 'driver.sink.mine.class': moduleOf(t, 'failing'), 'driver.sink.mine.period': '1' },
      },
      logger,
    );
    const calls = (globalThis as { failingSinkCalls?: () => Promise<void> }).failingSinkCalls;
    assert.ok(calls !== undefined);
    start();
    timer.advance(1000);
    await reached(2);
    assert.deepEqual([...lines].sort(), [
      `WARN metrics sink driver.g could not report: connect ECONNREFUSED 127.0.0.1:${port}. It is tried again after each period; this is said once`,
      'WARN metrics sink driver.mine could not report: no luck. It is tried again after each period; this is said once',
    ]);
    const again = calls();
    timer.advance(1000);
    await again; // the second call goes well
    await reached(3);
    assert.equal(lines[2], 'INFO metrics sink driver.mine reports again');
  });

  test('sends Graphite a datagram a line over UDP', async (t) => {
    const socket = createSocket('udp4');
    socket.bind(0, '127.0.0.1');
    await once(socket, 'listening');
    t.after(() => socket.close());
    const { timer, start } = await open(t, {
      ...{ 'driver.sink.g.class': 'GraphiteSink', 'driver.sink.g.host': '127.0.0.1' },
      ...{ 'driver.sink.g.port': String(socket.address().port), 'driver.sink.g.protocol': 'UDP' },
      ...{ 'driver.sink.g.prefix': 'p', 'driver.sink.g.regex': 'seen$' },
    });
    start();
    const [message] = await received(socket, () => timer.advance(10_000));
    assert.equal(String(message), 'p.app-1.driver.own.seen.count 5 1700000000\n');
  });

  test('sends StatsD datagrams, of counters what is new', async (t) => {
    const socket = createSocket('udp4');
    socket.bind(0, '127.0.0.1');
    await once(socket, 'listening');
    t.after(() => socket.close());
    const { system, timer, counter, start } = await open(t, {
      ...{ '*.sink.statsd.class': `${SINK}StatsdSink`, '*.sink.statsd.port': String(socket.address().port) },
      '*.sink.statsd.regex': 'seen',
    });
    start();
    const [first] = await received(socket, () => timer.advance(10_000));
    assert.equal(String(first), 'app-1.driver.own.seen:5|c');
    counter.inc(4);
    const [second] = await received(socket, () => void system.stop());
    assert.equal(String(second), 'app-1.driver.own.seen:4|c');
  });

  test('appends to CSV files that it has made or found', async (t) => {
    const folder = folderOf(t);
    const directory = join(folder, 'new', 'csv');
    const lines = { '*.sink.csv.class': `${SINK}CsvSink`, '*.sink.csv.directory': directory };
    for (let run = 0; run < 2; run++) {
      const { system, start } = await open(t, lines);
      start();
      await system.stop();
    }
    assert.deepEqual(readdirSync(directory).sort(), ['app-1.driver.own.seen.csv', 'app-1.driver.own.waiting.csv']);
    const text = readFileSync(join(directory, 'app-1.driver.own.seen.csv'), 'utf8');
    assert.equal(text, 't,count\n1700000000,5\n1700000000,5\n');
  });

  test('writes through no link that somebody has laid under the name of a CSV file', async (t) => {
    const folder = folderOf(t);
    writeFileSync(join(folder, 'precious'), 'kept');
    mkdirSync(join(folder, 'csv'));
    symlinkSync(join(folder, 'precious'), join(folder, 'csv', 'app-1.driver.own.waiting.csv'));
    const { logger, lines } = logOf();
    const settings = { '*.sink.csv.class': 'CSVSink', '*.sink.csv.directory': join(folder, 'csv') };
    const { system, start } = await open(t, settings, logger);
    start();
    await system.stop();
    assert.equal(readFileSync(join(folder, 'precious'), 'utf8'), 'kept');
    assert.match(lines[0] ?? '', /^WARN metrics sink driver\.csv could not report: ELOOP/);
  });

  test('shows pages when they are asked for, and nothing before it has started', async (t) => {
    const { system, start } = await open(t, { 'driver.sink.prometheusServlet.path': '/metrics/driver/prometheus/' });
    assert.deepEqual(
      system.pages.map(({ path }) => path),
      ['/metrics/json', '/metrics/driver/prometheus'],
    );
    const bodies = () => Promise.all(system.pages.map((page) => page.body()));
    assert.deepEqual(await bodies(), [null, null]);
    assert.equal(system.hasSinks, false);
    start();
    const [json, prometheus] = await bodies();
    assert.deepEqual(JSON.parse(json ?? '').counters, { 'app-1.driver.own.seen': { count: 5 } });
    assert.match(prometheus ?? '', /^metrics_app_1_driver_own_seen_Count\{type="counters"\} 5$/m);
  });

  test('takes sinks and sources of modules', async (t) => {
    const folder = folderOf(t);
    writeFileSync(join(folder, 'temperature.mjs'), 'export const readMetrics = () => ({ celsius: 21.5, odd: {} });');
    const { system, start } = await open(t, {
      ...{ 'driver.sink.mine.class': moduleOf(t, 'keeping'), 'driver.sink.mine.color': 'red' },
      'driver.source.room.class': join(folder, 'temperature.mjs'),
    });
    start();
    await system.stop();
    const kept = (globalThis as { keptReports?: { color: string; snapshots: MetricsSnapshot[]; stopped: boolean } })
      .keptReports;
    assert.equal(kept?.color, 'red');
    assert.equal(kept?.stopped, true);
    assert.deepEqual(
      kept?.snapshots.map(({ gauges }) => gauges),
      [{ 'app-1.driver.own.waiting': 3, 'app-1.driver.room.celsius': 21.5 }],
    );
  });

  test('has memory and collections of the process as source jvm', async (t) => {
    const { system, start } = await open(t, { '*.source.jvm.class': 'org.apache.spark.metrics.source.JvmSource' });
    start();
    const { gauges } = JSON.parse((await system.pages[0]?.body()) ?? '') as { gauges: Record<string, object> };
    for (const name of ['heap.used', 'heap.max', 'total.committed', 'pools.new-space.used', 'Scavenge.count'])
      assert.ok(`app-1.driver.jvm.${name}` in gauges, name);
  });

  test('passes over a JmxSink, saying what to use', async (t) => {
    const { logger, lines } = logOf();
    await open(t, { '*.sink.jmx.class': `${SINK}JmxSink` }, logger);
    assert.match(lines[0] ?? '', /^WARN driver\.sink\.jmx\.class=.*JmxSink is passed over: there is no JVM: use Prom/);
  });

  test('does not open with lines that cannot be used', async (t) => {
    const refused = async (lines: Record<string, string>, message: RegExp): Promise<void> => {
      await assert.rejects(open(t, lines), message);
    };
    const graphite = { 'driver.sink.g.class': `${SINK}GraphiteSink` };
    await refused(graphite, /Graphite sink requires 'host' property: give driver\.sink\.g\.host/);
    await refused({ ...graphite, '*.sink.g.host': 'h' }, /Graphite sink requires 'port' property/);
    const good = { ...graphite, '*.sink.g.host': 'h', '*.sink.g.port': '2003' };
    await refused({ ...good, '*.sink.g.port': '70000' }, /driver\.sink\.g\.port is 70000, but must be a port/);
    await refused({ ...good, '*.sink.g.protocol': 'http' }, /Invalid Graphite protocol: http/);
    await refused({ ...good, '*.sink.g.regex': '(' }, /driver\.sink\.g\.regex is \(, but must be a regular expression/);
    await refused({ ...good, '*.sink.g.period': '0' }, /below than minimal polling period/);
    await refused({ '*.sink.servlet.path': 'metrics' }, /driver\.sink\.servlet\.path is 'metrics', but must be a path/);
    await refused({ '*.sink.x.class': `${SINK}FooSink` }, /FooSink is no sink that is known here: use ConsoleSink/);
    await refused(
      { '*.sink.x.class': './nowhere.mjs' },
      /driver\.sink\.x\.class=\.\/nowhere\.mjs: the module cannot be/,
    );
    await refused({ '*.source.x.class': 'org.apache.spark.X' }, /org\.apache\.spark\.X is no source that is known/);
  });

  test('ends although a sink never answers', async (t) => {
    const { logger, lines } = logOf();
    const { system, timer, start } = await open(t, { 'driver.sink.mine.class': moduleOf(t, 'hanging') }, logger);
    start();
    const stopped = system.stop();
    timer.advance(3000);
    await stopped;
    assert.deepEqual(lines, ['WARN the last report of metrics took more than 3000 ms; it is given up']);
  });
});

/** The next datagram, after `act`. */
async function received(socket: ReturnType<typeof createSocket>, act: () => void): Promise<[Buffer]> {
  const message = once(socket, 'message') as Promise<[Buffer]>;
  act();
  return message;
}

const MODULES = {
  failing: `
    let calls = 0;
    let heard = () => {};
    globalThis.failingSinkCalls = () => new Promise((resolve) => { heard = resolve; });
    export const createSink = () => ({ report() { heard(); if (++calls === 1) throw new Error('no luck'); } });`,
  keeping: `
    export async function createSink(options) {
      const kept = { color: options.color, snapshots: [], stopped: false };
      globalThis.keptReports = kept;
      return {
        async report(snapshot) { kept.snapshots.push(snapshot); },
        stop() { kept.stopped = true; },
      };
    }`,
  hanging: 'export const createSink = () => ({ report: () => new Promise(() => {}) });',
};

function moduleOf(t: TestContext, name: keyof typeof MODULES): string {
  const path = join(folderOf(t), `${name}.mjs`);
  writeFileSync(path, MODULES[name]);
  return path;
}
