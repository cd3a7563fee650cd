// What operators look for on the pages of a master and a worker: rows, columns, buttons, by Spark's names.
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { silentLogger } from '../../src/base/logger.ts';
import { SparkConf } from '../../src/config/spark-conf.ts';
import type { MasterStateResponse } from '../../src/protocol/master-client.ts';
import type { WorkerStateResponse } from '../../src/protocol/worker-process.ts';
import { type AskTheMaster, masterHandler } from '../../src/ui/master/master-web-ui.ts';
import { workerHandler } from '../../src/ui/worker/worker-web-ui.ts';
import { masterState, request } from '../kit/http.ts';
import { ManualClock } from '../kit/manual-clock.ts';
import { app, COMMAND, driver } from '../kit/master-machine.ts';

/** The text of each of these elements, without markup. */
const texts = (body: string, element: string): string[] =>
  [...body.matchAll(new RegExp(`<${element}\\b[^>]*>([\\s\\S]*?)</${element}>`, 'g'))].map(([, inner = '']) =>
    inner.replace(/<[^>]*>/g, '').trim(),
  );
/** Headings of the tables, in their order, each with its columns. */
const tables = (body: string): [heading: string, ...columns: string[]][] =>
  body
    .split('<h2')
    .slice(1)
    .map((part) => [texts(`<h2${part}`, 'h2')[0] ?? '', ...texts(part, 'th')]);

async function masterPage(target: string, more: Partial<MasterStateResponse> = {}): Promise<string> {
  const state = masterState(more);
  const handle = masterHandler(new SparkConf(), silentLogger, new ManualClock(1_700_000_060_000), () => ({
    ask: (async () => state) as AskTheMaster,
    restUrl: 'spark://m1:6066',
  }));
  return (await handle(request('GET', target))).body;
}

const APPLICATION_COLUMNS = [
  ...['Application ID', 'Name', 'Cores', 'Memory per Executor', 'Resources Per Executor', 'Submitted Time', 'User'],
  ...['State', 'Duration'],
];
const DRIVER_COLUMNS = [
  ...['Submission ID', 'Submitted Time', 'Worker', 'State', 'Cores', 'Memory', 'Resources', 'Main Class', 'Duration'],
];

describe('the page of a master', () => {
  test('has what there is, in rows of Spark’s names', async () => {
    const rows = texts(await masterPage('/'), 'dt');
    assert.deepEqual(rows, [
      ...['URL', 'REST URL', 'Alive Workers', 'Dead Workers', 'Decommissioned Workers', 'Unknown Workers'],
      ...['Cores in use', 'Memory in use', 'Resources in use', 'Applications', 'Drivers', 'Status'],
    ]);
  });

  test('has tables with Spark’s columns', async () => {
    assert.deepEqual(tables(await masterPage('/')), [
      ['Workers (3)', 'Worker Id', 'Address', 'State', 'Cores', 'Memory', 'Resources'],
      ['Running Applications (1)', ...APPLICATION_COLUMNS],
      ['Running Drivers (1)', ...DRIVER_COLUMNS],
      ['Completed Applications (1)', ...APPLICATION_COLUMNS],
      ['Completed Drivers (1)', ...DRIVER_COLUMNS],
    ]);
  });

  test('can end what runs, an application or a driver, after a question, and nothing that has ended', async () => {
    const forms = [...(await masterPage('/')).matchAll(/<form[^>]*>[\s\S]*?<\/form>/g)].map(([form]) => form);
    assert.equal(forms.length, 2);
    for (const [i, [action, id, what]] of [
      ['app/kill/', 'app-1', 'application'],
      ['driver/kill/', 'driver-1', 'driver'],
    ].entries()) {
      const form = forms[i] ?? '';
      assert.match(form, new RegExp(`method="post" action="${action}"`));
      assert.ok(form.includes(`data-question="Are you sure you want to kill ${what} ${id} ?"`));
      assert.ok(form.includes(`name="id" value="${id}"`) && form.includes('name="terminate" value="true"'));
      assert.ok(form.includes('(kill)'));
    }
    const script = await masterPage('/static/daemon.js');
    assert.match(script, /if \(!confirm\(form\.dataset\.question\)\) event\.preventDefault\(\)/);
  });

  test('of an application has its facts and its executors, those that have gone apart', async () => {
    const [running] = masterState().activeApps;
    assert.ok(running !== undefined);
    const [executor] = running.executors;
    assert.ok(executor !== undefined);
    const gone = { ...executor, execId: 3, state: 'EXITED' } as const;
    const page = await masterPage('/app/?appId=app-1', {
      activeApps: [{ ...running, app: { ...running.app, appUiUrl: 'http://d:4040' }, removedExecutors: [gone] }],
    });
    assert.deepEqual(texts(page, 'dt'), [
      ...['ID', 'Name', 'User', 'Cores', 'Executor Limit', 'Executor Memory', 'Executor Resources', 'Submit Date'],
      ...['State', 'Application Detail UI'],
    ]);
    const columns = ['ExecutorID', 'Worker', 'Cores', 'Memory', 'Resource Profile Id', 'Resources', 'State', 'Logs'];
    assert.deepEqual(tables(page), [
      ['Executor Summary (1)', ...columns],
      ['Removed Executors (1)', ...columns],
    ]);
    assert.ok(page.includes('executorId=3&amp;logType=stderr'));
  });

  test('writes its JSON in Spark’s order', async () => {
    const keys = (value: unknown): string => Object.keys(value as object).join(' ');
    const all = JSON.parse(await masterPage('/json/')) as Record<string, unknown[]>;
    assert.equal(
      keys(all),
      'url workers aliveworkers cores coresused memory memoryused resources resourcesused activeapps completedapps activedrivers completeddrivers status',
    );
    assert.equal(
      keys(all['workers']?.[0]),
      'id host port webuiaddress cores coresused coresfree memory memoryused memoryfree resources resourcesused resourcesfree state lastheartbeat',
    );
    const app =
      'id starttime name cores user memoryperexecutor memoryperslave resourcesperexecutor resourcesperslave submitdate state duration';
    assert.deepEqual([keys(all['activeapps']?.[0]), keys(all['completedapps']?.[0])], [app, app]);
    const driver = 'id starttime state cores memory resources submitdate worker mainclass';
    assert.deepEqual([keys(all['activedrivers']?.[0]), keys(all['completeddrivers']?.[0])], [driver, driver]);
  });
});

