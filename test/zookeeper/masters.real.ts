// Real masters, workers and applications at a real ZooKeeper: killed, stopped for a while, cut off. Run by
// scripts/check-zookeeper.mjs.
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { steadyClock } from '../../src/base/clock.ts';
import { silentLogger } from '../../src/base/logger.ts';
import { APP_CLIENT_ENDPOINT, type AppToMaster, type AskMaster } from '../../src/protocol/master-client.ts';
import { MASTER_ENDPOINT, WORKER_ENDPOINT, type WorkerToMaster } from '../../src/protocol/master-worker.ts';
import { parseAddress } from '../../src/rpc/rpc-address.ts';
import type { RpcRef } from '../../src/rpc/rpc-endpoint.ts';
import { RpcEnv } from '../../src/rpc/rpc-env.ts';
import { connectZooKeeper } from '../../src/zookeeper/zookeeper-client.ts';
import type { ZooKeeperSession } from '../../src/zookeeper/zookeeper-session.ts';
import { app, driver, worker } from '../kit/master-machine.ts';
import { OPEN } from '../kit/rpc.ts';
import { later, ZooKeeperServer } from '../kit/zookeeper-server.ts';

const ISKRA = fileURLToPath(new URL('../../../bin/iskra', import.meta.url));
const REVOKED = 'Leadership has been revoked -- master shutting down.';

/** Processes of one test: a server, and what runs beside it. */
class Cluster {
  readonly folder = realpathSync(mkdtempSync(join(tmpdir(), 'iskra-masters-')));
  readonly server: ZooKeeperServer;
  readonly env: RpcEnv;
  readonly #children: ChildProcess[] = [];
  readonly #sessionMs: number;

  constructor(server: ZooKeeperServer, env: RpcEnv, sessionMs: number) {
    this.server = server;
    this.env = env;
    this.#sessionMs = sessionMs;
    mkdirSync(join(this.folder, 'scratch'));
  }

