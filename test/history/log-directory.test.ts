import assert from 'node:assert/strict';
import {
  appendFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  renameSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, test } from 'node:test';
import type { Logger } from '../../src/base/logger.ts';
import { LogDirectory, type LogDirectoryOptions } from '../../src/history/log-directory.ts';
import { ManualClock } from '../kit/manual-clock.ts';
import { until } from '../kit/until.ts';

const logged: string[] = [];
const log: Logger = {
  debug() {},
  info: (text: string) => void logged.push(text),
  warn: (text: string) => void logged.push(`WARN ${text}`),
  error: (text: string) => void logged.push(`ERROR ${text}`),
  enabled: () => true,
  named: () => log,
};

let dir: string;
let clock: ManualClock;
let directory: LogDirectory | null = null;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'iskra-history-'));
  clock = new ManualClock(1_000_000_000_000);
  logged.length = 0;
});
afterEach(async () => {
  await directory?.close();
  directory = null;
  rmSync(dir, { recursive: true, force: true });
});

const open = async (more: Partial<LogDirectoryOptions> = {}): Promise<LogDirectory> => {
  directory = await LogDirectory.open({
    dir,
    updateIntervalMs: 10_000,
    retainedApplications: 2,
    retention: { jobs: 1000, stages: 1000, tasks: 1000, deadExecutors: 10 },
    cleaner: null,
    clock,
    log,
    ...more,
  });
  return directory;
};

const START = (id: string) =>
  `{"Event":"SparkListenerLogStart","Spark Version":"4.0.0"}\n{"Event":"SparkListenerApplicationStart","App Name":"n","App ID":"${id}","Timestamp":5,"User":"ann"}\n`;
const JOB = (id: number) =>
  `{"Event":"SparkListenerJobStart","Job ID":${id},"Submission Time":6,"Stage Infos":[],"Stage IDs":[],"Properties":{}}\n`;
const END = '{"Event":"SparkListenerApplicationEnd","Timestamp":9}\n';

/** With rounds meanwhile, as many as it takes. */
const untilARound = (holds: () => boolean | Promise<boolean>): Promise<void> =>
  until(async () => {
    clock.advance(10_000);
    return holds();
  });
const ids = (): string[] => (directory as LogDirectory).applications().map(({ id }) => id);

