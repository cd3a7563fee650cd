import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { silentLogger } from '../../src/base/logger.ts';
import { SparkConf } from '../../src/config/spark-conf.ts';
import type { MasterStateResponse } from '../../src/protocol/master-client.ts';
import { AccessLists } from '../../src/ui/access-lists.ts';
import type { HttpRequest, HttpResponse } from '../../src/ui/http-messages.ts';
import { type AskTheMaster, masterHandler } from '../../src/ui/master/master-web-ui.ts';
import { javaDateText } from '../../src/ui/text-forms.ts';
import { form, masterState, request } from '../kit/http.ts';
import { ManualClock } from '../kit/manual-clock.ts';

const NOW = 1_700_000_060_000;

/** A master's HTTP over a fixed state; what it is asked is written down. */
function masterUi(conf: Record<string, string> = {}, state: MasterStateResponse = masterState(), access?: AccessLists) {
  const asked: string[] = [];
  const ask = (async (type: string, request: unknown) => {
    if (type === 'RequestMasterState') return state;
    asked.push(`${type} ${JSON.stringify(request)}`);
    if (type === 'DecommissionWorkersOnHosts') return { workers: JSON.stringify(request).includes('host-a') ? 1 : 0 };
    return { success: true };
  }) as AskTheMaster;
  const master = () => ({ ask, restUrl: 'spark://m1:6066' });
  const handle = masterHandler(new SparkConf(conf), silentLogger, new ManualClock(NOW), master, null, access);
  return { asked, handle: async (one: HttpRequest): Promise<HttpResponse> => handle(one) };
}

const json = (response: HttpResponse): unknown => JSON.parse(response.body);

describe('the JSON of a master', () => {
  test("has Spark's fields, with totals of live workers", async () => {
    const response = await masterUi().handle(request('GET', '/json/'));
    assert.equal(response.status, 200);
    assert.match(response.headers['content-type'] ?? '', /^application\/json/);
    const gpu = (...addresses: string[]) => ({ gpu: { name: 'gpu', addresses } });
    const workerOf = (name: string) => ({
      id: `worker-${name}`,
      host: `host-${name}`,
      port: 7000,
      webuiaddress: `http://host-${name}:8081`,
      cores: 10,
      coresused: 0,
      coresfree: 10,
      memory: 10_240,
      memoryused: 0,
      memoryfree: 10_240,
      resources: {},
      resourcesused: {},
      resourcesfree: {},
      state: 'ALIVE',
      lastheartbeat: 1_700_000_001_000,
    });
    const submitdate = javaDateText(1_700_000_000_000);
    assert.deepEqual(json(response), {
      url: 'spark://m1:7077',
      workers: [
        {
          ...workerOf('a'),
          coresused: 3,
          coresfree: 7,
          memoryused: 1536,
          memoryfree: 8704,
          resources: gpu('0', '1'),
          resourcesused: gpu('1'),
          resourcesfree: gpu('0'),
          lastheartbeat: 1_700_000_000_000,
        },
        workerOf('b'),
        { ...workerOf('c'), state: 'DEAD', lastheartbeat: 1_600_000_000_000 },
      ],
      aliveworkers: 2,
      cores: 20,
      coresused: 3,
      memory: 20_480,
      memoryused: 1536,
      resources: [gpu('0', '1'), {}],
      resourcesused: [gpu('1'), {}],
      activeapps: [
        {
          id: 'app-1',
          starttime: 1_700_000_000_000,
          name: '<script>alert(1)</script>',
          cores: 2,
          user: 'me',
          memoryperexecutor: 1024,
          memoryperslave: 1024,
          resourcesperexecutor: [{ name: 'gpu', amount: 1 }],
          resourcesperslave: [{ name: 'gpu', amount: 1 }],
          submitdate,
          state: 'RUNNING',
          duration: 60_000,
        },
      ],
      completedapps: [
        {
          id: 'app-0',
          starttime: 1_700_000_000_000,
          name: 'first',
          cores: 0,
          user: 'me',
          memoryperexecutor: 1024,
          memoryperslave: 1024,
          resourcesperexecutor: [],
          resourcesperslave: [],
          submitdate,
          state: 'FINISHED',
          duration: 90_000,
        },
      ],
      activedrivers: [
        {
          id: 'driver-1',
          starttime: '1700000000000',
          state: 'SUBMITTED',
          cores: 1,
          memory: 512,
          resources: [{ name: 'gpu', amount: 2 }],
          submitdate,
          worker: 'None',
          mainclass: 'job.ts',
        },
      ],
      completeddrivers: [
        {
          id: 'driver-0',
          starttime: '1700000000000',
          state: 'ERROR',
          cores: 1,
          memory: 512,
          resources: [],
          submitdate,
          worker: 'worker-a',
          mainclass: 'DriverWrapper',
        },
      ],
      status: 'ALIVE',
    });
  });

  test('of one field has that alone, and an empty text for one that there is not', async () => {
    const { handle } = masterUi();
    assert.deepEqual(json(await handle(request('GET', '/json/aliveworkers'))), { aliveworkers: 2 });
    assert.deepEqual(json(await handle(request('GET', '/json/status/'))), { status: 'ALIVE' });
    assert.deepEqual(json(await handle(request('GET', '/json/nonsense'))), { nonsense: '' });
    assert.deepEqual(json(await handle(request('GET', '/json/constructor'))), { constructor: '' });
  });

  test('tells how much of the cluster is in use, in whole percents', async () => {
    assert.deepEqual(json(await masterUi().handle(request('GET', '/json/clusterutilization'))), {
      waitingDrivers: 1,
      cores: 20,
      coresused: 3,
      coresutilization: 15,
      memory: 20_480,
      memoryused: 1536,
      memoryutilization: 7,
    });
    const empty = masterUi({}, masterState({ workers: [] }));
    assert.deepEqual(json(await empty.handle(request('GET', '/json/clusterutilization'))), {
      waitingDrivers: 1,
      cores: 0,
      coresused: 0,
      coresutilization: 100,
      memory: 0,
      memoryused: 0,
      memoryutilization: 100,
    });
  });

  test("writes dates as Java's Date does", () => {
    assert.match(javaDateText(1_700_000_000_000), /^Tue Nov 14 \d\d:13:20 \S+ 2023$|^Wed Nov 15 \d\d:13:20 \S+ 2023$/);
  });
});

