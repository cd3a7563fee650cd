import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { SparkContext } from '../../src/driver/spark-context.ts';
import { HashPartitioner } from '../../src/rdd/partitioner.ts';
import { TaskContext } from '../../src/rdd/task-context.ts';
import { executorPids } from '../kit/executors.ts';
import { kill } from '../kit/processes.ts';
import { until } from '../kit/until.ts';

/** Tasks say in this directory that they have begun, and wait there until they may go on: `begun-PID-PARTITION`, `go`. */
interface Stage {
  readonly sc: SparkContext;
  readonly dir: string;
  /** How tasks ended that did not end well, in the order in which the driver heard of it. */
  readonly failures: string[];
}

async function onStage(body: (stage: Stage) => Promise<void>): Promise<void> {
  const dir = mkdtempSync(join(tmpdir(), 'iskra-killed-'));
  const sc = await SparkContext.create({
    master: 'local-cluster[2,1,1024]',
    appName: 'executors that are killed',
    'spark.log.level': 'OFF',
    'spark.shuffle.compress': 'false',
    // A reader that stands still has little of what it is going to read.
    'spark.reducer.maxSizeInFlight': '64k',
    'spark.shuffle.io.retryWait': '20ms',
  });
  const failures: string[] = [];
  sc.addSparkListener({
    onTaskEnd: ({ reason }) => {
      if (reason.kind !== 'Success') failures.push(reason.kind);
    },
  });
  try {
    await body({ sc, dir, failures });
  } finally {
    writeFileSync(join(dir, 'go'), '');
    await sc.stop();
    rmSync(dir, { recursive: true });
  }
}

/** Called by a task. */
function waitForGo(dir: string): void {
  writeFileSync(join(dir, `begun-${process.pid}-${TaskContext.getPartitionId()}`), '');
  while (!existsSync(join(dir, 'go'))) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 5);
}

const begun = (dir: string, pid: number): boolean => readdirSync(dir).some((name) => name.startsWith(`begun-${pid}-`));

test('an executor killed with -9 in the middle of a map task: that task, and those that it had done, run again elsewhere', () =>
  onStage(async ({ sc, dir, failures }) => {
    const [victim = 0, other = 0] = await executorPids(sc, 2);
    const sums = sc
      .parallelize([...Array(600).keys()], 6)
      .mapPartitions((records) => {
        // The first task of each executor ends; the second one stands still.
        const mine = readdirSync(dir).filter((name) => name.startsWith(`done-${process.pid}-`));
        if (mine.length > 0) waitForGo(dir);
        const pairs = [...records].map((x): [number, number] => [x % 10, 1]);
        writeFileSync(join(dir, `done-${process.pid}-${TaskContext.getPartitionId()}`), '');
        return pairs;
      })
      .reduceByKey((a, b) => a + b, 2)
      .collectAsMap();
    await until(() => begun(dir, victim) && begun(dir, other));
    await kill(victim);
    writeFileSync(join(dir, 'go'), '');
    assert.deepEqual(
      [...(await sums)].sort(),
      [...Array(10).keys()].map((key) => [key, 60]),
    );
    assert.deepEqual(failures.sort(), ['ExecutorLostFailure', 'Resubmitted']);
    assert.ok(!(await executorPids(sc, 2)).includes(victim), 'another one has come in its place');
  }));

test('an executor killed with -9 while it serves a fetch, in the middle of what the other one reads from it', () =>
  onStage(async ({ sc, dir, failures }) => {
    const [victim = 0, other = 0] = await executorPids(sc, 2);
    const read = sc
      .parallelize([...Array(8).keys()], 8)
      .flatMap(
        (map) => Array.from({ length: 512 }, (_, i): [number, string] => [i % 2, `${map}`.repeat(2048)]), // 512 KiB a reader
      )
      .partitionBy(new HashPartitioner(2))
      .mapPartitions(function* (records) {
        let lines = 0;
        const chars = new Set<string>();
        for (const [, text] of records) {
          if (lines++ === 0) waitForGo(dir);
          for (const char of text) chars.add(char);
        }
        yield `${lines} lines of ${[...chars].sort().join('')}`;
      })
      .collect();
    await until(() => begun(dir, victim) && begun(dir, other));
    await kill(victim);
    writeFileSync(join(dir, 'go'), '');
    assert.deepEqual(
      await read,
      Array.from({ length: 2 }, () => '2048 lines of 01234567'),
    );
    assert.ok(failures.includes('ExecutorLostFailure'), 'what it read itself');
    assert.ok(failures.includes('FetchFailed'), 'what the other one read from it');
  }));
