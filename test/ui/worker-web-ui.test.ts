import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, statSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { gzipSync } from 'node:zlib';
import type { WorkerStateResponse } from '../../src/protocol/worker-process.ts';
import type { HttpResponse } from '../../src/ui/http-messages.ts';
import { PackedLengths } from '../../src/ui/log-files.ts';
import { workerHandler } from '../../src/ui/worker/worker-web-ui.ts';
import { request } from '../kit/http.ts';
import { app, COMMAND, driver } from '../kit/master-machine.ts';

const root = mkdtempSync(join(tmpdir(), 'iskra-logs-'));
after(() => rmSync(root, { recursive: true }));
const workDir = join(root, 'work');
const logFile = join(root, 'worker.out');
mkdirSync(join(workDir, 'app-1/0'), { recursive: true });
mkdirSync(join(workDir, 'app-1/1'));
mkdirSync(join(workDir, 'driver-1'));
writeFileSync(join(workDir, 'app-1/0/stdout'), '0123456789');
writeFileSync(join(workDir, 'driver-1/stderr'), '<b>bold</b>\n');
writeFileSync(join(workDir, 'app-1/1/stderr--2026-01-01--00-00.gz'), gzipSync('aaaaa'));
writeFileSync(join(workDir, 'app-1/1/stderr--2026-01-01--00-01'), 'bbbbb');
writeFileSync(join(workDir, 'app-1/1/stderr'), 'ccccc');
writeFileSync(join(root, 'stdout'), 'outside');
symlinkSync(join(root, 'stdout'), join(workDir, 'driver-1/stdout'));
symlinkSync(root, join(workDir, 'driver-2'));
writeFileSync(logFile, 'the worker says');

const STATE: WorkerStateResponse = {
  host: 'host-a',
  port: 7000,
  workerId: 'worker-a',
  executors: [
    {
      appId: 'app-1',
      execId: 0,
      app: app({ name: 'a & b', gpu: 1 }),
      cores: 2,
      memory: 1024,
      resources: { gpu: ['1'] },
      state: 'RUNNING',
    },
  ],
  finishedExecutors: [],
  drivers: [],
  finishedDrivers: [
    {
      driverId: 'driver-1',
      driver: driver({ command: { ...COMMAND, arguments: ['', '', 'job.ts'] } }),
      resources: {},
      state: 'ERROR',
      exception: 'no <file>',
    },
  ],
  masterUrl: 'spark://m1:7077',
  masterWebUiUrl: 'http://m1:8080',
  cores: 4,
  coresUsed: 2,
  memory: 4096,
  memoryUsed: 1024,
  resources: { gpu: ['0', '1'] },
  resourcesUsed: { gpu: ['1'] },
};

const handle = workerHandler({ workDir, logFile, state: () => STATE });
const get = async (target: string): Promise<HttpResponse> => handle(request('GET', target));

