// Spark's own spark-submit as a client of this master: SPARK_HOME=… node examples/cluster/spark-client.mjs
// It submits an application over HTTP, asks for its state and kills it. SPARK_HOME is a Spark 3 or 4, such as pip's pyspark.
import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

const sparkHome = process.env.SPARK_HOME;
if (sparkHome === undefined) {
  process.stderr.write('SPARK_HOME is not set: give the folder of a Spark that has bin/spark-submit\n');
  process.exit(2);
}
const command = join(import.meta.dirname, '..', '..', 'bin', 'iskra');
const folder = mkdtempSync(join(tmpdir(), 'iskra-spark-client-'));
const env = {
  ...process.env,
  ...{ ISKRA_PID_DIR: join(folder, 'pids'), ISKRA_LOG_DIR: join(folder, 'logs'), ISKRA_CONF_DIR: folder },
  SPARK_LOCAL_IP: '127.0.0.1',
};
const run = promisify(execFile);
const say = (text) => process.stdout.write(`${text}\n`);
const iskra = async (...args) => (await run(process.execPath, [command, ...args], { env })).stdout.trim();

/** What Spark's client says, without the JVM's and its own greetings. */
async function spark(...args) {
  const all = ['--master', gateway, '--deploy-mode', 'cluster', ...args];
  say(`$ spark-submit ${all.join(' ').replaceAll(folder, '$DIR')}`);
  const { stdout, stderr } = await run(join(sparkHome, 'bin', 'spark-submit'), all, { env });
  const lines = `${stdout}${stderr}`.split('\n').filter((line) => line !== '' && !/^WARNING|^Using|WARN Utils/.test(line));
  say(lines.map((line) => `  ${line}`).join('\n').replaceAll(folder, '$DIR'));
  return lines.join('\n');
}

/** Fails unless it is so. */
function expect(what, holds) {
  say(`${holds ? 'ok' : 'NOT SO'}: ${what}`);
  if (!holds) process.exitCode = 1;
}

let gateway = '';
try {
  writeFileSync(join(folder, 'app.mjs'), "console.log('from Spark', process.argv.slice(2).join(' ')); setTimeout(() => {}, 120_000);");
  const ports = ['--port', '0', '--webui-port', '0'];
  const rest = ['--conf', 'spark.master.rest.enabled=true', '--conf', 'spark.master.rest.port=0'];
  const started = await iskra('master', '--daemon', ...ports, ...rest);
  const [master] = /spark:\/\/\S+?:\d+/.exec(started);
  const [pages] = /http:\/\/\S+?:\d+/.exec(started);
  await iskra('worker', '--daemon', ...ports, '--cores', '1', '--memory', '512m', '--work-dir', join(folder, 'work'), master);
  [gateway] = /spark:\/\/\S+?:\d+(?= \(cluster mode\))/.exec(await (await fetch(pages)).text());
  const driverNow = async (id) => {
    const { activedrivers, completeddrivers } = await (await fetch(`${pages}/json/`)).json();
    return [...activedrivers, ...completeddrivers].find((driver) => driver.id === id)?.state;
  };

  const submitted = await spark('--conf', 'spark.master.rest.enabled=true', '--class', 'app.mjs', '--driver-memory', '256m', `file:${folder}/app.mjs`, 'a', 'b');
  const id = /created as (driver-\S+?)\./.exec(submitted)?.[1] ?? '';
  expect('Spark got the id of its driver, and that it runs', id !== '' && /now RUNNING/.test(submitted));
  await spark('--status', id);
  expect('the driver runs', (await driverNow(id)) === 'RUNNING');
  expect('Spark has killed it', /killed successfully/.test(await spark('--kill', id)));
  for (let tries = 0; tries < 100 && (await driverNow(id)) === 'RUNNING'; tries++) await new Promise((resolve) => setTimeout(resolve, 100));
  expect('the driver is killed', (await driverNow(id)) === 'KILLED');
  expect('a driver that there is not cannot be killed', /does not exist/.test(await spark('--kill', 'driver-none')));
} finally {
  await iskra('stop', 'worker').catch(String);
  await iskra('stop', 'master').catch(String);
  rmSync(folder, { recursive: true, force: true });
}
