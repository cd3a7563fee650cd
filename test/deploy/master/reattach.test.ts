import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { AppToMaster } from '../../../src/protocol/master-client.ts';
import { app, MasterMachine } from '../../kit/master-machine.ts';

type Reattach = Extract<AppToMaster, { type: 'ReattachApplication' }>;

const back = (appId: string, more: Partial<Reattach> = {}): Reattach => ({
  type: 'ReattachApplication',
  appId,
  app: app({ maxCores: 4 }),
  driverAddress: 'd:1',
  highestExecutorId: 7,
  totals: null,
  ...more,
});

/** A master with a worker, and an application with one executor on it. */
function before(): { readonly master: MasterMachine; readonly appId: string } {
  const master = new MasterMachine();
  master.worker('a');
  return { master, appId: master.app('d', app({ maxCores: 4 })) };
}

test('an application whose link broke has finished; when it comes back it goes on under its id, with new executors', () => {
  const { master, appId } = before();
  master.handle({ type: 'Disconnected', connection: 'c-d' });
  assert.equal(master.master.state().completedApps[0]?.state, 'FINISHED');
  assert.equal(master.records.has(`app_${appId}`), false);
  master.fromApp(back(appId), 'c-again');
  assert.deepEqual(
    master.toApps().map((message) => message.type),
    ['MasterChanged', 'ExecutorAdded'],
  );
  assert.deepEqual(
    master.toApps('ExecutorAdded').map(({ execId, cores }) => [execId, cores]),
    [[8, 4]], // no id is used twice
  );
  const { activeApps, completedApps } = master.master.state();
  assert.deepEqual([activeApps.map(({ id }) => id), completedApps], [[appId], []]);
  assert.equal(master.records.has(`app_${appId}`), true);
  // It is as any other: its end is its end.
  master.handle({ type: 'Disconnected', connection: 'c-again' });
  assert.equal(master.master.state().completedApps[0]?.id, appId);
});

test('an application is taken by a master that was started again and knows nothing of it', () => {
  const master = new MasterMachine();
  master.worker('a');
  master.fromApp(back('app-of-old', { totals: [{ resourceProfileId: 0, total: 0, demand: null }] }), 'c-d');
  assert.equal(master.master.state().activeApps[0]?.id, 'app-of-old');
  assert.deepEqual(master.launched(), []); // it wants none at the moment
});

test('an application that its master never lost keeps its executors, over the new link', () => {
  const { master, appId } = before();
  master.fromApp(back(appId), 'c-again');
  assert.deepEqual(master.launched(), []);
  master.handle({ type: 'Disconnected', connection: 'c-d' });
  const [active] = master.master.state().activeApps;
  assert.deepEqual([active?.id, active?.coresGranted], [appId, 4]);
});

test('an application that was killed or has failed is told so, and does not come back', () => {
  const { master, appId } = before();
  master.ask('RequestKillApplication', { appId });
  master.fromApp(back(appId), 'c-again');
  assert.deepEqual(master.toApps(), [{ type: 'ApplicationRemoved', message: 'KILLED' }]);
  assert.deepEqual(master.master.state().activeApps, []);
});

test('nobody takes the id or the address of a live application', () => {
  const { master, appId } = before();
  master.fromApp(back(appId, { driverAddress: 'x:1' }), 'c-x');
  assert.deepEqual(master.toApps(), [
    { type: 'ApplicationRemoved', message: 'its id is that of the application of d:1' },
  ]);
  master.fromApp(back('app-x'), 'c-x');
  assert.deepEqual(master.toApps(), [
    { type: 'ApplicationRemoved', message: "another application has its driver's address" },
  ]);
  assert.deepEqual(
    master.master.state().activeApps.map(({ id }) => id),
    [appId],
  );
});

test('an id that could lead a worker elsewhere is refused', () => {
  const { master } = before();
  for (const appId of ['../../x', '.ssh', 'a/b', 'a\0b']) {
    master.fromApp(back(appId, { driverAddress: 'x:1' }), 'c-x');
    assert.deepEqual(master.toApps(), [
      { type: 'ApplicationRemoved', message: `${JSON.stringify(appId)} is no id of an application` },
    ]);
  }
  assert.equal(master.records.size, 2);
});

test('a standby does not answer; a master that recovers counts it as an answer', () => {
  const { master, appId } = before();
  const standby = new MasterMachine({}, { standby: true });
  assert.deepEqual(standby.fromApp(back(appId), 'c-d'), []);
  const next = master.successor();
  next.fromApp(back(appId), 'n-d');
  assert.equal(next.master.state().activeApps[0]?.state, 'WAITING');
  assert.deepEqual(next.launched(), []);
  next.fromWorker({ type: 'WorkerSchedulerStateResponse', workerId: 'worker-a', executors: [], drivers: [] }, 'n-a');
  assert.equal(next.master.status, 'ALIVE');
  assert.deepEqual(next.launched(), ['a:4']);
});
