import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { SparkContext } from '../../src/driver/spark-context.ts';
import { freePort } from '../kit/free-port.ts';
import { StandaloneCluster } from '../kit/standalone-cluster.ts';

type Json = Record<string, unknown>;

let dir: string;
const events: Json[] = [];

before(async () => {
  dir = mkdtempSync(join(tmpdir(), 'iskra-event-log-'));
  const sc = await SparkContext.create({
    master: 'local[2]',
    appName: 'a log',
    'spark.app.id': 'local-log',
    'spark.eventLog.enabled': 'true',
    'spark.eventLog.dir': dir,
    'spark.eventLog.compress': 'false',
    'spark.eventLog.rolling.enabled': 'false',
    'spark.eventLog.logBlockUpdates.enabled': 'true',
    'spark.log.level': 'OFF',
    'spark.some.password': 'geheim',
  });
  const seen = sc.longAccumulator('seen');
  const pairs = sc
    .range(0, 100, 1, 2)
    .map((x): [number, number] => [x % 3, x])
    .setName('my pairs')
    .persist();
  await sc.withLocalProperties({ 'spark.job.description': 'sums' }, () => pairs.reduceByKey((a, b) => a + b).collect());
  await pairs.foreach(() => seen.add(1));
  await sc
    .range(0, 2, 1, 2)
    .map((x): number => {
      throw new Error(`no luck with ${x}`);
    })
    .count()
    .catch(() => {});
  pairs.unpersist();
  await sc.stop();
  for (const line of readFileSync(join(dir, 'local-log'), 'utf8').trimEnd().split('\n')) events.push(JSON.parse(line));
});
after(() => rmSync(dir, { recursive: true, force: true }));

const of = (name: string): Json[] => events.filter((event) => event['Event'] === `SparkListener${name}`);
const info = (event: Json, of: string): Json => event[of] as Json;

test('a driver has its blocks at spark.driver.port, and no other port', async (t) => {
  const cluster = await StandaloneCluster.start({ workers: 0 });
  const logs = mkdtempSync(join(tmpdir(), 'iskra-event-log-'));
  t.after(async () => {
    await cluster.stop();
    rmSync(logs, { recursive: true });
  });
  const port = await freePort();
  const sc = await SparkContext.create({
    ...{ master: cluster.url, appName: 'ports', 'spark.log.level': 'OFF' },
    ...{ 'spark.driver.port': `${port}`, 'spark.driver.blockManager.port': `${await freePort()}` },
    'spark.scheduler.maxRegisteredResourcesWaitingTime': '1ms',
    ...{
      'spark.eventLog.enabled': 'true',
      'spark.eventLog.dir': logs,
      'spark.eventLog.compress': 'false',
      'spark.eventLog.rolling.enabled': 'false',
    },
  });
  await sc.stop();
  const lines = readFileSync(join(logs, sc.applicationId), 'utf8').split('\n');
  const added = lines.find((line) => line.includes('"SparkListenerBlockManagerAdded"'));
  assert.deepEqual(info(JSON.parse(added ?? '{}'), 'Block Manager ID'), {
    ...{ 'Executor ID': 'driver', Host: '127.0.0.1', Port: port },
  });
});

