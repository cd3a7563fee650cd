import assert from 'node:assert/strict';
import { test } from 'node:test';
import { AppStatusStore } from '../../src/status/app-status-store.ts';
import { type LiveApplication, liveHandler } from '../../src/ui/app/live-web-ui.ts';
import { form, request } from '../kit/http.ts';

/** A job that runs, and its stage. */
function application(pools: ReturnType<LiveApplication['pools']> = null) {
  const store = new AppStatusStore({ jobs: 10, stages: 10, tasks: 10, deadExecutors: 10 });
  const stage = { 'Stage ID': 4, 'Stage Attempt ID': 0, 'Stage Name': 'count', 'Number of Tasks': 2 };
  store.hear({ Event: 'SparkListenerJobStart', 'Job ID': 3, 'Stage IDs': [4], 'Stage Infos': [stage] });
  store.hear({ Event: 'SparkListenerStageSubmitted', 'Stage Info': stage });
  const ended: string[] = [];
  const app: LiveApplication = {
    ...{ id: 'app-1', name: 'an app', user: 'me', startTime: 0 },
    store: async () => store,
    pools: () => pools,
    cancelJob: (id) => ended.push(`job ${id}`),
    cancelStage: (id) => ended.push(`stage ${id}`),
    metrics: async () => [{ path: '/metrics/json', contentType: 'application/json', body: async () => '{}' }],
  };
  return { app, ended };
}

const anybody = { mayModify: async () => true };

test('jobs and stages that run are ended by whoever may, and by nobody else', async () => {
  const { app, ended } = application();
  const all = liveHandler(() => app, { killEnabled: true, access: anybody });
  const turnedOff = liveHandler(() => app, { killEnabled: false, access: anybody });
  const listed = liveHandler(() => app, {
    killEnabled: true,
    access: { mayModify: async (user) => user === 'ann' },
  });
  for (const [handler, user, shown] of [
    [all, 'eve', true],
    [turnedOff, 'ann', false],
    [listed, 'eve', false],
    [listed, 'ann', true],
  ] as const) {
    assert.equal((await handler(request('GET', '/jobs/', { user }))).body.includes('(kill)'), shown);
    assert.equal((await handler(request('GET', '/stages/', { user }))).body.includes('(kill)'), shown);
    ended.length = 0;
    const answer = await handler(request('GET', '/jobs/job/kill/?id=3', { user }));
    assert.deepEqual([answer.status, answer.headers['location']], [303, '../../']);
    assert.deepEqual(ended, shown ? ['job 3'] : []);
  }
  ended.length = 0;
  await all(form('/stages/stage/kill/', { id: '4', terminate: 'true' }));
  await all(form('/jobs/job/kill/', { id: '99', terminate: 'true' }));
  await all(form('/jobs/job/kill/', { id: 'x', terminate: 'true' }));
  await all(form('/stages/stage/kill/', { id: '5', terminate: 'true' }));
  assert.deepEqual(ended, ['stage 4']);
});

test('pages of other sites end nothing, by GET or POST', async () => {
  const { app, ended } = application();
  const handler = liveHandler(() => app, { killEnabled: true, access: anybody });
  const headers = { 'sec-fetch-site': 'cross-site' };
  assert.equal((await handler(request('GET', '/jobs/job/kill/?id=3', { headers }))).status, 403);
  assert.equal((await handler(form('/jobs/job/kill/', { id: '3' }, headers))).status, 403);
  assert.deepEqual(ended, []);
});

test('pools of the FAIR mode are shown with the stages', async () => {
  const pool = { name: 'default', schedulingMode: 'FIFO', weight: 1, minShare: 0, runningTasks: 2 };
  const { app } = application([pool]);
  const { body } = await liveHandler(() => app, { killEnabled: true, access: anybody })(request('GET', '/stages/'));
  assert.ok(body.includes('Fair Scheduler Pools (1)'), body);
  assert.ok(/<td>default<\/td><td>0<\/td><td>1<\/td><td>1<\/td><td>2<\/td><td>FIFO<\/td>/.test(body), body);
});

test('an application that is not there yet is waited for', async () => {
  const handler = liveHandler(() => null, { killEnabled: true, access: anybody });
  assert.equal((await handler(request('GET', '/jobs/'))).status, 503);
  assert.equal((await handler(request('GET', '/health'))).status, 200);
});

test('what the application measures has pages; other paths have none', async () => {
  const { app } = application();
  const handler = liveHandler(() => app, { killEnabled: true, access: anybody });
  const { status, body, headers } = await handler(request('GET', '/metrics/json/'));
  assert.deepEqual([status, body], [200, '{}']);
  assert.match(headers['content-type'] ?? '', /^application\/json/);
  assert.equal((await handler(request('GET', '/metrics/yaml'))).status, 404);
});
