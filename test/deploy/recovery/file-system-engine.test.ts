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
import { app, driver, MasterMachine, worker } from '../../kit/master-machine.ts';

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

test('what was persisted is read again, and what was taken away is not', (t) => {
  const { engine: first, directory, again } = engine(t);
  for (const record of RECORDS) first.persist(record);
  assert.deepEqual(readdirSync(directory).sort(), ['app_app-1', 'driver_driver-1', 'worker_worker-a']);
  assert.equal(statSync(join(directory, 'app_app-1')).mode & 0o777, 0o600);
  assert.deepEqual(again().readAll(), RECORDS);
  first.unpersist('driver', 'driver-1');
  first.unpersist('driver', 'never');
  assert.deepEqual(
    again()
      .readAll()
      .map(({ id }) => id),
    ['app-1', 'worker-a'],
  );
});

test('a record takes the place of an earlier one', (t) => {
  const { engine: first } = engine(t);
  first.persist({ kind: 'worker', id: 'w', worker: worker('a') });
  first.persist({ kind: 'worker', id: 'w', worker: worker('b') });
  assert.deepEqual(first.readAll(), [{ kind: 'worker', id: 'w', worker: worker('b') }]);
});

test('files that are damaged, cut, empty, newer or misnamed are named in the log and cost no other', (t) => {
  const { engine: first, directory, errors } = engine(t);
  for (const record of RECORDS) first.persist(record);
  const whole = readFileSync(join(directory, 'app_app-1'), 'utf8');
  const bad = {
    app_cut: whole.slice(0, 40),
    app_empty: '',
    app_changed: whole.replace('d:1', 'd:2'),
    app_newer: whole.replace('"version":1', '"version":99'),
    app_other: whole,
    app_null: 'null',
    'app_app-9.tmp': 'half',
  };
  for (const [name, text] of Object.entries(bad)) writeFileSync(join(directory, name), text);
  mkdirSync(join(directory, 'app_folder'));
  writeFileSync(join(directory, 'notes.txt'), 'not ours');
  assert.deepEqual(first.readAll(), RECORDS);
  assert.equal(errors.length, 7);
  for (const name of ['cut', 'empty', 'changed', 'newer', 'other', 'null', 'folder'])
    assert.ok(
      errors.some((error) => error.includes(`app_${name} cannot be read`)),
      name,
    );
  assert.ok(!readdirSync(directory).includes('app_app-9.tmp'));
  assert.ok(readdirSync(directory).includes('app_cut')); // for whoever wants to look
});

test('an id does not leave the directory', (t) => {
  const { engine: first, directory } = engine(t);
  for (const id of ['../../x', 'worker-1-fe80::1-7', 'a.tmp']) {
    const record: RecoveryRecord = { kind: 'worker', id, worker: worker('a') };
    first.persist(record);
    assert.deepEqual(first.readAll(), [record]);
    first.unpersist('worker', id);
    assert.deepEqual(readdirSync(directory), []);
  }
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

test('a master goes on with what files kept', (t) => {
  const { engine: first, again } = engine(t);
  const master = new MasterMachine();
  master.worker('a');
  master.app('d', app());
  for (const record of master.records.values()) first.persist(record);
  const next = new MasterMachine({}, { standby: true });
  next.handle({ type: 'ElectedLeader', recovered: again().readAll() });
  assert.equal(next.master.status, 'RECOVERING');
  assert.equal(next.toWorkers('MasterChanged').length, 1);
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
