// The schedulers at full size and at a tenth of it, against their goals: node bench/simulation/run.mjs [--pairs N] [--no-write]
// (after npm run build). See README.md.

import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { cpus, loadavg } from 'node:os';
import { fileURLToPath } from 'node:url';

const FULL = { executors: 10_000, tasks: 1_000_000, losses: 20 };
const TENTH = { executors: 1000, tasks: 100_000, losses: 2 };
const MAX_US = 20;
const MAX_RATIO = 1.3;

const arguments_ = process.argv.slice(2);
const pairs = Number(arguments_[arguments_.indexOf('--pairs') + 1] ?? Number.NaN) || 2;
const simulate = fileURLToPath(new URL('simulate.mjs', import.meta.url));

function run(size, seed) {
  const values = Object.entries({ ...size, seed }).map(([key, value]) => `${key}=${value}`);
  const out = JSON.parse(execFileSync(process.execPath, [simulate, ...values], { encoding: 'utf8' }));
  process.stderr.write(
    `${values.join(' ')}: ${out.usPerTask.toFixed(1)} µs, ${out.bytesPerTask.toFixed(0)} bytes a task\n`,
  );
  return out;
}

const loadBefore = loadavg()[0];
/** Of an even number the larger of the two in the middle: the less flattering one. */
const median = (values) => values.sort((a, b) => a - b)[values.length >> 1];
const usOf = (runs) => median(runs.map((r) => r.usPerTask));
const full = [];
const tenth = [];
for (let pair = 1; pair <= pairs; pair++) {
  tenth.push(run(TENTH, pair));
  full.push(run(FULL, pair));
}

const us = { full: usOf(full), tenth: usOf(tenth) };
// Of runs that followed each other.
const ratios = full.map((r, i) => r.usPerTask / tenth[i].usPerTask);
const ratio = median(ratios);
const row = (name, runs) => {
  const { ended, attempts } = runs[0];
  const ends = `${ended.failed} failed, ${ended.fetchFailed} without their input, ${ended.killed} second copies killed, ${ended.lost} lost`;
  const times = runs.map((r) => r.usPerTask);
  const range = `${Math.min(...times).toFixed(1)} to ${Math.max(...times).toFixed(1)}`;
  const whole = median(runs.map((r) => r.usPerTask + r.usOfSimulation)).toFixed(1);
  const bytes = Math.max(...runs.map((r) => r.bytesPerTask)).toFixed(0);
  return `| ${name} | ${usOf(runs).toFixed(1)} (${range}) | ${whole} | ${bytes} | ${attempts}: ${ends} | ${runs[0].simulatedSeconds.toFixed(0)} s |`;
};
const met = (good) => (good ? 'yes' : 'no');
const git = (...args) => execFileSync('git', args, { encoding: 'utf8' }).trim();
const today = new Date().toISOString().slice(0, 10);
const text = `# The schedulers at the size of a large cluster, ${today}

Commit ${git('rev-parse', '--short=12', 'HEAD')}. ${cpus().length} × ${cpus()[0]?.model ?? 'unknown'}. Node ${process.version.slice(1)}.
Command: \`node bench/simulation/run.mjs --pairs ${pairs}\`. Median of ${pairs} runs with different seeds, the sizes in turn; in brackets the range.
Load of the machine when it began: ${loadBefore.toFixed(1)} (what else ran counts: it takes the caches).

| cluster | µs of CPU a task, schedulers | with the simulation | bytes a task, most | attempts of the first run | simulated time |
|---|---|---|---|---|---|
${row('1,000 executors of 4 cores, 100,000 tasks', tenth)}
${row('10,000 executors of 4 cores, 1,000,000 tasks', full)}

| goal | found | met |
|---|---|---|
| at most ${MAX_US} µs a task at full size | ${us.full.toFixed(1)} µs | ${met(us.full <= MAX_US)} |
| at full size at most ${MAX_RATIO} times what a task costs at a tenth | ${ratio.toFixed(2)} (${ratios.map((r) => r.toFixed(2)).join(', ')}) | ${met(ratio <= MAX_RATIO)} |
`;
process.stdout.write(text);
if (!arguments_.includes('--no-write'))
  writeFileSync(fileURLToPath(new URL(`../results/${today}-simulation.md`, import.meta.url)), text);
process.exitCode = us.full <= MAX_US && ratio <= MAX_RATIO ? 0 : 1;
