import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isAlive } from '../kit/processes.ts';
import { until } from '../kit/until.ts';
import { type Behaviour, numbers } from './behaviour.ts';

/** Records through processes. */
export const pipeBehaviours: readonly Behaviour[] = [
  [
    'pipe gives records to a process as lines and takes its lines as records',
    async (sc) => {
      const words = sc.parallelize(['one', 'two words', '', 'émile'], 2);
      assert.deepEqual(await words.pipe('cat').collect(), ['one', 'two words', '', 'émile']);
      assert.deepEqual(await sc.range(0, 4, 1, 2).pipe(['tr', '0-9', 'a-j']).collect(), ['a', 'b', 'c', 'd']);
      assert.equal(words.pipe('cat').getNumPartitions(), 2);
    },
  ],
  [
    'arrays and plain objects are written as JSON, null and undefined by their names',
    async (sc) => {
      const records = sc.parallelize<unknown>([[1, 'a'], { x: [2] }, null, undefined, 2.5], 1);
      assert.deepEqual(await records.pipe('cat').collect(), ['[1,"a"]', '{"x":[2]}', 'null', 'undefined', '2.5']);
    },
  ],
  [
    'pipe starts one process for each partition, also for empty ones',
    async (sc) => {
      const lines = await sc.parallelize([1, 2], 5).pipe(['sh', '-c', 'echo started; cat']).collect();
      assert.equal(lines.filter((line) => line === 'started').length, 5);
      assert.equal(lines.length, 7);
      assert.deepEqual(await sc.emptyRDD().pipe('cat').collect(), []);
    },
  ],
  [
    'the process gets variables, context lines and what is printed for each record',
    async (sc) => {
      const captured = 'say';
      const rdd = sc.range(0, 4, 1, 2).pipe(['sh', '-c', 'echo "$GREETING"; cat'], {
        env: { GREETING: 'hello you' },
        printPipeContext: (print) => {
          print('context 1');
          print('context 2');
        },
        printRDDElement: (x, print) => {
          for (let i = 0; i < x; i++) print(`${captured} ${x}`);
        },
      });
      const context = ['hello you', 'context 1', 'context 2'];
      assert.deepEqual(await rdd.collect(), [
        ...context,
        'say 1',
        ...context,
        'say 2',
        'say 2',
        'say 3',
        'say 3',
        'say 3',
      ]);
    },
  ],
  [
    'lines end in LF, CR or CR LF, and the last one need not end',
    async (sc) => {
      const rdd = sc.range(0, 1, 1, 1).pipe(['printf', 'a\\r\\nb\\rc\\n\\nd']);
      assert.deepEqual(await rdd.collect(), ['a', 'b', 'c', '', 'd']);
    },
  ],
  [
    'text in other encodings goes in and out',
    async (sc) => {
      const words = sc.parallelize(['é', 'ü'], 1);
      assert.deepEqual(await words.pipe(['od', '-An', '-tx1'], { encoding: 'ISO-8859-1' }).collect(), [' e9 0a fc 0a']);
      assert.deepEqual(await words.pipe('cat', { encoding: 'UTF-16LE' }).collect(), ['é', 'ü']);
    },
  ],
  [
    'large partitions stream through a process, and records go on into other operators',
    async (sc) => {
      const rdd = sc.range(0, 60_000, 1, 2).pipe('cat');
      assert.equal(await rdd.count(), 60_000);
      const sums = rdd
        .map((line) => [Number(line) % 3, Number(line)])
        .reduceByKey((a, b) => a + b)
        .sortByKey();
      assert.deepEqual(await sums.keys().collect(), [0, 1, 2]);
      assert.equal(await sums.values().sum(), 1_799_970_000);
      assert.deepEqual(
        await rdd
          .zipWithIndex()
          .filter(([x, i]) => x !== `${i}`)
          .collect(),
        [],
      );
    },
  ],
  [
    'the buffer size changes nothing but the size of what is written at once',
    async (sc) => {
      for (const bufferSize of [1, 100_000])
        assert.deepEqual(await sc.range(0, 500, 1, 1).pipe('cat', { bufferSize }).collect(), numbers(500).map(String));
    },
  ],
  [
    'a pipe of a pipe, and a pipe that is persisted',
    async (sc) => {
      const rdd = sc.range(0, 6, 1, 2).pipe(['sed', 's/^/a/']).pipe(['sed', 's/$/z/']).cache();
      assert.deepEqual(
        await rdd.collect(),
        numbers(6).map((x) => `a${x}z`),
      );
      assert.deepEqual(
        await rdd.collect(),
        numbers(6).map((x) => `a${x}z`),
      );
      rdd.unpersist();
    },
  ],
  [
    'a process that ends with another status than 0 fails the job with the status and the command',
    async (sc) => {
      const text = /Subprocess exited with status 3\. Command ran: sh -c cat; exit 3/;
      await assert.rejects(sc.range(0, 5, 1, 1).pipe(['sh', '-c', 'cat; exit 3']).count(), text);
      await assert.rejects(
        sc.range(0, 5, 1, 1).pipe(['no-such-program-here', 'x']).count(),
        /Cannot run program "no-such-program-here"/,
      );
      assert.equal(await sc.range(0, 5, 1, 1).pipe('cat').count(), 5);
    },
  ],
  [
    'commands and options that make no sense are refused',
    async (sc) => {
      const rdd = sc.range(3);
      assert.throws(() => rdd.pipe('  '), /pipe\(\) needs a command, as text or as a list of its words/);
      assert.throws(() => rdd.pipe([]), /pipe\(\) needs a command/);
      assert.throws(() => rdd.pipe('cat', { encoding: 'klingon' }), /encoding of pipe\(\) must be UTF-8/);
      assert.throws(
        () => rdd.pipe('cat', { bufferSize: 0 }),
        /bufferSize of pipe\(\) must be an integer of at least 1, but is 0/,
      );
      assert.throws(() => rdd.pipe('cat', { env: { A: 1 } as never }), /env\.A of pipe\(\) must be text, but is 1/);
      assert.throws(
        () => rdd.pipe('cat', { printRDDElement: 5 as never }),
        /needs a printRDDElement function, but was given 5/,
      );
    },
  ],
  [
    'each process has a working directory of its own when told',
    async (sc) => {
      const here = await sc.range(0, 2, 1, 2).pipe('pwd').collect();
      assert.ok(here.every((directory) => existsSync(directory))); // those of the executors
      const own = await sc.range(0, 2, 1, 2).pipe('pwd', { separateWorkingDir: true }).collect();
      assert.equal(new Set(own).size, 2);
      for (const directory of own) assert.ok(!here.includes(directory));
      for (const directory of own) assert.equal(existsSync(directory), false);
    },
  ],
];

