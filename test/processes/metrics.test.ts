import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { DaemonPlace } from '../kit/daemon-place.ts';

test('a daemon reports to the sinks of conf/metrics.properties, a last time when it is stopped', async (t) => {
  const place = new DaemonPlace(t);
  const directory = join(place.folder, 'csv');
  place.write(
    'conf/metrics.properties',
    `*.sink.csv.class=org.apache.spark.metrics.sink.CsvSink
*.sink.csv.directory=${directory}
*.sink.csv.period=1
*.sink.csv.unit=hours
master.source.jvm.class=org.apache.spark.metrics.source.JvmSource
`,
  );
  const started = await place.run('master', '--daemon');
  assert.equal(started.code, 0, started.err);
  const pages = /pages at (\S+),/.exec(started.out)?.[1];
  const json = (await (await fetch(`${pages}/metrics/master/json`)).json()) as { gauges: Record<string, unknown> };
  assert.deepEqual(json.gauges['master.workers'], { value: 0 });
  assert.ok('jvm.heap.used' in json.gauges);
  assert.equal((await fetch(`${pages}/metrics/applications/prometheus`)).status, 200);
  assert.equal((await place.run('stop', 'master')).code, 0);
  const files = readdirSync(directory);
  for (const name of ['aliveWorkers', 'apps', 'waitingApps', 'workers'])
    assert.match(readFileSync(join(directory, `master.${name}.csv`), 'utf8'), /^t,value\n\d+,0\n$/);
  assert.ok(files.includes('jvm.heap.used.csv'));
});

test('a daemon whose metrics cannot be does not start, and says which line is wrong', async (t) => {
  const place = new DaemonPlace(t);
  place.write(
    'conf/metrics.properties',
    'worker.sink.g.class=GraphiteSink\nmaster.sink.g.class=org.apache.spark.x.Y\n',
  );
  const worker = await place.run('worker', 'spark://127.0.0.1:1');
  assert.equal(worker.code, 1);
  assert.match(worker.err, /Graphite sink requires 'host' property: give worker\.sink\.g\.host/);
  const key = 'spark.metrics.conf.master.sink.g.class=ConsoleSink';
  const period = 'spark.metrics.conf.*.sink.g.period=0';
  const master = await place.run('master', '--conf', key, '--conf', period);
  assert.equal(master.code, 1);
  assert.match(master.err, /Polling period 0 SECONDS below than minimal polling period of master\.sink\.g/);
});
