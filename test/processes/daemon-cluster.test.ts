// A master and workers as operators run them, each a process, with an application at work.
import assert from 'node:assert/strict';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { applicationSecret } from '../../src/rpc/security.ts';
import { DaemonPlace, type RunningDaemonCommand } from '../kit/daemon-place.ts';

const DRAINED = `import { SparkContext } from 'iskra';
export async function main(): Promise<void> {
  const sc = await SparkContext.create();
  const wait = (ms: number) => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
  const computed = sc.longAccumulator('computed');
  const cached = sc.range(0, 100, 1, 4).map((x) => { computed.add(1); wait(1); return x; }).cache();
  console.log('cached', await cached.sum());
  const job = sc.range(0, 2, 1, 2).map(() => { wait(1500); return process.pid; }).collect();
  setTimeout(() => console.error('ready to be drained'), 400);
  console.log('tasks on', new Set(await job).size);
  while (sc.statusTracker.getExecutorInfos().filter(({ port }) => port > 0).length > 1) await new Promise((r) => setTimeout(r, 20));
  console.log('again', await cached.sum(), computed.value);
}
`;
const FOREVER = `import { SparkContext } from 'iskra';
export async function main(): Promise<void> {
  const sc = await SparkContext.create();
  console.error('works: ' + (await sc.range(0, 4, 1, 4).count()));
  await sc.range(0, 2, 1, 2).map((x) => { Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 600_000); return x; }).collect();
}
`;
const WITH_DECOMMISSION = [
  ...['-c', 'spark.decommission.enabled=true', '-c', 'spark.storage.decommission.enabled=true'],
  ...['-c', 'spark.storage.decommission.replicationReattemptInterval=200ms'],
];

interface Daemons {
  readonly master: RunningDaemonCommand;
  readonly url: string;
  readonly pages: string;
  readonly workers: readonly RunningDaemonCommand[];
}

/** One worker for each host, with one core. */
async function daemons(place: DaemonPlace, hosts: readonly string[], settings: readonly string[]): Promise<Daemons> {
  const conf = settings.flatMap((each) => ['--conf', each]);
  const master = place.start('master', '--host', 'localhost', ...conf);
  const url = await master.logged(/Starting Iskra master at (spark:\/\/\S+:\d+)/);
  const pages = `http://localhost:${await master.logged(/service 'MasterUI' on port (\d+)/)}`;
  const workers: RunningDaemonCommand[] = [];
  for (const [i, host] of hosts.entries()) {
    const dir = ['--work-dir', `work-${i}`, '--host', host];
    const worker = place.start('worker', ...dir, '--cores', '1', '--memory', '2g', ...conf, url);
    await worker.logged(/(Successfully registered with master)/);
    workers.push(worker);
  }
  return { master, url, pages, workers };
}

async function endAll({ master, workers }: Daemons): Promise<void> {
  for (const { child, outcome } of [...workers, master]) {
    child.kill('SIGTERM');
    await outcome;
  }
}

interface State {
  readonly workers: readonly { readonly host: string; readonly state: string; readonly coresused: number }[];
  readonly activeapps: readonly { readonly id: string }[];
  readonly completedapps: readonly { readonly id: string; readonly state: string }[];
}

const stateOf = async (pages: string): Promise<State> => (await (await fetch(`${pages}/json/`)).json()) as State;

const place = (t: TestContext, env: Readonly<Record<string, string>> = {}): DaemonPlace => {
  const made = new DaemonPlace(t, env);
  made.write('package.json', '{"type":"module"}');
  made.write('drained.ts', DRAINED);
  made.write('forever.ts', FOREVER);
  return made;
};

for (const [how, drain] of [
  ['by its signal', async ({ workers }: Daemons) => void workers[1]?.child.kill('SIGPWR')],
  [
    'by its host’s name',
    async ({ pages }: Daemons) => {
      const answer = await fetch(`${pages}/workers/kill/?host=127.0.0.1`, { method: 'POST' });
      assert.equal(answer.status, 200);
    },
  ],
] as const)
  test(`a worker that is drained ${how} lets tasks end, and nothing cached is computed again`, async (t) => {
    const here = place(t);
    const cluster = await daemons(here, ['localhost', '127.0.0.1'], ['spark.decommission.enabled=true']);
    const all = ['-c', 'spark.cores.max=2', '-c', 'spark.scheduler.minRegisteredResourcesRatio=1'];
    const app = here.start('run', '--master', cluster.url, ...all, ...WITH_DECOMMISSION, 'drained.ts');
    await app.logged(/(ready to be drained)/);
    await drain(cluster);
    const { code, out, err } = await app.outcome;
    assert.deepEqual([code, out], [0, 'cached 4950\ntasks on 2\nagain 4950 100\n'], err);
    const { workers } = await stateOf(cluster.pages);
    assert.deepEqual(workers.map(({ host, state }) => `${host} ${state}`).sort(), [
      '127.0.0.1 DECOMMISSIONED',
      'localhost ALIVE',
    ]);
    await endAll(cluster);
  });

