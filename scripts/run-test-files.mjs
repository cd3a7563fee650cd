// Runs compiled test files, each in a process of its own, and prints what each one said as a whole when it is through. A file that
// hangs is told from one that is slow by its silence: nothing printed, no test begun or ended. Then its unfinished tests are named,
// what keeps its process is shown, and it is killed with all that it has started.
import { spawn } from 'node:child_process';
import { closeSync, mkdtempSync, openSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';

/** The slowest single test takes half a minute on an idle machine, and ten times as long on one that is busy. */
const SILENCE_MS = 600_000;
const LOOK_EVERY_MS = 500;
const REPORT_WAIT_MS = 10_000;
/** What a file has started gets so long to end by itself. */
const LEFT_OVER_MS = 10_000;
const SLOWEST_SHOWN = 25;
/** What Node says at the end of each file. */
const COUNTS = /^ℹ (tests|suites|pass|fail|cancelled|skipped|todo|duration_ms) [\d.]+\n/gm;
/** In the environment of all that a file starts. */
const MARK = 'ISKRA_TEST_FILE_RUN';
const REPORTER = new URL('./test-events.mjs', import.meta.url).href;

/**
 * @param files paths of compiled tests, in the order in which they begin.
 * @param options `root`: what names are relative to; `concurrency`: files at a time; `silenceMs`: after which a file hangs;
 *   `flags`: further ones for Node.
 * @returns whether all is well: each file ended with 0 and ran at least one test.
 */
export async function runTestFiles(files, { root, concurrency = 2, silenceMs = SILENCE_MS, flags = [] }) {
  const folder = mkdtempSync(join(tmpdir(), 'iskra-test-'));
  const outcomes = [];
  const running = new Set();
  const onSignal = (signal) => {
    for (const file of running) file.kill();
    rmSync(folder, { recursive: true, force: true });
    console.error(`ended by ${signal}; at work was ${[...running].map(({ name }) => name).join(', ') || 'nothing'}`);
    process.exit(1);
  };
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, onSignal);
  const queue = files.map((path, index) => new FileRun(path, relative(root, path), join(folder, String(index))));
  const lane = async () => {
    for (let file = queue.shift(); file !== undefined; file = queue.shift()) {
      running.add(file);
      outcomes.push(await file.run(silenceMs, flags));
      running.delete(file);
    }
  };
  await Promise.all(Array.from({ length: concurrency }, lane));
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.off(signal, onSignal);
  rmSync(folder, { recursive: true, force: true });
  return summarize(outcomes);
}

class FileRun {
  name;
  #path;
  /** Where the events and a report of what keeps the process go. */
  #scratch;
  #mark;
  #child = null;
  /** For how long nothing was heard of it. Looks are counted, not time: a machine that stands still does not look. */
  #quietMs = 0;
  #output = [];

  constructor(path, name, scratch) {
    this.#path = path;
    this.name = name;
    this.#scratch = scratch;
    this.#mark = `${process.pid}-${scratch}`;
  }

