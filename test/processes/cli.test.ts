import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { SETTINGS_FOLDER } from '../kit/settings-folder.ts';

const installation = fileURLToPath(new URL('../../../', import.meta.url));
const iskra = join(installation, 'bin', 'iskra');
const folder = realpathSync(mkdtempSync(join(tmpdir(), 'iskra-cli-')));
after(() => rmSync(folder, { recursive: true }));
write({ 'package.json': '{"name":"app"}' });

function write(files: Record<string, string>): void {
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    writeFileSync(join(folder, name), text);
  }
}

function start(args: readonly string[], program = iskra): ChildProcess {
  const env = { ...process.env, ISKRA_CONF_DIR: SETTINGS_FOLDER, SPARK_CONF_DIR: '', SPARK_HOME: '' };
  return spawn(process.execPath, [program, ...args], { cwd: folder, env, stdio: ['ignore', 'pipe', 'pipe'] });
}

interface Outcome {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

function outcomeOf(child: ChildProcess): Promise<Outcome> {
  let out = '';
  let err = '';
  child.stdout?.setEncoding('utf8').on('data', (text: string) => {
    out += text;
  });
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    err += text;
  });
  return new Promise((resolve, reject) => {
    child.on('error', reject).on('close', (code) => resolve({ code, out, err }));
  });
}

function cli(...args: string[]): Promise<Outcome> {
  return outcomeOf(start(args));
}

test('--version greets with the version of the package', async () => {
  const { version } = JSON.parse(readFileSync(join(installation, 'package.json'), 'utf8')) as { version: string };
  const { code, out, err } = await cli('--version');
  assert.deepEqual([code, err], [0, '']);
  assert.ok(out.includes(`version ${version}\n`) && out.includes(process.version), out);
  assert.equal((await cli('submit', '--version')).out, out);
});

test('every command has a help with examples', async () => {
  const commands = [['--help'], ['run', '--help'], ['submit', '-h'], ['example', '--help'], ['help', 'run']];
  const outcomes = await Promise.all(commands.map((args) => cli(...args)));
  for (const [i, { code, out, err }] of outcomes.entries()) {
    const args = commands[i] ?? [];
    assert.deepEqual([code, err], [0, ''], args.join(' '));
    assert.match(out, /^(.*\n\n)?Usage: iskra /);
    assert.match(out, /\nExamples:\n {2}iskra /);
  }
});

test('what cannot be understood ends with 2 and a suggestion', async () => {
  const cases: [string[], string][] = [
    [[], 'Usage: iskra'],
    [['submti', 'x.ts'], "unknown command 'submti'; did you mean iskra submit?"],
    [['app.ts'], 'did you mean iskra run app.ts?'],
    [['run', '--mastr', 'local', 'app.ts'], "Unrecognized option '--mastr'; did you mean --master?"],
    [['submit'], 'Missing application'],
    [['submit', '-c', 'spark.task.cpus=x', 'app.ts'], 'spark.task.cpus should be int, but was x'],
    [['example', 'no-such'], "there is no example 'no-such'"],
  ];
  const outcomes = await Promise.all(cases.map(([args]) => cli(...args)));
  for (const [i, { code, out, err }] of outcomes.entries()) {
    const [args, message] = cases[i] ?? [[], ''];
    assert.deepEqual([code, out], [2, ''], args.join(' '));
    assert.ok(err.includes(message), err);
    assert.ok(!err.includes('    at '), err);
  }
});

test('examples are listed with what they do, and their options come before the name', async () => {
  const [list, help, version] = await Promise.all([
    cli('example'),
    cli('example', '--name', 'word-count', '--help'),
    cli('example', '--name', 'word-count', '--version'),
  ]);
  assert.equal(list.code, 0);
  assert.match(list.out, /^spark-pi +Estimates pi/m);
  assert.match(help.out, /^Usage: iskra example/);
  assert.match(version.out, /version \d/);
});

test('a missing application ends with 101', async () => {
  const { code, err } = await cli('run', 'gone.ts');
  assert.equal(code, 101);
  assert.equal(err, `iskra: cannot find the application gone.ts (looked for ${join(folder, 'gone.ts')})\n`);
});