  start(...args: string[]): Running {
    const clean = Object.entries(process.env).filter(([key]) => !/^_?(SPARK|ISKRA)_/.test(key));
    const child = spawn(process.execPath, [ISKRA, ...args], {
      cwd: this.folder,
      env: { ...Object.fromEntries(clean), ISKRA_CONF_DIR: '/nowhere' },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.#children.push(child);
    return new Running(child);
  }

  master(...conf: string[]): Running {
    const all = [
      'spark.deploy.recoveryMode=ZOOKEEPER',
      `spark.deploy.zookeeper.url=${this.server.address}`,
      `spark.iskra.deploy.zookeeper.sessionTimeout=${this.#sessionMs}ms`,
      ...conf,
    ];
    return this.start('master', '-p', '0', '--webui-port', '0', ...all.flatMap((each) => ['--conf', each]));
  }

  worker(masters: readonly string[]): Running {
    const url = `spark://${masters.join()}`;
    return this.start('worker', '-c', '3', '-m', '4g', '-d', join(this.folder, 'work'), '--webui-port', '0', url);
  }

  async ref(address: string): Promise<RpcRef<WorkerToMaster | AppToMaster, AskMaster>> {
    return this.env.connect<WorkerToMaster | AppToMaster, AskMaster>(parseAddress(address), MASTER_ENDPOINT);
  }

  /** One who looks at ZooKeeper from outside. */
  look(): Promise<ZooKeeperSession> {
    return connectZooKeeper({
      servers: this.server.address,
      sessionTimeoutMs: 40_000,
      connectTimeoutMs: 60_000,
      clock: steadyClock,
      listener: {},
    });
  }

  async stop(): Promise<void> {
    for (const child of this.#children) {
      child.kill('SIGCONT');
      child.kill('SIGTERM');
    }
    const gone = Promise.all(
      this.#children.map(
        (child) => child.exitCode ?? child.signalCode ?? new Promise((resolve) => child.on('exit', resolve)),
      ),
    );
    await Promise.race([gone, later(5000)]);
    for (const child of this.#children) child.kill('SIGKILL');
    await this.env.stop();
    await this.server.stop();
    rmSync(this.folder, { recursive: true, force: true });
  }
}

class Running {
  readonly child: ChildProcess;
  readonly ended: Promise<{ code: number | null; signal: NodeJS.Signals | null }>;
  out = '';
  err = '';
  readonly #looks = new Set<() => void>();

  constructor(child: ChildProcess) {
    this.child = child;
    child.stdout?.setEncoding('utf8').on('data', (text: string) => {
      this.out += text;
      for (const look of this.#looks) look();
    });
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.err += text;
      for (const look of this.#looks) look();
    });
    this.ended = new Promise((resolve) => child.on('close', (code, signal) => resolve({ code, signal })));
  }

  /** What the first match in all that it printed caught. */
  said(pattern: RegExp): Promise<string> {
    return new Promise((resolve, reject) => {
      const look = (): void => {
        const found = pattern.exec(this.out + this.err);
        if (found === null) return;
        this.#looks.delete(look);
        resolve(found[1] ?? found[0]);
      };
      this.#looks.add(look);
      look();
      void this.ended.then(() => reject(new Error(`ended without ${pattern}:\n${this.out}\n${this.err}`)));
    });
  }

  async address(): Promise<string> {
    return this.said(/Starting Iskra master at spark:\/\/(localhost:\d+)/);
  }

  async leads(): Promise<void> {
    await this.said(/I have been elected leader! New state: \w+/);
  }

  /** It takes part, behind others. */
  kill(signal: NodeJS.Signals): void {
    this.child.kill(signal);
  }
}

function check(title: string, sessionMs: number, prove: (cluster: Cluster, t: TestContext) => Promise<void>): void {
  test(title, async (t) => {
    const [server, env] = await Promise.all([
      ZooKeeperServer.start(),
      RpcEnv.create({ name: 'test', host: '127.0.0.1', port: 0, security: OPEN, logger: silentLogger }),
    ]);
    const cluster = new Cluster(server, env, sessionMs);
    t.after(() => cluster.stop());
    await prove(cluster, t);
  });
}

/** The first of them leads, the second waits. */
async function pair(cluster: Cluster): Promise<{ leader: Running; standby: Running; addresses: string[] }> {
  const leader = cluster.master();
  await leader.leads();
  const standby = cluster.master();
  const addresses = await Promise.all([leader.address(), standby.address()]);
  return { leader, standby, addresses };
}

async function records(session: ZooKeeperSession): Promise<Map<string, string>> {
  const found = new Map<string, string>();
  for (const name of [...(await session.children('/spark/master_status'))].sort())
    found.set(name, String(await session.get(`/spark/master_status/${name}`)));
  return found;
}

/** Its first job ends when the file is there that it is told of. */
const APP = `import { existsSync } from 'node:fs';
import { SparkContext } from 'iskra';
export async function main([go]) {
  const sc = await SparkContext.create();
  await sc.range(0, 2, 1, 2).count();
  console.log('runs');
  const sleep = (ms) => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
  const pids = await sc.range(0, 40, 1, 40).map((i) => { do sleep(50); while (i === 39 && !existsSync(go)); return process.pid; }).collect();
  console.log('first ' + pids.length + ' of ' + new Set(pids).size);
  const more = await sc.range(0, 100, 1, 4).map((x) => x * x).sum();
  console.log('then ' + more);
}
`;

check(
  'a leader is killed with an application at work: the next one takes all over, and the job goes on',
  8000,
  async (cluster, t) => {
    const { leader, standby, addresses } = await pair(cluster);
    const runner = cluster.worker(addresses);
    await runner.said(/Successfully registered with master/);
    // A driver that no worker has room for: the next master is to know of it, too.
    const first = await cluster.ref(addresses[0] ?? '');
    const { success, message } = await first.ask('RequestSubmitDriver', {
      driver: driver({ cores: 999, supervise: true }),
    });
    assert.ok(success, message);
    writeFileSync(join(cluster.folder, 'package.json'), '{"type":"module"}');
    writeFileSync(join(cluster.folder, 'app.js'), APP);
    writeFileSync(join(cluster.folder, 'waits.js'), 'setInterval(() => {}, 1000);\n');
    const url = `spark://${addresses.join()}`;
    const submitted = cluster.start('submit', '--deploy-mode', 'cluster', '--master', url, 'waits.js');
    const driverId = await submitted.said(/State of (driver-\S+) is RUNNING/);
    const local = `spark.local.dir=${join(cluster.folder, 'scratch')}`;
    const go = join(cluster.folder, 'go');
    const job = cluster.start('run', '-c', local, '--master', url, 'app.js', go);
    await job.said(/runs/);
    leader.kill('SIGKILL');
    const killed = steadyClock.now();
    await standby.leads();
    const elected = steadyClock.now() - killed;
    await standby.said(/Recovery complete - resuming operations!/);
    const alive = steadyClock.now() - killed;
    t.diagnostic(
      `session timeout 8 s: elected ${Math.round(elected)} ms and ALIVE ${Math.round(alive)} ms after kill -9 of the leader`,
    );
    const second = await cluster.ref(addresses[1] ?? '');
    const state = await second.ask('RequestMasterState', null);
    assert.equal(state.status, 'ALIVE');
    assert.deepEqual([state.workers.map((each) => each.state), state.activeApps.length], [['ALIVE'], 1]);
    const drivers = new Map(state.activeDrivers.map((each) => [each.id, each.state]));
    assert.equal(drivers.get(driverId), 'RUNNING');
    assert.deepEqual([...drivers.values()].sort(), ['RUNNING', 'SUBMITTED']);
    assert.equal(state.activeApps[0]?.state, 'RUNNING');
    writeFileSync(go, '');
    assert.equal(await job.said(/first (.*)/), '40 of 1'); // the executor did not notice
    assert.equal(await job.said(/then (.*)/), '328350');
    assert.deepEqual(await job.ended, { code: 0, signal: null });
    await standby.said(/unregister request from application/);
    // It works as any master does: another application.
    const again = cluster.start('run', '-c', local, '--master', url, 'app.js', go);
    assert.equal(await again.said(/then (.*)/), '328350');
    assert.equal((await again.ended).code, 0);
  },
);

check(
  'a leader that is stopped past its session ends when it wakes up, having written nothing and said nothing',
  6000,
  async (cluster) => {
    const { leader, standby, addresses } = await pair(cluster);
    const [old = '', next = ''] = addresses;
    const look = await cluster.look();
    const heard: string[] = [];
    for (const endpoint of [WORKER_ENDPOINT, APP_CLIENT_ENDPOINT])
      cluster.env.register<{ type: string }>(endpoint, { receive: ({ type }) => void heard.push(type) });
    const toOld = await cluster.ref(old);
    assert.ok((await toOld.ask('RequestReadyz', null)).ready);
    const { host, port } = cluster.env.address ?? { host: '', port: 0 };
    leader.kill('SIGSTOP');
    // What lies in its sockets when it wakes up, before it can know anything.
    const register: WorkerToMaster = {
      type: 'RegisterWorker',
      worker: worker('x', { host, port }),
      masterAddress: old,
    };
    toOld.send(register);
    toOld.send({ type: 'RegisterApplication', app: app(), driverAddress: `${host}:${port}` });
    const asked = [
      toOld.ask('RequestSubmitDriver', { driver: driver() }),
      toOld.ask('RequestMasterState', null),
      toOld.ask('RequestReadyz', null),
    ].map((answer) => answer.then(() => 'answered').catch(() => 'refused'));
    await standby.leads();
    const toNext = await cluster.ref(next);
    const { driverId } = await toNext.ask('RequestSubmitDriver', { driver: driver({ cores: 999 }) });
    const before = await records(look);
    assert.deepEqual([...before.keys()], [`driver_${driverId}`]);
    leader.kill('SIGCONT');
    assert.deepEqual(await leader.ended, { code: 0, signal: null });
    assert.match(leader.err, new RegExp(REVOKED));
    assert.deepEqual(await Promise.all(asked), ['refused', 'refused', 'refused']);
    assert.deepEqual(heard, []);
    assert.deepEqual(await records(look), before);
    assert.equal((await toNext.ask('RequestMasterState', null)).status, 'ALIVE');
    await look.close();
  },
);

check(
  'ZooKeeper is killed and soon back: nothing changes; a stop by the operator hands over at once',
  60_000,
  async (cluster) => {
    const { leader, standby } = await pair(cluster);
    await standby.address();
    await cluster.server.kill();
    await cluster.server.restart();
    for (const master of [leader, standby])
      await master.said(/The connection to ZooKeeper is back, in the same session/);
    const { status } = await (await cluster.ref(await leader.address())).ask('RequestMasterState', null);
    assert.equal(status, 'ALIVE');
    assert.doesNotMatch(standby.err, /elected/);
    const look = await cluster.look();
    assert.equal((await look.children('/spark/leader_election')).length, 2);
    await look.close();
    const stopped = steadyClock.now();
    leader.kill('SIGTERM');
    await standby.leads();
    assert.ok(steadyClock.now() - stopped < 30_000, 'not when its session was over, after 60 s');
    assert.equal((await leader.ended).code, 143);
  },
);

check('ZooKeeper is away for longer: the leader ends, and the standby leads when it is back', 4000, async (cluster) => {
  const { leader, standby } = await pair(cluster);
  await cluster.server.kill();
  assert.deepEqual(await leader.ended, { code: 0, signal: null });
  assert.match(leader.err, new RegExp(REVOKED));
  await standby.said(/The session with ZooKeeper has ended/);
  assert.doesNotMatch(standby.err, /elected/);
  await cluster.server.restart();
  await standby.leads();
});

check(
  'a master that finds no ZooKeeper waits for it, then says which servers it asked, and ends with 1',
  3000,
  async (cluster) => {
    await cluster.server.kill();
    const patient = cluster.master();
    const impatient = cluster.master('spark.iskra.deploy.zookeeper.connectTimeout=300ms');
    assert.equal((await impatient.ended).code, 1);
    assert.match(
      impatient.err,
      new RegExp(
        `iskra: no ZooKeeper server of ${cluster.server.address} has answered within 300 ms; check that they run`,
      ),
    );
    await cluster.server.restart();
    await patient.leads();
  },
);
