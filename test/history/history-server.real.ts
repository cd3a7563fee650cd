// Logs of Iskra and of Spark before Spark's own history server and ours: run by scripts/check-history.mjs.
import assert from 'node:assert/strict';
import { cpSync, mkdtempSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { type Logger, silentLogger } from '../../src/base/logger.ts';
import { SparkConf } from '../../src/config/spark-conf.ts';
import { SparkContext } from '../../src/driver/spark-context.ts';
import { prepareEventLog } from '../../src/event-log/event-log-writer.ts';
import { LogDirectory } from '../../src/history/log-directory.ts';
import { apiHandler } from '../../src/ui/api/api-handler.ts';
import { everyEvent } from '../kit/every-event.ts';
import { request } from '../kit/http.ts';
import { ManualClock } from '../kit/manual-clock.ts';
import { SparkHistoryServer } from '../kit/spark-history-server.ts';

const GOLDEN = fileURLToPath(new URL('../../../test/golden/spark-event-log/logs', import.meta.url));
const log: Logger = silentLogger;

let dir: string;
let spark: SparkHistoryServer;
let ours: LogDirectory;

before(async () => {
  dir = realpathSync(mkdtempSync(join(tmpdir(), 'iskra-history-')));
  // The virtual machine takes its time; meanwhile the logs are made.
  const starting = SparkHistoryServer.start(dir);
  cpSync(GOLDEN, dir, { recursive: true, preserveTimestamps: true });
  await application('local[2]', 'iskra-local', {
    'spark.eventLog.rolling.enabled': 'false',
    'spark.eventLog.compress': 'false',
    'spark.eventLog.logBlockUpdates.enabled': 'true',
  });
  await application('local-cluster[2,1,1024]', 'iskra-cluster', { 'spark.eventLog.logBlockUpdates.enabled': 'true' });
  await syntheticLog('every-event', true);
  await syntheticLog('still-running', false);
  spark = await starting;
  ours = await LogDirectory.open({
    dir,
    updateIntervalMs: 1000,
    retainedApplications: 50,
    retention: { jobs: 1000, stages: 1000, tasks: 100_000, deadExecutors: 100 },
    cleaner: null,
    clock: new ManualClock(),
    log,
  });
  const wanted = ours.applications().length;
  await spark.until(async () => {
    const listed = JSON.parse((await spark.get('/api/v1/applications')).text) as unknown[];
    return listed.length === wanted;
  });
});
after(async () => {
  await spark?.stop();
  await ours?.close();
  rmSync(dir, { recursive: true, force: true });
});

/** Something of everything: shuffles, skipped stages, blocks in memory and on disk, accumulators, failures. */
async function application(master: string, appId: string, settings: Record<string, string>): Promise<void> {
  const sc = await SparkContext.create({
    master,
    appName: `${appId} "quoted" <b>é`,
    'spark.app.id': appId,
    'spark.eventLog.enabled': 'true',
    'spark.eventLog.dir': dir,
    'spark.log.level': 'OFF',
    'spark.my.password': 'geheim',
    ...settings,
  });
  try {
    const seen = sc.longAccumulator('seen');
    const pairs = sc
      .range(0, 1000, 1, 4)
      .map((x): [number, number] => [x % 7, x])
      .setName('pairs')
      .persist();
    await pairs.count();
    await sc.withLocalProperties(
      { 'spark.jobGroup.id': 'g1', 'spark.job.description': 'sums', 'spark.job.tags': 'b,a' },
      () =>
        pairs
          .reduceByKey((a, b) => a + b)
          .sortByKey()
          .collect(),
    );
    const groups = pairs.groupByKey();
    await groups.count();
    await groups.count();
    await sc.range(0, 10, 1, 2).foreach(() => seen.add(1));
    await sc
      .range(0, 2, 1, 2)
      .map((x): number => {
        throw new Error(`no luck with ${x}`);
      })
      .count()
      .catch(() => {});
    const gone = sc.range(0, 100, 1, 2).persist();
    await gone.count();
    gone.unpersist();
    await sc.range(0, 4, 1, 2).count();
  } finally {
    await sc.stop();
  }
}

/** A log of events that seldom happen. */
async function syntheticLog(appId: string, ends: boolean): Promise<void> {
  const conf = new SparkConf({ 'spark.eventLog.dir': dir, 'spark.eventLog.logBlockUpdates.enabled': 'true' });
  const writer = (await prepareEventLog(conf, log))(appId, null);
  for (const event of everyEvent(appId)) if (ends || event.type !== 'SparkListenerApplicationEnd') writer.hear(event);
  if (ends) await writer.close();
  else await writer.flush();
}

/** Where a log was found, and what Spark does not keep up to date, are left out; what has no order is sorted. */
function comparable(value: unknown, name = ''): unknown {
  if (Array.isArray(value)) {
    const items = value.map((item) => comparable(item));
    return name === 'dataDistribution' ? items.map((item) => JSON.stringify(item)).sort() : items;
  }
  if (typeof value !== 'object' || value === null) return value;
  // Of a log that still grows Spark says when it looked last.
  const left =
    'completed' in value && value.completed === false ? /^logSource|^lastUpdated/ : /^logSource|emoryRemaining$/;
  const entries = Object.entries(value).filter(([key]) => !left.test(key));
  return Object.fromEntries(entries.map(([key, inner]) => [key, comparable(inner, key)]));
}

async function compare(path: string): Promise<void> {
  const handle = apiHandler(ours);
  const [mine, theirs] = await Promise.all([handle(request('GET', path)), spark.get(path)]);
  assert.equal(mine.status, theirs.status, `${path}: ${theirs.text.slice(0, 300)}`);
  if (!/^[[{]/.test(theirs.text)) assert.equal(mine.body.trim(), theirs.text.trim(), path);
  else {
    // How long one that runs has run: until when Spark looked last.
    const same = (text: string): unknown =>
      comparable(
        JSON.parse(
          path.includes('still-running') ? text.replace(/"totalDuration" ?: \d+/g, '"totalDuration": 0') : text,
        ),
      );
    assert.deepEqual(same(mine.body), same(theirs.text), path);
  }
}

test('both servers list the same applications', async () => {
  const ids = ours.applications().map(({ id }) => id);
  assert.deepEqual(ids.toSorted(), [
    'app-20260101000000-0000',
    'every-event',
    'iskra-cluster',
    'iskra-local',
    'local-1',
    'local-2',
    'still-running',
  ]);
  await compare('/api/v1/applications');
  await compare('/api/v1/applications?status=running');
  await compare('/api/v1/applications?status=completed&limit=2');
  await compare('/api/v1/applications?minDate=2026-11-22');
});

test('both servers say the same of each of them', async () => {
  for (const id of ['iskra-local', 'iskra-cluster', 'every-event', 'still-running', 'app-20260101000000-0000']) {
    const base = `/api/v1/applications/${id}`;
    const store = await ours.store(id, null);
    assert.ok(store !== null);
    const paths = ['', '/jobs', '/stages', '/executors', '/allexecutors', '/storage/rdd', '/environment', '/nope'];
    paths.push('/stages?details=true&withSummaries=true&quantiles=0.01,0.5,0.99', '/jobs/1', '/jobs/77', '/stages/77');
    for (const rdd of store.rdds) paths.push(`/storage/rdd/${rdd.id}`);
    for (const { stageId, attemptId } of store.stages.slice(0, 6)) {
      const stage = `/stages/${stageId}`;
      const attempt = `${stage}/${attemptId}`;
      paths.push(stage, attempt, `${stage}/77`, `${attempt}/taskSummary`, `${attempt}/taskList?length=3&offset=1`);
      paths.push(`${attempt}/taskList?sortBy=-runtime`, `${attempt}/taskList?status=failed&sortBy=runtime`);
    }
    // The first has it read the log, the others find it read.
    for (const path of paths.splice(0, 1)) await compare(base + path);
    const lane = async (): Promise<void> => {
      for (let path = paths.shift(); path !== undefined; path = paths.shift()) await compare(base + path);
    };
    await Promise.all([lane(), lane(), lane()]);
  }
});

test("Spark's server shows the pages of our logs", async () => {
  for (const id of ['iskra-local', 'iskra-cluster', 'every-event', 'still-running'])
    for (const path of [
      'jobs',
      'jobs/job/?id=1',
      'stages',
      'stages/stage/?id=1&attempt=0',
      'storage',
      'environment',
      'executors',
    ]) {
      const { status, text } = await spark.get(`/history/${id}/${path}${path.includes('?') ? '' : '/'}`);
      assert.equal(status, 200, `${id}/${path}: ${text.slice(0, 300)}`);
    }
  assert.ok(!spark.log.includes('geheim'));
  assert.doesNotMatch(spark.log, /Dropped? .*event|Malformed|ClassNotFound|Unknown event|MatchError/i);
});
