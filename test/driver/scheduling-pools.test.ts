import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { silentLogger } from '../../src/base/logger.ts';
import { SparkConf } from '../../src/config/spark-conf.ts';
import { schedulingPools } from '../../src/driver/scheduling-pools.ts';
import { recordingLogger } from '../kit/rpc.ts';

const FILE = 'spark.scheduler.allocation.file';
const conf = (values: Record<string, string> = {}): SparkConf =>
  new SparkConf({ master: 'local', 'spark.scheduler.mode': 'FAIR', ...values });

/** A folder with these files, gone after the test. */
function folderOf(t: TestContext, files: Record<string, string> = {}): string {
  const folder = mkdtempSync(join(tmpdir(), 'pools-'));
  t.after(() => rmSync(folder, { recursive: true }));
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(join(folder, path, '..'), { recursive: true });
    writeFileSync(join(folder, path), text);
  }
  return folder;
}

const poolsOf = (...names: string[]): string =>
  `<allocations>${names.map((name) => `<pool name="${name}"><weight>2</weight></pool>`).join('')}</allocations>`;

test('pools come from the file that is named, and a file that cannot be read is an error', (t) => {
  const folder = folderOf(t, { 'own.xml': poolsOf('a', 'b'), 'conf/fairscheduler.xml': poolsOf('c') });
  const named = conf({ [FILE]: join(folder, 'own.xml') });
  assert.deepEqual(
    schedulingPools(named, silentLogger, {}, folder).map(({ name, weight }) => `${name} ${weight}`),
    ['a 2', 'b 2'],
  );
  assert.throws(
    () => schedulingPools(conf({ [FILE]: join(folder, 'none.xml') }), silentLogger, {}, folder),
    /spark\.scheduler\.allocation\.file names .*none\.xml, which cannot be read: ENOENT/,
  );
  assert.deepEqual(schedulingPools(named.clone().set('spark.scheduler.mode', 'FIFO'), silentLogger, {}, folder), []);
});

test('else from fairscheduler.xml in the first folder of settings that has one', (t) => {
  const folder = folderOf(t, {
    'conf/fairscheduler.xml': poolsOf('here'),
    'spark/conf/fairscheduler.xml': poolsOf('spark'),
    'empty/other.xml': '',
  });
  const names = (env: Record<string, string>): string =>
    schedulingPools(conf(), silentLogger, env, folder)
      .map(({ name }) => name)
      .join();
  assert.equal(names({}), 'here');
  assert.equal(names({ SPARK_HOME: join(folder, 'spark') }), 'spark');
  assert.equal(names({ ISKRA_CONF_DIR: join(folder, 'empty') }), 'here');
});

test('without a file there is a warning, and no pool of its own', (t) => {
  const lines: string[] = [];
  assert.deepEqual(schedulingPools(conf(), recordingLogger(lines), {}, folderOf(t)), []);
  assert.equal(lines.length, 1);
  assert.match(
    lines[0] ?? '',
    /Fair Scheduler configuration file not found so jobs will be scheduled in FIFO order\. /,
  );
});

test('a mode that is neither FIFO nor FAIR is refused', () => {
  assert.deepEqual(schedulingPools(conf({ 'spark.scheduler.mode': 'fifo' }), silentLogger, {}, '/'), []);
  assert.throws(
    () => schedulingPools(conf({ 'spark.scheduler.mode': 'BAD' }), silentLogger, {}, '/'),
    /spark\.scheduler\.mode.* BAD/,
  );
});
