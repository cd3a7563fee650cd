import assert from 'node:assert/strict';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, test } from 'node:test';
import type { Logger } from '../../src/base/logger.ts';
import { SparkConf } from '../../src/config/spark-conf.ts';
import { EventJson } from '../../src/event-log/event-json.ts';
import { EventLogWriter, prepareEventLog } from '../../src/event-log/event-log-writer.ts';
import { LogFiles } from '../../src/event-log/log-files.ts';
import { codecExtension, logName, rolledIndex } from '../../src/event-log/log-names.ts';
import { unpackBytes } from '../../src/io/codecs/pack-bytes.ts';
import type { SparkListenerEvent } from '../../src/protocol/spark-listener-event.ts';
import { until } from '../kit/until.ts';

const logged: string[] = [];
const log: Logger = {
  ...Object.fromEntries(
    ['trace', 'debug', 'info', 'warn', 'error'].map((level) => [
      level,
      (m: string) => void logged.push(`${level} ${m}`),
    ]),
  ),
  named: () => log,
  enabled: () => true,
} as unknown as Logger;

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'iskra-event-log-'));
  logged.length = 0;
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

const start: SparkListenerEvent = {
  type: 'SparkListenerApplicationStart',
  at: 5,
  appId: 'app-1',
  appName: 'a "name"',
  user: 'me',
};
const end: SparkListenerEvent = { type: 'SparkListenerApplicationEnd', at: 9 };

const open = async (settings: Record<string, string> = {}, appId = 'app-1', attempt: string | null = null) => {
  const conf = new SparkConf({ 'spark.eventLog.dir': `file:${dir}`, 'spark.eventLog.compress': 'false', ...settings });
  return (await prepareEventLog(conf, log))(appId, attempt);
};
const single = { 'spark.eventLog.rolling.enabled': 'false' };
const lines = (path: string): string[] => readFileSync(join(dir, path), 'utf8').split('\n').slice(0, -1);
const mode = (path: string): number => statSync(join(dir, path)).mode & 0o777;

describe('names of event logs', () => {
  test('are made of the id and the attempt, without what paths and shells read', () => {
    assert.equal(logName('App 1:2/3', null), 'app-1-2-3');
    assert.equal(logName(`a.b$c{d}e'f"g`, 'Two 2'), 'a_b_c_d_e_f_g_two-2');
  });

  test('tell the codec and the place in a rolling log', () => {
    assert.equal(codecExtension('app-1.zstd.inprogress'), 'zstd');
    assert.equal(codecExtension('events_1_app-1.lz4.compact'), 'lz4');
    assert.equal(codecExtension('app-1.inprogress'), null);
    assert.equal(rolledIndex('events_12_app-1'), 12);
    assert.equal(rolledIndex('appstatus_app-1'), null);
  });
});

