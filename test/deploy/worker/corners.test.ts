// Corners of a worker that no other file has: what it says of them, and what each end gives back.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { makeRoom, trimOldest } from '../../../src/deploy/retain.ts';
import { FINISHED_EXECUTOR_STATES } from '../../../src/protocol/deploy-states.ts';
import { sharedSecret } from '../../../src/rpc/security.ts';
import { FakeMaster } from '../../kit/fake-master.ts';
import { app, COMMAND } from '../../kit/master-machine.ts';
import { withEnvs } from '../../kit/rpc.ts';
import { until } from '../../kit/until.ts';
import { MASTER, WorkerMachine } from '../../kit/worker-machine.ts';
import { workerScene } from '../../kit/worker-process.ts';

function registered(conf: Record<string, string | number> = {}): WorkerMachine {
  const worker = new WorkerMachine(conf);
  worker.register();
  return worker;
}
const holds = (worker: WorkerMachine): unknown[] => {
  const { coresUsed, memoryUsed, resourcesUsed } = worker.worker.state();
  return [coresUsed, memoryUsed, resourcesUsed];
};
const GPU = { resources: { gpu: ['1'] } };

test('where its master is is not known before it has one, and changes as a whole', () => {
  const worker = new WorkerMachine();
  const where = (): unknown[] => {
    const { masterUrl, masterWebUiUrl } = worker.worker.state();
    return [masterUrl, masterWebUiUrl];
  };
  assert.deepEqual(where(), ['', '']);
  worker.register();
  assert.deepEqual(where(), [MASTER, 'http://m1:8080']);
  worker.from({ type: 'MasterChanged', masterUrl: 'spark://m2:7077', masterWebUiUrl: 'http://m2:8080' }, 'm2');
  assert.deepEqual(where(), ['spark://m2:7077', 'http://m2:8080']);
});

test('short and long intervals of a worker are stretched alike', () => {
  for (let seed = 0; seed < 20; seed++) {
    const worker = new WorkerMachine({}, { seed });
    const spaces: number[] = [];
    for (let tick = 1; tick <= 8; tick++) {
      const before = worker.at;
      worker.wake('ReregisterWithMaster');
      spaces.push((worker.at - before) / 1000);
    }
    const [short = 0, long = 0] = [spaces[0], spaces[7]];
    // Both are rounded: 10 and 60 times one number.
    assert.ok(Math.abs(long - 6 * short) <= 3.5, `${short} ${long}`);
  }
});

test('nobody but its endpoint is found at its port', async (t) => {
  const { worker, master } = await workerScene(t);
  await master.hears('RegisterWorker');
  await withEnvs(async (make) => {
    const env = await make();
    await env.connect(worker.address, 'Worker');
    await assert.rejects(env.connect(worker.address, 'Master'), /Cannot find endpoint: spark:\/\/Master@/);
  });
});

test('a master with another secret is one that does not let it in, not one that is not there', async (t) => {
  const strict = await FakeMaster.start({ security: sharedSecret('another one') });
  t.after(() => strict.stop());
  const { master, lines } = await workerScene(t, {}, {}, { moreMasters: [strict.hostPort] });
  await master.hears('RegisterWorker');
  await until(() => lines.length > 0);
  assert.match(lines[0] ?? '', /^Failed to connect to master \S+: .* give the secret\. It is tried again$/);
});

