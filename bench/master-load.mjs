// What a standalone master costs: workers that speak the real protocol over real connections, but start nothing.
//   npm run build && node bench/master-load.mjs [--workers 200] [--seconds 30] [--timeout 60s]
// The master is a process of its own; CPU and memory are the kernel's numbers of that process (/proc, so Linux only).
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { parseAddress } from '../dist/src/rpc/rpc-address.js';
import { RpcEnv } from '../dist/src/rpc/rpc-env.js';

const ROOT = join(import.meta.dirname, '..');
const { values: options } = parseArgs({
  options: {
    workers: { type: 'string', default: '200' },
    seconds: { type: 'string', default: '30' },
    timeout: { type: 'string', default: '60s' },
  },
});
const numWorkers = Number(options.workers);
const seconds = Number(options.seconds);
const HEARTBEAT_MS = (Number.parseInt(options.timeout, 10) * 1000) / 4;
/** Heartbeats a second of all workers together, in the last part. */
const STORM = 20_000;
const TICKS_PER_SECOND = 100;

const folder = mkdtempSync(join(tmpdir(), 'iskra-master-load-'));
const master = spawn(
  process.execPath,
  [
    join(ROOT, 'bin/iskra'),
    'master',
    '--port',
    '0',
    '--webui-port',
    '0',
    '--conf',
    `spark.worker.timeout=${options.timeout}`,
  ],
  { cwd: folder, stdio: ['ignore', 'ignore', 'pipe'] },
);
const envs = [];
try {
  const url = await new Promise((resolve, reject) => {
    let log = '';
    master.stderr.setEncoding('utf8').on('data', (text) => {
      if (log.length > 10_000) return;
      log += text;
      const found = /Starting Iskra master at spark:\/\/(\S+)/.exec(log)?.[1];
      if (found !== undefined) resolve(found);
    });
    master.on('exit', () => reject(new Error(`the master ended:\n${log}`)));
  });
  const address = parseAddress(url);
  /** CPU ms so far, and MiB resident. */
  const measure = () => {
    const stat = readFileSync(`/proc/${master.pid}/stat`, 'utf8');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    const rss = /VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${master.pid}/status`, 'utf8'))?.[1];
    return { cpuMs: ((Number(fields[11]) + Number(fields[12])) * 1000) / TICKS_PER_SECOND, mib: Number(rss) / 1024 };
  };
  const rows = [];
  const timed = async (what, body) => {
    const before = measure();
    const started = performance.now();
    const messages = await body();
    const ms = performance.now() - started;
    const after = measure();
    const cpu = after.cpuMs - before.cpuMs;
    rows.push([
      what,
      `${(ms / 1000).toFixed(2)} s`,
      `${cpu.toFixed(0)} ms (${((cpu / ms) * 100).toFixed(1)} %)`,
      messages > 0 ? `${((cpu * 1000) / messages).toFixed(1)} µs` : '',
      `${after.mib.toFixed(0)} MiB`,
    ]);
  };

  await timed('started, nobody there, 2 s', async () => {
    await sleep(2000);
    return 0;
  });
  const workers = [];
  await timed(`${numWorkers} workers connect and register`, async () => {
    const registered = [];
    for (let i = 0; i < numWorkers; i++) registered.push(startWorker(i, address));
    workers.push(...(await Promise.all(registered)));
    return numWorkers;
  });
  await timed(`${numWorkers} workers, a heartbeat each ${HEARTBEAT_MS / 1000} s, ${seconds} s`, async () => {
    let sent = 0;
    const timers = workers.map((worker, i) =>
      setTimeout(
        () => {
          worker.heartbeat();
          sent++;
          timers.push(
            setInterval(() => {
              worker.heartbeat();
              sent++;
            }, HEARTBEAT_MS),
          );
        },
        (i / numWorkers) * HEARTBEAT_MS,
      ),
    );
    await sleep(seconds * 1000);
    for (const timer of timers) clearInterval(timer);
    return sent;
  });
  await timed(`the same with ${STORM} heartbeats a second, 10 s`, async () => {
    let sent = 0;
    const started = performance.now();
    for (let now = started; now - started < 10_000; now = performance.now()) {
      for (; sent < ((now - started) * STORM) / 1000; sent++) workers[sent % numWorkers].heartbeat();
      await sleep(5);
    }
    // What is asked last is answered last: everything was handled.
    await Promise.all(workers.map((worker) => worker.ready()));
    return sent;
  });
  const { workers: seen } = await workers[0].state();
  const alive = seen.filter(({ state }) => state === 'ALIVE').length;
  await timed('asked for its state 100 times, as its page does', async () => {
    for (let i = 0; i < 100; i++) await workers[i % numWorkers].state();
    return 100;
  });

  const head = ['what', 'time', 'CPU of the master', 'for each', 'memory'];
  process.stdout.write(
    `${numWorkers} workers on ${cpus()[0]?.model.trim()}, Node ${process.version}; ${alive} ALIVE at the end\n\n`,
  );
  for (const line of [head, head.map(() => '---'), ...rows]) process.stdout.write(`| ${line.join(' | ')} |\n`);
  if (alive !== numWorkers) process.exitCode = 1;
} finally {
  await Promise.all(envs.map((env) => env.stop()));
  const ended = new Promise((resolve) => master.on('exit', resolve));
  if (master.exitCode === null && master.kill('SIGTERM')) await ended;
  rmSync(folder, { recursive: true, force: true });
}

/** Registers, as a worker does: over a connection of its own, with an address that it serves. */
async function startWorker(i, address) {
  const env = await RpcEnv.create({
    name: 'fakeWorker',
    host: '127.0.0.1',
    port: 0,
    security: { kind: 'none', offLoopback: 'refused' },
  });
  envs.push(env);
  let registered = () => {};
  const answered = new Promise((resolve, reject) => {
    registered = (message) =>
      message.type === 'RegisteredWorker' ? resolve() : reject(new Error(JSON.stringify(message)));
  });
  env.register('Worker', { receive: (message) => registered(message) });
  const ref = await env.connect(address, 'Master');
  const id = `worker-load-${i}`;
  const worker = {
    id,
    ...env.address,
    cores: 16,
    memory: 65_536,
    webUiAddress: 'http://127.0.0.1:8081',
    resources: {},
  };
  ref.send({ type: 'RegisterWorker', worker, masterAddress: '127.0.0.1:7077' });
  await answered;
  ref.send({ type: 'WorkerLatestState', workerId: id, executors: [], drivers: [] });
  return {
    heartbeat: () => ref.send({ type: 'Heartbeat', workerId: id }),
    ready: () => ref.ask('RequestReadyz', null),
    state: () => ref.ask('RequestMasterState', null),
  };
}