test('what needs a cluster says so', async () => {
  for (const args of [
    ['--kill', 'd'],
    ['--status', 'd'],
    ['--deploy-mode', 'cluster', 'app.ts'],
  ]) {
    const { code, err } = await cli('submit', ...args);
    assert.equal(code, 2);
    assert.match(err, /local\[\*\]"?: give --master spark:\/\/HOST:PORT\n$/);
  }
});

test('main gets the arguments, its modules and data are found, and a second run loads no compiler', async () => {
  write({
    'job/main.ts': `
      import { readFileSync } from 'node:fs';
      import { createRequire } from 'node:module';
      import { IskraError } from 'iskra';
      import { shout } from './shout.js';
      import data from './data.json';
      export async function main(args: string[]): Promise<void> {
        const text: string = readFileSync(new URL('./data.txt', import.meta.url), 'utf8');
        const loaded = Object.keys(createRequire(import.meta.url).cache);
        const compiler = loaded.some((file) => file.includes('/esbuild/') || file.includes('/acorn/'));
        console.log(JSON.stringify([shout(args.join('|')), data.n, text, typeof IskraError, process.argv.slice(1), compiler]));
      }`,
    'job/shout.ts': 'export const shout = (text: string): string => text.toUpperCase();',
    'job/data.json': '{"n":5}',
    'job/data.txt': 'text',
  });
  const file = join(folder, 'job', 'main.ts');
  const expected = ['A|--B|', 5, 'text', 'function', [file, 'a', '--b', '']];
  const first = await cli('run', 'job/main.ts', 'a', '--b', '');
  assert.deepEqual([first.code, JSON.parse(first.out)], [0, [...expected, true]], first.err);
  const second = await outcomeOf(start(['job/main.ts', 'a', '--b', ''], join(installation, 'bin', 'iskra-submit')));
  assert.deepEqual([second.code, JSON.parse(second.out)], [0, [...expected, false]], second.err);
});

test('a script runs until nothing is left to do, and its exit code is passed on', async () => {
  write({
    'script.ts': `
      const late = (text: string): void => { console.log(text); process.exitCode = 9; };
      setTimeout(late, 30, 'late');
      console.log(await Promise.resolve('first' as string));`,
    'exit.ts': `console.log('before'); process.exit(7);`,
    'plain.cjs': `exports.main = (args) => { console.log(args.length); process.exitCode = 3; };`,
  });
  const script = await cli('run', 'script.ts');
  assert.deepEqual([script.code, script.out], [9, 'first\nlate\n'], script.err);
  const exit = await cli('run', 'exit.ts');
  assert.deepEqual([exit.code, exit.out, exit.err], [7, 'before\n', '']);
  const plain = await cli('run', 'plain.cjs', 'x', 'y');
  assert.deepEqual([plain.code, plain.out, plain.err], [3, '2\n', '']);
});

test('a syntax error is shown where it is, without a stack', async () => {
  write({ 'bad.ts': `import './worse';`, 'worse.ts': 'const a: number = 1;\nconst b = = 2;\n' });
  const { code, err } = await cli('run', 'bad.ts');
  assert.equal(code, 1);
  assert.equal(err, 'iskra: worse.ts:2:11: error: Unexpected "="\n    const b = = 2;\n              ^\n');
});

test('a failing application shows its message, its own lines and the causes', async () => {
  write({
    'fail.ts': `interface Nothing { x: 1 }
export function main(): void {
  inner();
}
function inner(): void {
  throw new RangeError('no good', { cause: new Error('the cause') });
}`,
    'reject.ts': `async function later(): Promise<void> {
  await null;
  throw new Error('nobody waits');
}
void later();
setTimeout(() => console.log('never seen'), 5000);`,
    'odd.ts': 'throw { odd: 1 };',
  });
  const fail = await cli('run', 'fail.ts');
  assert.deepEqual([fail.code, fail.out], [1, '']);
  const file = join(folder, 'fail.ts');
  assert.ok(
    fail.err.startsWith(`RangeError: no good\n    at inner (${file}:6:9)\n    at main (${file}:3:3)\n`),
    fail.err,
  );
  assert.ok(fail.err.includes('\nCaused by: Error: the cause\n') && !fail.err.includes('/dist/'), fail.err);
  assert.ok((await cli('run', '--verbose', 'fail.ts')).err.includes('/dist/'));

  const reject = await cli('run', 'reject.ts');
  assert.deepEqual([reject.code, reject.out], [1, '']);
  assert.ok(reject.err.startsWith(`Error: nobody waits\n    at later (${join(folder, 'reject.ts')}:3:9)`), reject.err);

  const odd = await cli('run', 'odd.ts');
  assert.deepEqual([odd.code, odd.err], [1, 'thrown, but not an Error: { odd: 1 }\n']);
});

test('a program that waits for what cannot come is told so', async () => {
  write({ 'never.ts': 'await new Promise(() => {});' });
  const { code, err } = await cli('run', 'never.ts');
  assert.deepEqual([code, err], [13, 'iskra: the application waits for something that can never happen\n']);
});

test('a job runs with the flags and helper modules of its application, and a context that is left is stopped', async () => {
  write({
    'job.ts': `
      import { SparkContext } from 'iskra';
      import { times, type Factor } from './factor.js';
      const factor: Factor = { by: Number(process.argv[2]) };
      const sc = await SparkContext.create();
      console.log(sc.master, JSON.stringify(await sc.parallelize([1, 2, 3], 2).map((x) => times(x, factor)).collect()));`,
    'factor.ts': `
      export interface Factor { by: number }
      export const times = (x: number, factor: Factor): number => {
        if (factor.by < 0) throw new RangeError('below zero: ' + x);
        return x * factor.by;
      };`,
  });
  const good = await cli('run', '--master', 'local[1]', 'job.ts', '3');
  assert.deepEqual([good.code, good.out, good.err], [0, 'local[1] [3,6,9]\n', '']);
  const bad = await cli('run', '--master', 'local[1]', '-c', 'spark.log.level=OFF', 'job.ts', '-3');
  assert.equal(bad.code, 1);
  assert.match(bad.err, /Job aborted due to stage failure: .*RangeError: below zero: 1/);
  assert.ok(bad.err.includes(`${join(folder, 'factor.ts')}:4:`), bad.err);
});

/** Registers what a context would. */
const HOOK = `
  import { addShutdownHook } from '${new URL('../../src/base/shutdown-hooks.js', import.meta.url).href}';
  import { submitDefaults } from '${new URL('../../src/config/submit-defaults.js', import.meta.url).href}';`;

test('what the application leaves running is stopped, whatever its end', async () => {
  write({
    'left.ts': `${HOOK}
      addShutdownHook(async () => console.log('stopped'), { exitNow: () => console.log('exited') });
      const [how] = process.argv.slice(2);
      if (how === 'throw') throw new Error('x');
      if (how === 'exit') process.exit(4);`,
  });
  const end = async (how: string) => {
    const { code, out } = await cli('run', 'left.ts', how);
    return [code, out];
  };
  assert.deepEqual(await end('simply'), [0, 'stopped\n']);
  assert.deepEqual(await end('throw'), [1, 'stopped\n']);
  assert.deepEqual(await end('exit'), [4, 'exited\n']);
});

test('Ctrl-C stops in good order once, and at once when it comes again', async () => {
  write({
    'long.ts': `${HOOK}
      const [how] = process.argv.slice(2);
      const stop = (): Promise<void> => new Promise((resolve) => {
        console.log('stopping');
        if (how === 'quick') resolve();
      });
      addShutdownHook(stop);
      setTimeout(() => {}, 20_000);
      console.log('running');`,
  });
  for (const how of ['quick', 'slow']) {
    const child = start(['run', 'long.ts', how]);
    child.stdout?.on('data', (text: Buffer) => {
      if (text.includes('running') || text.includes('stopping')) child.kill('SIGINT');
    });
    const { code, out } = await outcomeOf(child);
    assert.deepEqual([code, out], [130, 'running\nstopping\n'], how);
  }
});

test('flags reach the application as defaults of its context', async () => {
  write({
    'flags.ts': `${HOOK} console.log(JSON.stringify(submitDefaults()));`,
    'p.conf': 'spark.x 1\nspark.task.cpus 2\n',
  });
  const args = ['--master', 'local[3]', '--properties-file', 'p.conf', '-c', 'spark.x=2', '--class', 'X', 'flags.ts'];
  const { code, out, err } = await cli('submit', ...args);
  assert.equal(code, 0);
  assert.deepEqual(JSON.parse(out), {
    'spark.app.name': 'flags.ts',
    'spark.master': 'local[3]',
    'spark.task.cpus': '2',
    'spark.x': '2',
  });
  assert.match(err, /^\d\d\/\d\d\/\d\d \d\d:\d\d:\d\d WARN SparkSubmit: --class is ignored: /);
});

test('conf/spark-env.sh is run before, and has no say where the environment or a flag has', async (t) => {
  write({
    'conf/spark-env.sh':
      'SPARK_EXECUTOR_MEMORY=3g\nSPARK_EXECUTOR_CORES=$((1 + 1))\nexport FROM_FILE=1 SPARK_USER=file\n',
    'environment.ts': `${HOOK} console.log(JSON.stringify([submitDefaults(), process.env.FROM_FILE]));`,
  });
  t.after(() => rmSync(join(folder, 'conf'), { recursive: true }));
  const { code, out, err } = await cli('submit', '--executor-memory', '2g', 'environment.ts');
  assert.equal(code, 0, err);
  const [settings, fromFile] = JSON.parse(out) as [Record<string, string>, string];
  assert.deepEqual([settings['spark.executor.memory'], settings['spark.executor.cores'], fromFile], ['2g', '2', '1']);
  write({ 'conf/spark-env.sh': 'fi\n' });
  const broken = await cli('submit', 'environment.ts');
  assert.deepEqual([broken.code, broken.out], [1, '']);
  assert.match(broken.err, /^iskra: \S*conf\/spark-env\.sh cannot be read: /);
  assert.equal((await cli('submit', '--help')).code, 0);
});

test('--verbose shows the settings without their secrets', async () => {
  write({ 'quiet.mjs': '' });
  const { err } = await cli('run', '-v', '-c', 'spark.my.password=hush', 'quiet.mjs');
  assert.ok(err.includes('  spark.master = local[*]\n'), err);
  assert.ok(err.includes('  spark.my.password = *********(redacted)\n') && !err.includes('hush'), err);
});