test('each end of an executor gives back once what it had', () => {
  const ends: Record<string, (worker: WorkerMachine) => void> = {
    EXITED: (worker) => worker.handle({ type: 'ProcessExited', key: 'app-1/0', exitCode: 1 }),
    FAILED: (worker) => worker.handle({ type: 'ProcessFailed', key: 'app-1/0', message: 'no' }),
    KILLED: (worker) => {
      worker.from({ type: 'KillExecutor', masterUrl: MASTER, appId: 'app-1', execId: 0 });
      worker.handle({ type: 'ProcessExited', key: 'app-1/0', exitCode: 143 });
    },
  };
  for (const [state, end] of Object.entries(ends)) {
    const worker = registered();
    worker.launch(0, GPU);
    assert.deepEqual(holds(worker), [2, 1024, { gpu: ['1'] }]);
    worker.handle({ type: 'ExecutorPrepared', key: 'app-1/0', appDirs: ['/tmp/e'] });
    if (state !== 'FAILED') worker.handle({ type: 'ProcessStarted', key: 'app-1/0' });
    end(worker);
    const [news] = worker.sent();
    assert.ok(news?.type === 'ExecutorStateChanged' && news.state === state);
    assert.deepEqual(holds(worker), [0, 0, {}]);
    assert.equal(worker.worker.state().finishedExecutors[0]?.state, state);
    worker.handle({ type: 'ProcessExited', key: 'app-1/0', exitCode: 0 });
    assert.deepEqual([worker.effects, holds(worker)], [[], [0, 0, {}]]);
  }
  assert.deepEqual([...FINISHED_EXECUTOR_STATES].sort(), ['EXITED', 'FAILED', 'KILLED', 'LOST']);
});

test('the master is told before an application’s directories go', () => {
  const worker = registered();
  worker.run(0);
  worker.from({ type: 'ApplicationFinished', appId: 'app-1' });
  worker.handle({ type: 'ProcessExited', key: 'app-1/0', exitCode: 0 });
  const types = worker.effects.map(({ type }) => type).filter((type) => type !== 'CancelTimer');
  assert.deepEqual(types, ['TellMaster', 'ExecutorRemoved', 'RemoveDirs', 'ApplicationRemoved']);
});

test('each end of a driver is told once, in words of its own, and gives back what it had', () => {
  const ends: Record<string, { end(worker: WorkerMachine): void; said: string }> = {
    FINISHED: {
      end: (worker) => worker.handle({ type: 'ProcessExited', key: 'driver-1', exitCode: 0 }),
      said: 'info Driver driver-1 exited successfully',
    },
    FAILED: {
      end: (worker) => worker.handle({ type: 'ProcessExited', key: 'driver-1', exitCode: 2 }),
      said: 'warn Driver driver-1 exited with failure',
    },
    KILLED: {
      end: (worker) => {
        worker.from({ type: 'KillDriver', driverId: 'driver-1' });
        worker.handle({ type: 'ProcessExited', key: 'driver-1', exitCode: 143 });
      },
      said: 'info Driver driver-1 was killed by user',
    },
    ERROR: {
      end: (worker) => worker.handle({ type: 'DriverNotPrepared', key: 'driver-1', message: 'no such file /x.js' }),
      said: 'warn Driver driver-1 failed with unrecoverable exception: no such file /x.js',
    },
  };
  for (const [state, { end, said }] of Object.entries(ends)) {
    const worker = registered();
    worker.from({
      type: 'LaunchDriver',
      driverId: 'driver-1',
      driver: {
        appResource: 'x',
        ...{ cores: 2, memory: 700, supervise: false, resources: { gpu: 1 } },
        command: { ...COMMAND, mainClass: 'DriverWrapper' },
      },
      ...GPU,
    });
    assert.deepEqual(holds(worker), [2, 700, { gpu: ['1'] }]);
    if (state !== 'ERROR') {
      worker.handle({ type: 'DriverPrepared', key: 'driver-1', userJar: '/j' });
      worker.handle({ type: 'ProcessStarted', key: 'driver-1' });
    }
    end(worker);
    assert.deepEqual(
      worker.sent().flatMap((news) => (news.type === 'DriverStateChanged' ? [news.state] : [])),
      [state],
    );
    assert.ok(worker.lines.includes(said), worker.lines.join('\n'));
    assert.deepEqual(holds(worker), [0, 0, {}]);
    for (const event of ['ProcessExited', 'ProcessFailed'] as const) {
      worker.handle({ type: event, key: 'driver-1', exitCode: 0, message: 'late' });
      assert.deepEqual(worker.effects, []);
    }
    assert.equal(worker.worker.state().finishedDrivers.length, 1);
  }
});

