import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { SparkConf } from '../../../src/config/spark-conf.ts';
import {
  LogRoller,
  type LogRolling,
  logRolling,
  outdatedLogs,
  rolledName,
} from '../../../src/deploy/worker/log-rolling.ts';
import { rolledLogs } from '../../../src/ui/rolled-logs.ts';
import { recordingLogger } from '../../kit/rpc.ts';

const PREFIX = 'spark.executor.logs.rolling.';

function rollingOf(settings: Record<string, string>, lines: string[] = []): LogRolling | null {
  const conf = Object.fromEntries(Object.entries(settings).map(([key, value]) => [PREFIX + key, value]));
  return logRolling(new SparkConf(conf), recordingLogger(lines));
}

const of = (when: LogRolling['when'], more: Partial<LogRolling> = {}): LogRolling => ({
  ...{ when, precision: 'second', maxRetainedFiles: null, compress: false },
  ...more,
});

describe('settings of rolled logs', () => {
  test('roll nothing by default', () => assert.equal(rollingOf({}), null));

  test('name a time or a size', () => {
    const files = { maxRetainedFiles: null, compress: false };
    const time = (interval: string): unknown => rollingOf({ strategy: 'time', 'time.interval': interval });
    assert.deepEqual(rollingOf({ strategy: 'time' }), time('daily'));
    assert.deepEqual(time('daily'), { when: { kind: 'time', everyMs: 86_400_000 }, precision: 'day', ...files });
    assert.deepEqual(time('hourly'), { when: { kind: 'time', everyMs: 3_600_000 }, precision: 'hour', ...files });
    assert.deepEqual(time('minutely'), { when: { kind: 'time', everyMs: 60_000 }, precision: 'minute', ...files });
    assert.deepEqual(time('90'), { when: { kind: 'time', everyMs: 90_000 }, precision: 'second', ...files });
    assert.deepEqual(rollingOf({ strategy: 'size', maxRetainedFiles: '3', enableCompression: 'true' }), {
      when: { kind: 'size', maxBytes: 1 << 20 },
      ...{ precision: 'millisecond', maxRetainedFiles: 3, compress: true },
    });
    assert.equal(rollingOf({ strategy: 'size', maxRetainedFiles: '0' })?.maxRetainedFiles, null);
  });

  test('are raised to the least that makes sense, with a warning', () => {
    const lines: string[] = [];
    assert.deepEqual(rollingOf({ strategy: 'time', 'time.interval': '5' }, lines)?.when, {
      kind: 'time',
      everyMs: 60_000,
    });
    assert.deepEqual(rollingOf({ strategy: 'size', maxSize: '1000' }, lines)?.when, { kind: 'size', maxBytes: 81_920 });
    assert.deepEqual(lines, [
      'Rolling interval [5 seconds] is too small. Setting the interval to the acceptable minimum of 60 seconds.',
      'Rolling size [1000 bytes] is too small. Setting the size to the acceptable minimum of 81920 bytes.',
    ]);
  });

  test('that cannot be are refused', () => {
    for (const [key, value, wanted] of [
      ['strategy', 'weekly', /must be time or size, or empty/],
      ['time.interval', 'weekly', /must be daily, hourly, minutely, or a number of seconds/],
      ['time.interval', '0', /number of seconds/],
      ['time.interval', '-5', /number of seconds/],
      ['maxSize', '0', /must be positive/],
      ['maxRetainedFiles', 'many', /int/],
    ] as const)
      assert.throws(() => {
        rollingOf({ strategy: 'time', [key]: value });
        rollingOf({ strategy: 'size', [key]: value });
      }, wanted);
  });
});