describe('a directory of event logs', () => {
  test('that is none is refused', async () => {
    await assert.rejects(
      open({ dir: join(dir, 'none') }),
      /Log directory specified does not exist: file:.*none Did you configure the correct one through spark.history.fs.logDirectory\?/,
    );
    writeFileSync(join(dir, 'file'), '');
    await assert.rejects(open({ dir: join(dir, 'file') }), /Logging directory specified is not a directory: file:/);
  });

  test('shows its applications, whatever else lies there', async () => {
    writeFileSync(join(dir, 'good'), START('good') + END);
    writeFileSync(join(dir, 'garbage'), Buffer.from([0, 1, 2, 255, 10, 254]));
    writeFileSync(join(dir, 'packed.zstd'), 'this is not zstd');
    writeFileSync(join(dir, 'odd.lzf'), 'ZV');
    writeFileSync(join(dir, 'empty'), '');
    writeFileSync(join(dir, 'no-id'), '{"Event":"SparkListenerApplicationStart","App Name":"n","Timestamp":5}\n');
    writeFileSync(join(dir, '.hidden'), START('hidden'));
    mkdirSync(join(dir, 'eventlog_v2_half'));
    mkdirSync(join(dir, 'other'));
    await open();
    assert.deepEqual(ids(), ['good']);
    assert.ok(logged.some((line) => line.startsWith('WARN') && line.includes('packed.zstd')));
    assert.ok(
      logged.some((line) => /packed with 'lzf'; logs that are plain or packed with zstd, lz4 or snappy/.test(line)),
    );
  });

  test('is looked at again and again: what grows is read anew, what ends is complete, what goes is forgotten', async () => {
    const running = join(dir, 'app.inprogress');
    writeFileSync(running, START('app') + JOB(0) + JOB(1).slice(0, 20));
    const opened = await open();
    const attempt = () => opened.applications()[0]?.attempts[0];
    assert.equal(attempt()?.endTime, null);
    assert.equal((await opened.store('app', null))?.jobs.length, 1);
    appendFileSync(running, JOB(1).slice(20));
    await untilARound(async () => (await opened.store('app', null))?.jobs.length === 2);
    appendFileSync(running, END);
    renameSync(running, join(dir, 'app'));
    await untilARound(() => attempt()?.endTime === 9);
    assert.deepEqual(ids(), ['app']);
    rmSync(join(dir, 'app'));
    await untilARound(() => ids().length === 0);
    assert.equal(await opened.store('app', null), null);
  });

  test('reads rolled files in order, from the last compacted one on', async () => {
    const rolling = join(dir, 'eventlog_v2_app');
    mkdirSync(rolling);
    writeFileSync(join(rolling, 'appstatus_app.inprogress'), '');
    writeFileSync(join(rolling, 'events_1_app'), `${START('app')}${JOB(0)}`);
    writeFileSync(join(rolling, 'events_2_app'), JOB(1));
    writeFileSync(join(rolling, 'events_2_app.compact'), `${START('app')}${JOB(7)}`);
    writeFileSync(join(rolling, 'events_10_app'), JOB(9));
    writeFileSync(join(rolling, 'events_9_app'), JOB(8));
    const opened = await open();
    assert.deepEqual(
      (await opened.store('app', null))?.jobs.map(({ jobId }) => jobId),
      [7, 8, 9],
    );
  });

  test('leaves out lines that are no events, and says so once', async () => {
    writeFileSync(
      join(dir, 'app'),
      `${START('app')}{"Event":\n${JOB(1)}[]\n{"Event":"org.example.MyOwnEvent","x":1}\n${END}`,
    );
    const opened = await open();
    assert.equal((await opened.store('app', null))?.jobs.length, 1);
    assert.equal(logged.filter((line) => /2 lines of the event log .* are no events/.test(line)).length, 1);
  });

  test('keeps as many applications in memory as it may, and reads one once for all who ask', async () => {
    for (const id of ['a', 'b', 'c']) writeFileSync(join(dir, id), START(id) + END);
    const opened = await open();
    const [first, again] = await Promise.all([opened.store('a', null), opened.store('a', null)]);
    assert.equal(first, again);
    await opened.store('b', null);
    assert.equal(await opened.store('a', null), first);
    await opened.store('c', null);
    assert.equal(await opened.store('a', null), first, 'the one that was asked for lately stays');
    const b = await opened.store('b', null);
    await opened.store('c', null);
    assert.equal(await opened.store('b', null), b);
    assert.notEqual(await opened.store('a', null), first);
  });

  test('loses what is too old, when that is wanted', async () => {
    writeFileSync(join(dir, 'old'), START('old') + END);
    writeFileSync(join(dir, 'new'), START('new') + END);
    const now = clock.now() / 1000;
    utimesSync(join(dir, 'old'), now - 500, now - 500);
    utimesSync(join(dir, 'new'), now, now);
    await open({ cleaner: { intervalMs: 1000, maxAgeMs: 100_000, maxNum: 10 } });
    await until(() => !existsSync(join(dir, 'old')));
    assert.deepEqual(ids(), ['new']);
    assert.ok(existsSync(join(dir, 'new')));
    await until(() => logged.some((line) => line.startsWith('Deleted event log')));
  });

  test('that vanishes is told of once, and looked for again', async () => {
    writeFileSync(join(dir, 'app'), START('app') + END);
    await open();
    renameSync(dir, `${dir}.gone`);
    await untilARound(() => logged.filter((line) => line.includes('cannot be read')).length === 1);
    assert.deepEqual(ids(), ['app']);
    renameSync(`${dir}.gone`, dir);
    rmSync(join(dir, 'app'));
    await untilARound(() => ids().length === 0);
  });
});
