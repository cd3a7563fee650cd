// A standalone cluster on this machine, from its start to its end: node examples/cluster/run.mjs
// A master, two workers, an application in client mode and in cluster mode, an executor that is killed in the middle of a job.
import { execFile, execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

const command = join(import.meta.dirname, '..', '..', 'bin', 'iskra');
const application = join(import.meta.dirname, 'word-lengths.ts');
const books = join(import.meta.dirname, '..', 'data', '*.txt');
const folder = mkdtempSync(join(tmpdir(), 'iskra-cluster-'));
const env = { ...process.env, ISKRA_PID_DIR: join(folder, 'pids'), ISKRA_LOG_DIR: join(folder, 'logs') };
const run = promisify(execFile);

const say = (text) => process.stdout.write(`${text}\n`);
const title = (text) => say(`\n== ${text}`);

/** Runs `iskra` and returns what it printed. */
async function iskra(...args) {
  say(`$ iskra ${args.map((arg) => arg.replace(folder, '$DIR').replace(join(import.meta.dirname, '..'), 'examples')).join(' ')}`);
  const { stdout, stderr } = await run(process.execPath, [command, ...args], { env });
  const printed = `${stdout}${stderr}`.trimEnd();
  if (printed !== '') say(printed.replaceAll(folder, '$DIR').replace(/^/gm, '  '));
  return printed;
}

/** Processes of this cluster: daemons, and whatever was started for one of its workers. */
const marks = [];
const daemons = [];
function processes() {
  const all = execFileSync('ps', ['-eo', 'pid,args'], { encoding: 'utf8' }).split('\n');
  return all.filter((line) => daemons.includes(Number.parseInt(line, 10)) || marks.some((mark) => line.includes(mark)));
}
function showProcesses() {
  const found = processes();
  for (const line of found) say(`  ${line.trim().slice(0, 150)}`);
  if (found.length === 0) say('  none');
  return found;
}

const pidIn = (told) => Number(/as process (\d+)/.exec(told)[1]);

/** Looks again until there is something to see. */
async function until(look) {
  for (let tries = 0; tries < 300; tries++) {
    const found = await look();
    if (found) return found;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  throw new Error('waited 30 s for what did not come');
}

try {
  title('A master, and two workers of one core each');
  const port = ['--port', '0', '--webui-port', '0'];
  const started = await iskra('master', '--daemon', ...port);
  const master = /spark:\/\/\S+?:\d+/.exec(started)[0];
  const pages = /http:\/\/\S+?:\d+/.exec(started)[0];
  daemons.push(pidIn(started));
  for (const instance of ['1', '2']) {
    const dir = join(folder, `work-${instance}`);
    const told = await iskra('worker', '--daemon', '--instance', instance, ...port, '--cores', '1', '--memory', '1g', '--work-dir', dir, master);
    daemons.push(pidIn(told));
    marks.push(`Worker@${/spark:\/\/(\S+?:\d+)/.exec(told)[1]}`);
  }
  await until(async () => (await (await fetch(`${pages}/json/`)).json()).aliveworkers === 2);
  say(`two workers are registered: ${pages}/json/`);
  title('Processes');
  showProcesses();

  const submit = ['submit', '--master', master, '--executor-memory', '512m'];
  title('Client mode: the driver is the command itself');
  const first = /app-\d+-\d+/.exec(await iskra(...submit, application, books))[0];

  title('The same, longer, while an executor is killed (kill -9)');
  const long = spawn(process.execPath, [command, ...submit, '--conf', 'spark.log.level=INFO', application, books, '60'], { env });
  let log = '';
  let counts = '';
  long.stderr.on('data', (text) => (log += text));
  long.stdout.on('data', (text) => (counts += text));
  const ended = new Promise((resolve) => long.once('close', resolve));
  await until(() => log.includes('Registered executor executorId=1'));
  await new Promise((resolve) => setTimeout(resolve, 500)); // it is at work
  const victim = processes().find((line) => line.includes('--executor-id 1 ') && !line.includes(first));
  process.kill(Number.parseInt(victim, 10), 'SIGKILL');
  say(`  killed process ${victim.trim().split(' ', 1)[0]}, executor 1`);
  await ended;
  for (const line of log.split('\n')) if (/Executor added|executor 1|Job \d finished/.test(line)) say(`  ${line}`);
  say(`  ${counts.trim()}`);
  const { completedapps } = await (await fetch(`${pages}/json/`)).json();
  for (const { id, name, state } of completedapps) say(`  the master says: ${id} ${name} ${state}`);

  title('Cluster mode: the driver runs on a worker');
  const submitted = await iskra(...submit, '--deploy-mode', 'cluster', '--driver-memory', '256m', application, books);
  const driver = /driver-\d+-\d+/.exec(submitted)[0];
  await until(async () => /FINISHED|FAILED|ERROR/.test((await run(process.execPath, [command, 'submit', '--master', master, '--status', driver], { env })).stdout));
  await iskra('submit', '--master', master, '--status', driver);
  for (const work of ['work-1', 'work-2']) {
    const place = join(folder, work);
    if (readdirSync(place).includes(driver)) say(`  $DIR/${work}/${driver}/stdout: ${readFileSync(join(place, driver, 'stdout'), 'utf8').trim()}`);
  }
} finally {
  title('The end');
  for (const instance of ['1', '2']) await iskra('stop', 'worker', '--instance', instance).catch(String);
  await iskra('stop', 'master').catch(String);
  title('Processes');
  const left = await until(() => (processes().length === 0 ? [] : null)).catch(() => processes());
  showProcesses();
  rmSync(folder, { recursive: true, force: true });
  if (left.length > 0) process.exitCode = 1;
}