  async run(silenceMs, flags) {
    const from = performance.now();
    const events = `${this.#scratch}.events`;
    closeSync(openSync(events, 'w'));
    const args = [
      ...['--test-reporter=spec', '--test-reporter-destination=stdout'],
      ...[`--test-reporter=${REPORTER}`, `--test-reporter-destination=${this.#scratch}.none`],
      ...['--report-on-signal', '--report-compact', `--report-filename=${this.#scratch}.report`],
    ];
    this.#child = spawn(process.execPath, [...args, ...flags, this.#path], {
      env: { ...process.env, [MARK]: this.#mark, ISKRA_TEST_EVENTS: events },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    for (const stream of [this.#child.stdout, this.#child.stderr])
      stream.on('data', (chunk) => {
        this.#quietMs = 0;
        this.#output.push(chunk);
      });
    const ended = new Promise((resolve) => {
      this.#child.on('error', (error) => resolve(`cannot be started: ${error.message}`));
      this.#child.on('exit', (code, signal) => {
        if (code === 0) resolve(null);
        else resolve(signal === null ? `ended with ${code}` : `was ended by ${signal}`);
      });
    });
    const closed = new Promise((resolve) => this.#child.on('close', resolve));
    const hung = await this.#watch(ended, events, silenceMs);
    let problem = await ended;
    const left = await this.#buryLeftOvers();
    // Whoever is left and cannot be found may hold its pipes.
    if ((await Promise.race([closed, later(LEFT_OVER_MS).then(() => 'held')])) === 'held') {
      this.#output.push(
        Buffer.from(`\n${this.name}: an unknown process holds its output; what that says is not heard\n`),
      );
      for (const stream of [this.#child.stdout, this.#child.stderr]) stream.destroy();
    }
    const story = readEvents(events);
    if (hung !== null) problem = hung;
    else if (problem === null && !story.over) problem = `ended before its tests were over${within(story)}`;
    else if (problem === null && story.begun === 0) problem = 'ran no test';
    const taken = performance.now() - from;
    this.#print(problem, story, left, taken);
    return { name: this.name, problem, failed: story.failed, tests: story.begun, taken };
  }

  /** Kills it, and all that it has started. */
  kill() {
    const offspring = this.#child === null ? [] : this.#offspring(); // asked while their parents are there
    this.#child?.kill('SIGKILL');
    for (const { pid } of offspring) tryKill(pid);
  }

  /** @returns null when it ends; otherwise that it hangs, and how. It is killed then. */
  async #watch(ended, events, silenceMs) {
    let size = 0;
    for (;;) {
      if ((await Promise.race([ended.then(() => 'over'), later(LOOK_EVERY_MS)])) === 'over') return null;
      const now = statSync(events).size;
      this.#quietMs = now === size ? this.#quietMs + LOOK_EVERY_MS : 0;
      size = now;
      if (this.#quietMs < silenceMs) continue;
      const story = readEvents(events);
      const where = story.over ? ', all its tests have ended' : within(story);
      const processes = this.#offspring();
      const report = await this.#report(ended);
      this.kill();
      await ended;
      this.#output.push(
        Buffer.from(
          [
            `\n${'='.repeat(100)}\n${this.name} HANGS: nothing was heard of it for ${silenceMs / 1000} s${where}`,
            report,
            ...(processes.length === 0 ? [] : ['it had started:']),
            ...processes.map(({ pid, command }) => `  ${pid} ${command}`),
            `${'='.repeat(100)}\n`,
          ].join('\n'),
        ),
      );
      return `hangs${where}`;
    }
  }

