// biome-ignore-all lint/suspicious/noTemplateCurlyInString: references between keys are written this way
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { IskraError } from '../../src/base/errors.ts';
import type { Logger } from '../../src/base/logger.ts';
import { silentLogger } from '../../src/base/logger.ts';
import { warnOfOddKeys } from '../../src/config/conf-warnings.ts';
import { allEntries, defineEntry, defineOptional } from '../../src/config/config-entry.ts';
import { DEFAULT_PARALLELISM, MASTER } from '../../src/config/core-entries.ts';
import { REDACTION_REGEX } from '../../src/config/logging-entries.ts';
import { LOCALITY_WAIT, LOCALITY_WAIT_NODE, TASK_MAX_FAILURES } from '../../src/config/scheduler-entries.ts';
import { SparkConf } from '../../src/config/spark-conf.ts';
import { types } from '../../src/config/value-types.ts';

const RENAMED = defineEntry({
  key: 'spark.test.renamed',
  type: types.int,
  default: 1,
  alternatives: ['spark.test.older', 'spark.test.oldest'],
  doc: 'For this test.',
  since: '0.1',
});
const REFERRING = defineOptional({
  key: 'spark.test.referring',
  type: types.text,
  doc: 'For this test.',
  since: '0.1',
});

test('an entry that is not set has its default, and an optional one is undefined', () => {
  const conf = new SparkConf();
  assert.equal(conf.get(TASK_MAX_FAILURES), 4);
  assert.equal(conf.get(DEFAULT_PARALLELISM), undefined);
  assert.equal(conf.contains('spark.task.maxFailures'), false);
});

test('master and appName are short forms', () => {
  const conf = new SparkConf({ master: 'local[2]', appName: 'a', 'spark.task.maxFailures': 7, other: undefined });
  assert.equal(conf.get(MASTER), 'local[2]');
  assert.equal(conf.getText('spark.app.name'), 'a');
  assert.equal(conf.get(TASK_MAX_FAILURES), 7);
  assert.deepEqual(conf.getAll(), [
    ['spark.app.name', 'a'],
    ['spark.master', 'local[2]'],
    ['spark.task.maxFailures', '7'],
  ]);
});

test('a fallback gives the value when the key itself is not set', () => {
  const conf = new SparkConf({ 'spark.locality.wait': '5s' });
  assert.equal(conf.get(LOCALITY_WAIT_NODE), 5000);
  conf.set('spark.locality.wait.node', '1s');
  assert.equal(conf.get(LOCALITY_WAIT_NODE), 1000);
  assert.equal(conf.get(LOCALITY_WAIT), 5000);
});

test('a value of the wrong form is refused by key, value and form', () => {
  const conf = new SparkConf({ 'spark.task.maxFailures': 'abc' });
  assert.throws(
    () => conf.get(TASK_MAX_FAILURES),
    (error) => {
      assert.ok(IskraError.is(error));
      assert.equal(error.message, 'spark.task.maxFailures should be int, but was abc: give a whole number, such as 4');
      return true;
    },
  );
  assert.throws(() => conf.checkAll(), /spark\.task\.maxFailures/);
});

test('a value out of bounds is refused with the bound', () => {
  const conf = new SparkConf({ 'spark.task.maxFailures': 0 });
  assert.throws(() => conf.get(TASK_MAX_FAILURES), {
    message: "'0' in spark.task.maxFailures is invalid. It must be larger than 0",
  });
});

test('keys and values that are no text are refused when they are set', () => {
  const conf = new SparkConf();
  assert.throws(() => conf.set('', 'x'), /must be a text that is not empty/);
  assert.throws(() => conf.set('spark.x', null as unknown as string), /spark\.x should be a text.*but was null/);
  assert.throws(() => conf.set('spark.x', {} as unknown as string), /but was object/);
});