describe('the pages of a master', () => {
  test('escape what others named, and make links of web addresses only', async () => {
    const { status, body } = await masterUi().handle(request('GET', '/'));
    assert.equal(status, 200);
    assert.ok(body.includes('<title>Spark Master at spark://m1:7077</title>'));
    assert.ok(!body.includes('<script>alert'));
    assert.ok(!body.includes('javascript:'));
    assert.ok(body.includes('&lt;script&gt;alert(1)&lt;/script&gt;'));
    assert.ok(body.includes('title="no &quot;such&quot; &lt;file&gt;"'));
    for (const text of [
      '20 Total, 3 Used',
      '20.0 GiB Total, 1536.0 MiB Used',
      '1 Running, 1 Completed',
      '0 Running, 1 Waiting, 1 Completed (0 Killed, 0 Failed, 1 Error, 0 Relaunching)',
      'spark://m1:6066 (cluster mode)',
      '<a href="http://host-a:8081">worker-a</a>',
    ])
      assert.ok(body.includes(text), text);
  });

  test('show the newest first, how long drivers ran, and of drivers nothing where there are none', async () => {
    const state = masterState();
    const [app] = state.activeApps;
    const activeApps = app === undefined ? [] : [app, { ...app, id: 'app-2' }];
    const { body } = await masterUi({}, { ...state, activeApps }).handle(request('GET', '/'));
    assert.ok(body.indexOf('app-2') < body.indexOf('app-1'));
    assert.ok(body.includes('<td>2.5 min</td>'));
    const none = masterUi({}, { ...state, activeDrivers: [], completedDrivers: [] });
    assert.ok(!(await none.handle(request('GET', '/'))).body.includes('Running Drivers'));
  });

  test('show one application with its executors and links to their logs', async () => {
    const { status, body } = await masterUi().handle(request('GET', '/app/?appId=app-1'));
    assert.equal(status, 200);
    for (const text of [
      '5 (2 granted, 3 left)',
      'Unlimited (1 granted)',
      'http://host-a:8081/logPage/?appId=app-1&amp;executorId=0&amp;logType=stdout',
    ])
      assert.ok(body.includes(text), text);
  });

  test('say so when there is no such application', async () => {
    const { status, body } = await masterUi().handle(request('GET', '/app/?appId=<b>'));
    assert.equal(status, 404);
    assert.ok(body.includes('No running application with ID &lt;b&gt;'));
    assert.ok((await masterUi().handle(request('GET', '/app/'))).body.includes('give ?appId='));
  });

  test('have kill buttons unless they are turned off', async () => {
    assert.ok((await masterUi().handle(request('GET', '/'))).body.includes('action="app/kill/"'));
    const off = masterUi({ 'spark.ui.killEnabled': 'false' });
    assert.ok(!(await off.handle(request('GET', '/'))).body.includes('(kill)'));
    await off.handle(form('/app/kill/', { id: 'app-1', terminate: 'true' }));
    assert.deepEqual(off.asked, []);
  });
});

