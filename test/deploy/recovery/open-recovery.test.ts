import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { silentLogger } from '../../../src/base/logger.ts';
import { SparkConf } from '../../../src/config/spark-conf.ts';
import { openRecovery } from '../../../src/deploy/recovery/open-recovery.ts';

const open = (conf: Record<string, string>) => openRecovery(new SparkConf(conf), silentLogger);

test('without recovery a master leads alone and keeps nothing', async () => {
  const { election, persistence } = await open({});
  await new Promise<void>((resolve) => election.start({ elected: resolve, revoked() {} }));
  assert.ok(election.leads());
  assert.deepEqual(await persistence.readAll(), []);
  await election.stop();
  assert.ok(!election.leads());
});

test('a mode that there is not is refused with those that there are', async () => {
  await assert.rejects(
    async () => open({ 'spark.deploy.recoveryMode': 'ROCKSDB' }),
    /spark\.deploy\.recoveryMode.*ROCKSDB.*NONE.*FILESYSTEM.*ZOOKEEPER.*CUSTOM/s,
  );
});

test('ZooKeeper needs servers that can be, and that answer', async () => {
  const mode = { 'spark.deploy.recoveryMode': 'zookeeper' };
  await assert.rejects(
    open(mode),
    /spark\.deploy\.recoveryMode is ZOOKEEPER, but spark\.deploy\.zookeeper\.url is not set/,
  );
  await assert.rejects(
    open({ ...mode, 'spark.deploy.zookeeper.url': 'zk://x' }),
    /spark\.deploy\.zookeeper\.url: 'zk:\/\/x' is no list of servers/,
  );
  const nobody = {
    ...mode,
    'spark.deploy.zookeeper.url': '127.0.0.1:1',
    'spark.iskra.deploy.zookeeper.connectTimeout': '100ms',
  };
  await assert.rejects(open(nobody), /no ZooKeeper server of 127\.0\.0\.1:1 has answered within 100 ms/);
  for (const dir of ['spark', '/spark/', '/a//b', '/a/../b', '/', '/a b'])
    await assert.rejects(open({ ...nobody, 'spark.deploy.zookeeper.dir': dir }), /spark\.deploy\.zookeeper\.dir/, dir);
});

test('a module of the user can keep records and elect', async (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'iskra-factory-'));
  t.after(() => rmSync(directory, { recursive: true, force: true }));
  let count = 0;
  const factory = (text: string) => {
    const path = join(directory, `factory${count++}.mjs`);
    writeFileSync(path, text);
    return open({ 'spark.deploy.recoveryMode': 'CUSTOM', 'spark.deploy.recoveryMode.factory': path, 'spark.x': 'y' });
  };
  const parts = (more = '') => `
    const persistence = { persist() {}, unpersist() {}, readAll: () => [], close() {} };
    const election = { start: (listener) => setImmediate(() => listener.elected()), leads: () => true, stop() {} };
    ${more}`;
  const { election, persistence } = await factory(
    parts(
      "export const createRecovery = async (conf) => ({ persistence: { ...persistence, seen: conf.getText('spark.x') }, election });",
    ),
  );
  assert.equal((persistence as { seen?: unknown }).seen, 'y');
  await new Promise<void>((resolve) => election.start({ elected: resolve, revoked() {} }));
  await assert.rejects(factory('export const x = 1;'), /exports no function createRecovery\(conf, log\)/);
  await assert.rejects(factory('}{'), /factory=.*factory2\.mjs: the module cannot be loaded/);
  await assert.rejects(
    factory("export function createRecovery() { throw new Error('no disk'); }"),
    /createRecovery failed: no disk/,
  );
  await assert.rejects(factory('export const createRecovery = () => null;'), /has no function persistence\.persist/);
  await assert.rejects(
    factory(parts('export const createRecovery = () => ({ persistence, election: { start() {}, stop() {} } });')),
    /has no function election\.leads/,
  );
  const custom = { 'spark.deploy.recoveryMode': 'CUSTOM' };
  await assert.rejects(open(custom), /but spark\.deploy\.recoveryMode\.factory is not set: name a module/);
  for (const name of [join(directory, 'nowhere.mjs'), 'no-such-package'])
    await assert.rejects(open({ ...custom, 'spark.deploy.recoveryMode.factory': name }), /the module cannot be loaded/);
});
