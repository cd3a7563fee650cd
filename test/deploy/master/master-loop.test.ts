import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { IskraError } from '../../../src/base/errors.ts';
import { silentLogger } from '../../../src/base/logger.ts';
import { FileSystemEngine } from '../../../src/deploy/recovery/file-system-engine.ts';
import type { LeaderElection, LeadershipListener } from '../../../src/deploy/recovery/leader-election.ts';
import type { PersistenceEngine } from '../../../src/deploy/recovery/persistence-engine.ts';
import type { AskMaster } from '../../../src/protocol/master-client.ts';
import type { WorkerToMaster } from '../../../src/protocol/master-worker.ts';
import type { RecoveryRecord } from '../../../src/protocol/recovery.ts';
import { sharedSecret } from '../../../src/rpc/security.ts';
import { type FakeCluster, withCluster } from '../../kit/fake-peers.ts';
import { freePort } from '../../kit/free-port.ts';
import { ManualClock } from '../../kit/manual-clock.ts';
import { app, driver } from '../../kit/master-machine.ts';
import { OPEN, RawClient, recordingLogger } from '../../kit/rpc.ts';
import { until } from '../../kit/until.ts';

type MasterOf = Awaited<ReturnType<FakeCluster['master']>>;

const states = async (master: MasterOf): Promise<string[]> =>
  (await master.ask('RequestMasterState', null)).workers.map(({ worker, state }) => `${worker.id} ${state}`);

test('a worker registers, is given an executor, and the application hears of it', () =>
  withCluster(async (cluster) => {
    const master = await cluster.master();
    const worker = await cluster.worker('a', master);
    assert.deepEqual(await worker.register(), {
      type: 'RegisteredWorker',
      masterUrl: master.url,
      masterWebUiUrl: 'http://127.0.0.1:8080',
      masterAddress: 'as-told:7077',
      duplicate: false,
    });
    const client = await cluster.app(master);
    const launched = worker.next('LaunchExecutor');
    const added = client.next('ExecutorAdded');
    const appId = await client.register(app({ name: 'counting' }));
    assert.match(appId, /^app-\d{14}-0000$/);
    assert.equal((await launched).app.name, 'counting');
    assert.equal((await added).hostPort, worker.address);
    const updated = client.next('ExecutorUpdated');
    worker.send({ type: 'ExecutorStateChanged', appId, execId: 0, state: 'RUNNING', message: null, exitStatus: null });
    assert.equal((await updated).state, 'RUNNING');
    const { activeApps } = await client.ask('RequestMasterState', null);
    assert.deepEqual(
      activeApps.map(({ id, state }) => [id, state]),
      [[appId, 'RUNNING']],
    );
  }));

test('a worker whose connection breaks is dead, and its application told', () =>
  withCluster(async (cluster) => {
    const master = await cluster.master();
    const worker = await cluster.worker('a', master);
    await worker.register();
    const client = await cluster.app(master);
    const added = client.next('ExecutorAdded');
    await client.register(app());
    await added;
    const lost = client.next('ExecutorUpdated');
    const removed = client.next('WorkerRemoved');
    await worker.env.stop();
    assert.deepEqual([(await lost).state, (await lost).message], ['LOST', 'worker lost']);
    assert.equal((await removed).workerId, 'worker-a');
    assert.deepEqual(await states(master), ['worker-a DEAD']);
  }));

test('an application whose connection breaks has finished, and workers may clean up', () =>
  withCluster(async (cluster) => {
    const master = await cluster.master();
    const worker = await cluster.worker('a', master);
    await worker.register();
    const client = await cluster.app(master);
    const launched = worker.next('LaunchExecutor');
    const appId = await client.register(app());
    await launched;
    const killed = worker.next('KillExecutor');
    const finished = worker.next('ApplicationFinished');
    await client.env.stop();
    assert.equal((await killed).appId, appId);
    assert.equal((await finished).appId, appId);
    const { completedApps } = await master.ask('RequestMasterState', null);
    assert.deepEqual(
      completedApps.map(({ state }) => state),
      ['FINISHED'],
    );
  }));

