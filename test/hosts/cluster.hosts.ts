// A standalone cluster whose hosts share no file, and whose links are cut. Run by scripts/check-hosts-apart.mjs.
import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { after, before, test } from 'node:test';
import { until } from '../kit/until.ts';
import { atWork, ClusterOfHosts, type MasterPage, sumOf } from './cluster-of-hosts.ts';
import type { Running } from './host.ts';

const LIMIT_MS = Number(process.env['LIMIT'] ?? 300_000);
const HOSTS = ['host-a', 'host-b', 'host-c', 'host-d'];
const MASTER = 'spark://host-a:7077';
const COUNTS = 'counts [["BRIDGE!",1],["CLUSTER!",2],["FILE!",1],["HOST!",1],["HOSTS!",2],["NO!",2],["SHARE!",2]]';

let cluster: ClusterOfHosts;
let master: Running;
let workerB: Running;
let workerC: Running;
/** Of the test that runs. */
const jobs: Running[] = [];

before(async () => {
  cluster = await ClusterOfHosts.start(HOSTS);
  master = cluster.master('host-a');
  await master.said(/I have been elected leader/);
  workerB = cluster.worker('host-b', MASTER);
  workerC = cluster.worker('host-c', MASTER);
  await Promise.all([workerB, workerC].map((worker) => worker.said(/Successfully registered with master/)));
  for (const name of ['host-a', 'host-d']) cluster.install(cluster.host(name));
});
after(() => cluster.stop());

/** A test, with all logs when it fails. */
function check(title: string, prove: () => Promise<void>): void {
  test(title, async (t) => {
    let tooLong: NodeJS.Timeout | undefined;
    const limit = new Promise<never>((_, reject) => {
      tooLong = setTimeout(() => reject(new Error(`not done in ${LIMIT_MS} ms`)), LIMIT_MS);
    });
    try {
      await Promise.race([prove(), limit]).finally(() => clearTimeout(tooLong));
    } catch (error) {
      t.diagnostic(cluster.story(HOSTS));
      throw error;
    } finally {
      for (const job of jobs.splice(0)) await job.kill('SIGKILL');
      for (const name of HOSTS) cluster.lan.mend(name);
    }
  });
}

const states = (page: MasterPage): string =>
  page.workers
    .map(({ host, state }) => `${host} ${state}`)
    .sort()
    .join();

function shellOn(name: string): Running {
  const shell = cluster.submit(name, MASTER, '/srv/app/shell.ts');
  jobs.push(shell);
  return shell;
}

/** Once executors of both hosts are there. */
async function bothWork(shell: Running): Promise<void> {
  for (;;) {
    const answer = await cluster.ask(shell, 'sum 8 300');
    if (answer === `sum ${sumOf(8)} on host-b,host-c`) return;
    assert.match(answer, new RegExp(`^sum ${sumOf(8)} on host-[bc]$`));
  }
}

async function checkWords(job: Running): Promise<void> {
  assert.deepEqual(await job.ended, { code: 0, signal: null }, job.err);
  checkPrinted(job.out);
}

/** Results, and the user's own line in an error of a task. */
function checkPrinted(out: string): void {
  assert.ok(out.includes(COUNTS), out);
  const stack = JSON.parse(/^stack (.*)$/m.exec(out)?.[1] ?? '""') as string;
  assert.match(stack, /a bad word: oh/);
  assert.match(stack, /\/lib\/words\.ts:5:/);
}

check('an application in client mode counts words: its modules, packages and files travel', async () => {
  assert.equal(states(await cluster.page('host-a')), 'host-b ALIVE,host-c ALIVE');
  for (const name of ['host-b', 'host-c']) assert.equal(existsSync(cluster.host(name).path('/srv/app')), false);
  for (const name of ['host-a', 'host-d']) {
    const job = cluster.submit(name, MASTER, '/srv/app/words.ts');
    await checkWords(job);
    assert.match(job.out, new RegExp(`driver ${name}`));
    assert.match(job.out, /"[^"]*\/srv\/app\/lib\/words\.ts:5:/); // as it is called where it was submitted
  }
});

check('a driver in cluster mode runs on a worker', async () => {
  const submitted = cluster.submit(
    'host-d',
    MASTER,
    '--deploy-mode',
    'cluster',
    '--driver-memory',
    '512m',
    '/srv/app/words.ts',
  );
  assert.equal((await submitted.ended).code, 0, submitted.err);
  const id = /driver-\d+-\d+/.exec(submitted.out + submitted.err)?.[0] ?? '';
  for (;;) {
    const status = cluster.submit('host-d', MASTER, '--status', id);
    await status.ended;
    if (/FINISHED/.test(status.out + status.err)) break;
    assert.match(status.out + status.err, /SUBMITTED|RUNNING/);
  }
  const ran = ['host-b', 'host-c'].filter((name) => existsSync(cluster.host(name).path(`/srv/work/${id}`)));
  assert.equal(ran.length, 1);
  const [name = ''] = ran;
  const printed = readFileSync(cluster.host(name).path(`/srv/work/${id}/stdout`), 'utf8');
  checkPrinted(printed);
  assert.match(printed, new RegExp(`driver ${name}`));
});