describe('the state of a worker', () => {
  test("has Spark's fields as JSON", async () => {
    const gpu = (...addresses: string[]) => ({ gpu: { name: 'gpu', addresses } });
    assert.deepEqual(JSON.parse((await get('/json/')).body), {
      id: 'worker-a',
      masterurl: 'spark://m1:7077',
      masterwebuiurl: 'http://m1:8080',
      cores: 4,
      coresused: 2,
      memory: 4096,
      memoryused: 1024,
      resources: gpu('0', '1'),
      resourcesused: gpu('1'),
      executors: [
        {
          id: 0,
          memory: 1024,
          resources: gpu('1'),
          appid: 'app-1',
          appdesc: {
            name: 'a & b',
            cores: 0,
            memoryperexecutor: 1024,
            resourcesperexecutor: [{ name: 'gpu', amount: 1 }],
            memoryperslave: 1024,
            resourcesperslave: [{ name: 'gpu', amount: 1 }],
            user: 'me',
            command: 'Command(CoarseGrainedExecutorBackend,List(--executor-id, {{EXECUTOR_ID}}))',
          },
        },
      ],
      finishedexecutors: [],
    });
  });

  test('is shown on its page, escaped', async () => {
    const { body } = await get('/');
    for (const text of [
      '<title>Spark Worker at host-a:7000</title>',
      '4 (2 Used)',
      '4.0 GiB (1024.0 MiB Used)',
      'a &amp; b',
      'no &lt;file&gt;',
      'href="logPage/?appId=app-1&amp;executorId=0&amp;logType=stdout"',
      'href="logPage/?driverId=driver-1&amp;logType=stderr"',
      '<a href="http://m1:8080">Back to Master</a>',
    ])
      assert.ok(body.includes(text), text);
  });

  test('is not there before it has started; the daemon is up all the same', async () => {
    const early = workerHandler({ workDir, state: () => null });
    assert.equal((await early(request('GET', '/json/'))).status, 503);
    assert.equal((await early(request('GET', '/readyz'))).status, 503);
    assert.equal((await early(request('GET', '/health'))).status, 200);
  });

  test('is ready when a master knows it', async () => {
    assert.equal((await get('/readyz')).status, 200);
    const alone = workerHandler({ workDir, state: () => ({ ...STATE, masterUrl: '' }) });
    assert.equal((await alone(request('GET', '/readyz'))).status, 503);
  });
});