test('a silent worker is dead after the timeout, one with heartbeats is not, and the silent one is asked back', () =>
  withCluster(async (cluster) => {
    const clock = new ManualClock(1_800_000_000_000);
    const master = await cluster.master({ 'spark.worker.timeout': '4s' }, { clock });
    const [silent, alive] = [await cluster.worker('silent', master), await cluster.worker('alive', master)];
    await silent.register();
    await alive.register();
    for (let passed = 0; passed < 9; passed++) {
      alive.heartbeat();
      await alive.ask('RequestReadyz', null); // behind the heartbeat on the same connection
      clock.advance(1000);
    }
    assert.deepEqual(await states(master), ['worker-silent DEAD', 'worker-alive ALIVE']);
    const asked = silent.next('ReconnectWorker');
    silent.heartbeat();
    assert.equal((await asked).masterUrl, master.url);
    assert.equal((await silent.register()).type, 'RegisteredWorker');
    assert.deepEqual((await states(master)).sort(), ['worker-alive ALIVE', 'worker-silent ALIVE']);
  }));

test('a second worker at the address of a live one is refused', () =>
  withCluster(async (cluster) => {
    const master = await cluster.master();
    const first = await cluster.worker('a', master);
    await first.register();
    const { host, port } = first.desc;
    const second = await cluster.worker('b', master, { host, port });
    const answer = await second.register();
    assert.deepEqual(answer, {
      type: 'RegisterWorkerFailed',
      message: `Attempted to re-register worker at same address: ${first.address}`,
    });
  }));

test('a worker with the id of another is refused', () =>
  withCluster(async (cluster) => {
    const master = await cluster.master();
    await (await cluster.worker('a', master)).register();
    const answer = await (await cluster.worker('a', master)).register();
    assert.match(
      answer.type === 'RegisterWorkerFailed' ? answer.message : answer.type,
      /^Attempted to register worker with the ID of another: worker-a is at 127\.0\.0\.1:\d+$/,
    );
  }));

