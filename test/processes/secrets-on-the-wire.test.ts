import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { SparkContext } from '../../src/driver/spark-context.ts';
import { StorageLevel } from '../../src/protocol/storage-level.ts';
import { RpcHandshakeError } from '../../src/rpc/rpc-errors.ts';
import { sharedSecret } from '../../src/rpc/security.ts';
import { executorPids, listeningPorts, variableOf } from '../kit/executors.ts';
import { IskraCommand } from '../kit/iskra-command.ts';
import { Middleman } from '../kit/rpc.ts';
import { ServiceScene } from '../kit/shuffle-service.ts';
import { BUNDLED_EXECUTOR, StandaloneCluster } from '../kit/standalone-cluster.ts';
import { submitter } from '../kit/submitter.ts';

const CLUSTER_SECRET = 'of-the-whole-cluster';
const SECURED = { 'spark.authenticate': 'true', 'spark.authenticate.secret': CLUSTER_SECRET };

/** A cluster whose master is reached through somebody who reads along. */
class Overheard {
  readonly cluster: StandaloneCluster;
  readonly #listeners: Middleman[] = [];

  static async start(t: TestContext): Promise<Overheard> {
    const cluster = await StandaloneCluster.start({
      ...{ workers: 0, coresPerWorker: 2, memoryPerWorker: 2048, recovers: true },
      security: sharedSecret(CLUSTER_SECRET),
      executor: BUNDLED_EXECUTOR,
    });
    const overheard = new Overheard(cluster);
    t.after(async () => {
      await cluster.stop();
      await Promise.all(overheard.#listeners.map((each) => each.close()));
    });
    for (const _ of [1, 2]) await cluster.addWorker({ masters: [await overheard.way()] });
    await cluster.until(({ workers }) => workers.length === 2);
    return overheard;
  }

  private constructor(cluster: StandaloneCluster) {
    this.cluster = cluster;
  }

  /** Another way to the master: its URL. */
  async way(): Promise<string> {
    const listener = new Middleman(this.cluster.master.address.port);
    await listener.listen();
    this.#listeners.push(listener);
    return `spark://127.0.0.1:${listener.port}`;
  }

  /** All that went over the wires, and all that the master keeps and tells. */
  async all(): Promise<Buffer> {
    const recovery = join(this.cluster.directory, 'recovery');
    const files = readdirSync(recovery).map((name) => readFileSync(join(recovery, name)));
    assert.ok(files.length > 0);
    const wires = this.#listeners.flatMap(({ toServer, toClient }) => [
      Buffer.concat(toServer),
      Buffer.concat(toClient),
    ]);
    return Buffer.concat([...wires, ...files, Buffer.from(JSON.stringify(await this.cluster.state()))]);
  }
}

/** In any form that a message could have. */
function assertNotIn(bytes: Buffer, secret: string): void {
  const raw = Buffer.from(secret);
  const forms = [raw, ...(['hex', 'base64', 'base64url'] as const).map((form) => Buffer.from(raw.toString(form)))];
  if (/^[0-9a-f]+$/.test(secret)) {
    const decoded = Buffer.from(secret, 'hex');
    forms.push(decoded, Buffer.from(decoded.toString('base64')));
  }
  for (const form of forms) assert.equal(bytes.indexOf(form), -1);
}

const LIMITS = { 'spark.cores.max': '1', 'spark.executor.cores': '1', 'spark.executor.memory': '512m' };

/** In a process of its own. */
const ANOTHER = `
  import { SparkContext } from 'iskra';
  const sc = await SparkContext.create({ appName: 'another' });
  const [pid] = await sc.parallelize([0], 1).map(() => process.pid).collect();
  console.log('app', sc.applicationId, 'executor', pid, 'end');
  await new Promise(() => setInterval(() => {}, 1 << 30));
`;

