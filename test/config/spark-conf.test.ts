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

test('keys are read by their names, too, in the unit that is asked for', () => {
  const conf = new SparkConf({
    'spark.a': '3',
    'spark.b': '90s',
    'spark.c': '1536k',
    'spark.d': 'true',
    'spark.e': '2.5',
  });
  assert.equal(conf.get('spark.a'), '3');
  assert.equal(conf.get('spark.z', 'else'), 'else');
  assert.throws(() => conf.get('spark.z'), /spark\.z is not set; set it/);
  assert.deepEqual([conf.getOption('spark.a'), conf.getOption('spark.z')], ['3', null]);
  assert.deepEqual([conf.getInt('spark.a', 1), conf.getInt('spark.z', 1), conf.getLong('spark.a', 1)], [3, 1, 3]);
  assert.deepEqual([conf.getBoolean('spark.d', false), conf.getBoolean('spark.z', false)], [true, false]);
  assert.deepEqual([conf.getDouble('spark.e', 0), conf.getDouble('spark.z', 0.5)], [2.5, 0.5]);
  assert.throws(() => conf.getInt('spark.e', 1), /spark\.e should be int, but was 2\.5: give a whole number/);
  assert.throws(() => conf.getBoolean('spark.a', true), /spark\.a should be boolean, but was 3/);
  assert.deepEqual([conf.getTimeAsMs('spark.b'), conf.getTimeAsSeconds('spark.b')], [90_000, 90]);
  assert.deepEqual([conf.getTimeAsMs('spark.a'), conf.getTimeAsSeconds('spark.a')], [3, 3]);
  assert.deepEqual([conf.getTimeAsMs('spark.z', '2min'), conf.getTimeAsSeconds('spark.z', '1500ms')], [120_000, 1]);
  const sizes = (key: string): number[] => [
    conf.getSizeAsBytes(key),
    conf.getSizeAsKb(key),
    conf.getSizeAsMb(key),
    conf.getSizeAsGb(key),
  ];
  assert.deepEqual(sizes('spark.c'), [1536 * 1024, 1536, 1, 0]);
  assert.deepEqual(sizes('spark.a'), [3, 3, 3, 3]);
  assert.equal(conf.getSizeAsMb('spark.z', '2g'), 2048);
  assert.throws(() => conf.getSizeAsMb('spark.d'), /spark\.d should be size, but was true/);
});

test('variables of executors, what lies below a prefix, and all of it without secrets', () => {
  const conf = new SparkConf({ 'spark.app.id': 'app-1', 'spark.my.password': 'x', 'spark.my.user': 'ann' });
  conf.setExecutorEnv('LANG', 'C').setExecutorEnv('A', '1');
  assert.deepEqual(conf.getExecutorEnv(), [
    ['A', '1'],
    ['LANG', 'C'],
  ]);
  assert.deepEqual(conf.getAllWithPrefix('spark.my.'), [
    ['password', 'x'],
    ['user', 'ann'],
  ]);
  assert.equal(conf.getAppId(), 'app-1');
  assert.equal(
    conf.toDebugString(),
    [
      'spark.app.id=app-1',
      'spark.executorEnv.A=1',
      'spark.executorEnv.LANG=C',
      'spark.my.password=*********(redacted)',
      'spark.my.user=ann',
    ].join('\n'),
  );
});

test('who wants encrypted files is told that there are none', () => {
  new SparkConf({ 'spark.io.encryption.enabled': 'false' }).checkAll();
  assert.throws(
    () => new SparkConf({ 'spark.io.encryption.enabled': 'true' }).checkAll(),
    /'true' in spark\.io\.encryption\.enabled is invalid\. It must be false: shuffle files, .* Let spark\.local\.dir name an encrypted disk/,
  );
});