test('nonsense is refused by the name of its field, and the master serves on', () =>
  withCluster(async (cluster) => {
    const lines: string[] = [];
    const master = await cluster.master({}, { log: recordingLogger(lines) });
    const fake = await cluster.worker('a', master);
    const { desc } = fake;
    const cases: readonly [unknown, RegExp][] = [
      [{ ...desc, cores: -3 }, /worker\.cores must be a whole number of 1 or more, was -3/],
      [{ ...desc, cores: Number.NaN }, /worker\.cores must be a whole number of 1 or more, was NaN/],
      [{ ...desc, cores: '4' }, /worker\.cores must be a whole number of 1 or more, was "4"/],
      [{ ...desc, memory: 0.5 }, /worker\.memory must be a whole number of 1 or more, was 0\.5/],
      [{ ...desc, memory: null }, /worker\.memory must be a whole number of 1 or more, was null/],
      [{ ...desc, id: '' }, /worker\.id must be text of 1 to 200 characters, was ""/],
      [{ ...desc, id: 7 }, /worker\.id must be text of 1 to 200 characters, was 7/],
      [{ ...desc, host: undefined }, /worker\.host must be text, was undefined/],
      [{ ...desc, port: 70_000 }, /70000 is not a port/],
      [{ ...desc, resources: { gpu: 'all' } }, /worker\.resources\.gpu must be a list, was "all"/],
      [{ ...desc, resources: { gpu: ['0', '0'] } }, /the addresses of gpu are not a list of different ones/],
      ['worker', /worker must be an object, was "worker"/],
      [undefined, /worker must be an object, was undefined/],
    ];
    for (const [worker, expected] of cases) {
      const failed = fake.next('RegisterWorkerFailed');
      fake.send({ type: 'RegisterWorker', worker, masterAddress: 'm:1' } as WorkerToMaster);
      assert.match((await failed).message, expected);
    }
    const client = await cluster.app(master);
    const bad: readonly [unknown, unknown, RegExp][] = [
      [{ ...app(), maxCores: 0 }, 'a:1', /spark\.cores\.max must be larger than 0, but is 0/],
      [{ ...app(), maxCores: -1 }, 'a:1', /app\.maxCores must be a whole number of 0 or more, was -1/],
      [{ ...app(), demand: undefined }, 'a:1', /app\.demand must be an object, was undefined/],
      [{ ...app(), command: { ...app().command, arguments: [1] } }, 'a:1', /app\.command\.arguments\[0\] must be text/],
      [app(), 'nowhere', /driverAddress must be an address as host:port, was "nowhere"/],
      [app(), 7, /driverAddress must be an address as host:port, was 7/],
      [null, 'a:1', /app must be an object, was null/],
    ];
    for (const [description, driverAddress, expected] of bad) {
      const removed = client.next('ApplicationRemoved');
      client.send({ type: 'RegisterApplication', app: description, driverAddress } as never);
      assert.match((await removed).message, expected);
    }
    for (const odd of [
      { type: 'Reboot' },
      { type: 'Heartbeat' },
      { type: 'constructor' },
      { type: 'WorkerLatestState' },
    ])
      client.send(odd as never);
    await assert.rejects(
      client.ask('RequestExecutors', { appId: 'x', totals: [{}] } as never),
      /RequestExecutors\.request\.totals\[0\]\.resourceProfileId must be a whole number of 0 or more, was undefined/,
    );
    await assert.rejects(
      client.ask('Reboot' as keyof AskMaster, null),
      /the type of a message must be one of RequestSubmitDriver, .*, was "Reboot"/,
    );
    await assert.rejects(
      client.ask('RequestSubmitDriver', { driver: { ...driver(), command: null } } as never),
      /request\.driver\.command must be an object, was null/,
    );
    assert.equal((await fake.register()).type, 'RegisteredWorker');
    // Once a kind and connection, whoever sends nonsense all day.
    assert.equal(lines.filter((line) => line.startsWith('Refused a message: RegisterWorker.')).length, 1);
    assert.ok(
      lines.some((line) => /^Refused a message: the type of a message must be one of .*"Reboot"/.test(line)),
      lines.join('\n'),
    );
  }));

test('news that cannot be are logged, and change nothing', () =>
  withCluster(async (cluster) => {
    const lines: string[] = [];
    const master = await cluster.master({}, { log: recordingLogger(lines) });
    const worker = await cluster.worker('a', master);
    worker.send({ type: 'DriverStateChanged', driverId: 'driver-1', state: 'RUNNING', exception: null });
    assert.equal((await worker.register()).type, 'RegisteredWorker');
    assert.match(lines.join('\n'), /Received unexpected state update for driver driver-1: RUNNING/);
  }));

/** One that elects when it is told to. */
class TestElection implements LeaderElection {
  listener: LeadershipListener | null = null;
  stops = 0;
  sure = true;
  leads(): boolean {
    return this.sure;
  }
  start(listener: LeadershipListener): void {
    this.listener = listener;
  }
  stop(): void {
    this.stops++;
  }
}

test('a standby says so to workers and nothing to applications, until it is elected', () =>
  withCluster(async (cluster) => {
    const election = new TestElection();
    const master = await cluster.master({}, { election });
    const worker = await cluster.worker('a', master);
    assert.deepEqual(await worker.register(), { type: 'MasterInStandby' });
    const client = await cluster.app(master);
    client.send({ type: 'RegisterApplication', app: app(), driverAddress: client.address });
    assert.deepEqual(await client.ask('RequestReadyz', null), { ready: false });
    assert.deepEqual(client.received, []);
    election.listener?.elected();
    assert.equal((await worker.register()).type, 'RegisteredWorker');
  }));

