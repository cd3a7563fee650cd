import assert from 'node:assert/strict';
import { mkdirSync, symlinkSync } from 'node:fs';
import { after, test } from 'node:test';
import { IskraCommand, type Outcome } from '../kit/iskra-command.ts';

// Every case of a file runs in one process, which prints a line of JSON for each: [case, result] or [case, error, code, message].
const CASES = `
export type Case = (sc: SparkContext) => unknown;
export async function tell(cases: Record<string, Case>): Promise<void> {
  const sc = await SparkContext.create();
  for (const [name, run] of Object.entries(cases)) {
    try {
      console.log(JSON.stringify([name, (await run(sc)) ?? null]));
    } catch (e) {
      const { name: error, code, message } = e as Error & { code?: string };
      console.log(JSON.stringify([name, error, code ?? null, message]));
    }
  }
}
`;

const iskra = new IskraCommand('bad-input', {
  'cases.ts': `import { SparkContext } from 'iskra';${CASES}`,
  'files.ts': `import { tell } from './cases.js';
const dir = process.argv[2] as string;
export const main = (): Promise<void> => tell({
  missing: (sc) => sc.textFile(dir + '/none.txt').count(),
  'one of two': (sc) => sc.textFile(dir + '/empty.txt,' + dir + '/none.txt').count(),
  'below a file': (sc) => sc.textFile(dir + '/empty.txt/inside').count(),
  loop: (sc) => sc.textFile(dir + '/loop').count(),
  'open bracket': (sc) => sc.textFile(dir + '/[ab').count(),
  'no match': (sc) => sc.textFile(dir + '/*.none').count(),
  'directory inside': (sc) => sc.textFile(dir + '/tree').count(),
  empty: (sc) => sc.textFile(dir + '/empty.txt').collect(),
  'not UTF-8': (sc) => sc.textFile(dir + '/latin1.txt').collect(),
  'exists': (sc) => sc.range(3).saveAsTextFile(dir + '/tree'),
  'is a file': (sc) => sc.range(3).saveAsTextFile(dir + '/empty.txt'),
  'cannot be made': (sc) => sc.range(3).saveAsTextFile('/proc/iskra/out'),
  null: (sc) => sc.parallelize([null]).saveAsTextFile(dir + '/null'),
});
`,
  'strict.ts': `import { tell } from './cases.js';
const dir = process.argv[2] as string;
export const main = (): Promise<void> => tell({ 'not UTF-8': (sc) => sc.textFile(dir + '/latin1.txt').collect() });
`,
  'long-line.ts': `import { tell } from './cases.js';
import { closeSync, openSync, writeSync } from 'node:fs';
const dir = process.argv[2] as string;
export const main = (): Promise<void> => tell({
  made: () => {
    const fd = openSync(dir + '/long.txt', 'w');
    const part = Buffer.alloc(1 << 20, 'a');
    for (let i = 0; i < 200; i++) writeSync(fd, part);
    writeSync(fd, '\\nlast\\n');
    closeSync(fd);
  },
  lengths: (sc) => sc.textFile(dir + '/long.txt', 4).map((line) => line.length).collect(),
  memory: () => process.resourceUsage().maxRSS < 1500 * 1024,
});
`,
  'records.ts': `import { SparkContext } from 'iskra';
import { Socket } from 'node:net';
import { tell } from './cases.js';
class Plain { readonly x = 1; }
const pairs = (sc: SparkContext, key: (v: number) => unknown) => sc.range(0, 4).map((v) => [key(v), 1] as [never, number]);
export const main = (): Promise<void> => tell({
  'no slices': (sc) => sc.parallelize([1], 0),
  'half a slice': (sc) => sc.range(0, 4, 1, 0.5),
  coalesce: (sc) => sc.range(4).coalesce(0),
  repartition: (sc) => sc.range(4).repartition(-1),
  'reduce nothing': (sc) => sc.emptyRDD<number>().reduce((a, b) => a + b),
  'first of nothing': (sc) => sc.range(0).first(),
  'nothing at all': async (sc) => {
    const none = sc.emptyRDD<[string, number]>();
    return [await none.collect(), await none.count(), await none.isEmpty(), await none.take(3), await none.reduceByKey((a, b) => a + b).collect(), await none.sortByKey().count(), none.getNumPartitions()];
  },
  socket: (sc) => { const socket = new Socket(); return sc.range(4).map((v) => { socket.write('x'); return v; }); },
  async: (sc) => sc.range(4).map(async (v) => v),
  promise: (sc) => sc.range(4).map((v) => Promise.resolve(v)).collect(),
  'filter by promise': (sc) => sc.range(4).filter((() => Promise.resolve(false)) as never).collect(),
  'function as record': (sc) => sc.range(4).map((v) => ({ f: () => v })).collect(),
  'symbol as record': (sc) => sc.parallelize([Symbol('s') as never]).count(),
  'function as key': (sc) => pairs(sc, () => () => 1).reduceByKey((a, b) => a + b).collect(),
  'instance as key': (sc) => pairs(sc, () => new Plain()).groupByKey().collect(),
  'no pairs': (sc) => (sc.range(4) as never as ReturnType<typeof pairs>).reduceByKey((a, b) => a + b).collect(),
  comparator: (sc) => sc.range(100).sortBy((v) => v, true, 2, () => { throw new Error('no order'); }).collect(),
  'mixed order': (sc) => sc.parallelize([1, 'a'] as unknown[]).sortBy((v) => v as number).collect(),
  'context in a task': (sc) => sc.range(4).map((v) => sc.range(v).count()),
  'RDD in a task': (sc) => { const other = sc.range(4); return other.map(() => other.count()); },
  'second context': () => SparkContext.create({ master: 'local', appName: 'second' }),
  'still works': (sc) => sc.range(4).count(),
  stopped: async (sc) => { const rdd = sc.range(4); await sc.stop(); return rdd.count(); },
  'stopped too': (sc) => sc.range(4),
  'no master': async () => { await SparkContext.create({ master: 'lokal' }); },
  'a new one': async () => { const sc = await SparkContext.create(); const count = await sc.range(4).count(); await sc.stop(); return count; },
});
`,
});
iskra.write({
  'in/empty.txt': '',
  'in/latin1.txt': Buffer.from('good\ncaf\xe9\nna\xefve\n', 'latin1'),
  'in/tree/sub/file.txt': 'x',
});
symlinkSync('loop', iskra.path('in/loop'));
mkdirSync(iskra.path('in/out'));
after(() => iskra.remove());