/** @returns its id, and the process of its executor. */
async function anotherApplication(t: TestContext, master: string): Promise<{ appId: string; pid: number }> {
  const command = new IskraCommand('another', { 'another.mjs': ANOTHER, secret: CLUSTER_SECRET });
  const file = `spark.authenticate.secret.file=${command.path('secret')}`;
  const settings = [
    ...Object.entries(LIMITS).map(([key, value]) => `${key}=${value}`),
    'spark.authenticate=true',
    file,
  ];
  const { child, printed, outcome } = command.start([
    ...['--master', master, ...settings.flatMap((each) => ['-c', each]), 'another.mjs'],
  ]);
  let out = '';
  child.stdout?.on('data', (text: string) => {
    out += text;
  });
  t.after(async () => {
    child.kill('SIGTERM');
    await outcome;
    command.remove();
  });
  await printed(' end\n');
  const [, appId = '', pid] = /^app (\S+) executor (\d+) end$/m.exec(out) ?? [];
  return { appId, pid: Number(pid) };
}

test('no secret goes over an open wire, and none opens what is another application’s', async (t) => {
  const overheard = await Overheard.start(t);
  const mine = await SparkContext.create({
    ...{ master: await overheard.way(), appName: 'mine', 'spark.log.level': 'OFF' },
    ...{ ...LIMITS, ...SECURED },
  });
  t.after(() => mine.stop());
  const another = await anotherApplication(t, await overheard.way());
  const cached = mine.parallelize(['mine'], 1).persist(StorageLevel.MEMORY_ONLY);
  assert.equal(await cached.count(), 1);
  const [ownPid = 0] = await executorPids(mine, 1);
  const own = variableOf(ownPid, '_SPARK_AUTH_SECRET') ?? '';
  const other = variableOf(another.pid, '_SPARK_AUTH_SECRET') ?? '';
  assert.match(own, /^[0-9a-f]{64}$/);
  assert.match(other, /^[0-9a-f]{64}$/);
  assert.notEqual(own, other);

  const seen = await overheard.all();
  const { activeApps } = await overheard.cluster.state();
  assert.equal(activeApps.length, 2);
  // Whoever listens does hear.
  for (const text of ['RegisterApplication', 'LaunchExecutor']) assert.ok(seen.includes(text));
  const salts = [...seen.toString('latin1').matchAll(/"secretSalt":"([0-9a-f]{64})"/g)].map(([, salt]) => salt);
  assert.equal(new Set(salts).size, 2);
  for (const secret of [CLUSTER_SECRET, own, other]) assertNotIn(seen, secret);

  const scene = new ServiceScene(t);
  const [port = 0, ...others] = listeningPorts(ownPid);
  assert.deepEqual(others, []); // an executor serves its blocks and nothing else
  const owner = { executorId: '0', host: '127.0.0.1', port };
  const read = async (appId: string, secret: string): Promise<Uint8Array | null> =>
    (await scene.blocks(appId, secret)).fetchRddBlock(owner, cached.id, 0);
  for (const appId of [mine.applicationId, another.appId]) await assert.rejects(read(appId, other), RpcHandshakeError);
  assert.notEqual(await read(mine.applicationId, own), null);
});

test('a driver in the cluster has the secret of its worker; nobody sends it', async (t) => {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), 'iskra-overheard-')));
  t.after(() => rmSync(folder, { recursive: true }));
  writeFileSync(
    join(folder, 'app.mjs'),
    `import { SparkContext } from 'iskra';
     const sc = await SparkContext.create();
     console.log('sum', await sc.range(0, 10, 1, 2).fold(0, (a, b) => a + b));
     await sc.stop();`,
  );
  // The driver's machine is another, where the submitter's file is not.
  const file = join(folder, 'secret');
  writeFileSync(file, `${CLUSTER_SECRET}\n`);
  const overheard = await Overheard.start(t);
  const { cluster } = overheard;
  const { waiting, printed } = submitter(() => ({ cluster, folder }));
  const master = await overheard.way();
  const settings = ['spark.authenticate=true', `spark.authenticate.secret.file=${file}`, 'spark.executor.memory=512m'];
  const { code, out, id } = await waiting(
    ...['--master', master, ...settings.flatMap((each) => ['-c', each]), 'app.mjs'],
  );
  assert.equal(code, 0, out + printed(id, 'stderr'));
  assert.match(printed(id), /^sum 45$/m);
  const seen = await overheard.all();
  assert.ok(seen.includes('RequestSubmitDriver') && seen.includes('LaunchDriver'));
  assert.ok(!seen.includes(file));
  assertNotIn(seen, CLUSTER_SECRET);
});