test('a master that loses its leadership ends with code 0, and says nothing more', () =>
  withCluster(async (cluster) => {
    const election = new TestElection();
    const master = await cluster.master({}, { election });
    election.listener?.elected();
    const worker = await cluster.worker('a', master);
    await worker.register();
    const gone = worker.nextLoss();
    election.listener?.revoked();
    assert.deepEqual(await master.finished, {
      code: 0,
      message: 'Leadership has been revoked -- master shutting down.',
    });
    await gone;
    await assert.rejects(
      master.ask('RequestMasterState', null),
      (error) => IskraError.is(error) && error.code === 'MASTER_STOPPED',
    );
    assert.equal(election.stops, 1);
  }));

test('a master that is not sure any more that it leads ends before it answers anybody', () =>
  withCluster(async (cluster) => {
    const election = new TestElection();
    const master = await cluster.master({}, { election });
    election.listener?.elected();
    const worker = await cluster.worker('a', master);
    await worker.register();
    const gone = worker.nextLoss();
    const heard = worker.received.length;
    election.sure = false;
    worker.send({ type: 'Heartbeat', workerId: 'worker-unknown' });
    assert.equal((await master.finished).code, 0);
    await gone;
    assert.equal(worker.received.length, heard);
  }));

/** Keeps records in memory, as a server elsewhere would: later, or not at all. */
class TestEngine implements PersistenceEngine {
  readonly records = new Map<string, RecoveryRecord>();
  fault: Error | null = null;
  /** Set: what waits until it is let through. */
  gate: Promise<void> | null = null;
  /** The id of a record that it cannot keep. */
  never: string | null = null;
  tries = 0;
  async persist(record: RecoveryRecord): Promise<void> {
    this.tries++;
    if (this.gate !== null) await this.gate;
    if (this.fault !== null) throw this.fault;
    if (record.id === this.never) throw new Error('ENAMETOOLONG');
    this.records.set(record.id, record);
  }
  async unpersist(_kind: RecoveryRecord['kind'], id: string): Promise<void> {
    if (this.fault !== null) throw this.fault;
    this.records.delete(id);
  }
  readAll(): readonly RecoveryRecord[] {
    if (this.fault !== null) throw this.fault;
    return [...this.records.values()];
  }
  close(): void {}
}

test('nobody hears of a registration before its record is safe', () =>
  withCluster(async (cluster) => {
    const persistence = new TestEngine();
    const master = await cluster.master({}, { persistence });
    const worker = await cluster.worker('a', master);
    await worker.ask('RequestReadyz', null);
    let open = (): void => {};
    persistence.gate = new Promise((resolve) => {
      open = resolve;
    });
    const answer = worker.register();
    await until(() => persistence.tries > 0);
    const second = await cluster.worker('b', master);
    const later = second.register();
    assert.deepEqual([worker.received, second.received], [[], []]);
    open();
    assert.equal((await answer).type, 'RegisteredWorker');
    assert.equal((await later).type, 'RegisteredWorker');
    assert.deepEqual([...persistence.records.keys()], ['worker-a', 'worker-b']);
  }));

test('a master whose disk is full serves on, and keeps its records when there is room again', () =>
  withCluster(async (cluster) => {
    const lines: string[] = [];
    const clock = new ManualClock(1_800_000_000_000);
    const persistence = new TestEngine();
    const master = await cluster.master({}, { persistence, clock, log: recordingLogger(lines) });
    const workers = [await cluster.worker('a', master), await cluster.worker('b', master)];
    await workers[0]?.ask('RequestReadyz', null);
    persistence.fault = new Error('ENOSPC: no space left on device, write');
    for (const worker of workers) assert.equal((await worker.register()).type, 'RegisteredWorker');
    clock.advance(5000);
    await master.ask('RequestReadyz', null);
    assert.deepEqual([...persistence.records.keys()], []);
    persistence.fault = null;
    clock.advance(5000);
    await until(() => persistence.records.size >= 2);
    await master.ask('RequestReadyz', null);
    clock.advance(20_000);
    await master.ask('RequestReadyz', null);
    assert.equal(persistence.tries, 2 + 1 + 2);
    assert.deepEqual(
      lines.filter((line) => line.includes('ENOSPC')).map((line) => line.slice(0, 24)),
      ['The record worker_worker', 'The record worker_worker'],
    );
  }));

