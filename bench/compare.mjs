// Runs the same programs on Iskra and on Apache Spark in turn (A B A B), checks that their results agree, and writes a table.
//   node bench/compare.mjs [NAME…] [--small] [--pairs 2] [--label WORD] [--no-write] [--list]
import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { cpus, release, totalmem } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { runMeasured } from './lib/measured.mjs';
import { SUITE } from './suite.mjs';

const ROOT = join(import.meta.dirname, '..');
const SPARK_RUN = join(ROOT, 'bench', 'spark', 'run.sh');

const { values: options, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    small: { type: 'boolean', default: false },
    pairs: { type: 'string', default: '2' },
    label: { type: 'string' },
    'no-write': { type: 'boolean', default: false },
    list: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
});

if (options.help || options.list) {
  for (const entry of SUITE) say(`${entry.name.padEnd(20)}${entry.what(options.small)}`);
  process.exit(0);
}
for (const name of positionals)
  if (!SUITE.some((entry) => entry.name === name)) fail(`no comparison is called '${name}'; --list shows all`);
const pairs = Number(options.pairs);
if (!Number.isInteger(pairs) || pairs < 1) fail(`--pairs ${options.pairs}: a whole number from 1 is needed`);

const chosen = positionals.length > 0 ? SUITE.filter((entry) => positionals.includes(entry.name)) : SUITE;
const iskra = iskraCommand();
const machine = describeMachine();
const rows = [];
for (const entry of chosen) rows.push(await compare(entry));

const report = render(rows);
say(`\n${report}`);
if (!options['no-write']) {
  const label = options.label ?? (chosen.length === 1 ? chosen[0].name : positionals.length > 0 ? 'some' : 'all');
  const path = join(ROOT, 'bench', 'results', `${today()}-${label}${options.small ? '-small' : ''}.md`);
  mkdirSync(join(ROOT, 'bench', 'results'), { recursive: true });
  writeFileSync(path, report);
  say(`written to ${path}`);
}
process.exitCode = rows.every((row) => row.problem === '') ? 0 : 1;

/** One line of the table: both sides `pairs` times, in turn, so that a slow spell of the machine hits both. */
async function compare(entry) {
  const service = await entry.service?.();
  const args = entry.args(options.small, service?.url);
  const sides = { iskra: [], spark: [] };
  for (let pair = 0; pair < pairs; pair++)
    for (const side of ['iskra', 'spark']) {
      const [command, ...rest] =
        side === 'iskra'
          ? [...iskra, 'run', '--driver-memory', '8g', join(ROOT, 'bench', 'jobs', `${entry.job}.ts`), ...args]
          : [SPARK_RUN, entry.spark, ...args];
      const run = readRun(await runMeasured(command, rest, { cwd: ROOT }), side);
      sides[side].push(run);
      say(
        `${entry.name} ${pair + 1}/${pairs} ${side}: ${run.problem || `${show(timeOf(entry, [run]))} ms, ${show(run.peakMb)} MB`}`,
      );
    }
  service?.stop();
  const all = [...sides.iskra, ...sides.spark];
  const problem = all.find((run) => run.problem)?.problem ?? disagreement(all);
  return {
    entry,
    problem,
    iskra: summary(entry, sides.iskra),
    spark: summary(entry, sides.spark),
  };
}

/** The JSON lines of one run; run.sh ends with one for the process, whose figures leave out the measuring shell around it. */
function readRun(result, side) {
  const lines = result.stdout
    .split('\n')
    .filter((line) => line.startsWith('{'))
    .map((line) => JSON.parse(line));
  const rounds = lines.filter((line) => line.bench !== undefined);
  const whole = lines.find((line) => line.process) ?? { ms: result.ms, peakMb: result.peakMb };
  let problem = '';
  if (result.code !== 0) problem = `${side} ended with code ${result.code}: ${lastLines(result.stderr)}`;
  else if (rounds.length === 0) problem = `${side} printed no measurement: ${lastLines(result.stderr)}`;
  return { rounds, ms: whole.ms, peakMb: whole.peakMb, problem };
}

function summary(entry, runs) {
  return { ms: timeOf(entry, runs), best: bestOf(entry, runs), cold: coldOf(runs), peakMb: most(runs) };
}

function timeOf(entry, runs) {
  return median(runs.flatMap((run) => times(entry, run)));
}

function bestOf(entry, runs) {
  return Math.min(...runs.flatMap((run) => times(entry, run)));
}

/** The later half of a process's warm rounds: both engines still compile in the earlier ones, the JVM for longer. */
function times(entry, run) {
  if (entry.timed === 'process') return [run.ms];
  if (entry.timed === 'first') return run.rounds.slice(0, 1).map((round) => round.ms);
  const warm = run.rounds.filter((round) => round.warm).map((round) => round.ms);
  return warm.slice(Math.floor(warm.length / 2));
}

function coldOf(runs) {
  return median(runs.flatMap((run) => run.rounds.filter((round) => !round.warm).map((round) => round.ms)));
}

function most(runs) {
  return Math.max(...runs.map((run) => run.peakMb ?? Number.NaN));
}