test('the newest name of a key wins over its older ones', () => {
  const conf = new SparkConf({ 'spark.test.oldest': 3 });
  assert.equal(conf.get(RENAMED), 3);
  assert.equal(conf.getText('spark.test.renamed'), '3');
  assert.equal(conf.contains(RENAMED), true);
  conf.set('spark.test.older', 2);
  assert.equal(conf.get(RENAMED), 2);
  conf.set('spark.test.renamed', 9);
  assert.equal(conf.get(RENAMED), 9);
  assert.deepEqual(conf.deprecatedKeys(), [
    { key: 'spark.test.older', instead: 'spark.test.renamed' },
    { key: 'spark.test.oldest', instead: 'spark.test.renamed' },
  ]);
});

test('references to other keys are replaced, circles are refused', () => {
  const conf = new SparkConf({
    'spark.app.name': 'a',
    'spark.test.referring': 'x-${spark.app.name}-${spark.no}-${HOME}',
  });
  assert.equal(conf.get(REFERRING), 'x-a-${spark.no}-${HOME}');
  conf.set('spark.test.referring', '${spark.task.maxFailures}');
  assert.equal(conf.get(REFERRING), '4');
  conf.set('spark.app.name', '${spark.test.referring}').set('spark.test.referring', '${spark.app.name}');
  assert.throws(() => conf.get(REFERRING), /Circular reference/);
});

test('unknown spark keys are kept and named with the nearest known key', () => {
  const conf = new SparkConf({
    'spark.task.maxFailure': 3,
    'spark.something.entirely.different': 1,
    'spark.hadoop.dfs.replication': 2,
    'spark.executorEnv.PATH': '/bin',
    'my.own.key': 'x',
  });
  assert.deepEqual(conf.unknownKeys(), [
    { key: 'spark.something.entirely.different', nearest: undefined },
    { key: 'spark.task.maxFailure', nearest: 'spark.task.maxFailures' },
  ]);
  assert.equal(conf.getText('spark.task.maxFailure'), '3');
});

test('odd keys are warned of once', () => {
  const lines: string[] = [];
  const log: Logger = { ...silentLogger, warn: (message) => lines.push(message) };
  const conf = new SparkConf({ 'spark.task.maxFailure': 3, 'spark.test.older': 2 });
  const warned = new Set<string>();
  warnOfOddKeys(conf, log, warned);
  warnOfOddKeys(conf, log, warned);
  assert.deepEqual(lines, [
    'spark.task.maxFailure is not a key that Iskra knows; did you mean spark.task.maxFailures?',
    'The configuration key spark.test.older has been deprecated; use spark.test.renamed instead',
  ]);
});

test('a clone is independent', () => {
  const conf = new SparkConf({ 'spark.app.name': 'a' });
  const copy = conf.clone().setAppName('b').remove('spark.master').setIfMissing('spark.app.name', 'c');
  assert.equal(conf.getText('spark.app.name'), 'a');
  assert.equal(copy.getText('spark.app.name'), 'b');
});

test('every default passes the check of its own entry and reads back from its text', () => {
  for (const entry of allEntries()) {
    if (entry.default === undefined) continue;
    assert.equal(entry.check?.(entry.default), undefined, entry.key);
    const text = entry.type.show(entry.default);
    assert.deepEqual(entry.type.parse(text), entry.default, `${entry.key}: ${text}`);
  }
});

test('the default redaction pattern hides passwords, secrets, tokens and keys', () => {
  const pattern = new SparkConf().get(REDACTION_REGEX);
  for (const key of ['spark.my.Password', 'spark.SECRET', 'x.token', 'fs.s3a.access.key', 'apiKey']) {
    assert.ok(pattern.test(key), key);
  }
  assert.ok(!pattern.test('spark.app.name'));
});

test('a key is declared once', () => {
  assert.throws(() => defineEntry({ key: 'spark.master', type: types.text, default: '', doc: '', since: '' }), /twice/);
});
