// Holds our file formats against Hadoop's own classes, both ways: node scripts/check-hadoop-files.mjs
//
// Hadoop writes packed texts and sequence files and we read them, whole and in splits; we write them and Hadoop reads them.
// Needs java and the jars that bench/spark/setup.sh gets; without them it says so, loudly, and checks nothing. Parquet is
// checked with Spark itself, in the same Python environment. `--golden` keeps small files of Hadoop's in test/golden/files.
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';

const root = join(import.meta.dirname, '..');
const home =
  process.env.ISKRA_BENCH_HOME ?? join(process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache'), 'iskra-bench');
const python = join(home, 'venv/bin/python');

function notRun(why) {
  console.error(
    `\n*** NOT RUN: ${why}\n*** Nothing was checked against Hadoop. Get java 17 and type: bench/spark/setup.sh\n`,
  );
  process.exit(0);
}

if (spawnSync('java', ['-version']).status !== 0) notRun('there is no java');
if (!existsSync(python)) notRun(`there is no ${python}`);
const found = spawnSync(python, ['-c', 'import pyspark, os; print(os.path.dirname(pyspark.__file__))'], {
  encoding: 'utf8',
});
if (found.status !== 0) notRun('pyspark is not installed there');
const jars = join(found.stdout.trim(), 'jars/*');
const { SparkContext } = await import(join(root, 'dist/src/index.js'));

const dir = mkdtempSync(join(tmpdir(), 'iskra-hadoop-'));
const java = (...args) =>
  execFileSync('java', ['-cp', jars, join(root, 'scripts/hadoop/HadoopFiles.java'), ...args], {
    encoding: 'utf8',
    maxBuffer: 1 << 28,
    stdio: ['ignore', 'pipe', process.env.DEBUG ? 'inherit' : 'ignore'],
  });
const lines = Array.from({ length: 30_000 }, (_, i) => `line ${i} ${(i * 7919) % 1000}`);
const pairs = (n) => Array.from({ length: n }, (_, i) => [`key ${i} ä`, i * 1_000_003]);
let checks = 0;
const check = (actual, expected, what) => {
  assert.deepEqual(actual, expected, what);
  checks++;
};

const sc = await SparkContext.create({ master: 'local[2]', appName: 'files of Hadoop' });
try {
  const theirs = join(dir, 'theirs');
  mkdirSync(theirs);
  java('write', theirs);
  for (const name of readdirSync(theirs)
    .filter((n) => !n.startsWith('.'))
    .sort()) {
    const path = join(theirs, name);
    if (name.startsWith('lines.')) for (const n of [1, 5]) check(await sc.textFile(path, n).collect(), lines, name);
    else if (name.startsWith('empty.')) check(await sc.textFile(path).collect(), [], name);
    else if (name === 'seq-types')
      check(
        await sc.sequenceFile(path).collect(),
        [-2, -1, 0, 1, 2].map((i) => [i * 1_000_000, i / 4]),
        name,
      );
    else if (name === 'seq-bytes')
      check(
        await sc.sequenceFile(path).collect(),
        [0, 1, 2, 3, 4].map((i) => [i % 2 === 0, Buffer.from([i, 200])]),
        name,
      );
    else if (name === 'seq-vlong')
      check(
        (await sc.sequenceFile(path).collect()).map(([k]) => k),
        [0, -1, 127, 128, -112, -113, -129, 65536, 2 ** 40, -(2 ** 40)],
        name,
      );
    else {
      const n = name === 'seq-empty' ? 0 : name.startsWith('seq-record') ? 300 : 20_000;
      const size = statSync(path).size;
      for (const parts of [1, 3, 17])
        check(await sc.sequenceFile(path, parts).collect(), pairs(n), `${name}, ${size} bytes, ${parts} parts`);
    }
  }

  const ours = join(dir, 'ours');
  const expected = new Map();
  for (const codec of ['gzip', 'deflate', 'zstd', 'lz4', 'snappy']) {
    await sc.parallelize(lines, 2).saveAsTextFile(join(ours, `text-${codec}`), codec);
    await sc.parallelize([], 1).saveAsTextFile(join(ours, `none-${codec}`), codec);
    for (const [i, part] of (await sc.parallelize(lines, 2).glom().collect()).entries())
      expected.set(`text-${codec}/part-0000${i}`, part);
    expected.set(`none-${codec}/part-00000`, []);
  }
  const values = pairs(20_000);
  const options = { valueClass: 'LongWritable' };
  for (const codec of [undefined, 'gzip', 'deflate', 'lz4', 'snappy'])
    for (const compressionType of codec === undefined ? ['NONE'] : ['RECORD', 'BLOCK']) {
      const name = `seq-${codec}-${compressionType}`;
      const records = compressionType === 'RECORD' ? values.slice(0, 500) : values;
      await sc.parallelize(records, 1).saveAsSequenceFile(join(ours, name), { ...options, codec, compressionType });
      expected.set(
        `${name}/part-00000`,
        records.map(([k, v]) => `${k}\t${v}`),
      );
    }
  await sc
    .parallelize(
      [
        [true, null],
        [false, null],
      ],
      1,
    )
    .saveAsSequenceFile(join(ours, 'seq-other'));
  expected.set('seq-other/part-00000', ['true\t(null)', 'false\t(null)']);
  await sc
    .parallelize([[0.5, Buffer.from([1, 255])]], 1)
    .saveAsSequenceFile(join(ours, 'seq-bytes'), { keyClass: 'FloatWritable' });
  expected.set('seq-bytes/part-00000', ['0.5\t01 ff']);
  const read = new Map();
  for (const part of java('read', ours).split(/^== /m).slice(1)) {
    const [name, ...records] = part.split('\n').slice(0, -1);
    read.set(name.replace(/\.\w+$/, ''), records);
  }
  for (const [name, records] of expected) check(read.get(name), records, `Hadoop reads ${name}`);

  await checkParquet();
  console.log(`${checks} passed, 0 failed: files of Hadoop and Spark are read here, ours are read there`);

  if (process.argv.includes('--golden')) {
    const golden = join(root, 'test/golden/files');
    const small = join(dir, 'small');
    mkdirSync(small);
    java('write', small, '20');
    for (const name of readdirSync(small))
      if (/^(lines|seq)/.test(name)) copyFileSync(join(small, name), join(golden, name));
    const parquet = join(dir, 'spark-parquet');
    copyFileSync(
      join(
        parquet,
        readdirSync(parquet).find((n) => n.endsWith('.parquet')),
      ),
      join(golden, 'spark.parquet'),
    );
  }
} finally {
  await sc.stop();
  rmSync(dir, { recursive: true, force: true });
}

async function checkParquet() {
  const ours = join(dir, 'parquet');
  const theirs = join(dir, 'spark-parquet');
  const records = Array.from({ length: 1000 }, (_, i) => ({
    id: i,
    name: i % 3 ? `n${i}` : null,
    x: i / 8,
    ok: i % 2 === 0,
  }));
  const schema = { id: 'INT64', name: 'STRING', x: 'DOUBLE', ok: 'BOOLEAN' };
  for (const codec of ['snappy', 'gzip', 'zstd', 'uncompressed'])
    await sc.parallelize(records, 2).saveAsParquetFile(join(ours, codec), { codec, schema, rowGroupSize: 300 });
  const program = `
import sys, json
from pyspark.sql import SparkSession
s = SparkSession.builder.master("local[1]").config("spark.ui.enabled", "false").getOrCreate()
s.sparkContext.setLogLevel("OFF")
for codec in ["snappy", "gzip", "zstd", "uncompressed"]:
    rows = s.read.parquet("${ours}/" + codec).orderBy("id").collect()
    print(codec, json.dumps([r.asDict() for r in rows]))
s.range(400).selectExpr("id", "cast(id as string) as text", "id / 4 as d", "array(id, id + 1) as list", "named_struct('a', id, 'b', 'x') as inner", "cast('2026-01-02 03:04:05' as timestamp) as at", "cast(id as int) as n", "cast(id as decimal(10,2)) as dec").coalesce(1).write.option("parquet.block.size", 4000).parquet("${theirs}")
`;
  const out = execFileSync(python, ['-c', program], {
    encoding: 'utf8',
    maxBuffer: 1 << 28,
    stdio: ['ignore', 'pipe', 'ignore'],
    env: { ...process.env, TZ: 'UTC' },
  });
  const shown = out.split('\n').filter((line) => /^\w+ \[/.test(line));
  check(shown.length, 4, 'Spark reads our Parquet files');
  for (const line of shown)
    check(JSON.parse(line.slice(line.indexOf(' ') + 1)), records, `Spark reads ${line.split(' ')[0]}`);
  const rows = await sc.parquetFile(theirs, { minPartitions: 4 }).collect();
  check(
    rows,
    Array.from({ length: 400 }, (_, id) => ({
      id,
      text: String(id),
      d: id / 4,
      list: [id, id + 1],
      inner: { a: id, b: 'x' },
      at: new Date('2026-01-02T03:04:05Z'),
      n: id,
      dec: id,
    })),
    'we read Parquet of Spark',
  );
}