describe('a log', () => {
  const HOUR = 3_600_000;

  test('is rolled with the first bytes of another interval, and only if it has some', () => {
    const roller = new LogRoller(of({ kind: 'time', everyMs: HOUR }), 0, 10 * HOUR + 5);
    assert.equal(roller.write(1, 10 * HOUR + 6), false);
    assert.equal(roller.write(1, 11 * HOUR - 1), false);
    assert.equal(roller.write(1, 11 * HOUR), true);
    assert.equal(roller.write(1, 12 * HOUR - 1), false);
    // Nothing was printed for long.
    assert.equal(roller.write(1, 20 * HOUR + 7), true);
    assert.equal(roller.write(1, 20 * HOUR + 8), false);
    const empty = new LogRoller(of({ kind: 'time', everyMs: HOUR }), 0, 0);
    assert.equal(empty.write(1, HOUR), false);
    assert.equal(empty.write(1, 2 * HOUR), true);
    const begun = new LogRoller(of({ kind: 'time', everyMs: HOUR }), 100, 0);
    assert.equal(begun.write(1, HOUR), true);
  });

  test('is rolled before it gets larger than it may; what it had counts', () => {
    const roller = new LogRoller(of({ kind: 'size', maxBytes: 100 }), 60, 0);
    assert.deepEqual(
      [40, 1, 99, 1, 250, 1].map((bytes) => roller.write(bytes, 0)),
      [false, true, false, true, true, true],
    );
  });

  test('of any writes has files of at most its size, but for a single larger write, and none is empty', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 150 })), fc.nat(100), (writes, before) => {
        const roller = new LogRoller(of({ kind: 'size', maxBytes: 100 }), before, 0);
        let file = before > 0 ? [before] : [];
        for (const bytes of writes) {
          if (roller.write(bytes, 0)) {
            assert.ok(file.length > 0);
            file = [];
          }
          file.push(bytes);
          assert.ok(file.length === 1 || file.reduce((a, b) => a + b) <= 100);
        }
      }),
    );
  });

  test('has names as Spark’s, in local time', () => {
    const at = new Date(2015, 0, 2, 3, 4, 5, 67).getTime();
    const named = (precision: LogRolling['precision']): string => rolledName('stdout', precision, at, []);
    assert.equal(named('day'), 'stdout--2015-01-02');
    assert.equal(named('hour'), 'stdout--2015-01-02--03');
    assert.equal(named('minute'), 'stdout--2015-01-02--03-04');
    assert.equal(named('second'), 'stdout--2015-01-02--03-04-05');
    assert.equal(named('millisecond'), 'stdout--2015-01-02--03-04-05--0067');
  });

  test('never takes a name twice, packed or not, and its files are found in their order', () => {
    const at = new Date(2015, 0, 1).getTime();
    const entries: string[] = ['stdout', 'stderr--2015-01-01', '.stdout--2015-01-01.gz'];
    const made: string[] = [];
    for (let i = 0; i < 25; i++) {
      const name = rolledName('stdout', 'day', at + (i > 20 ? 86_400_000 : 0), entries);
      assert.ok(!made.includes(name));
      made.push(name);
      entries.push(i % 3 === 0 ? `${name}.gz` : name);
    }
    assert.equal(made[1], 'stdout--2015-01-01--0');
    assert.deepEqual(
      rolledLogs(entries.toReversed(), 'stdout').map((name) => name.replace(/\.gz$/, '')),
      made,
    );
  });

  test('that is being packed counts once', () => {
    assert.deepEqual(rolledLogs(['a--1.gz', 'a--1', 'a', 'a--2.gz', 'ab--1'], 'a'), ['a--1', 'a--2.gz']);
  });

  test('keeps its newest files', () => {
    const rolled = ['a--1', 'a--2', 'a--3'];
    const when = { kind: 'size', maxBytes: 1 } as const;
    assert.deepEqual(outdatedLogs(rolled, of(when, { maxRetainedFiles: 1 })), ['a--1', 'a--2']);
    assert.deepEqual(outdatedLogs(rolled, of(when, { maxRetainedFiles: 5 })), []);
    assert.deepEqual(outdatedLogs(rolled, of(when)), []);
  });
});
