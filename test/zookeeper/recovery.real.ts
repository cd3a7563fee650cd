// Sessions, records and the election at a real ZooKeeper. Run by scripts/check-zookeeper.mjs.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { steadyClock } from '../../src/base/clock.ts';
import { IskraError } from '../../src/base/errors.ts';
import { type Logger, silentLogger } from '../../src/base/logger.ts';
import type { RecoveryRecord } from '../../src/protocol/recovery.ts';
import { connectZooKeeper } from '../../src/zookeeper/zookeeper-client.ts';
import { ZooKeeperError } from '../../src/zookeeper/zookeeper-error.ts';
import type { SessionListener, ZooKeeperSession } from '../../src/zookeeper/zookeeper-session.ts';
import { RECOVERY_BEHAVIOURS } from '../conformance/recovery-behaviours.ts';
import { worker } from '../kit/master-machine.ts';
import { until } from '../kit/until.ts';
import { type Candidate, candidate, DIRECTORY } from '../kit/zookeeper-masters.ts';
import { later, ZooKeeperServer } from '../kit/zookeeper-server.ts';

const RECORD: RecoveryRecord = { kind: 'worker', id: 'w', worker: worker('a') };
const ELECTION = `${DIRECTORY}/leader_election`;
const RECORDS = `${DIRECTORY}/master_status`;

/** Long enough for a server to be started meanwhile, on a busy machine. */
const SESSION_MS = 40_000;

const check = (title: string, prove: () => Promise<void>) => test(title, prove);

let server: ZooKeeperServer;
/** Of one who looks from outside. */
let root: ZooKeeperSession;
let places = 0;

before(async () => {
  server = await ZooKeeperServer.start();
  root = await connect('', {});
});
after(async () => {
  await root.close();
  await server.stop();
});

function connect(chroot: string, listener: SessionListener, sessionTimeoutMs = SESSION_MS): Promise<ZooKeeperSession> {
  const servers = server.address + chroot;
  return connectZooKeeper({ servers, sessionTimeoutMs, connectTimeoutMs: 60_000, clock: steadyClock, listener });
}

/** A part of the tree that nobody has used, with sessions in it. */
async function place(log: Logger = silentLogger) {
  const chroot = `/t${places++}`;
  await root.whenConnected();
  await root.makePath(chroot);
  const sessions: ZooKeeperSession[] = [];
  return {
    chroot,
    sessions,
    join: (sessionTimeoutMs?: number): Candidate =>
      candidate(
        async (listener) => {
          const session = await connect(chroot, listener, sessionTimeoutMs);
          sessions.push(session);
          return session;
        },
        { log },
      ),
    latches: () => root.children(chroot + ELECTION),
    records: () => root.children(chroot + RECORDS),
  };
}

const isLost = (error: unknown): boolean => IskraError.is(error) && error.code === 'LEADERSHIP_LOST';

for (const [title, prove] of RECOVERY_BEHAVIOURS)
  check(`a real ZooKeeper: ${title}`, async () => {
    const errors: string[] = [];
    const log: Logger = { ...silentLogger, named: () => silentLogger, error: (message) => errors.push(message) };
    const { chroot, join, records } = await place(log);
    let current = join();
    await current.elected;
    await current.engine.readAll(); // as every master does
    await prove({
      engine: current.engine,
      next: async () => {
        await current.election.stop();
        current = join();
        await current.elected;
        return current.engine;
      },
      names: async () => [...(await records())].sort(),
      read: async (name) => String(await root.get(`${chroot}${RECORDS}/${name}`)),
      write: async (name, text) =>
        void (await root.create(`${chroot}${RECORDS}/${name}`, Buffer.from(text), 'persistent')),
      errors,
    });
    await current.election.stop();
  });

