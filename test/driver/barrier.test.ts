import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { SparkContext } from '../../src/driver/spark-context.ts';
import { BarrierTaskContext } from '../../src/rdd/barrier-task-context.ts';
import { TaskContext } from '../../src/rdd/task-context.ts';
import { until } from '../kit/until.ts';

async function withContext(
  master: string,
  body: (sc: SparkContext) => Promise<void>,
  conf: Readonly<Record<string, string>> = {},
): Promise<void> {
  const sc = await SparkContext.create({ master, appName: 'barrier', 'spark.log.level': 'OFF', ...conf });
  try {
    await body(sc);
  } finally {
    await sc.stop();
  }
}

test('tasks of a barrier stage gather messages, wait for each other, and know where all of them run', () =>
  withContext('local[2]', async (sc) => {
    const seen = await sc
      .parallelize([1, 2, 3, 4], 2)
      .barrier()
      .mapPartitionsWithIndex((index, records) => {
        const context = BarrierTaskContext.get();
        const all: string[][] = [];
        for (let round = 0; round < 3; round++) all.push(context.allGather(`${index} in round ${round}`));
        context.barrier();
        return [[all, context.getTaskInfos().map((info) => info.address), [...records].length]];
      })
      .collect();
    const rounds = [0, 1, 2].map((round) => [`0 in round ${round}`, `1 in round ${round}`]);
    const addresses = ['localhost:0', 'localhost:0'];
    assert.deepEqual(seen, [
      [rounds, addresses, 2],
      [rounds, addresses, 2],
    ]);
  }));

test('an evaluator runs in all partitions together, too', () =>
  withContext('local[2]', async (sc) => {
    const gathered = await sc
      .range(0, 4, 1, 2)
      .barrier()
      .mapPartitionsWithEvaluator({
        createEvaluator: () => ({
          eval: (index, records) => [[...BarrierTaskContext.get().allGather(`${index}`), [...(records ?? [])].length]],
        }),
      })
      .collect();
    assert.deepEqual(gathered, [
      ['0', '1', 2],
      ['0', '1', 2],
    ]);
  }));

test('a task that fails before a shuffle ends the attempt, also for fellows that wait; all have a second one', () =>
  withContext('local[2]', async (sc) => {
    const attempts = sc.collectionAccumulator<string>();
    const sum = await sc
      .range(0, 10, 1, 2)
      .barrier()
      .mapPartitions((records) => {
        const context = BarrierTaskContext.get();
        attempts.add(`${context.partitionId} in ${context.stageAttemptNumber}`);
        if (context.stageAttemptNumber === 0 && context.partitionId === 1) throw new Error('once');
        context.barrier();
        return [...records].map((v): [number, number] => [v % 3, v]);
      })
      .reduceByKey((a, b) => a + b)
      .values()
      .sum();
    assert.equal(sum, 45);
    assert.deepEqual([...attempts.value].sort(), ['0 in 1', '1 in 1']);
  }));

test('without a shuffle after it, a failed task of a barrier stage fails the job, and the next job runs', () =>
  withContext('local[2]', async (sc) => {
    const failing = sc
      .range(0, 10, 1, 2)
      .barrier()
      .mapPartitionsWithIndex((index, records) => {
        if (index === 1) throw new Error('not me');
        BarrierTaskContext.get().barrier();
        return records;
      });
    await assert.rejects(
      failing.count(),
      /Could not recover from a failed barrier ResultStage\. Most recent failure reason: Stage failed because barrier task ResultTask\(0, 1\) finished unsuccessfully\.\nError: not me/,
    );
    assert.equal(await sc.range(0, 10, 1, 2).count(), 10);
  }));

test('a mixed call fails the stage with the coordinator’s words', () =>
  withContext('local[2]', async (sc) => {
    const mixed = sc
      .range(0, 10, 1, 2)
      .barrier()
      .mapPartitionsWithIndex((index) => {
        const context = BarrierTaskContext.get();
        return index === 0 ? context.allGather('x') : [String(context.barrier())];
      });
    await assert.rejects(
      mixed.collect(),
      /Different barrier sync types found for the sync Stage 0 \(Attempt 0\): (BARRIER, ALL_GATHER|ALL_GATHER, BARRIER)\. Please use/,
    );
  }));

test('a task that stays away fails the others when the time is up', () =>
  withContext(
    'local[2]',
    async (sc) => {
      const waiting = sc
        .range(0, 10, 1, 2)
        .barrier()
        .mapPartitionsWithIndex((index, records) => {
          if (index === 0) BarrierTaskContext.get().barrier();
          return records;
        });
      await assert.rejects(
        waiting.collect(),
        /The coordinator didn't get all barrier sync requests for barrier epoch 0 from Stage 0 \(Attempt 0\) within 0\.2 second\(s\)\./,
      );
    },
    { 'spark.barrier.sync.timeout': '200ms' },
  ));

test('a job whose barrier tasks wait can be cancelled at once', () =>
  withContext(
    'local[2]',
    async (sc) => {
      const folder = mkdtempSync(join(tmpdir(), 'iskra-barrier-'));
      const job = sc
        .range(0, 10, 1, 2)
        .barrier()
        .mapPartitionsWithIndex((index, records) => {
          BarrierTaskContext.get().barrier();
          writeFileSync(join(folder, String(index)), '');
          if (index === 0) BarrierTaskContext.get().barrier();
          else while (TaskContext.get()?.isInterrupted() === false);
          return records;
        })
        .count();
      await until(() => readdirSync(folder).length >= 2);
      rmSync(folder, { recursive: true });
      job.cancel('enough');
      await assert.rejects(job, /was cancelled: enough/);
      assert.equal(await sc.range(0, 10, 1, 2).count(), 10);
    },
    { 'spark.iskra.slot.killGrace': '1h' }, // slots that were not free would not be so soon
  ));

test('more partitions than slots: the job waits for slots, then fails; other stages have no barrier context', () =>
  withContext(
    'local[2]',
    async (sc) => {
      await assert.rejects(
        sc
          .range(0, 10, 1, 3)
          .barrier()
          .mapPartitions((records) => records)
          .count(),
        /^BarrierSlotsError: \[SPARK-24819\]: Barrier execution mode does not allow run a barrier stage that requires more slots than the total number of slots in the cluster currently\. Please init a new cluster with more resources\(e\.g\. CPU, GPU\) or repartition/,
      );
      await assert.rejects(
        sc
          .range(0, 10, 1, 2)
          .map(() => BarrierTaskContext.get().partitionId)
          .count(),
        /BarrierTaskContext\.get\(\) was called in a task of stage \d+, which is no barrier stage/,
      );
      assert.throws(() => BarrierTaskContext.get(), /was called outside of a task/);
    },
    {
      'spark.scheduler.barrier.maxConcurrentTasksCheck.interval': '20ms',
      'spark.scheduler.barrier.maxConcurrentTasksCheck.maxFailures': '2',
    },
  ));