check('a worker is cut off in a job: the others finish it; when it is back it takes part again', async () => {
  const shell = shellOn('host-a');
  const id = await shell.said(/^application (.*)$/m);
  await bothWork(shell);
  const { now } = master;
  const job = cluster.ask(shell, 'sum 40 200');
  await atWork(shell);
  cluster.lan.cut('host-c');
  assert.equal((await job).split(' on ')[0], `sum ${sumOf(40)}`);
  await master.said(/Removing worker-\S+-host-c-\d+ because we got no heartbeat in 4 seconds/, now);
  assert.equal(states(await cluster.page('host-a')), 'host-b ALIVE,host-c DEAD');
  assert.equal(await cluster.ask(shell, 'sum 4 10'), `sum ${sumOf(4)} on host-b`);
  cluster.lan.mend('host-c');
  await cluster.until('host-a', 'host-c is back', (page) => states(page) === 'host-b ALIVE,host-c ALIVE');
  await cluster.until('host-a', 'it has an executor', (page) => page.workers.every(({ coresused }) => coresused === 2));
  // The executor of before has ended, and the new one works.
  await bothWork(shell);
  assert.equal((await cluster.host('host-c').processes(`--app-id ${id}`)).length, 1);
  await shell.write('end\n');
  assert.equal((await shell.ended).code, 0, shell.err);
});

check('two executors are cut off from each other: the fetch fails, and what was lost is made again', async () => {
  const shell = shellOn('host-a');
  await bothWork(shell);
  assert.equal(await cluster.ask(shell, 'kept'), `kept ${sumOf(4000)}`);
  const { now } = shell;
  cluster.lan.cutBetween('host-b', 'host-c');
  const job = cluster.ask(shell, 'kept');
  await shell.said(/due to fetch failure/, now);
  cluster.lan.mendBetween('host-b', 'host-c');
  assert.equal(await job, `kept ${sumOf(4000)}`);
  await shell.write('end\n');
  assert.equal((await shell.ended).code, 0, shell.err);
});

check('a driver is cut off: its executors end, it counts as finished; when it is back it goes on', async () => {
  const shell = shellOn('host-d');
  const id = await shell.said(/^application (.*)$/m);
  await bothWork(shell);
  const job = cluster.ask(shell, 'sum 40 200');
  await atWork(shell);
  cluster.lan.cut('host-d');
  await cluster.until('host-a', 'the application has ended', (page) =>
    page.completedapps.some((app) => app.id === id && app.state === 'FINISHED'),
  );
  await cluster.until('host-a', 'nothing is used', (page) => page.workers.every(({ coresused }) => coresused === 0));
  await until(async () => (await cluster.host('host-b').processes(id)).length === 0);
  cluster.lan.mend('host-d');
  assert.equal((await job).split(' on ')[0], `sum ${sumOf(40)}`);
  assert.deepEqual(
    (await cluster.page('host-a')).activeapps.map((app) => app.id),
    [id],
  );
  await shell.write('end\n');
  assert.equal((await shell.ended).code, 0, shell.err);
});

check('a master is cut off from everybody: jobs go on, and all are attached again', async () => {
  const shell = shellOn('host-d');
  await bothWork(shell);
  const { now } = master;
  const job = cluster.ask(shell, 'sum 100 200');
  await atWork(shell);
  cluster.lan.cut('host-a');
  // Longer than workers and applications may be silent.
  await master.said(/Removing worker-\S+-host-c-\d+ because/, now);
  await master.said(/Removing app app-/, now);
  cluster.lan.mend('host-a');
  assert.equal((await job).split(' on ')[0], `sum ${sumOf(100)}`);
  await cluster.until('host-a', 'workers are back', (page) => states(page) === 'host-b ALIVE,host-c ALIVE');
  await cluster.until('host-a', 'all is used', (page) => page.workers.every(({ coresused }) => coresused === 2));
  await bothWork(shell);
  await shell.write('end\n');
  assert.equal((await shell.ended).code, 0, shell.err);
});

check('strangers are refused, and named: garbage, a worker and a driver with another secret', async () => {
  const { now } = master;
  const d = cluster.host('host-d');
  const garbage = ['GET / HTTP/1.1\r\n\r\n', '\x16\x03\x01 hello', '\0'.repeat(5000), 'SSH-2.0-scan\r\n'];
  for (const text of [...garbage, ...garbage, ...garbage])
    await d.ask({ do: 'garbage', host: 'host-a', port: 7077, hex: Buffer.from(text, 'latin1').toString('hex') });
  const wrong = '/srv/conf/wrong.conf';
  cluster.configure(d, wrong, 'the-secret-of-another-cluster-0123456789');
  const worker = cluster.worker('host-d', MASTER, wrong);
  jobs.push(worker);
  assert.match(await worker.said(/Failed to connect to master .*/), /authentication failed/);
  const job = d.iskra('submit', '--master', MASTER, '--properties-file', wrong, '/srv/app/words.ts');
  assert.equal((await job.ended).code, 1);
  assert.match(job.err, /All masters are unresponsive! Giving up\. \(spark:\/\/host-a:7077: .*authentication failed/);
  const log = master.err.slice(now.err);
  // Garbage once for all of it; strangers who know how to speak each time.
  assert.equal(log.match(/Refused a connection that sent/g)?.length, 1, log);
  assert.equal(log.match(/Refused a connection: authentication failed/g)?.length, 2, log);
  assert.equal(states(await cluster.page('host-a')), 'host-b ALIVE,host-c ALIVE');
  await checkWords(cluster.submit('host-d', MASTER, '/srv/app/words.ts'));
});
