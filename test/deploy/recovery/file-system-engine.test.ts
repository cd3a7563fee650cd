import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { type Logger, silentLogger } from '../../../src/base/logger.ts';
import { SparkConf } from '../../../src/config/spark-conf.ts';
import { FileSystemEngine } from '../../../src/deploy/recovery/file-system-engine.ts';
import { openRecovery } from '../../../src/deploy/recovery/open-recovery.ts';
import { noPersistence } from '../../../src/deploy/recovery/persistence-engine.ts';
import { decodeRecord } from '../../../src/deploy/recovery/recovery-text.ts';
import type { RecoveryRecord } from '../../../src/protocol/recovery.ts';
import { app, driver, worker } from '../../kit/master-machine.ts';

const RECORDS: readonly RecoveryRecord[] = [
  { kind: 'app', id: 'app-1', startedAt: 1, app: app(), driverAddress: 'd:1' },
  { kind: 'driver', id: 'driver-1', submittedAt: 2, driver: driver() },
  { kind: 'worker', id: 'worker-a', worker: worker('a') },
];

/** An engine on a new directory, and the errors that it logged. */
function engine(t: { after(done: () => void): void }) {
  const root = mkdtempSync(join(tmpdir(), 'iskra-recovery-'));
  t.after(() => rmSync(root, { recursive: true, force: true }));
  const directory = join(root, 'deep', 'recovery');
  const errors: string[] = [];
  const log: Logger = { ...silentLogger, error: (message) => errors.push(message) };
  return {
    engine: new FileSystemEngine(directory, log),
    directory,
    errors,
    again: () => new FileSystemEngine(directory, log),
  };
}

// What holds for every engine is in test/conformance/recovery-behaviours.ts.

test('only the owner may read what may contain secrets', (t) => {
  const { engine: first, directory } = engine(t);
  first.persist({ kind: 'worker', id: 'a', worker: worker('a') });
  assert.equal(statSync(directory).mode & 0o777, 0o700);
  assert.equal(statSync(join(directory, 'worker_a')).mode & 0o777, 0o600);
});

test('a folder is named in the log, and half a file is removed', (t) => {
  const { engine: first, directory, errors } = engine(t);
  for (const record of RECORDS) first.persist(record);
  writeFileSync(join(directory, 'app_app-9.tmp'), 'half');
  mkdirSync(join(directory, 'app_folder'));
  assert.deepEqual(first.readAll(), RECORDS);
  assert.equal(errors.length, 1);
  assert.match(errors[0] ?? '', /app_folder cannot be read/);
  assert.ok(!readdirSync(directory).includes('app_app-9.tmp'));
});

test('a disk that does not take it is an error that says where, and leaves nothing half', (t) => {
  const { engine: first, directory } = engine(t);
  mkdirSync(join(directory, 'worker_w'));
  assert.throws(
    () => first.persist({ kind: 'worker', id: 'w', worker: worker('a') }),
    /cannot write .*worker_w \(spark\.deploy\.recoveryDirectory\): /,
  );
  assert.deepEqual(readdirSync(directory), ['worker_w']);
  assert.throws(() => new FileSystemEngine('', silentLogger), /spark\.deploy\.recoveryDirectory is not set/);
  writeFileSync(join(directory, 'file'), '');
  assert.throws(() => new FileSystemEngine(join(directory, 'file'), silentLogger), /cannot make/);
});

test('a file of version 1 stays readable', () => {
  const golden = new URL('../../../../test/golden/recovery-driver-1.txt', import.meta.url);
  assert.deepEqual(decodeRecord(readFileSync(golden, 'utf8')), {
    kind: 'driver',
    id: 'driver-20261121070809-0000',
    submittedAt: 1795244889000,
    driver: {
      appResource: 'file:/app.js',
      memory: 512,
      cores: 1,
      supervise: true,
      command: {
        mainClass: 'DriverWrapper',
        arguments: ['{{WORKER_URL}}'],
        environment: { A: '1' },
        nodeOptions: [],
      },
      resources: { gpu: 1 },
    },
  });
});

test('the mode says what keeps the records', async (t) => {
  const { directory } = engine(t);
  const open = async (conf: Record<string, string>) =>
    (await openRecovery(new SparkConf(conf), silentLogger)).persistence;
  assert.equal(await open({}), noPersistence);
  const mode = { 'spark.deploy.recoveryMode': 'filesystem' };
  assert.ok((await open({ ...mode, 'spark.deploy.recoveryDirectory': directory })) instanceof FileSystemEngine);
  await assert.rejects(open(mode), /spark\.deploy\.recoveryDirectory is not set/);
});

test('without recovery nothing is kept', async () => {
  await noPersistence.persist({ kind: 'worker', id: 'w', worker: worker('a') });
  assert.deepEqual(await noPersistence.readAll(), []);
});
