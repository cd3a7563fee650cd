// A standalone cluster of this machine, against Spark's: from the submission to the end of the smallest job in client mode, and the
// time from the death of an executor to the first task of the next one. Each with workers that keep a spare executor, as they do by
// themselves, and without.
//   node bench/cluster.mjs [submit|executor-loss …] [--pairs 5] [--no-write] [--no-spark]
// Needs bench/spark/setup.sh for Spark's side. Writes bench/results/YYYY-MM-DD-cluster.md.
import { execFile, execFileSync, spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { cpus, loadavg, release, tmpdir, totalmem } from 'node:os';
import { join } from 'node:path';
import { parseArgs, promisify } from 'node:util';
import { runMeasured } from './lib/measured.mjs';

const ROOT = join(import.meta.dirname, '..');
const ISKRA = join(ROOT, 'bin', 'iskra');
const { values: options, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    pairs: { type: 'string', default: '5' },
    'no-write': { type: 'boolean', default: false },
    'no-spark': { type: 'boolean', default: false },
  },
});
const pairs = Number(options.pairs);
const wanted = (name) => positionals.length === 0 || positionals.includes(name);
const say = (text) => process.stdout.write(`${text}\n`);
const folder = mkdtempSync(join(tmpdir(), 'iskra-bench-cluster-'));
const WITHOUT_SPARES = 'spark.iskra.worker.spareExecutors=0';
/** Until a worker has a spare executor again. */
const SPARE_MS = 2000;
const median = (numbers) => [...numbers].sort((a, b) => a - b)[numbers.length >> 1];
const shown = (ms) => `${median(ms).toFixed(0)} ms (${Math.min(...ms).toFixed(0)} to ${Math.max(...ms).toFixed(0)})`;
const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
const rows = [];
const ends = [];

try {
  const warm = await startIskra('warm');
  const cold = await startIskra('cold', WITHOUT_SPARES);
  if (wanted('submit')) await submit(warm, cold);
  if (wanted('executor-loss')) await executorLoss(warm, cold);
} finally {
  for (const end of ends.reverse()) await end();
  rmSync(folder, { recursive: true, force: true });
}
const report = render();
say(`\n${report}`);
if (!options['no-write']) {
  const path = join(ROOT, 'bench', 'results', `${new Date().toISOString().slice(0, 10)}-cluster.md`);
  mkdirSync(join(ROOT, 'bench', 'results'), { recursive: true });
  writeFileSync(path, report);
  say(`written to ${path}`);
}

/** A master and a worker with two cores. */
async function startIskra(name, ...settings) {
  const env = { ...process.env, ISKRA_PID_DIR: join(folder, name, 'pids'), ISKRA_LOG_DIR: join(folder, name, 'logs') };
  const run = async (...args) => (await promisify(execFile)(process.execPath, [ISKRA, ...args], { env })).stdout;
  const any = ['--port', '0', '--webui-port', '0'];
  const master = /spark:\/\/\S+?:\d+/.exec(await run('master', '--daemon', ...any))[0];
  ends.push(() => run('stop', 'master'));
  const worker = ['--cores', '2', '--memory', '4g', '--work-dir', join(folder, name, 'work')];
  const conf = settings.flatMap((setting) => ['--conf', setting]);
  const told = await run('worker', '--daemon', ...any, ...worker, ...conf, master);
  ends.push(() => run('stop', 'worker'));
  return { env, master, workDir: join(folder, name, 'work'), worker: /spark:\/\/(\S+?:\d+)/.exec(told)[1] };
}

