import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { DaemonPlace } from '../kit/daemon-place.ts';
import { until } from '../kit/until.ts';

/** Its job runs until somebody ends it. */
const APP = `import { SparkContext } from 'iskra';
const sc = await SparkContext.create();
console.error('pages at ' + sc.uiWebUrl + ' of ' + sc.applicationId);
const endless = sc.range(0, 2, 1, 2).map((x) => {
  for (;;) if (Date.now() < 0) return x;
});
console.log(await endless.count().catch((error) => error.message));
await sc.stop();
`;

test('an application is looked at, and its job ended, through the pages of its master', async (t) => {
  const place = new DaemonPlace(t);
  writeFileSync(join(place.folder, 'endless.mjs'), APP);
  const reverse = ['--conf', 'spark.ui.reverseProxy=true'];
  const master = place.start('master', ...reverse);
  const url = await master.logged(/Starting Iskra master at (spark:\/\/localhost:\d+)/);
  const pages = await master.logged(/UIs are available at (http:\/\/localhost:\d+)/);
  const worker = place.start('worker', '--cores', '2', ...reverse, url);
  await worker.logged(/(Successfully registered with master)/);
  const app = place.start(
    ...['run', '--master', url, '-c', 'spark.ui.enabled=true', '-c', 'spark.ui.port=0', ...reverse, 'endless.mjs'],
  );
  const own = await app.logged(/pages at (http:\/\/\S+)/);
  const id = await app.logged(/ of (app-\S+)/);
  const { activeapps } = (await (await fetch(`${pages}/json/`)).json()) as { activeapps: { id: string }[] };
  assert.deepEqual(
    activeapps.map((each) => each.id),
    [id],
  );
  assert.ok((await (await fetch(`${pages}/`)).text()).includes(`href="proxy/${id}/"`));
  for (const base of [own, `${pages}/proxy/${id}`]) {
    const jobs = await fetch(`${base}/`);
    assert.deepEqual([jobs.status, jobs.url], [200, `${base}/jobs/`]);
    assert.ok((await jobs.text()).includes('href="../executors/"'));
    assert.equal((await fetch(`${base}/static/daemon.css`)).status, 200);
  }
  const through = `${pages}/proxy/${id}`;
  const untilItSays = async (path: string, text: string): Promise<void> => {
    await until(async () => (await (await fetch(`${through}${path}`)).text()).includes(text));
  };
  await untilItSays('/executors/', 'Active (2)'); // the driver, and the one of the worker
  const executors = await (await fetch(`${through}/executors/`)).text();
  const [, log = ''] = /<a href="(\/proxy\/worker-[^"]+)">stderr<\/a>/.exec(executors) ?? [];
  const page = await fetch(`${pages}${log.replaceAll('&amp;', '&')}`);
  assert.deepEqual([page.status, (await page.text()).includes(`stderr log page for ${id}/0`)], [200, true], log);
  await untilItSays('/jobs/', '(2 running)');
  const body = new URLSearchParams({ id: '0', terminate: 'true' });
  const post = { method: 'POST', body, headers: { origin: pages }, redirect: 'manual' } as const; // the application ends then
  const killed = await fetch(`${through}/jobs/job/kill/`, post);
  assert.deepEqual([killed.status, killed.headers.get('location')], [303, '../../']);
  const { code, out } = await app.outcome;
  assert.deepEqual([code, out], [0, 'Job 0 cancelled\n']);
});
