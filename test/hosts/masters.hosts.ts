// Two masters, a ZooKeeper, a worker and a driver, each on a host of its own. Run by scripts/check-hosts-apart.mjs.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { steadyClock } from '../../src/base/clock.ts';
import { serverCommand } from '../kit/zookeeper-server.ts';
import { atWork, ClusterOfHosts, sumOf } from './cluster-of-hosts.ts';

const HOSTS = ['host-a', 'host-b', 'host-c', 'host-d', 'host-z'];
const MASTERS = 'spark://host-a:7077,host-b:7077';

let cluster: ClusterOfHosts;

before(async () => {
  cluster = await ClusterOfHosts.start(HOSTS, {
    'spark.deploy.recoveryMode': 'ZOOKEEPER',
    'spark.deploy.zookeeper.url': 'host-z:2181',
    'spark.iskra.deploy.zookeeper.sessionTimeout': '9s',
  });
  cluster.install(cluster.host('host-d'));
  const z = cluster.host('host-z');
  const lines = ['tickTime=500', 'dataDir=/srv/data', 'clientPort=2181', 'admin.enableServer=false'];
  z.write({ '/srv/zoo.cfg': `${lines.join('\n')}\n` });
  z.start(serverCommand('/srv')); // masters wait for it
});
after(() => cluster.stop());

test('a leader that is cut off ends before another is elected, and the application goes through it', async (t) => {
  try {
    const leader = cluster.master('host-a');
    await leader.said(/I have been elected leader/);
    const standby = cluster.master('host-b');
    const worker = cluster.worker('host-c', MASTERS);
    await worker.said(/Successfully registered with master/);
    const shell = cluster.submit('host-d', MASTERS, '/srv/app/shell.ts');
    assert.equal(await cluster.ask(shell, 'sum 4 100'), `sum ${sumOf(4)} on host-c`);
    const job = cluster.ask(shell, 'sum 60 300');
    await atWork(shell);
    cluster.lan.cut('host-a');
    const [revoked, elected] = await Promise.all([
      leader.said(/Leadership has been revoked -- master shutting down\./).then(() => steadyClock.now()),
      standby.said(/I have been elected leader! New state: RECOVERING/).then(() => steadyClock.now()),
    ]);
    assert.ok(revoked < elected, `it ended ${revoked - elected} ms after the other one was elected`);
    t.diagnostic(`it ended ${Math.round(elected - revoked)} ms before the other one was elected`);
    assert.equal((await leader.ended).code, 0, leader.err);
    await standby.said(/Recovery complete - resuming operations!/);
    const page = await cluster.page('host-b');
    assert.deepEqual([page.workers.map(({ state }) => state), page.activeapps.length], [['ALIVE'], 1]);
    assert.equal(await job, `sum ${sumOf(60)} on host-c`);
    // It comes back as one that waits.
    cluster.lan.mend('host-a');
    const again = cluster.master('host-a');
    await again.said(/Starting Iskra master at/);
    assert.equal((await cluster.page('host-a')).status, 'STANDBY');
    await shell.write('end\n');
    assert.equal((await shell.ended).code, 0, shell.err);
    await standby.said(/Received unregister request from application/);
  } catch (error) {
    t.diagnostic(cluster.story(HOSTS));
    throw error;
  }
});
