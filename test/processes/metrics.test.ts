import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { DaemonPlace } from '../kit/daemon-place.ts';
import { IskraCommand } from '../kit/iskra-command.ts';
import { until } from '../kit/until.ts';

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

const COUNT = `import { SparkContext } from 'iskra';
const sc = await SparkContext.create();
const pairs = sc.range(0, 1000, 1, 4).map((x) => [x % 7, 1] as [number, number]);
console.log(await pairs.reduceByKey((a, b) => a + b, 2).count());
await sc.stop();
`;

/** The last value in a CSV file of a sink. */
function lastOf(directory: string, name: string): number {
  const lines = readFileSync(join(directory, `${name}.csv`), 'utf8')
    .trim()
    .split('\n');
  return Number(lines.at(-1)?.split(',')[1]);
}

test('an application reports what its driver and each of its executors did, by the file that the driver sees', async (t) => {
  const iskra = new IskraCommand('metrics', { 'count.ts': COUNT });
  t.after(() => iskra.remove());
  const directory = iskra.path('csv');
  iskra.write({
    'conf/metrics.properties': `*.sink.csv.class=org.apache.spark.metrics.sink.CsvSink
*.sink.csv.directory=${directory}
*.sink.csv.period=1
*.sink.csv.unit=hours
`,
  });
  const settings = [
    '-c',
    // biome-ignore lint/suspicious/noTemplateCurlyInString: a reference as settings have it
    'spark.metrics.namespace=${spark.app.name}',
    '-c',
    'spark.metrics.appStatusSource.enabled=true',
  ];
  const { code, out, err } = await iskra.start(['--master', 'local-cluster[2,1,1024]', ...settings, 'count.ts'])
    .outcome;
  assert.deepEqual([code, out], [0, '7\n'], err);
  const driver = (name: string): number => lastOf(directory, `count.ts.driver.${name}`);
  assert.equal(driver('DAGScheduler.job.allJobs'), 1);
  assert.equal(driver('DAGScheduler.job.activeJobs'), 0);
  assert.equal(driver('appStatus.stages.completedStages'), 2);
  assert.equal(driver('appStatus.tasks.completedTasks'), 6);
  assert.ok(driver('DAGScheduler.messageProcessingTime') > 0);
  assert.ok(driver('ExecutorMetrics.ProcessTreeJVMRSSMemory') > 0);
  const ids = readdirSync(directory).flatMap(
    (name) => /^count\.ts\.(\d+)\.executor\.succeededTasks/.exec(name)?.[1] ?? [],
  );
  const sum = (name: string): number => ids.reduce((all, id) => all + lastOf(directory, `count.ts.${id}.${name}`), 0);
  assert.ok(ids.length >= 1);
  assert.equal(sum('executor.succeededTasks'), 6);
  assert.equal(sum('executor.threadpool.completeTasks'), 6);
  assert.equal(sum('executor.shuffleRecordsWritten'), 28);
  assert.equal(sum('executor.shuffleRecordsRead'), 28);
  assert.ok(sum('executor.shuffleLocalBlocksFetched') + sum('executor.shuffleRemoteBlocksFetched') > 0);
  if (process.platform === 'linux') assert.ok(sum('executor.cpuTime') > 0);
  assert.ok(sum('JVMCPU.jvmCpuTime') > 0);
});

test('an application whose metrics cannot be does not start, also when they are those of its executors', async (t) => {
  const iskra = new IskraCommand('metrics', { 'count.ts': COUNT });
  t.after(() => iskra.remove());
  const key = 'spark.metrics.conf.executor.sink.g';
  const { code, err } = await iskra.start(['-c', `${key}.class=GraphiteSink`, '-c', `${key}.host=h`, 'count.ts'])
    .outcome;
  assert.equal(code, 1);
  assert.match(err, /Graphite sink requires 'port' property: give executor\.sink\.g\.port/);
});

test('the executor of a local master counts as part of its driver', async (t) => {
  const iskra = new IskraCommand('metrics', { 'count.ts': COUNT });
  t.after(() => iskra.remove());
  const key = 'spark.metrics.conf.driver.sink.out';
  const settings = ['-c', `${key}.class=ConsoleSink`, '-c', 'spark.metrics.namespace=here'];
  const { code, out, err } = await iskra.start(['--master', 'local[2]', ...settings, 'count.ts']).outcome;
  assert.equal(code, 0, err);
  assert.match(out, /^7\n/);
  assert.match(out, /^here\.driver\.executor\.succeededTasks\n +count = 6$/m);
  assert.match(out, /^here\.driver\.executor\.threadpool\.maxPool_size\n +value = 2$/m);
});

test('the pages of an application show its metrics, which are measured from the first look on', async (t) => {
  const look = `import { SparkContext } from 'iskra';
const sc = await SparkContext.create();
const get = async (path: string) => (await fetch(sc.uiWebUrl + path)).text();
const before = await get('/metrics/json');
await sc.range(0, 10, 1, 2).count();
const after = await get('/metrics/json/');
const prometheus = await get('/metrics/prometheus');
const environment = await get('/api/v1/applications/' + sc.applicationId + '/environment');
await sc.stop();
console.log(JSON.stringify([JSON.parse(before), JSON.parse(after), prometheus, JSON.parse(environment)]));
`;
  const iskra = new IskraCommand('metrics', { 'look.ts': look });
  t.after(() => iskra.remove());
  const settings = ['spark.ui.enabled=true', 'spark.ui.port=0', 'spark.metrics.namespace=n'].flatMap((s) => ['-c', s]);
  const { code, out, err } = await iskra.start(['--master', 'local[2]', ...settings, 'look.ts']).outcome;
  assert.equal(code, 0, err);
  const [before, after, prometheus, environment] = JSON.parse(out);
  assert.deepEqual(before.gauges['n.driver.DAGScheduler.job.allJobs'], { value: 0 });
  assert.deepEqual(after.gauges['n.driver.DAGScheduler.job.allJobs'], { value: 1 });
  assert.deepEqual(after.counters['n.driver.executor.succeededTasks'], { count: 2 });
  assert.ok(after.timers['n.driver.DAGScheduler.messageProcessingTime'].count > 0);
  assert.match(prometheus, /^metrics_n_driver_executor_succeededTasks_Count\{type="counters"\} 2$/m);
  assert.deepEqual(environment.metricsProperties, []);
});

test('executors of an application without a file report by that of their worker', async (t) => {
  const place = new DaemonPlace(t);
  const directory = join(place.folder, 'csv');
  place.write(
    'conf/metrics.properties',
    `executor.sink.csv.class=CsvSink\nexecutor.sink.csv.directory=${directory}\nexecutor.sink.csv.period=3600\n`,
  );
  const master = place.start('master');
  const url = await master.logged(/Starting Iskra master at (spark:\/\/localhost:\d+)/);
  const worker = place.start('worker', '--cores', '2', url);
  await worker.logged(/(Successfully registered with master)/);
  const iskra = new IskraCommand('metrics', { 'count.ts': COUNT });
  t.after(() => iskra.remove());
  const namespace = ['-c', 'spark.metrics.namespace=app'];
  const { code, err } = await iskra.start(['--master', url, ...namespace, 'count.ts']).outcome;
  assert.equal(code, 0, err);
  // The executor ends in its own time.
  const file = join(directory, 'app.0.executor.succeededTasks.csv');
  await until(() => existsSync(file) && readFileSync(file, 'utf8').endsWith(',6\n'));
  assert.deepEqual(
    readdirSync(directory).filter((name) => !name.startsWith('app.0.')),
    [],
  );
});