describe('the environment of a master', () => {
  test('has its settings without secrets, and the variables that are to be seen', async () => {
    process.env['ISKRA_TEST_SHOWN'] = '<b>';
    process.env['ISKRA_TEST_TOKEN'] = 'hidden';
    const conf = { 'spark.deploy.defaultCores': '4', 'spark.my.password': 'hidden' };
    const { body } = await masterUi(conf).handle(request('GET', '/environment/'));
    assert.ok(body.includes('<td>spark.deploy.defaultCores</td><td>4</td>'));
    assert.ok(body.includes('<td>spark.my.password</td><td>*********(redacted)</td>'));
    assert.ok(!body.includes('Environment Variables'));
    const shown = { ...conf, 'spark.master.ui.visibleEnvVarPrefixes': 'ISKRA_TEST_' };
    const more = (await masterUi(shown).handle(request('GET', '/environment/'))).body;
    assert.ok(more.includes('<td>ISKRA_TEST_SHOWN</td><td>&lt;b&gt;</td>'));
    assert.ok(!more.includes('hidden'));
  });
});

describe('what operators post to a master', () => {
  test('kills an application or a driver, and leads back to the page', async () => {
    const { asked, handle } = masterUi();
    const response = await handle(form('/app/kill/', { id: 'app-1', terminate: 'true' }));
    assert.deepEqual([response.status, response.headers['location']], [303, '../../']);
    await handle(request('POST', '/driver/kill/?id=driver-1&terminate=true'));
    await handle(form('/driver/kill/', { id: 'driver-2', terminate: 'false' }));
    await handle(form('/driver/kill/', { terminate: 'true' }));
    assert.deepEqual(asked, ['RequestKillApplication {"appId":"app-1"}', 'RequestKillDriver {"driverId":"driver-1"}']);
  });

  test('is refused when a page of another site sends it', async () => {
    const { asked, handle } = masterUi();
    const kill = { id: 'app-1', terminate: 'true' };
    assert.equal((await handle(form('/app/kill/', kill, { origin: 'http://evil' }))).status, 403);
    assert.equal((await handle(form('/app/kill/', kill, { origin: 'null' }))).status, 403);
    assert.equal((await handle(form('/app/kill/', kill, { 'sec-fetch-site': 'cross-site' }))).status, 403);
    assert.deepEqual(asked, []);
    assert.equal((await handle(form('/app/kill/', kill, { origin: 'http://master:8080' }))).status, 303);
    const proxied = { origin: 'https://front', 'x-forwarded-host': 'front' };
    assert.equal((await handle(form('/app/kill/', kill, proxied))).status, 303);
    assert.equal(asked.length, 2);
  });

  test('cannot be sent by GET', async () => {
    const { asked, handle } = masterUi();
    const response = await handle(request('GET', '/app/kill/?id=app-1&terminate=true'));
    assert.deepEqual([response.status, response.headers['allow']], [405, 'POST']);
    assert.deepEqual(asked, []);
  });

  test('drains hosts: from this host unless told otherwise', async () => {
    const path = '/workers/kill/?host=host-a&host=host-b';
    const far = { from: '203.0.113.9' };
    const local = masterUi();
    assert.equal((await local.handle(request('POST', path))).status, 200);
    assert.equal((await local.handle(request('POST', path, { from: '::ffff:127.0.0.1' }))).status, 200);
    assert.equal((await local.handle(request('POST', path, far))).status, 405);
    assert.equal((await local.handle(request('POST', '/workers/kill/?host=nowhere'))).status, 404);
    assert.deepEqual(local.asked.slice(1), [
      'DecommissionWorkersOnHosts {"hosts":["host-a","host-b"]}',
      'DecommissionWorkersOnHosts {"hosts":["nowhere"]}',
    ]);
    const denied = masterUi({ 'spark.master.ui.decommission.allow.mode': 'DENY' });
    assert.equal((await denied.handle(request('POST', path))).status, 405);
    const open = masterUi({ 'spark.master.ui.decommission.allow.mode': 'ALLOW' });
    assert.equal((await open.handle(request('POST', path, far))).status, 200);
  });
});