describe('a log', () => {
  const raw = async (query: string): Promise<string> => (await get(`/log/?${query}`)).body;
  const path = `${workDir}/app-1/0/stdout`;

  test('is given with the place of the part in it', async () => {
    const of = 'appId=app-1&executorId=0&logType=stdout';
    const table: [query: string, answer: string][] = [
      ['', `==== Bytes 0-10 of 10 of ${path} ====\n0123456789`],
      ['&offset=2&byteLength=3', `==== Bytes 2-5 of 10 of ${path} ====\n234`],
      ['&byteLength=3', `==== Bytes 7-10 of 10 of ${path} ====\n789`],
      ['&offset=-5&byteLength=3', `==== Bytes 0-3 of 10 of ${path} ====\n012`],
      ['&offset=8&byteLength=100', `==== Bytes 8-10 of 10 of ${path} ====\n89`],
      ['&offset=99', `==== Bytes 10-10 of 10 of ${path} ====\n`],
      ['&byteLength=0', `==== Bytes 10-10 of 10 of ${path} ====\n`],
      ['&byteLength=-1', `==== Bytes 10-10 of 10 of ${path} ====\n`],
    ];
    for (const [query, answer] of table) assert.equal(await raw(of + query), answer, query);
  });

  test('of 100 KiB at most is shown unless more is wanted', async () => {
    writeFileSync(join(workDir, 'driver-1/out'), 'x'.repeat(150_000));
    assert.match(await raw('driverId=driver-1&logType=out'), /^==== Bytes 47600-150000 of 150000 of /);
  });

  test('that was rolled is one text, packed parts too', async () => {
    const of = 'appId=app-1&executorId=1&logType=stderr';
    assert.match(await raw(of), /^==== Bytes 0-15 of 15 of \S+ ====\naaaaabbbbbccccc$/);
    assert.match(await raw(`${of}&offset=3&byteLength=9`), /====\naabbbbbcc$/);
    assert.match(await raw(`${of}&offset=1&byteLength=2`), /====\naa$/);
    assert.match(await raw(`${of}&offset=6&byteLength=3`), /====\nbbb$/);
  });

  test('of the worker itself is there when it has a file', async () => {
    assert.match(await raw('self&logType=out'), /====\nthe worker says$/);
    const without = workerHandler({ workDir, state: () => STATE });
    const response = await without(request('GET', '/log/?self&logType=out'));
    assert.equal(response.status, 404);
    assert.match(response.body, /has no log file/);
  });

  test('has a page with its text escaped and ways to go on', async () => {
    const { status, body } = await get('/logPage/?driverId=driver-1&logType=stderr');
    assert.equal(status, 200);
    assert.ok(body.includes('<pre>&lt;b&gt;bold&lt;/b&gt;\n</pre>'));
    assert.ok(body.includes('stderr log page for driver-1'));
    const middle = (await get('/logPage/?appId=app-1&executorId=0&logType=stdout&offset=4&byteLength=3')).body;
    assert.ok(middle.includes('Showing 3 Bytes: 4 - 7 of 10'));
    for (const offset of [0, 1, 7]) assert.match(middle, new RegExp(`byteLength=3&amp;offset=${offset}"`));
  });

  test('is refused when it is of no known kind, not named, or outside', async () => {
    const table: [query: string, status: number, text: RegExp][] = [
      ['appId=app-1&executorId=0', 400, /Log type must be one of stderr, stdout, out/],
      ['appId=app-1&executorId=0&logType=passwd', 400, /Log type must be one of/],
      ['appId=app-1&executorId=0&logType=..%2Fx', 400, /Log type must be one of/],
      ['logType=stdout', 400, /must specify either application or driver identifiers/],
      ['appId=app-1&logType=stdout', 400, /must specify either application or driver identifiers/],
      ['driverId=..&logType=stdout', 400, /invalid log directory \.\./],
      ['driverId=../../etc/passwd&logType=stdout', 400, /invalid log directory/],
      ['appId=..&executorId=..&logType=stdout', 400, /invalid log directory/],
      ['appId=app-1&executorId=%2e%2e&logType=stdout', 400, /invalid log directory/],
      ['driverId=%00&logType=stdout', 400, /invalid log directory/],
      ['driverId=&logType=stdout', 400, /invalid log directory/],
      ['driverId=driver-1&logType=stdout', 400, /invalid log directory/],
      ['driverId=driver-2&logType=stdout', 400, /invalid log directory/],
      ['driverId=driver-9&logType=stdout', 404, /there is no log driver-9\/stdout/],
      ['appId=app-1&executorId=0&logType=stderr', 404, /there is no log/],
      ['appId=app-1&executorId=0&logType=stdout&offset=x', 400, /must be whole numbers/],
      ['appId=app-1&executorId=0&logType=stdout&byteLength=1e9', 400, /must be whole numbers/],
    ];
    for (const [query, status, text] of table) {
      for (const page of ['/log/', '/logPage/']) {
        const response = await get(`${page}?${query}`);
        assert.equal(response.status, status, `${page} ${query}`);
        assert.match(response.body, text, `${page} ${query}`);
        assert.ok(!response.body.includes('outside'));
      }
    }
  });
});

describe('lengths of packed logs', () => {
  const packed = join(workDir, 'app-1/1/stderr--2026-01-01--00-00.gz');

  test('are found out once, as long as the file is the same', async () => {
    const file = join(root, 'one.gz');
    writeFileSync(file, gzipSync('12345'));
    utimesSync(file, 1, 1);
    const lengths = new PackedLengths(2);
    assert.equal(await lengths.of(file), 5);
    const { size } = statSync(file);
    writeFileSync(file, 'x'.repeat(size)); // no packed log any more, but looks the same
    utimesSync(file, 1, 1);
    assert.equal(await lengths.of(file), 5);
    assert.equal(await lengths.of(packed), 5);
    assert.equal(await lengths.of(file), 5);
  });

  test('are forgotten when there are too many, the one that was needed least recently first', async () => {
    const file = join(root, 'two.gz');
    writeFileSync(file, gzipSync('1234'));
    utimesSync(file, 1, 1);
    const lengths = new PackedLengths(1);
    assert.equal(await lengths.of(file), 4);
    assert.equal(await lengths.of(packed), 5);
    const { size } = statSync(file);
    writeFileSync(file, 'x'.repeat(size));
    utimesSync(file, 1, 1);
    await assert.rejects(lengths.of(file), /incorrect header check/);
  });
});
