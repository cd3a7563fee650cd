import assert from 'node:assert/strict';
import { createServer } from 'node:net';
import { after, before, describe, test } from 'node:test';
import { SparkContext } from '../../src/driver/spark-context.ts';
import { freePort } from '../kit/free-port.ts';
import { until } from '../kit/until.ts';

const SETTINGS = {
  master: 'local[2]',
  appName: 'looked <at>',
  'spark.ui.enabled': 'true',
  'spark.ui.port': '0',
  'spark.log.level': 'OFF',
};

describe('the pages of an application that runs', () => {
  let sc: SparkContext;
  let url: string;
  const get = async (path: string): Promise<{ status: number; text: string }> => {
    const response = await fetch(`${url}${path}`);
    return { status: response.status, text: await response.text() };
  };
  const json = async (path: string): Promise<Record<string, unknown>[]> =>
    JSON.parse((await get(`/api/v1/applications/${sc.applicationId}/${path}`)).text);

  before(async () => {
    sc = await SparkContext.create({ ...SETTINGS, 'spark.some.password': 'geheim' });
    url = sc.uiWebUrl ?? '';
    const pairs = sc
      .range(0, 100, 1, 2)
      .map((x): [number, number] => [x % 3, x])
      .setName('my pairs')
      .persist();
    await sc.withLocalProperties({ 'spark.job.description': 'some <sums>' }, () =>
      pairs.reduceByKey((a, b) => a + b).collect(),
    );
  });
  after(() => sc.stop());

  test('are at a port of this machine, and begin with its jobs', async () => {
    assert.match(url, /^http:\/\/localhost:\d+$/);
    const { status, text } = await get('/');
    assert.equal(status, 200);
    assert.ok(text.includes('looked &lt;at&gt; - Spark Jobs'), text);
    assert.ok(text.includes('Completed Jobs (1)') && text.includes('some &lt;sums&gt;'));
    assert.ok(!text.includes('History Server'));
  });

  test('have what the history server has', async () => {
    for (const [path, shown] of [
      ['/jobs/job/?id=0', 'Completed Stages (2)'],
      ['/stages', 'Stages for All Jobs'],
      ['/stages/stage/?id=0&attempt=0', 'Summary Metrics for 2 Completed Tasks'],
      ['/storage/', 'my pairs'],
      ['/storage/rdd/?id=1', 'rdd_1_0'],
      ['/executors/', 'Active (1)'],
      ['/environment/', 'spark.app.name'],
    ] as const) {
      const { status, text } = await get(path);
      assert.equal(status, 200, path);
      assert.ok(text.includes(shown), `${path}: ${text}`);
    }
    assert.ok(!(await get('/environment/')).text.includes('geheim'));
    assert.deepEqual([(await get('/jobs/job/?id=7')).status, (await get('/nothing/')).status], [404, 404]);
  });

  test('come with the REST API, of this one application', async () => {
    const applications = JSON.parse((await get('/api/v1/applications')).text);
    assert.equal(applications.length, 1);
    assert.equal(applications[0].id, sc.applicationId);
    const [attempt] = applications[0].attempts;
    assert.deepEqual([attempt.completed, attempt.endTimeEpoch, attempt.duration], [false, -1, 0]);
    const [job] = await json('jobs');
    assert.deepEqual([job?.['status'], job?.['numTasks'], job?.['numCompletedTasks']], ['SUCCEEDED', 4, 4]);
    assert.equal((await json('stages')).length, 2);
    assert.equal((await json('storage/rdd'))[0]?.['numCachedPartitions'], 2);
    assert.equal((await get('/api/v1/applications/app-nobody/jobs')).status, 404);
    const logs = await get(`/api/v1/applications/${sc.applicationId}/logs`);
    assert.deepEqual(
      [logs.status, logs.text.trim()],
      [503, `Event logs are not available for app: ${sc.applicationId}.`],
    );
    assert.equal((await get(`/api/v1/applications/${sc.applicationId}/executors/driver/threads`)).status, 404);
  });

  test('end a job that runs, and lead back to the jobs', async () => {
    const endless = sc
      .range(0, 2, 1, 2)
      .map((x) => {
        for (;;) if (Date.now() < 0) return x;
      })
      .count();
    const ended = assert.rejects(endless, /Job 1 cancelled/);
    await until(async () => (await get('/jobs/')).text.includes('Active Jobs (1)'));
    assert.ok((await get('/jobs/')).text.includes('action="../jobs/job/kill/"'));
    const body = new URLSearchParams({ id: '1', terminate: 'true' });
    const answer = await fetch(`${url}/jobs/job/kill/`, { method: 'POST', body });
    assert.deepEqual([answer.status, answer.url], [200, `${url}/jobs/`]);
    await ended;
    assert.ok((await get('/jobs/')).text.includes('Failed Jobs (1)'));
  });

  test('end a stage that runs, and say who did', async () => {
    const endless = sc
      .range(0, 2, 1, 2)
      .map((x) => {
        for (;;) if (Date.now() < 0) return x;
      })
      .count();
    const ended = assert.rejects(endless, /killed via the Web UI/);
    let active: Record<string, unknown>[] = [];
    while (active.length === 0) active = await json('stages?status=active');
    const answer = await fetch(`${url}/stages/stage/kill/?id=${active[0]?.['stageId']}`);
    assert.deepEqual([answer.status, answer.url], [200, `${url}/stages/`]);
    await ended;
  });
});

test('an application without pages has no address of them', async () => {
  await using sc = await SparkContext.create({ ...SETTINGS, 'spark.ui.enabled': 'false' });
  assert.equal(sc.uiWebUrl, null);
});

test('pages end with their application, also before anybody has looked', async () => {
  for (const looks of [false, true]) {
    const sc = await SparkContext.create(SETTINGS);
    const url = sc.uiWebUrl ?? '';
    if (looks) assert.equal((await fetch(url)).status, 200);
    await sc.stop();
    await assert.rejects(fetch(url));
  }
});

test('a port that is taken leads to the next one, as many as may be tried', async (t) => {
  const port = await freePort();
  const other = createServer();
  await new Promise<void>((resolve) => other.listen(port, '127.0.0.1', resolve));
  t.after(() => other.close());
  const wanted = { ...SETTINGS, 'spark.ui.port': String(port) };
  await assert.rejects(
    SparkContext.create({ ...wanted, 'spark.port.maxRetries': '0' }),
    /Service 'SparkUI' failed after 0 retries \(starting from \d+\)! .*\(spark\.ui\.port\)/,
  );
  await using sc = await SparkContext.create(wanted);
  const found = Number(new URL(sc.uiWebUrl ?? '').port);
  assert.ok(found > port && found <= port + 16, `${found}`);
});

test('what cannot stand before the pages is told when the application starts', async () => {
  await assert.rejects(
    SparkContext.create({ ...SETTINGS, 'spark.ui.filters': './no-such-filter.mjs' }),
    /no-such-filter\.mjs/,
  );
  await assert.rejects(SparkContext.create({ ...SETTINGS, 'spark.ssl.ui.enabled': 'true' }), /spark\.ssl.*keyStore/);
});