describe('who may end things at a master', () => {
  const conf = { 'spark.acls.enable': 'true', 'spark.modify.acls': 'ann' };
  const lists = new AccessLists(new SparkConf(conf), [], async () => []);

  test('is who the lists say: others see no button, and nothing comes of what they post', async () => {
    const { asked, handle } = masterUi(conf, masterState(), lists);
    const by = (user: string, one: HttpRequest): Promise<HttpResponse> => handle({ ...one, user });
    assert.ok((await by('ann', request('GET', '/'))).body.includes('(kill)'));
    assert.ok(!(await by('eve', request('GET', '/'))).body.includes('(kill)'));
    const kill = form('/app/kill/', { id: 'app-1', terminate: 'true' });
    assert.equal((await by('eve', kill)).status, 303);
    assert.equal((await by('eve', request('POST', '/workers/kill/?host=host-a'))).status, 403);
    assert.deepEqual(asked, []);
    assert.equal((await by('ann', kill)).status, 303);
    assert.equal((await by('ann', request('POST', '/workers/kill/?host=host-a'))).status, 200);
    assert.equal(asked.length, 2);
  });

  test('a request that was passed on is not one of the own host', async () => {
    const { asked, handle } = masterUi();
    const headers = { 'x-forwarded-for': '203.0.113.9' };
    assert.equal((await handle(request('POST', '/workers/kill/?host=host-a', { headers }))).status, 405);
    assert.deepEqual(asked, []);
  });
});

describe('settings of the page of a master', () => {
  test('are its title and where completed applications are', async () => {
    const { handle } = masterUi({
      'spark.master.ui.title': '<Ours>',
      'spark.master.ui.historyServerUrl': 'http://h:18080/',
    });
    const { body } = await handle(request('GET', '/'));
    assert.ok(body.includes('<title>&lt;Ours&gt;</title>'));
    assert.ok(body.includes('<a href="http://h:18080/history/app-0">first</a>'));
    const app = (await handle(request('GET', '/app/?appId=app-0'))).body;
    assert.ok(app.includes('<dt>Application History UI</dt><dd><a href="http://h:18080/history/app-0">'));
  });
});

describe('the health of a master', () => {
  test('is ready only while it leads', async () => {
    assert.equal((await masterUi().handle(request('GET', '/readyz'))).status, 200);
    const standby = await masterUi({}, masterState({ status: 'STANDBY' })).handle(request('GET', '/readyz'));
    assert.deepEqual([standby.status, json(standby)], [503, { ready: false, status: 'STANDBY' }]);
    assert.equal((await masterUi().handle(request('GET', '/health'))).status, 200);
  });

  test('before it has started is up and not ready', async () => {
    const handle = masterHandler(new SparkConf(), silentLogger, new ManualClock(), () => ({
      ask: null,
      restUrl: null,
    }));
    assert.equal((await handle(request('GET', '/health'))).status, 200);
    for (const path of ['/readyz', '/', '/json/']) assert.equal((await handle(request('GET', path))).status, 503, path);
  });

  test('does not help a page that is not there', async () => {
    assert.equal((await masterUi().handle(request('GET', '/../etc/passwd'))).status, 404);
  });
});
