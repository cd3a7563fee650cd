// Event logs that Spark 4.3 wrote, and what its own history server answered about them.
import assert from 'node:assert/strict';
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, utimesSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import type { Logger } from '../../src/base/logger.ts';
import { LogDirectory } from '../../src/history/log-directory.ts';
import { historyHandler } from '../../src/ui/history/history-web-ui.ts';
import type { HttpHandler } from '../../src/ui/http-messages.ts';
import { request } from '../kit/http.ts';
import { ManualClock } from '../kit/manual-clock.ts';

const GOLDEN = fileURLToPath(new URL('../../../test/golden/spark-event-log', import.meta.url));

interface Answer {
  readonly path: string;
  readonly status: number;
  readonly json?: unknown;
  readonly text?: string;
}

const answers: Answer[] = readFileSync(join(GOLDEN, 'answers.jsonl'), 'utf8')
  .trimEnd()
  .split('\n')
  .map((line) => JSON.parse(line));

const silent = { info() {}, warn() {}, error() {}, debug() {}, named: () => silent } as unknown as Logger;

let dir: string;
let directory: LogDirectory;
let handle: HttpHandler;
before(async () => {
  dir = mkdtempSync(join(tmpdir(), 'iskra-history-'));
  cpSync(join(GOLDEN, 'logs'), dir, { recursive: true });
  const then = new Date('2026-11-21T20:00:00Z');
  for (const name of readdirSync(dir, { recursive: true }) as string[]) utimesSync(join(dir, name), then, then);
  directory = await LogDirectory.open({
    dir,
    updateIntervalMs: 10_000,
    retainedApplications: 2,
    retention: { jobs: 1000, stages: 1000, tasks: 100_000, deadExecutors: 100 },
    cleaner: null,
    clock: new ManualClock(),
    log: silent,
  });
  handle = historyHandler({
    source: directory,
    facts: () => ({ logDir: dir, lastUpdated: 1 }),
    maxApplications: 100,
  });
});
after(async () => {
  await directory.close();
  rmSync(dir, { recursive: true, force: true });
});

const get = (target: string) => handle(request('GET', target));

/** Where it was found is not part of what is compared. */
function plain(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).filter(([name]) => !name.startsWith('logSource'));
  return Object.fromEntries(entries.map(([name, inner]) => [name, plain(inner)]));
}

describe('the REST API answers about a log of Spark as its history server does', () => {
  for (const { path, status, json, text } of answers)
    test(path, async () => {
      const response = await get(`/api/v1/${path}`);
      assert.equal(response.status, status);
      if (json === undefined) assert.equal(response.body.trim(), text);
      else assert.deepEqual(plain(JSON.parse(response.body)), json);
    });
});

test('all logs of a directory are listed, whatever they are packed with', async () => {
  const listed = JSON.parse((await get('/api/v1/applications')).body) as { id: string }[];
  assert.deepEqual(listed.map(({ id }) => id).sort(), ['app-20260101000000-0000', 'local-1', 'local-2']);
});

test('applications are chosen by when they began and ended', async () => {
  const ids = async (query: string) =>
    (JSON.parse((await get(`/api/v1/applications?${query}`)).body) as { id: string }[]).map(({ id }) => id);
  assert.deepEqual(await ids('status=running'), []);
  assert.deepEqual(await ids('minDate=2026-11-21T20:00:00.000GMT&limit=1'), ['local-2']);
  assert.deepEqual(await ids('maxDate=2026-11-21T20:00:00.000GMT'), ['app-20260101000000-0000']);
  assert.deepEqual(await ids('minEndDate=2026-11-22'), []);
  assert.equal((await get('/api/v1/applications?status=none')).status, 404);
});

describe('the pages of a log of Spark', () => {
  const base = '/history/app-20260101000000-0000';
  for (const [path, ...texts] of [
    ['/jobs/', 'real job - Spark Jobs', 'Completed Jobs (6)', 'Failed Jobs (1)', '?id=5'],
    ['/jobs/job/?id=5', 'Details for Job 5', 'FAILED', 'ZeroDivisionError'],
    ['/stages/', 'Skipped Stages (2)', 'Completed Stages (10)', 'Failed Stages (1)'],
    [
      '/stages/stage/?id=1&attempt=0',
      'Summary Metrics for 4 Completed Tasks',
      'Aggregated Metrics by Executor',
      '309.0 B',
    ],
    ['/storage/', 'pairs', 'Memory Serialized 1x Replicated', '100%'],
    ['/storage/rdd/?id=1', 'rdd_1_3', 'Data Distribution'],
    ['/executors/', 'Active (3)', '10.0.0.7:', 'logPage'],
    ['/environment/', 'spark.app.name', 'Resource Profile Contents'],
  ] as const)
    test(path, async () => {
      const { status, body } = await get(base + path);
      assert.equal(status, 200);
      for (const text of texts) assert.ok(body.includes(text), `${text} is not on ${path}`);
    });

  test('say what is missing', async () => {
    for (const path of [
      '/jobs/job/?id=99',
      '/stages/stage/?id=99&attempt=0',
      '/storage/rdd/?id=9',
      '/jobs/job/',
      '/nothing/x/',
    ]) {
      const { status, body } = await get(base + path);
      assert.equal(status, 404, path);
      assert.ok(!/\n\s+at /.test(body), 'a stack trace');
    }
    assert.match((await get('/history/nope/jobs/')).body, /Application nope not found\./);
    assert.match((await get(`${base}/jobs/job/?id=99`)).body, /No information to display for job 99/);
  });

  test('are found without the slash at the end', async () => {
    assert.equal((await get(`${base}/jobs`)).headers['location'], 'jobs/');
    assert.equal((await get(`${base}/stages/stage?id=1`)).headers['location'], 'stage/?id=1');
    assert.equal((await get(`${base}/`)).headers['location'], 'jobs/');
  });
});

test('a log is downloaded as one archive', async () => {
  const { status, headers, stream } = await get('/api/v1/applications/local-1/logs');
  assert.equal(status, 200);
  assert.equal(headers['content-disposition'], 'attachment; filename=eventLogs-local-1.zip');
  const parts: Uint8Array[] = [];
  for await (const part of stream ?? []) parts.push(part);
  const zip = Buffer.concat(parts);
  assert.equal(zip.readUInt32LE(0), 0x04034b50);
  assert.ok(zip.includes(readFileSync(join(dir, 'local-1.lz4'))));
  assert.equal(zip.readUInt32LE(zip.length - 22), 0x06054b50);
  assert.equal((await get('/api/v1/applications/nope/logs')).status, 404);
});
