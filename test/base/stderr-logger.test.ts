import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Clock } from '../../src/base/clock.ts';
import { REDACTED, redactPairs } from '../../src/base/redaction.ts';
import { createStderrLogger } from '../../src/base/stderr-logger.ts';

const at = new Date(2026, 10, 21, 7, 0, 9);
const clock: Clock = { now: () => at.getTime(), after: () => () => {} };

function logger(options: { level?: 'INFO' | 'ALL' | 'OFF'; format?: 'json' } = {}) {
  const lines: string[] = [];
  const log = createStderrLogger('SparkContext', { ...options, clock, write: (line) => lines.push(line) });
  return { log, lines };
}

test('a line has the format of Spark, with its fields behind it', () => {
  const { log, lines } = logger();
  log
    .named('TaskSetManager')
    .warn('Lost task', { task: '0.0', why: 'it said "no"', empty: '', none: undefined, n: 3, ok: true });
  assert.deepEqual(lines, [
    '26/11/21 07:00:09 WARN TaskSetManager: Lost task task=0.0 why="it said \\"no\\"" empty="" n=3 ok=true\n',
  ]);
});

test('JSON lines carry the fields as context', () => {
  const { log, lines } = logger({ format: 'json' });
  log.error('x', { a: 1 });
  log.error('y');
  assert.deepEqual(JSON.parse(lines[0] ?? ''), {
    ts: at.toISOString(),
    level: 'ERROR',
    msg: 'x',
    context: { a: 1 },
    logger: 'SparkContext',
  });
  assert.ok(!('context' in JSON.parse(lines[1] ?? '')));
});

test('the default level is WARN', () => {
  const { log, lines } = logger();
  log.debug('d');
  log.info('i');
  log.warn('w');
  log.error('e');
  assert.equal(lines.length, 2);
  assert.equal(log.level, 'WARN');
  assert.deepEqual([log.enabled('INFO'), log.enabled('WARN'), log.enabled('OFF')], [false, true, false]);
});

test('a new level reaches loggers that were named before', () => {
  const { log, lines } = logger();
  const child = log.named('A').named('B');
  log.setLevel('ALL');
  child.debug('seen');
  child.setLevel('OFF');
  log.error('not seen');
  assert.deepEqual(lines, ['26/11/21 07:00:09 DEBUG B: seen\n']);
});

test('a status line is hidden while a line is written and shown again after it', () => {
  const { log, lines } = logger();
  log.setStatusLine({ hide: () => lines.push('hide'), show: () => lines.push('show') });
  log.named('A').info('below the level');
  log.named('A').warn('w');
  log.setStatusLine(undefined);
  log.warn('v');
  assert.deepEqual(
    lines.map((l) => l.trim().slice(-4)),
    ['hide', 'A: w', 'show', 't: v'],
  );
});

test('values are hidden when their key or they themselves match', () => {
  const shown = redactPairs(/password/i, [
    ['spark.my.Password', 'x'],
    ['spark.opts', '-Dpassword=x'],
    ['spark.app.name', 'a'],
  ]);
  assert.deepEqual(shown, [
    ['spark.my.Password', REDACTED],
    ['spark.opts', REDACTED],
    ['spark.app.name', 'a'],
  ]);
});