/** The same of Spark. */
async function startSpark() {
  const home = execFileSync('bash', ['-c', `source ${join(ROOT, 'bench/spark/home.sh')}; spark_home`], {
    encoding: 'utf8',
  }).trim();
  const start = (...args) => {
    const child = spawn(join(home, 'bin', 'spark-class'), args, {
      env: { ...process.env, SPARK_LOCAL_IP: '127.0.0.1', SPARK_WORKER_DIR: join(folder, 'spark-work') },
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    ends.push(() => new Promise((resolve) => child.once('exit', resolve) && child.kill()));
    return child;
  };
  const told = (child, pattern) =>
    new Promise((resolve, reject) => {
      let text = '';
      child.stderr.setEncoding('utf8').on('data', (more) => {
        text += more;
        const found = pattern.exec(text);
        if (found) resolve(found[0]);
      });
      child.once('exit', () => reject(new Error(`Spark's daemon ended: ${text}`)));
    });
  const any = ['--host', '127.0.0.1', '--port', '0', '--webui-port', '0'];
  const master = await told(start('org.apache.spark.deploy.master.Master', ...any), /spark:\/\/127\.0\.0\.1:\d+/);
  const worker = start('org.apache.spark.deploy.worker.Worker', ...any, '--cores', '2', '--memory', '4g', master);
  await told(worker, /Successfully registered with master/);
  return master;
}

async function submit(warm, cold) {
  const spark = options['no-spark'] ? null : await startSpark();
  const app = join(ROOT, 'bench/jobs/startup.ts');
  const must = async (command, args, more) => {
    const result = await runMeasured(command, args, { cwd: ROOT, memory: false, ...more });
    if (result.code !== 0) throw new Error(`${command} ${args.join(' ')} ended with ${result.code}: ${result.stderr}`);
    return result;
  };
  const ours = async ({ env, master }) => {
    await pause(SPARE_MS);
    return (await must(process.execPath, [ISKRA, 'submit', '--master', master, app, `master=${master}`], { env })).ms;
  };
  await ours(warm); // compiles the application
  await ours(cold);
  const took = { warm: [], cold: [], spark: [] };
  for (let i = 0; i < pairs; i++) {
    took.warm.push(await ours(warm));
    took.cold.push(await ours(cold));
    if (spark === null) continue;
    const { stdout } = await must(join(ROOT, 'bench/spark/run.sh'), ['startup'], {
      env: { ...process.env, ISKRA_BENCH_MASTER: spark, ISKRA_BENCH_MEMORY: '1g' },
    });
    took.spark.push(JSON.parse(stdout.trim().split('\n').at(-1)).ms);
  }
  const what = 'client mode on a running cluster, `parallelize(1..10).count()`, whole process';
  for (const [more, ms] of [
    ['', took.warm],
    [', workers without spare executors', took.cold],
  ])
    add([
      what + more,
      shown(ms),
      spark === null ? '–' : shown(took.spark),
      spark === null ? '–' : `${(median(took.spark) / median(ms)).toFixed(1)}×`,
      `≤ 400 ms: ${median(ms) <= 400 ? 'yes' : 'no'}`,
    ]);
}

async function executorLoss(warm, cold) {
  const took = { warm: [], cold: [] };
  for (let i = 0; i < pairs; i++) {
    took.warm.push(await replacement(warm));
    took.cold.push(await replacement(cold));
  }
  const what = 'kill -9 of the only executor, until the first task of the next has run (20 ms of it the task)';
  add([what, shown(took.warm), '–', '–', '–']);
  add([`${what}, workers without spare executors`, shown(took.cold), '–', '–', '–']);
}

async function replacement({ env, master, worker, workDir }) {
  const args = [
    'submit',
    '--master',
    master,
    '--conf',
    'spark.log.level=INFO', // its executors say when they have registered
    join(ROOT, 'bench/jobs/executor-loss.ts'),
    `master=${master}`,
    'tasks=300',
  ];
  const running = runMeasured(process.execPath, [ISKRA, ...args], { cwd: ROOT, env });
  const pid = await executorOf(worker);
  await registered(workDir);
  await pause(SPARE_MS); // it is at work
  process.kill(pid, 'SIGKILL');
  const killedAt = Date.now();
  const { code, stdout, stderr } = await running;
  if (code !== 0) throw new Error(`the job ended with ${code}: ${stderr}`);
  const { executors } = JSON.parse(stdout);
  const next = executors.find(([other]) => other !== pid);
  if (executors.length !== 2) throw new Error(`two executors were expected: ${stdout}`);
  return next[1].first - killedAt;
}

function add(row) {
  rows.push(row);
  say(row.join(' | '));
}

/** Resolves when the executor of the worker's last application has registered. */
async function registered(workDir) {
  for (;;) {
    const app = readdirSync(workDir)
      .filter((name) => name.startsWith('app-'))
      .sort()
      .at(-1);
    if (readFileSync(join(workDir, app, '0', 'stderr'), 'utf8').includes('registered with the driver')) return;
    await pause(20);
  }
}

/** The process of a worker's executor, once there is one. */
async function executorOf(worker) {
  for (;;) {
    const all = execFileSync('ps', ['-eo', 'pid,args'], { encoding: 'utf8' }).split('\n');
    const line = all.find((each) => each.includes(`--worker-url spark://Worker@${worker}`));
    if (line !== undefined) return Number.parseInt(line, 10);
    await pause(20);
  }
}

function render() {
  const git = (...args) => execFileSync('git', args, { cwd: ROOT, encoding: 'utf8' }).trim();
  const [cpu] = cpus();
  return `# A standalone cluster, ${new Date().toISOString().slice(0, 10)}

Commit ${git('rev-parse', '--short=12', 'HEAD')}. ${cpus().length} × ${cpu.model.trim()}, ${Math.round(totalmem() / 2 ** 30)} GiB, Linux ${release()}. Node ${process.versions.node}. Load at the end: ${loadavg()[0].toFixed(1)}.
Command: \`node bench/cluster.mjs${positionals.map((name) => ` ${name}`).join('')} --pairs ${pairs}\`. Master and one worker of two cores on this machine; ${pairs} runs of each side
in turn; median, and in brackets the least and the most.

| what | Iskra | Spark | ratio | goal met |
|---|--:|--:|--:|---|
${rows.map((row) => `| ${row.join(' | ')} |`).join('\n')}
`;
}