test('an application with secrets shows them nowhere in its life, and is ended by the master’s page', async (t) => {
  const SECRET = 'known-to-the-cluster-alone';
  const here = place(t);
  here.write('secret', `${SECRET}\n`);
  const secured = ['spark.authenticate=true', `spark.authenticate.secret.file=${join(here.folder, 'secret')}`];
  const records = join(here.folder, 'records');
  const recovery = ['spark.deploy.recoveryMode=FILESYSTEM', `spark.deploy.recoveryDirectory=${records}`];
  const cluster = await daemons(here, ['localhost', 'localhost'], [...secured, ...recovery]);
  const app = here.start(
    ...['run', '--master', cluster.url, '-c', 'spark.my.password=of-the-user', '-c', 'spark.log.level=INFO'],
    ...[...secured.flatMap((each) => ['-c', each]), 'forever.ts'],
  );
  await app.logged(/works: (4)/);
  const [record = ''] = readdirSync(records).filter((name) => name.startsWith('app_'));
  const kept = readFileSync(join(records, record), 'utf8');
  const salt = /secretSalt\W+(\w+)/.exec(kept)?.[1] ?? '';
  const ofApplication = applicationSecret(Buffer.from(SECRET), salt);
  assert.ok(salt.length >= 16 && ofApplication.length >= 16);
  for (const name of readdirSync(records)) assert.equal(statSync(join(records, name)).mode & 0o777, 0o600, name);

  const [id = ''] = (await stateOf(cluster.pages)).activeapps.map((each) => each.id);
  const shown = new Map([['a record of the master', kept]]);
  const workerPages = await Promise.all(
    cluster.workers.map(
      async (worker) => `http://localhost:${await worker.logged(/service 'WorkerUI' on port (\d+)/)}`,
    ),
  );
  for (const url of [
    ...[`${cluster.pages}/`, `${cluster.pages}/json/`, `${cluster.pages}/app/?appId=${id}`],
    ...workerPages.flatMap((page) => [`${page}/`, `${page}/json/`]),
  ])
    shown.set(url, await (await fetch(url)).text());
  for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) shown.set(`pid ${pid}`, commandOf(pid));
  assert.ok(
    [...shown.values()].filter((text) => text.includes(`--app-id ${id}`)).length >= 2,
    'its executors are there',
  );

  const body = new URLSearchParams({ id, terminate: 'true' });
  assert.ok((await fetch(`${cluster.pages}/app/kill/`, { method: 'POST', body })).ok);
  const ended = await app.outcome;
  assert.equal(ended.code, 1);
  assert.match(ended.err, /Master removed our application: KILLED/);
  let now = await stateOf(cluster.pages);
  for (; now.workers.some(({ coresused }) => coresused > 0); now = await stateOf(cluster.pages)) await sleep(20);
  assert.deepEqual([now.activeapps.length, now.completedapps[0]?.state], [0, 'KILLED']);
  await endAll(cluster);

  shown.set('the driver', ended.out + ended.err);
  for (const daemon of [cluster.master, ...cluster.workers]) shown.set('a log', (await daemon.outcome).err);
  for (const dir of ['work-0', 'work-1'])
    for (const file of readdirSync(join(here.folder, dir), { recursive: true, encoding: 'utf8' })) {
      const path = join(here.folder, dir, file);
      if (statSync(path).isFile()) shown.set(path, readFileSync(path, 'latin1'));
    }
  assert.ok([...shown.keys()].some((name) => name.endsWith('/0/stderr')));
  for (const [where, text] of shown)
    for (const secret of [SECRET, ofApplication]) assert.ok(!text.includes(secret), `${where} has a secret`);
  for (const [where, text] of shown)
    if (!where.startsWith('pid ')) assert.ok(!text.includes('of-the-user'), `${where} has the user's password`);
});

/** '' when it is gone. */
function commandOf(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ');
  } catch {
    return '';
  }
}
