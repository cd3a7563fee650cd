// Election and records together, at an ensemble in memory.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { IskraError } from '../../../src/base/errors.ts';
import { silentLogger } from '../../../src/base/logger.ts';
import {
  type Fence,
  ZooKeeperLeaderElectionLoop,
} from '../../../src/deploy/recovery/zookeeper-leader-election-loop.ts';
import type { RecoveryRecord } from '../../../src/protocol/recovery.ts';
import { FakeZooKeeper } from '../../kit/fake-zookeeper.ts';
import { ManualClock } from '../../kit/manual-clock.ts';
import { worker } from '../../kit/master-machine.ts';
import { type Candidate, candidate, DIRECTORY } from '../../kit/zookeeper-masters.ts';

const RECORD: RecoveryRecord = { kind: 'worker', id: 'w', worker: worker('a') };

function ensemble() {
  const clock = new ManualClock();
  const zookeeper = new FakeZooKeeper(clock);
  const join = (): Candidate => candidate((listener) => zookeeper.connect(listener), { clock });
  const session = (index: number) => {
    const found = zookeeper.sessions[index];
    assert.ok(found);
    return found;
  };
  return {
    clock,
    zookeeper,
    join,
    session,
    latches: () => zookeeper.children(`${DIRECTORY}/leader_election`),
    records: () => zookeeper.children(`${DIRECTORY}/master_status`),
  };
}

async function turns(count = 30): Promise<void> {
  for (let i = 0; i < count; i++) await new Promise(setImmediate);
}

const isLost = (error: unknown): boolean => IskraError.is(error) && error.code === 'LEADERSHIP_LOST';

test('the first leads; when it stops the second does, at once, and reads what the first kept', async () => {
  const { join, latches } = ensemble();
  const first = join();
  await first.elected;
  await first.engine.readAll();
  await first.engine.persist(RECORD);
  const second = join();
  await turns();
  assert.equal(latches().length, 2);
  assert.ok(first.election.leads() && !second.election.leads());
  await assert.rejects(second.engine.persist(RECORD), isLost);
  await first.election.stop();
  await second.elected;
  assert.deepEqual(await second.engine.readAll(), [RECORD]);
  assert.deepEqual(first.said, ['elected']); // who stops is not told
  await second.election.stop();
  assert.deepEqual(latches(), []);
});

test('a master that sleeps past its session wakes up as nobody', async () => {
  const { join, zookeeper, session, clock, records } = ensemble();
  const first = join();
  await first.elected;
  const second = join();
  await turns();
  zookeeper.expire(session(0));
  await second.elected;
  clock.skip(20_000); // the timers of the first have not fired
  assert.ok(!first.election.leads());
  await assert.rejects(first.engine.persist(RECORD), isLost);
  assert.deepEqual(records(), []);
  session(0).wake();
  await first.revoked;
  assert.equal(first.election.fence, null);
  assert.deepEqual(second.said, ['elected']);
});

test('a leader whose node is gone has heard of it when its write is refused', async () => {
  const { join, zookeeper, latches, records } = ensemble();
  const first = join();
  await first.elected;
  await first.engine.readAll();
  // Its watch is on its way, but the write is quicker.
  const writing = first.engine.persist(RECORD);
  zookeeper.remove(`${DIRECTORY}/leader_election/${latches()[0]}`);
  await assert.rejects(writing, (error) => {
    assert.deepEqual(first.said, ['elected', 'revoked']);
    return isLost(error);
  });
  assert.deepEqual(records(), []);
});

test('a leader whose node somebody removes is revoked', async () => {
  const { join, zookeeper, latches } = ensemble();
  const first = join();
  await first.elected;
  zookeeper.remove(`${DIRECTORY}/leader_election/${latches()[0]}`);
  await first.revoked;
});

test('a standby whose node or session goes joins again, and the leader does not notice', async () => {
  const { join, zookeeper, session, latches } = ensemble();
  const first = join();
  await first.elected;
  const second = join();
  await turns();
  zookeeper.remove(`${DIRECTORY}/leader_election/${latches()[1]}`);
  await turns();
  assert.equal(latches().length, 2);
  zookeeper.expire(session(1));
  session(1).wake();
  await turns();
  assert.equal(latches().length, 2);
  await first.election.stop();
  await second.elected;
  assert.deepEqual(first.said, ['elected']);
});

test('a standby keeps trying while there is no ZooKeeper', async () => {
  const { join, zookeeper, session, clock } = ensemble();
  const first = join();
  await first.elected;
  const second = join();
  await turns();
  zookeeper.isUp = false;
  zookeeper.expire(session(0));
  zookeeper.expire(session(1));
  session(1).wake();
  for (let i = 0; i < 5; i++) {
    await turns();
    clock.advance(1000);
  }
  assert.equal(zookeeper.sessions.length, 2);
  zookeeper.isUp = true;
  await turns();
  clock.advance(1000);
  await second.elected;
});

test('a node whose creation was not answered is not made twice', async () => {
  const { join, session, latches } = ensemble();
  const first = join();
  await turns(1);
  session(0).loseAnswers = 1; // of the list, or of the creation
  await first.elected;
  assert.equal(latches().length, 1);
});

test('writes whose answer is lost are done, once', async () => {
  const { join, session, records } = ensemble();
  const first = join();
  await first.elected;
  assert.deepEqual(await first.engine.readAll(), []);
  for (const lose of ['loseAsks', 'loseAnswers'] as const) {
    session(0)[lose] = 1;
    await first.engine.persist(RECORD);
    assert.deepEqual(records(), ['worker_w']);
    session(0)[lose] = 1;
    await first.engine.persist({ ...RECORD, worker: worker('b') });
    session(0)[lose] = 2;
    assert.deepEqual(await first.engine.readAll(), [{ ...RECORD, worker: worker('b') }]);
    session(0)[lose] = 1;
    await first.engine.unpersist('worker', 'w');
    assert.deepEqual(records(), []);
  }
});

test('a directory of records that somebody removes is made again', async () => {
  const { join, zookeeper, records } = ensemble();
  const first = join();
  await first.elected;
  await first.engine.readAll();
  zookeeper.remove(`${DIRECTORY}/master_status`);
  await first.engine.persist(RECORD);
  assert.deepEqual(records(), ['worker_w']);
});

test('a record that ZooKeeper would not take is refused with its size', async () => {
  const { join } = ensemble();
  const first = join();
  await first.elected;
  const large = { ...RECORD, worker: worker('a', { webUiAddress: 'x'.repeat(1_100_000) }) };
  await assert.rejects(first.engine.persist(large), /the record of worker w has 1100\d\d\d bytes, but ZooKeeper takes/);
  assert.deepEqual(first.said, ['elected']);
});

test('without a server the start fails with the text of the connection', async () => {
  const { zookeeper, clock } = ensemble();
  zookeeper.isUp = false;
  const election = new ZooKeeperLeaderElectionLoop({
    connect: (listener) => zookeeper.connect(listener),
    directory: '/x',
    name: 'test',
    clock,
    log: silentLogger,
  });
  await assert.rejects(election.open(), /no ZooKeeper server of fake:1 has answered/);
  await election.stop();
});

test('stop closes a session that was opened and never used', async () => {
  const { zookeeper, clock, session } = ensemble();
  const election = new ZooKeeperLeaderElectionLoop({
    connect: (listener) => zookeeper.connect(listener),
    directory: '/x',
    name: 'test',
    clock,
    log: silentLogger,
  });
  await election.open();
  await election.stop();
  await election.stop();
  assert.ok(session(0).isClosed);
  const fence: Fence | null = election.fence;
  assert.equal(fence, null);
});