test('a record that can never be kept keeps no other waiting', () =>
  withCluster(async (cluster) => {
    const clock = new ManualClock(1_800_000_000_000);
    const persistence = new TestEngine();
    const master = await cluster.master({}, { persistence, clock });
    const workers = [await cluster.worker('a', master), await cluster.worker('b', master)];
    await workers[0]?.ask('RequestReadyz', null);
    persistence.fault = new Error('ENOSPC: no space left on device, write');
    for (const worker of workers) assert.equal((await worker.register()).type, 'RegisteredWorker');
    persistence.fault = null;
    persistence.never = 'worker-a';
    for (let round = 0; round < 2; round++) {
      clock.advance(5000);
      await master.ask('RequestReadyz', null);
    }
    assert.deepEqual([...persistence.records.keys()], ['worker-b']);
  }));

test('a master that cannot read what the one before it kept ends with code 1', () =>
  withCluster(async (cluster) => {
    const persistence = new TestEngine();
    persistence.fault = new Error('EIO');
    const master = await cluster.master({}, { persistence });
    assert.deepEqual(await master.finished, {
      code: 1,
      message: 'Cannot read what the master before this one kept: EIO',
    });
  }));

test('an exception in the machine ends the master with code 50', () =>
  withCluster(async (cluster) => {
    const lines: string[] = [];
    const persistence = new TestEngine();
    // A record that no engine of ours gives out.
    persistence.records.set('x', { kind: 'driver', id: 'x', submittedAt: 0, driver: null } as never);
    const master = await cluster.master({}, { persistence, log: recordingLogger(lines) });
    const { code, message } = await master.finished;
    assert.equal(code, 50);
    assert.match(message, /^The master is broken: /);
    assert.match(lines.join('\n'), /The master is broken and ends: TypeError/);
  }));

function recovery(t: TestContext): FileSystemEngine {
  const directory = mkdtempSync(join(tmpdir(), 'iskra-recovery-'));
  t.after(() => rmSync(directory, { recursive: true }));
  return new FileSystemEngine(directory, silentLogger);
}

test('a master that comes back at its port finds its workers and applications again', (t) =>
  withCluster(async (cluster) => {
    const persistence = recovery(t);
    const first = await cluster.master({}, { persistence, port: await freePort() });
    const worker = await cluster.worker('a', first);
    await worker.register();
    const client = await cluster.app(first);
    const launched = worker.next('LaunchExecutor');
    const appId = await client.register(app({ cores: 2, maxCores: 2 }));
    const { execId, cores, memory, resources, resourceProfileId } = await launched;
    await first.stop();

    const changed = [worker.next('MasterChanged'), client.next('MasterChanged')] as const;
    const second = await cluster.master({}, { persistence, port: first.address.port });
    for (const { masterUrl } of await Promise.all(changed)) assert.equal(masterUrl, second.url);
    assert.equal((await second.ask('RequestMasterState', null)).status, 'RECOVERING');
    // They answer over the connection that the master made to them.
    client.send({ type: 'MasterChangeAcknowledged', appId, highestExecutorId: execId, totals: null });
    worker.answerMasterChange([{ appId, execId, resourceProfileId, cores, memory, state: 'RUNNING', resources }]);
    await worker.ask('RequestReadyz', null);
    await client.ask('RequestReadyz', null);
    const { status, workers, activeApps } = await second.ask('RequestMasterState', null);
    assert.equal(status, 'ALIVE');
    assert.deepEqual(
      workers.map(({ worker: { id }, state, coresUsed }) => [id, state, coresUsed]),
      [['worker-a', 'ALIVE', 2]],
    );
    assert.deepEqual(
      activeApps.map(({ id, state, executors }) => [id, state, executors.length]),
      [[appId, 'RUNNING', 1]],
    );
    // The link that the master made is as good as any: when it breaks the worker is dead.
    const removed = client.next('WorkerRemoved');
    await worker.env.stop();
    assert.equal((await removed).workerId, 'worker-a');
  }));