describe('the event log of an application', () => {
  test('begins with its version and ends with the application', () => {
    assert.deepEqual(readdirSync(dir), ['local-log']);
    assert.equal(events[0]?.['Event'], 'SparkListenerLogStart');
    assert.equal(events.at(-1)?.['Event'], 'SparkListenerApplicationEnd');
    assert.equal(of('ApplicationStart')[0]?.['App ID'], 'local-log');
    for (const name of ['EnvironmentUpdate', 'ResourceProfileAdded', 'ExecutorAdded', 'BlockManagerAdded'])
      assert.equal(of(name).length, 1, name);
  });

  test('names what the application runs with, without its secrets', () => {
    const properties = info(of('EnvironmentUpdate')[0] as Json, 'Spark Properties');
    assert.equal(properties['spark.master'], 'local[2]');
    assert.equal(properties['spark.app.id'], 'local-log');
    assert.equal(properties['spark.some.password'], '*********(redacted)');
    assert.ok(!JSON.stringify(events).includes('geheim'));
  });

  test('has a start for each end, of tasks and stages, and stages that jobs have told of', () => {
    const attempt = (event: Json) => {
      const stage = info(event, 'Stage Info');
      return `${stage['Stage ID']}.${stage['Stage Attempt ID']}`;
    };
    assert.deepEqual(of('StageCompleted').map(attempt).sort(), of('StageSubmitted').map(attempt).sort());
    const task = (event: Json) => info(event, 'Task Info')['Task ID'];
    // One that runs while the application stops has no end.
    const started = new Set(of('TaskStart').map(task));
    for (const end of of('TaskEnd')) assert.ok(started.has(task(end)));
    const known = new Set(of('JobStart').flatMap((job) => job['Stage IDs'] as number[]));
    for (const stage of of('StageSubmitted')) assert.ok(known.has(info(stage, 'Stage Info')['Stage ID'] as number));
    assert.deepEqual(
      of('JobEnd').map((job) => info(job, 'Job Result')['Result']),
      ['JobSucceeded', 'JobSucceeded', 'JobFailed'],
    );
  });

  test('tells of stages what they were submitted and completed with', () => {
    const [map, result] = of('StageCompleted').map((event) => info(event, 'Stage Info'));
    assert.ok(map !== undefined && result !== undefined);
    assert.ok((map['Submission Time'] as number) <= (map['Completion Time'] as number));
    assert.deepEqual(result['Parent IDs'], [map['Stage ID']]);
    const rdds = map['RDD Info'] as Json[];
    const named = rdds.find((rdd) => rdd['Name'] === 'my pairs') as Json;
    assert.equal(named['Number of Partitions'], 2);
    assert.deepEqual(named['Storage Level'], {
      'Use Disk': false,
      'Use Memory': true,
      'Use Off Heap': false,
      Deserialized: true,
      Replication: 1,
    });
    assert.deepEqual(JSON.parse(named['Scope'] as string), { id: String(named['RDD ID']), name: 'map' });
    assert.equal(info(of('StageSubmitted')[0] as Json, 'Properties')['spark.job.description'], 'sums');
    const types = of('TaskEnd').map((event) => event['Task Type']);
    assert.deepEqual(types.slice(0, 4).sort(), ['ResultTask', 'ResultTask', 'ShuffleMapTask', 'ShuffleMapTask']);
  });

  test('has what tasks measured, added and died of', () => {
    const written = of('TaskEnd').map((event) => {
      const metrics = event['Task Metrics'] as Json | undefined;
      return ((metrics?.['Shuffle Write Metrics'] as Json | undefined)?.['Shuffle Records Written'] as number) ?? 0;
    });
    assert.equal(
      written.reduce((a, b) => a + b),
      6,
    );
    const added = of('TaskEnd').flatMap((event) => info(event, 'Task Info')['Accumulables'] as Json[]);
    assert.deepEqual(
      added.map(({ Name, Update, Internal }) => [Name, Update, Internal]),
      [
        ['seen', '50', false],
        ['seen', '50', false],
      ],
    );
    const failed = of('TaskEnd').filter((event) => info(event, 'Task Info')['Failed'] === true);
    assert.ok(failed.length >= 1);
    const reason = info(failed[0] as Json, 'Task End Reason');
    assert.equal(reason['Reason'], 'ExceptionFailure');
    assert.equal(reason['Class Name'], 'Error');
    assert.match(reason['Full Stack Trace'] as string, /^Error: no luck with \d\n/);
    const frame = (reason['Stack Trace'] as Json[])[0] as Json;
    assert.match(frame['File Name'] as string, /event-log\.test\.[jt]s$/);
    assert.equal(typeof frame['Line Number'], 'number');
  });

  test('has the blocks of persisted RDDs, when that is wanted', () => {
    const blocks = of('BlockUpdated').map((event) => info(event, 'Block Updated Info'));
    assert.deepEqual(blocks.map((block) => block['Block ID']).sort(), ['rdd_1_0', 'rdd_1_1']);
    assert.ok(blocks.every((block) => (block['Memory Size'] as number) > 0));
    assert.equal(of('UnpersistRDD').length, 1);
  });
});