function results({ code, out, err }: Outcome): Map<string, readonly unknown[]> {
  assert.equal(code, 0, err);
  assert.deepEqual(iskra.leftOver(), []);
  return new Map(
    out
      .trimEnd()
      .split('\n')
      .map((line) => {
        const [name, ...rest] = JSON.parse(line) as [string, ...unknown[]];
        return [name, rest];
      }),
  );
}

function check(told: ReadonlyMap<string, readonly unknown[]>, expected: Readonly<Record<string, unknown>>): void {
  for (const [name, wanted] of Object.entries(expected)) {
    const [first, , message] = told.get(name) ?? [];
    if (wanted instanceof RegExp) assert.match(`${first}: ${message}`, wanted, name);
    else assert.deepEqual(first, wanted, name);
  }
  assert.equal(told.size, Object.keys(expected).length);
}

test('input that is not there or cannot be read, and output that cannot be written, say what and why', async () => {
  const dir = iskra.path('in');
  const outcome = await iskra.run('--master', 'local[2]', 'files.ts', dir);
  check(results(outcome), {
    missing: new RegExp(
      `^IskraError: Input path does not exist: file:${dir}/none.txt\\nCheck the path; relative ones start at `,
    ),
    'one of two': /^IskraError: Input path does not exist: file:\S+none\.txt\n/,
    'below a file': /^IskraError: Input path does not exist: file:\S+inside\n/,
    loop: /^IskraError: cannot read file:\S+loop: too many symbolic links \(ELOOP\)$/,
    'open bracket':
      /^IllegalArgumentError: Illegal file pattern ".*\[ab": Unclosed character class in "\[ab"; close the \[ or write \\\[ for the character$/,
    'no match': /^IskraError: Input Pattern file:\S+\/\*\.none matches 0 files\n/,
    'directory inside':
      /^IskraError: Not a file: file:\S+tree\/sub; textFile reads the files directly inside a directory\./,
    empty: [],
    'not UTF-8': ['good', 'caf\ufffd', 'na\ufffdve'],
    exists: /^IskraError: Output directory file:\S+tree already exists; remove it, choose another, or set /,
    'is a file':
      /^IskraError: Output directory file:\S+empty\.txt already exists and is not a directory; choose another path$/,
    'cannot be made':
      /^IskraError: cannot create the output directory file:\/proc\/iskra\/out: no such file or directory \(ENOENT\)$/,
    null: /text files do not allow null rows: record 0 of partition \d is null; filter such records out/,
  });
  assert.deepEqual(outcome.err.match(/is not UTF-8/g)?.length, 1, outcome.err);
});

test('text that is not UTF-8 fails the job when that is asked for', async () => {
  const args = ['--master', 'local[2]', '-c', 'spark.iskra.text.malformed=error', 'strict.ts', iskra.path('in')];
  check(results(await iskra.run(...args)), {
    'not UTF-8': /^JobFailedError: Job aborted .*latin1\.txt is not UTF-8 at byte \d+; convert it \(iconv/,
  });
});

test('a line of 200 MB is read, without several copies of it', async () => {
  const told = results(await iskra.run('--master', 'local[2]', 'long-line.ts', iskra.path('in/out')));
  check(told, { made: null, lengths: [200 << 20, 4], memory: true });
});

test('arguments, functions, records and contexts that cannot work are refused with what to do', async () => {
  const outcome = await iskra.run('--master', 'local[2]', 'records.ts');
  const positive =
    /^IllegalArgumentError: (Number of partitions \(\S+\) must be positive|Positive number of partitions required)/;
  const driverOnly =
    /^ClosureError: Task not serializable: cannot ship the function passed to map\(\) at .*records\.ts:\d+:\d+\n.*\n {2}captures `(sc|other)`\n.*SPARK-5063/;
  check(results(outcome), {
    'no slices': positive,
    'half a slice': positive,
    coalesce: positive,
    repartition: positive,
    'reduce nothing': /^EmptyCollectionError: empty collection/,
    'first of nothing': /^EmptyCollectionError: empty collection/,
    'nothing at all': [[], 0, true, [], [], 0, 0],
    socket:
      /^ClosureError: .*\n.*\n {2}captures `socket`\n {2}→ an instance of Socket \(node:net\) cannot be copied\n {2}hint: create it inside/,
    async: /^IllegalArgumentError: map\(\) was given an async function, but a promise is not a record; use mapAsync\(/,
    promise: /^JobFailedError: Job aborted .*the function passed to map\(\) returned a promise, .* Use mapAsync\(/,
    'filter by promise':
      /^JobFailedError: .*the function passed to filter\(\) returned a promise, .* Use filterAsync\(/,
    'function as record': /^JobFailedError: .*cannot be encoded: it is a function \(f\); records are data/,
    'symbol as record': /^JobFailedError: .*cannot be encoded: it is a symbol; symbols exist in one process only/,
    'function as key':
      /^JobFailedError: .*cannot be a key: a function has no equality by value\. Use a string, number,/,
    'instance as key':
      /^JobFailedError: .*Plain \{ x: 1 \} cannot be a key: an instance of a class without equals\(other\) and hashCode\(\)/,
    'no pairs':
      /^JobFailedError: .*a shuffle needs records that are \[key, value\] arrays, but got 0\. Use keyBy\(\) or map\(\) to make pairs/,
    comparator: /^Error: no order$/,
    'mixed order': /^UnorderableError: .* cannot be compared: the types differ\./,
    'context in a task': driverOnly,
    'RDD in a task': driverOnly,
    'second context':
      /^IskraError: Only one SparkContext should be running in this process \(see SPARK-2243\)\. Stop the other one first,/,
    'still works': 4,
    stopped: /^IskraError: Cannot call methods on a stopped SparkContext/,
    'stopped too': /^IskraError: Cannot call methods on a stopped SparkContext/,
    'no master': /^IllegalArgumentError: Could not parse Master URL: 'lokal'\. Known forms: local, /,
    'a new one': 4,
  });
  assert.doesNotMatch(outcome.err, /\bat .*dist\//);
});