const EXECUTOR = {
  ...{ appId: 'app-1', app: app(), cores: 2, memory: 1024, resources: {} },
} as const;
const DRIVER = {
  driver: driver({ command: { ...COMMAND, arguments: ['', '', 'job.ts'] } }),
  ...{ resources: {}, exception: null },
} as const;
const WORKER: WorkerStateResponse = {
  ...{
    host: 'host-a',
    port: 7000,
    workerId: 'worker-a',
    masterUrl: 'spark://m1:7077',
    masterWebUiUrl: 'http://m1:8080',
  },
  ...{ cores: 4, coresUsed: 2, memory: 4096, memoryUsed: 1024, resources: {}, resourcesUsed: {} },
  executors: [{ ...EXECUTOR, execId: 2, state: 'RUNNING' }],
  finishedExecutors: [
    { ...EXECUTOR, execId: 0, state: 'EXITED' },
    { ...EXECUTOR, execId: 1, state: 'KILLED' },
  ],
  drivers: [{ ...DRIVER, driverId: 'driver-2', state: 'RUNNING' }],
  finishedDrivers: [{ ...DRIVER, driverId: 'driver-1', state: 'FINISHED' }],
};

describe('the page of a worker', () => {
  test('has its facts, and tables of what runs and of what has ended, the newest first', async () => {
    const handle = workerHandler({ workDir: '/work', state: () => WORKER });
    const { body } = await handle(request('GET', '/'));
    assert.deepEqual(texts(body.slice(0, body.indexOf('<h2')), 'dt'), [
      'ID',
      'Master URL',
      'Cores',
      'Memory',
      'Resources',
    ]);
    const executors = ['ExecutorID', 'State', 'Cores', 'Memory', 'Resources', 'Job Details', 'Logs'];
    const drivers = ['DriverID', 'Main Class', 'State', 'Cores', 'Memory', 'Resources', 'Logs', 'Notes'];
    assert.deepEqual(tables(body), [
      ['Running Executors (1)', ...executors],
      ['Running Drivers (1)', ...drivers],
      ['Finished Executors (2)', ...executors],
      ['Finished Drivers (1)', ...drivers],
    ]);
    const finished = body.slice(body.indexOf('Finished Executors'));
    assert.ok(finished.indexOf('executorId=1&amp;') < finished.indexOf('executorId=0&amp;'));
    assert.ok(body.includes('>job.ts<'));
  });

  test('writes its JSON in Spark’s order', async () => {
    const handle = workerHandler({ workDir: '/work', state: () => WORKER });
    const all = JSON.parse((await handle(request('GET', '/json/'))).body) as Record<string, { appdesc: object }[]>;
    assert.equal(
      Object.keys(all).join(' '),
      'id masterurl masterwebuiurl cores coresused memory memoryused resources resourcesused executors finishedexecutors',
    );
    const [executor] = all['finishedexecutors'] ?? [];
    assert.equal(Object.keys(executor ?? {}).join(' '), 'id memory resources appid appdesc');
    assert.equal(
      Object.keys(executor?.appdesc ?? {}).join(' '),
      'name cores memoryperexecutor resourcesperexecutor memoryperslave resourcesperslave user command',
    );
  });
});

test('a page of a log names its place, and has ways to what is older, newer and first', async (t) => {
  const workDir = mkdtempSync(join(tmpdir(), 'iskra-log-page-'));
  t.after(() => rmSync(workDir, { recursive: true }));
  mkdirSync(join(workDir, 'driver-1'));
  writeFileSync(join(workDir, 'driver-1/stderr'), '0123456789');
  const handle = workerHandler({ workDir, state: () => WORKER });
  const page = async (more: string): Promise<string> =>
    (await handle(request('GET', `/logPage/?driverId=driver-1&logType=stderr${more}`))).body;
  const links = (body: string): string[] => texts(body, 'a').slice(2);
  const middle = await page('&offset=4&byteLength=3');
  assert.ok(middle.includes(`Showing 3 Bytes: 4 - 7 of 10, ${workDir}/driver-1/stderr`));
  assert.deepEqual(links(middle), ['Top of Log', 'Load More', 'Next', 'Load New']);
  assert.deepEqual(links(await page('')), ['Load New']);
  assert.deepEqual(links(await page('&offset=0&byteLength=3')), ['Next', 'Load New']);
  assert.ok((await page('&offset=-7&byteLength=3')).includes('Showing 3 Bytes: 0 - 3 of 10'));
  assert.ok((await page('&offset=70&byteLength=3')).includes('Showing 0 Bytes: 10 - 10 of 10'));
});