/** What only a real engine does with processes. */
export const pipeEngineBehaviours: readonly Behaviour[] = [
  [
    "a separate working directory has links to what lies in the executor's",
    async (sc) => {
      const script = 'for f in *; do test -e "$f" && test -L "$f" || exit 1; done; touch left-behind && ls left-behind';
      const rdd = sc.range(0, 1, 1, 1).pipe(['sh', '-c', script], { separateWorkingDir: true });
      assert.deepEqual(await rdd.collect(), ['left-behind']);
      const left = sc.range(0, 4, 1, 4).pipe('ls');
      assert.equal(await left.filter((name) => name === 'left-behind').count(), 0);
    },
  ],
  [
    'a process that has seen enough may end without an error',
    async (sc) => {
      assert.deepEqual(await sc.range(0, 300_000, 1, 1).pipe('head -n 2').collect(), ['0', '1']);
    },
  ],
  [
    'an action that needs no more ends a process that would go on for ever',
    async (sc) => {
      assert.deepEqual(await sc.range(0, 1, 1, 1).pipe('yes').take(3), ['y', 'y', 'y']);
    },
  ],
  [
    'what fails before the process fails the job, and a process that was killed has a status',
    async (sc) => {
      const failing = sc.range(0, 5000, 1, 1).map((x) => {
        if (x === 4000) throw new Error('no 4000');
        return x;
      });
      await assert.rejects(failing.pipe('cat').count(), /no 4000/);
      await assert.rejects(
        sc
          .range(0, 5, 1, 1)
          .pipe('cat', {
            printRDDElement: () => {
              throw new Error('cannot print');
            },
          })
          .count(),
        /cannot print/,
      );
      await assert.rejects(sc.range(0, 1, 1, 1).pipe(['sh', '-c', 'kill -9 $$']).count(), /status 137/);
    },
  ],
  [
    'a job that is cancelled ends the processes of its tasks',
    async (sc) => {
      const directory = mkdtempSync(join(tmpdir(), 'pipe-'));
      const file = join(directory, 'pid');
      try {
        const job = sc.range(0, 1, 1, 1).pipe(['sh', '-c', 'echo $$ > "$1"; exec sleep 600', 'sh', file]).count();
        const rejected = assert.rejects(job, /cancelled/);
        await until(() => existsSync(file) && readFileSync(file, 'utf8') !== '');
        const pid = Number(readFileSync(file, 'utf8'));
        job.cancel('enough');
        await rejected;
        await until(() => !isAlive(pid));
      } finally {
        rmSync(directory, { recursive: true, force: true });
      }
    },
  ],
];