test('those who do not answer a master that came back are given up after its timeout', (t) =>
  withCluster(async (cluster) => {
    const persistence = recovery(t);
    const first = await cluster.master({}, { persistence });
    const gone = await cluster.worker('gone', first);
    await gone.register();
    const alive = await cluster.worker('alive', first);
    await alive.register();
    await first.stop();
    await gone.env.stop();
    const clock = new ManualClock(1_800_000_000_000);
    const changed = alive.next('MasterChanged');
    const second = await cluster.master({ 'spark.worker.timeout': '4s' }, { persistence, clock });
    await changed;
    alive.answerMasterChange();
    await alive.ask('RequestReadyz', null);
    clock.advance(4001);
    assert.equal((await second.ask('RequestMasterState', null)).status, 'ALIVE');
    assert.deepEqual(await states(second), ['worker-alive ALIVE', 'worker-gone DEAD']);
    assert.deepEqual(
      (persistence.readAll() as readonly RecoveryRecord[]).map(({ id }) => id),
      ['worker-alive'],
    );
  }));

test('questions that wait when the master ends are refused', () =>
  withCluster(async (cluster) => {
    const persistence = new TestEngine();
    const master = await cluster.master({}, { persistence });
    await master.ask('RequestReadyz', null);
    persistence.gate = new Promise(() => {});
    const submitted = master.ask('RequestSubmitDriver', { driver: driver() });
    const state = master.ask('RequestMasterState', null);
    const refused = assert.rejects(Promise.all([submitted, state]), /The master has stopped\./);
    await master.stop();
    await refused;
    assert.equal((await master.finished).code, 0);
  }));

test('a busy port is refused: others look for a master at the port that they were told', () =>
  withCluster(async (cluster) => {
    const { address } = await cluster.master();
    await assert.rejects(
      cluster.master({}, { port: address.port }),
      (error) => IskraError.is(error) && error.code === 'RPC_BIND' && error.message.includes(String(address.port)),
    );
  }));

test('garbage on its port is logged once, and the master serves on', () =>
  withCluster(async (cluster) => {
    const lines: string[] = [];
    const { address } = await cluster.master({}, { log: recordingLogger(lines) });
    const garbage = [Buffer.from('GET / HTTP/1.1\r\nHost: x\r\n\r\n'), Buffer.alloc(100_000, 0xff), Buffer.alloc(64)];
    for (const bytes of garbage) {
      const client = new RawClient(address.port);
      client.socket.write(bytes);
      await client.closed();
    }
    const worker = await cluster.worker('a', null);
    await worker.connect(address);
    assert.equal((await worker.register()).type, 'RegisteredWorker');
    assert.equal(lines.filter((line) => line.startsWith('Refused a connection')).length, 1, lines.join('\n'));
  }));

test('a message that is too large costs its sender the connection, and nobody else', () =>
  withCluster(async (cluster) => {
    const lines: string[] = [];
    const master = await cluster.master({ 'spark.rpc.message.maxSize': '1' }, { log: recordingLogger(lines) });
    const worker = await cluster.worker('a', master);
    await worker.register();
    const client = await cluster.app(master);
    const gone = client.nextLoss();
    client.send({
      type: 'RegisterApplication',
      app: app({ name: 'x'.repeat(2 * 1024 ** 2) }),
      driverAddress: client.address,
    });
    await gone;
    assert.deepEqual(await states(master), ['worker-a ALIVE']);
    assert.match(lines.join('\n'), /1048576/);
  }));

test('whoever has another secret is not let in', () =>
  withCluster(async (cluster) => {
    const master = await cluster.master({}, { security: sharedSecret('the secret of this cluster') });
    for (const security of [sharedSecret('another secret'), OPEN]) {
      const stranger = await cluster.env(security);
      await assert.rejects(stranger.connect(master.address, 'Master'), /do not get together/);
    }
    const friend = await cluster.env(sharedSecret('the secret of this cluster'));
    await friend.connect(master.address, 'Master');
  }));