function disagreement(runs) {
  const results = runs.flatMap((run) => run.rounds.map((round) => round.result));
  const other = results.find((result) => !same(result, results[0]));
  return other === undefined ? '' : `results differ: ${JSON.stringify(results[0])} and ${JSON.stringify(other)}`;
}

/** Texts and whole numbers to the letter; fractions, which depend on the order of addition, to nine digits. */
function same(a, b) {
  if (Array.isArray(a) && Array.isArray(b)) return a.length === b.length && a.every((x, i) => same(x, b[i]));
  if (typeof a === 'number' && typeof b === 'number' && !(Number.isInteger(a) && Number.isInteger(b)))
    return Math.abs(a - b) <= 1e-9 * Math.max(Math.abs(a), Math.abs(b));
  return a === b;
}

function render(rows) {
  const command = ['node bench/compare.mjs', ...process.argv.slice(2)].join(' ');
  const out = [
    `# Iskra and Apache Spark, ${today()}${options.small ? ' (small sizes: a check that it works, not a measurement)' : ''}`,
    '',
    `Commit ${machine.commit}. ${machine.hardware}. ${machine.software}. Both with \`local[2]\` and 8 GB (spark.driver.memory). Command: \`${command}\`.`,
    '',
    `${pairs} run${pairs === 1 ? '' : 's'} of each side, in turn. Time: median of the later half of the warm rounds; for the whole`,
    'process: from start to exit. Best: the fastest of these. Cold: the first round of a process. Ratio: Spark’s time by Iskra’s,',
    'above 1 Iskra is faster. Memory: the largest sum of resident memory over all processes of a side, in MiB.',
    '',
    '| work | Iskra ms | Spark ms | ratio | best: Iskra | Spark | ratio | cold: Iskra | Spark | memory: Iskra | Spark |',
    '|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|',
  ];
  for (const { entry, problem, iskra, spark } of rows) {
    const ratio = (key) => (problem === '' ? `${(spark[key] / iskra[key]).toFixed(2)}×` : '–');
    const cells = ['ms', 'best'].flatMap((key) => [iskra[key], spark[key], ratio(key)]);
    cells.push(iskra.cold, spark.cold, iskra.peakMb, spark.peakMb);
    out.push(`| ${entry.what(options.small)} | ${cells.map(show).join(' | ')} |`);
  }
  const problems = rows.filter((row) => row.problem !== '');
  out.push('', problems.length === 0 ? 'All results of both sides agree.' : 'Problems:', '');
  for (const row of problems) out.push(`- ${row.entry.name}: ${row.problem}`);
  return `${out.join('\n').trimEnd()}\n`;
}

function describeMachine() {
  const cpu = cpus();
  const dirty = tell('git', ['-C', ROOT, 'status', '--porcelain']) === '' ? '' : ' and changes not committed';
  const java = /version "([^"]+)"/.exec(tell('sh', ['-c', 'java -version 2>&1']))?.[1] ?? 'none';
  return {
    commit: tell('git', ['-C', ROOT, 'rev-parse', '--short=12', 'HEAD']) + dirty,
    hardware: `${cpu.length} × ${cpu[0]?.model.trim() ?? 'CPU'}, ${Math.round(totalmem() / 2 ** 30)} GiB, Linux ${release()}`,
    software: `Node ${process.versions.node}, Java ${java}, Spark ${sparkVersion()}`,
  };
}

function sparkVersion() {
  const version = tell('bash', [
    '-c',
    `source '${join(ROOT, 'bench/spark/home.sh')}' && basename "$(spark_home)"/jars/spark-core_*.jar .jar`,
  ]);
  if (version === '') fail('Apache Spark is not there; run bench/spark/setup.sh first');
  return version.replace(/^spark-core_[^-]*-/, '');
}

/** ISKRA_BIN, or what package.json calls `iskra`, started by this Node. */
function iskraCommand() {
  if (process.env.ISKRA_BIN) return [process.env.ISKRA_BIN];
  const { bin } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'));
  const path = typeof bin === 'string' ? bin : bin?.iskra;
  if (!path) fail('package.json names no command `iskra`; set ISKRA_BIN');
  return [process.execPath, join(ROOT, path)];
}

function tell(command, args) {
  try {
    return execFileSync(command, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim();
  } catch {
    return '';
  }
}

function median(numbers) {
  const sorted = numbers.filter((x) => Number.isFinite(x)).sort((a, b) => a - b);
  if (sorted.length === 0) return Number.NaN;
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

function show(value) {
  if (typeof value !== 'number') return value ?? '–';
  if (!Number.isFinite(value)) return '–';
  return value.toLocaleString('en', { maximumFractionDigits: value < 10 ? 2 : value < 100 ? 1 : 0 });
}

function lastLines(text) {
  return text.trim().split('\n').slice(-3).join(' / ').slice(0, 600);
}

function today() {
  return new Date().toISOString().slice(0, 10);
}

function say(text) {
  process.stdout.write(`${text}\n`);
}

function fail(text) {
  process.stderr.write(`compare.mjs: ${text}\n`);
  process.exit(2);
}