check('the leader stops, the next one leads, and a third goes on waiting', async () => {
  const { join, latches } = await place();
  const first = join();
  await first.elected;
  const second = join();
  await until(async () => (await latches()).length >= 2);
  const third = join();
  await until(async () => (await latches()).length >= 3);
  await first.election.stop();
  await second.elected;
  assert.deepEqual(third.said, []);
  // A standby in between that goes away makes no leader.
  const fourth = join();
  await until(async () => (await latches()).length >= 3);
  await third.election.stop();
  await until(async () => (await latches()).length <= 2);
  assert.deepEqual(fourth.said, []);
  await second.election.stop();
  await fourth.elected;
  await fourth.election.stop();
});

check('a leader whose node is gone writes nothing, and has heard of it when its write is refused', async () => {
  const { chroot, join, latches, records } = await place();
  const first = join();
  await first.elected;
  await first.engine.readAll();
  await first.engine.persist(RECORD);
  const removing = root.remove(`${chroot}${ELECTION}/${(await latches())[0]}`);
  for (;;) {
    try {
      await first.engine.persist({ ...RECORD, id: 'late' });
      await first.engine.unpersist('worker', 'late');
    } catch (error) {
      assert.ok(isLost(error), String(error));
      break;
    }
  }
  await removing;
  assert.deepEqual(first.said, ['elected', 'revoked']);
  await assert.rejects(first.engine.unpersist('worker', 'w'), isLost);
  assert.ok((await records()).includes('worker_w'));
  await first.election.stop();
});

check('records up to the limit are kept, larger ones are refused before they are sent', async () => {
  const { join } = await place();
  const first = join();
  await first.elected;
  await first.engine.readAll();
  const sized = (size: number): RecoveryRecord => ({
    ...RECORD,
    worker: worker('a', { webUiAddress: 'x'.repeat(size) }),
  });
  await first.engine.persist(sized(1_039_000));
  assert.deepEqual(await first.engine.readAll(), [sized(1_039_000)]);
  await assert.rejects(first.engine.persist(sized(1_040_384)), /ZooKeeper takes 1040384 at most/);
  assert.deepEqual(first.said, ['elected']);
  await first.election.stop();
});

check('a directory above everything that is not there is an error that names it', async () => {
  const session = await connect('/nowhere', {});
  await assert.rejects(
    session.makePath('/spark'),
    (error) => error instanceof ZooKeeperError && error.fault === 'NO_NODE' && error.message.includes('create /spark'),
  );
  await session.close();
});

check('a server that is killed and is back soon costs the leader nothing, and no write is lost', async () => {
  const { join, records } = await place();
  const first = join();
  await first.elected;
  const second = join();
  await first.engine.readAll();
  let writing = true;
  let count = 0;
  const writes = (async () => {
    for (; writing; count++) await first.engine.persist({ ...RECORD, id: String(count) });
  })();
  for (let round = 0; round < 2; round++) {
    const before = count;
    await until(() => count >= before + 20);
    await server.kill();
    await server.restart();
  }
  const before = count;
  await until(() => count >= before + 20);
  writing = false;
  await writes;
  await root.whenConnected();
  assert.equal((await records()).length, count);
  assert.deepEqual([first.said, second.said], [['elected'], []]);
  // A watch that was set before the server was killed still tells.
  await first.election.stop();
  await second.elected;
  await second.election.stop();
});

check('a server that stands still makes the leader step down in time, and one leads when it goes on', async () => {
  const { join, sessions } = await place();
  const first = join(3000);
  await first.elected;
  const second = join(3000);
  await until(() => sessions.length >= 2);
  server.signal('SIGSTOP');
  // Who says that it leads has been heard of within two thirds of the timeout; after that another could lead.
  const [session] = sessions;
  const certainMs = ((session?.timeoutMs ?? 0) * 2) / 3;
  while (!first.said.includes('revoked')) {
    const silentFor = steadyClock.now() - (session?.heardAt ?? 0); // before the question: it is longer when that is answered
    assert.ok(!first.election.leads() || silentFor < certainMs, `leads, and nobody has answered for ${silentFor} ms`);
    await later(5);
  }
  assert.equal(first.election.leads(), false);
  assert.deepEqual(second.said, []);
  await first.election.stop(); // as a master does when it ends
  server.signal('SIGCONT');
  await second.elected;
  await second.election.stop();
});
