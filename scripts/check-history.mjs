// Holds event logs and history servers against Spark's own: test/history/*.real.ts, compiled. Spark is in a Python environment
// outside the repository, the one of bench/spark/setup.sh (ISKRA_BENCH_HOME); when it is not there it is installed, where that can
// be done: python3 with venv, a package index, a Java runtime. Where it cannot, says so and lets the rest of CI go on.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import { installDebianPackages } from './install-debian-packages.mjs';
import { runTestFiles } from './run-test-files.mjs';

const PYSPARK = 'pyspark>=4,<5';
const INSTALL_LIMIT_MS = 240_000;

const home =
  process.env.ISKRA_BENCH_HOME ?? join(process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache'), 'iskra-bench');
const python = join(home, 'venv/bin/python');
const works = (program, ...args) => spawnSync(program, args, { stdio: 'ignore' }).status === 0;
const hasJava = () => works('java', '-version');

/** The folder of Spark's jars; null: there is none. */
function findJars() {
  if (!existsSync(python)) return null;
  const find = 'import importlib.util as u; print(u.find_spec("pyspark").submodule_search_locations[0])';
  const found = spawnSync(python, ['-c', find], { encoding: 'utf8' });
  const jars = found.status === 0 ? join(found.stdout.trim(), 'jars') : null;
  return jars !== null && existsSync(jars) ? jars : null;
}

if (!hasJava()) installDebianPackages(['default-jre-headless']);
let jars = findJars();
if (jars === null && hasJava() && works('python3', '-m', 'venv', '--help')) {
  console.log(`installing ${PYSPARK} in ${home}; it is large`);
  mkdirSync(home, { recursive: true });
  const limit = { stdio: ['ignore', 'ignore', 'inherit'], timeout: INSTALL_LIMIT_MS, killSignal: 'SIGKILL' };
  const isNew = !existsSync(python);
  const run = (program, ...args) => spawnSync(program, args, limit).status === 0;
  const done =
    (!isNew || run('python3', '-m', 'venv', join(home, 'venv'))) &&
    run(python, '-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', PYSPARK);
  if (done) jars = findJars();
  // Half of Spark is worse than none.
  else if (isNew) rmSync(join(home, 'venv'), { recursive: true, force: true });
}
const reasons = [jars === null && 'Spark', !hasJava() && 'a Java runtime'].filter(Boolean);
if (reasons.length > 0) {
  console.error(`
=====================================================================================
 Event logs have NOT been held against Spark's history server: there is not ${reasons.join(', nor ')},
 and it could not be installed. With Java 17 or newer, and python3 with venv, type:
   bench/spark/setup.sh
=====================================================================================
`);
  process.exit(0);
}

const folder = join(import.meta.dirname, '..');
const wanted = process.argv.slice(2);
const files = readdirSync(join(folder, 'test/history'))
  .filter((name) => name.endsWith('.real.ts') && (wanted.length === 0 || wanted.some((part) => name.includes(part))))
  .map((name) => join(folder, 'dist/test/history', name.replace(/\.ts$/, '.js')));
for (const file of files)
  if (!existsSync(file)) {
    console.error(`${file} is not there; build first: npm run build`);
    process.exit(1);
  }
// All that tests make is in here; the processes that they start are ended by whoever runs them.
const temporary = mkdtempSync(join(tmpdir(), 'iskra-check-history-'));
process.env.TMPDIR = temporary;
process.env.ISKRA_SPARK_JARS = jars;
process.on('exit', () => rmSync(temporary, { recursive: true, force: true }));
const right = await runTestFiles(files, { root: join(folder, 'dist') });
process.exitCode = right ? 0 : 1;