describe('an event log', () => {
  test('as one file is in progress until the end, and then has its name', async () => {
    const writer = await open(single, 'App 1', '2');
    assert.deepEqual(readdirSync(dir), ['app-1_2.inprogress']);
    writer.hear(start);
    writer.hear(end);
    await writer.close();
    assert.deepEqual(readdirSync(dir), ['app-1_2']);
    assert.deepEqual(lines('app-1_2'), [
      '{"Event":"SparkListenerLogStart","Spark Version":"0.1.0"}',
      '{"Event":"SparkListenerApplicationStart","App Name":"a \\"name\\"","App ID":"app-1","Timestamp":5,"User":"me"}',
      '{"Event":"SparkListenerApplicationEnd","Timestamp":9,"ExitCode":0}',
    ]);
  });

  test('is a directory of files otherwise, whose status file says that it runs', async () => {
    const writer = await open();
    assert.deepEqual(readdirSync(dir), ['eventlog_v2_app-1']);
    assert.deepEqual(readdirSync(join(dir, 'eventlog_v2_app-1')).sort(), [
      'appstatus_app-1.inprogress',
      'events_1_app-1',
    ]);
    await writer.close();
    assert.deepEqual(readdirSync(join(dir, 'eventlog_v2_app-1')).sort(), ['appstatus_app-1', 'events_1_app-1']);
    assert.equal(statSync(join(dir, 'eventlog_v2_app-1/appstatus_app-1')).size, 0);
  });

  test('can be read by its owner and the group, whatever the umask says', async () => {
    const before = process.umask(0o077);
    try {
      await (await open(single)).close();
      await (await open()).close();
    } finally {
      process.umask(before);
    }
    assert.equal(mode('app-1'), 0o660);
    assert.equal(mode('eventlog_v2_app-1'), 0o770);
    assert.equal(mode('eventlog_v2_app-1/events_1_app-1'), 0o660);
  });

  test('goes on in the next file when one is full, and no event is cut', async () => {
    const files = new LogFiles({ dir, name: 'x', rolling: true, overwrite: false, extension: null, log });
    const json = new EventJson({ redact: /never/, blockUpdates: false });
    const writer = new EventLogWriter(files, { pack: null, maxFileBytes: 300, bufferBytes: 50, json, log });
    for (let i = 0; i < 10; i++) writer.hear({ ...start, at: i });
    await writer.close();
    const names = readdirSync(join(dir, 'eventlog_v2_x')).filter((name) => rolledIndex(name) !== null);
    assert.equal(names.length, 5);
    const sizes = names.map((name) => statSync(join(dir, 'eventlog_v2_x', name)).size);
    assert.ok(
      sizes.every((size) => size <= 300),
      `sizes ${sizes}`,
    );
    const inOrder = names.sort((a, b) => (rolledIndex(a) ?? 0) - (rolledIndex(b) ?? 0));
    const all = inOrder.flatMap((name) => lines(`eventlog_v2_x/${name}`)).map((line) => JSON.parse(line));
    assert.deepEqual(
      all.slice(1).map((event) => event.Timestamp),
      [0, 1, 2, 3, 4, 5, 6, 7, 8, 9],
    );
  });

  test('that lies there already is an error, unless it may be replaced', async () => {
    await (await open(single)).close();
    await assert.rejects(open(single), /Target log file already exists \(.*app-1\); set spark.eventLog.overwrite/);
    await (await open()).close();
    await assert.rejects(open(), /Target log directory already exists/);
    const writer = await open({ 'spark.eventLog.overwrite': 'true' });
    assert.ok(logged.some((line) => /already exists\. Overwriting/.test(line)));
    await writer.close();
  });

  test('needs its directory', async () => {
    await assert.rejects(open({ 'spark.eventLog.dir': join(dir, 'none') }), /File file:.*none does not exist/);
    writeFileSync(join(dir, 'file'), '');
    await assert.rejects(
      open({ 'spark.eventLog.dir': join(dir, 'file') }),
      /Log directory file:.*file is not a directory\./,
    );
    await assert.rejects(open({ 'spark.eventLog.dir': 'hdfs://host/logs' }), /scheme "hdfs"/);
  });

  test('hides secrets of settings and of jobs', async () => {
    const writer = await open(single);
    writer.hear({
      type: 'SparkListenerEnvironmentUpdate',
      at: 1,
      runtime: {},
      sparkProperties: { 'spark.my.password': 'geheim', 'spark.app.name': 'x' },
      systemProperties: { token: 'geheim' },
      classpathEntries: {},
    });
    writer.hear({ type: 'SparkListenerJobStart', at: 2, jobId: 0, stages: [], properties: { 'my.secret': 'geheim' } });
    await writer.close();
    const text = lines('app-1').join('\n');
    assert.ok(!text.includes('geheim'));
    assert.equal(text.split('*********(redacted)').length - 1, 3);
    assert.ok(text.includes('"spark.app.name":"x"'));
  });

  test('is compressed where that is possible, each piece so that readers can go on after it', async () => {
    const writer = await open({ ...single, 'spark.eventLog.compress': 'true' });
    writer.hear(start);
    await until(() => statSync(join(dir, 'app-1.zstd.inprogress')).size !== 0);
    writer.hear(end);
    await writer.close();
    const text = unpackBytes(readFileSync(join(dir, 'app-1.zstd')), 'zstd').toString();
    assert.deepEqual(
      text.split('\n').map((line) => (line === '' ? '' : JSON.parse(line).Event)),
      ['SparkListenerLogStart', 'SparkListenerApplicationStart', 'SparkListenerApplicationEnd', ''],
    );
  });

  test('is complete also when the process ends at once', async () => {
    const writer = await open(single);
    for (let i = 0; i < 2000; i++) writer.hear({ ...start, at: i });
    await new Promise((go) => setImmediate(go));
    writer.hear(end);
    writer.closeNow();
    assert.equal(lines('app-1').length, 2002);
    assert.match(lines('app-1').at(-1) as string, /ApplicationEnd/);
    await writer.close();
  });

  test('of a disk that fails is told of once and stays as it is, in progress', async () => {
    const files = new LogFiles({ dir, name: 'x', rolling: false, overwrite: false, extension: null, log });
    files.append = () => Promise.reject(new Error('ENOSPC: no space left on device'));
    const json = new EventJson({ redact: /never/, blockUpdates: false });
    const writer = new EventLogWriter(files, { pack: null, maxFileBytes: 1e9, bufferBytes: 1, json, log });
    for (let i = 0; i < 10; i++) {
      writer.hear(start);
      await new Promise((go) => setImmediate(go));
    }
    await writer.close();
    assert.equal(logged.filter((line) => line.startsWith('error')).length, 1);
    assert.match(logged.join('\n'), /cannot be written any more, and stays incomplete: ENOSPC/);
    assert.deepEqual(readdirSync(dir), ['x.inprogress']);
  });

  test('waits with what is not urgent until the buffer is full', async () => {
    const writer = await open(single);
    const size = () => statSync(join(dir, 'app-1.inprogress')).size;
    await until(() => size() !== 0);
    const first = size();
    const task = {
      taskId: 0,
      index: 0,
      partition: 0,
      attemptNumber: 0,
      executorId: '1',
      host: 'h',
      locality: 'ANY',
      speculative: false,
      launchedAt: 1,
    } as const;
    writer.hear({ type: 'SparkListenerTaskStart', at: 1, stageId: 0, stageAttemptId: 0, task });
    for (let i = 0; i < 20; i++) await new Promise((go) => setImmediate(go));
    assert.equal(size(), first);
    writer.hear(end);
    await until(() => size() !== first);
    assert.equal(lines('app-1.inprogress').length, 3);
    await writer.close();
  });
});

test('a log whose directory goes while it is written harms nobody', async () => {
  const sub = join(dir, 'sub');
  mkdirSync(sub);
  const writer = await open({ ...single, 'spark.eventLog.dir': sub });
  rmSync(sub, { recursive: true });
  writer.hear(start);
  await writer.close();
  assert.match(logged.join('\n'), /The event log cannot be completed: ENOENT/);
  assert.ok(!existsSync(sub));
});