  /** Where it is and what keeps it, as Node's report says. */
  async #report(ended) {
    const file = `${this.#scratch}.report`;
    this.#child.kill('SIGUSR2');
    const limit = performance.now() + REPORT_WAIT_MS;
    while (performance.now() < limit) {
      await Promise.race([ended, later(100)]);
      try {
        const { javascriptStack, libuv } = JSON.parse(readFileSync(file, 'utf8'));
        const handles = libuv.filter(({ is_active, is_referenced }) => is_active && is_referenced);
        return [
          'its main thread is at:',
          ...(javascriptStack.stack ?? ['nothing: it waits']).map((line) => `  ${line}`),
          'its process is kept by:',
          ...handles.map(({ address, is_active, is_referenced, ...rest }) => `  ${JSON.stringify(rest)}`),
        ].join('\n');
      } catch {
        // Not written yet, or not as a whole.
      }
    }
    return 'its main thread does not answer: it spins, or waits for another thread or process.';
  }

  async #buryLeftOvers() {
    const limit = performance.now() + LEFT_OVER_MS;
    for (let left = this.#offspring(); ; left = this.#offspring()) {
      if (left.length === 0) return [];
      if (performance.now() < limit) await later(100);
      else {
        for (const { pid } of left) tryKill(pid);
        return left;
      }
    }
  }

  /** All that it has started and is there, also what does not know its parent any more. Known on Linux only. */
  #offspring() {
    const all = processes();
    // Once it has ended, its number may be another's.
    const runs = this.#child.exitCode === null && this.#child.signalCode === null;
    const own = new Set(runs ? [this.#child.pid] : []);
    const mark = `${MARK}=${this.#mark}\0`;
    for (const { pid } of all) if (fileOf(pid, 'environ').includes(mark)) own.add(pid);
    for (let size = 0; size !== own.size; ) {
      size = own.size;
      for (const { pid, parent } of all) if (own.has(parent)) own.add(pid); // some get another environment
    }
    return all
      .filter(({ pid, state }) => own.has(pid) && pid !== this.#child.pid && state !== 'Z')
      .map(({ pid }) => ({ pid, command: fileOf(pid, 'cmdline').replaceAll('\0', ' ').slice(0, 300) }));
  }

  #print(problem, { failed }, left, taken) {
    const lines = [
      `\n▶ ${this.name} (${(taken / 1000).toFixed(1)} s)`,
      Buffer.concat(this.#output).toString().replace(COUNTS, '').trimEnd(),
    ];
    if (left.length > 0) lines.push(`${this.name} left processes behind, which were killed:`);
    for (const { pid, command } of left) lines.push(`  ${pid} ${command}`);
    if (problem !== null && failed.length === 0) lines.push(`✖ ${this.name} ${problem}`);
    process.stdout.write(`${lines.join('\n')}\n`);
  }
}

function processes() {
  if (process.platform !== 'linux') return [];
  return readdirSync('/proc').flatMap((name) => {
    // <pid> (<name>) <state> <parent> …
    const [state, parent] = fileOf(name, 'stat')
      .replace(/^.*\) /s, '')
      .split(' ');
    return /^\d+$/.test(name) && parent !== undefined ? [{ pid: Number(name), parent: Number(parent), state }] : [];
  });
}

/** Empty when the process has ended. */
function fileOf(pid, name) {
  try {
    return readFileSync(`/proc/${pid}/${name}`, 'utf8');
  } catch {
    return '';
  }
}

/** What a file has told so far; `open` are the tests that have begun and not ended, outermost first. */
function readEvents(path) {
  const story = { begun: 0, open: [], last: null, failed: [], over: false };
  for (const text of readFileSync(path, 'utf8').split('\n').slice(0, -1)) {
    const event = JSON.parse(text);
    if (event.begun !== undefined) {
      story.begun++;
      story.open.push(event.begun);
    } else if (event.ended !== undefined) {
      const at = story.open.lastIndexOf(event.ended);
      if (at >= 0) story.open.splice(at, 1);
      story.last = event.ended;
    } else if (event.failed !== undefined) story.failed.push(event.failed);
    else story.over = true;
  }
  return story;
}

function summarize(outcomes) {
  const bad = outcomes.filter(({ problem }) => problem !== null);
  if (outcomes.length > SLOWEST_SHOWN) {
    console.log('\nslowest files, seconds:');
    for (const { name, taken } of outcomes.toSorted((a, b) => b.taken - a.taken).slice(0, SLOWEST_SHOWN))
      console.log(`${(taken / 1000).toFixed(1).padStart(6)} ${name}`);
  }
  const tests = outcomes.reduce((sum, outcome) => sum + outcome.tests, 0);
  console.log(`\n${tests} tests in ${outcomes.length} files; ${bad.length === 0 ? 'all is well' : 'NOT well are'}`);
  for (const { name, problem, failed } of bad) {
    console.log(`✖ ${name} ${problem}`);
    for (const test of failed) console.log(`    ✖ ${test}`);
  }
  return bad.length === 0;
}

/** Where a file is. A test that spins from its very beginning is not told of: it is the one after the last that has ended. */
function within({ open, last }) {
  if (open.length > 0) return `, in ${open.map((name) => `'${name}'`).join(' > ')}`;
  return last === null ? ', before its first test has ended' : `, after '${last}'`;
}

function tryKill(pid) {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It has ended.
  }
}

function later(ms) {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