test('what is not for it, or not there, is said and not done', () => {
  const worker = registered();
  const other = 'spark://m2:7077';
  const order = { appId: 'app-1', execId: 0 } as const;
  const launch = { resourceProfileId: 0, app: app(), cores: 1, memory: 1, resources: {} } as const;
  const table = [
    [
      { type: 'LaunchExecutor', masterUrl: other, ...order, ...launch },
      `warn Invalid Master (${other}) attempted to launch executor.`,
    ],
    [
      { type: 'KillExecutor', masterUrl: other, ...order },
      `warn Invalid Master (${other}) attempted to kill executor 0`,
    ],
    [{ type: 'KillExecutor', masterUrl: MASTER, ...order }, 'info Asked to kill unknown executor app-1/0'],
    [{ type: 'KillDriver', driverId: 'driver-x' }, 'error Asked to kill unknown driver driver-x'],
  ] as const;
  for (const [message, said] of table) {
    worker.from(message);
    assert.deepEqual(worker.effects, []);
    assert.equal(worker.lines.at(-1), said);
  }
  assert.deepEqual(worker.lines, ['info Asked to kill driver driver-x', table[3][1]]);
});

test('a registration that it knows of, and one that is asked for twice, are said', () => {
  const worker = registered();
  worker.register('m1', MASTER, true);
  assert.equal(worker.lines[0], 'warn Duplicate registration at master spark://m1:7077');
  worker.handle({ type: 'Disconnected', connection: 'm1' });
  assert.deepEqual(worker.lines.slice(0, 2), [
    'info m1:7077 Disassociated !',
    'error Connection to master failed! Waiting for master to reconnect...',
  ]);
  worker.from({ type: 'ReconnectWorker', masterUrl: MASTER }, 'm1');
  assert.equal(
    worker.lines.at(-1),
    'info Not spawning another attempt to register with the master, since there is an attempt scheduled already.',
  );
});

test('a registration is followed by all that runs: executors and drivers', () => {
  const worker = registered();
  worker.run(0);
  worker.launch(1);
  worker.runDriver('driver-1');
  worker.handle({ type: 'Disconnected', connection: 'm1' });
  worker.register('m1b', MASTER);
  const [state] = worker.sent();
  const report = { appId: 'app-1', resourceProfileId: 0, cores: 2, memory: 1024, state: 'LAUNCHING', resources: {} };
  assert.deepEqual(state, {
    type: 'WorkerLatestState',
    workerId: worker.worker.state().workerId,
    executors: [
      { ...report, execId: 0 },
      { ...report, execId: 1 },
    ],
    drivers: [{ driverId: 'driver-1', resources: {} }],
  });
});

test('the resource profile of an executor is put into its arguments', () => {
  const worker = registered();
  const command = { ...COMMAND, arguments: ['--resourceProfileId', '{{RESOURCE_PROFILE_ID}}'] };
  worker.launch(0, { resourceProfileId: 7, app: app({ command }) });
  worker.handle({ type: 'ExecutorPrepared', key: 'app-1/0', appDirs: ['/tmp/e'] });
  assert.deepEqual(worker.all('StartProcess')[0]?.plan.args.slice(1), ['--resourceProfileId', '7']);
});

test('of what has ended a tenth goes at once, one at least, the oldest first', () => {
  for (const [retained, left] of [
    [1, 1],
    [2, 2],
    [25, 24],
    [1000, 901],
  ] as const) {
    const map = new Map<string, number>();
    for (let i = 0; i <= retained; i++) {
      map.set(String(i), i);
      trimOldest(map, retained);
      if (i < retained) assert.equal(map.size, i + 1);
    }
    assert.equal(map.size, left);
    assert.equal([...map.keys()].at(-1), String(retained));
    const list = Array.from({ length: retained }, (_, i) => i);
    makeRoom(list, retained);
    assert.deepEqual([list.length + 1, list[0] ?? retained], [left, retained + 1 - left]);
  }
});
