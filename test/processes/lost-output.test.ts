// What is printed can get lost: whoever read it has gone, or the disk of the log is full. Nothing ends for it.
import assert from 'node:assert/strict';
import type { ChildProcess } from 'node:child_process';
import { statSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { DaemonPlace } from '../kit/daemon-place.ts';
import { freePort } from '../kit/free-port.ts';
import { until } from '../kit/until.ts';

/** Tells how many processes ran its tasks, which print more than files may hold. */
const PRINTS = `
  import { SparkContext } from 'iskra';

  export async function main() {
    const sc = await SparkContext.create({ appName: 'prints' });
    const processes = new Set();
    for (let job = 0; job < 3; job++) {
      const pids = await sc.parallelize([1, 2, 3, 4], 2).map(() => {
        console.log('x'.repeat(1 << 20));
        console.error('y'.repeat(1 << 20));
        return process.pid;
      }).collect();
      for (const pid of pids) processes.add(pid);
    }
    console.error('z'.repeat(1 << 21));
    await sc.stop();
    console.log('processes', processes.size);
  }
`;

const SUBMIT = ['submit', '--executor-memory', '512m', '-c', 'spark.log.level=INFO', '--master'];

async function endOf(child: ChildProcess): Promise<number | null> {
  const ended = new Promise<number | null>((resolve) => child.once('exit', resolve));
  child.kill('SIGTERM');
  return child.exitCode ?? (await ended);
}

/** What a page says, once somebody serves it. */
async function page(url: string): Promise<string> {
  let found: string | null = null;
  await until(async () => {
    found = await fetch(url).then(
      (response) => response.text(),
      () => null,
    );
    return found !== null;
  });
  return found ?? ''; // until() saw it
}

test('commands whose reader has gone end as they would', async (t) => {
  const place = new DaemonPlace(t);
  place.write('prints.ts', PRINTS);
  // Their tasks print in threads, whose output goes through that of the process.
  for (const args of [['--help'], ['example'], ['run', '--master', 'local[2]', 'prints.ts']]) {
    const { child, outcome } = place.start(...args);
    child.stdout?.destroy();
    const { code, err } = await outcome;
    assert.deepEqual([args, code], [args, 0], err);
    assert.doesNotMatch(err, /EPIPE/);
  }
});

test('daemons whose log nobody reads any more serve on', async (t) => {
  const place = new DaemonPlace(t);
  place.write('prints.ts', PRINTS);
  const master = place.start('master');
  const url = await master.logged(/Starting Iskra master at (spark:\/\/localhost:\d+)/);
  const worker = place.start('worker', '-c', '2', '-m', '2g', url);
  await worker.logged(/(Successfully registered with master)/);
  for (const { child } of [master, worker]) for (const stream of [child.stdout, child.stderr]) stream?.destroy();
  for (let round = 0; round < 2; round++) {
    const { code, out, err } = await place.run(...SUBMIT, url, 'prints.ts');
    assert.deepEqual([code, out], [0, 'processes 1\n'], err);
  }
  assert.deepEqual([await endOf(worker.child), await endOf(master.child)], [143, 143]);
});

test('a master, executors and drivers whose logs cannot grow any more go on', async (t) => {
  const place = new DaemonPlace(t);
  place.write('prints.ts', PRINTS);
  const [port, pages] = [await freePort(), await freePort()];
  const url = `spark://localhost:${port}`;
  const master = place.startLimited(1, 'master', '--port', String(port), '--webui-port', String(pages));
  await page(`http://localhost:${pages}/health`);
  const worker = place.startLimited(1024, 'worker', '-c', '3', '-m', '2g', '-d', 'work', url);
  const client = await place.run(...SUBMIT, url, 'prints.ts');
  assert.deepEqual([client.code, client.out], [0, 'processes 1\n'], client.err);
  const wait = ['-c', 'spark.standalone.submit.waitAppCompletion=true', '--deploy-mode', 'cluster'];
  const cluster = await place.run(...SUBMIT, url, '--driver-memory', '256m', ...wait, 'prints.ts');
  assert.equal(cluster.code, 0, cluster.err);
  assert.match(await page(`http://localhost:${pages}/readyz`), /"ready": true/);
  assert.ok(statSync(join(place.folder, 'master.log')).size <= 1024);
  assert.deepEqual([await endOf(worker), await endOf(master)], [143, 143]);
});
