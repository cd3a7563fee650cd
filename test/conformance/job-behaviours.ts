import assert from 'node:assert/strict';
import type { ApproximateEvaluator } from '../../src/rdd/evaluators.ts';
import { TaskContext } from '../../src/rdd/task-context.ts';
import { type Behaviour, newGate } from './behaviour.ts';

const count = (records: Iterable<unknown>): number => {
  let n = 0;
  for (const _ of records) n++;
  return n;
};

/** runJob, submitJob, runApproximateJob. */
export const jobBehaviours: readonly Behaviour[] = [
  [
    'runJob calls its function once a partition and collects what it returns',
    async (sc) => {
      const rdd = sc.range(0, 10, 1, 4);
      assert.deepEqual(await sc.runJob(rdd, (records) => [...records]), [
        [0, 1],
        [2, 3, 4],
        [5, 6],
        [7, 8, 9],
      ]);
      assert.deepEqual(await sc.runJob(rdd, count, [2, 0]), [2, 2]);
      assert.deepEqual(await sc.runJob(rdd, count, []), []);
      assert.deepEqual(await sc.runJob(sc.emptyRDD<number>(), count), []);
    },
  ],
  [
    "runJob's function also gets the task's context",
    async (sc) => {
      const ids = await sc.runJob(sc.range(0, 6, 1, 3), (_, context) => context.partitionId, [1, 2]);
      assert.deepEqual(ids, [1, 2]);
    },
  ],
  [
    'runJob hands results over as they come, with their position among the partitions',
    async (sc) => {
      const rdd = sc.range(0, 40, 1, 4);
      const got = new Map<number, number>();
      const nothing = await sc.runJob(rdd, count, (index, n) => void got.set(index, n));
      assert.equal(nothing, undefined);
      assert.deepEqual([...got].sort(), [
        [0, 10],
        [1, 10],
        [2, 10],
        [3, 10],
      ]);
      got.clear();
      await sc.runJob(
        rdd,
        (_, context) => context.partitionId,
        [3, 1],
        (index, partition) => void got.set(index, partition),
      );
      assert.deepEqual([...got].sort(), [
        [0, 3],
        [1, 1],
      ]);
    },
  ],
  [
    'a handler that throws fails its job',
    async (sc) => {
      const rdd = sc.range(0, 4, 1, 2);
      const refuse = (): void => {
        throw new Error('not this one');
      };
      await assert.rejects(sc.runJob(rdd, count, refuse), /not this one/);
      await assert.rejects(
        sc.submitJob(rdd, count, [0], refuse, () => 1),
        /not this one/,
      );
    },
  ],
  [
    'jobs on partitions that do not exist, and of what is no function, are refused at the call',
    async (sc) => {
      const rdd = sc.range(0, 4, 1, 2);
      const text = /Attempting to access a non-existent partition: 2. Total number of partitions: 2/;
      assert.throws(() => sc.runJob(rdd, count, [0, 2]), text);
      assert.throws(() => sc.runJob(rdd, count, [-1]), /non-existent partition: -1/);
      assert.throws(() => sc.runJob(rdd, count, [0.5]), /non-existent partition: 0.5/);
      assert.throws(
        () =>
          sc.submitJob(
            rdd,
            count,
            [2],
            () => {},
            () => 1,
          ),
        text,
      );
      assert.throws(
        () =>
          sc.submitJob(
            rdd,
            count,
            undefined as never,
            () => {},
            () => 1,
          ),
        /list of partitions/,
      );
      assert.throws(() => sc.submitJob(rdd, count, [0], 5 as never, () => 1), /resultHandler/);
      assert.throws(() => sc.runJob(rdd, 'count' as never), /needs a function/);
      assert.throws(() => sc.runJob([1] as never, count), /needs another RDD|needs an RDD/);
      assert.throws(() => sc.runJob(rdd, count, 'all' as never), /list of partitions/);
      assert.throws(() => sc.runApproximateJob(rdd, count, {} as never, 5), /evaluator/);
    },
  ],
  [
    'runJob takes a signal, wherever the options come',
    async (sc) => {
      const rdd = sc.range(0, 2, 1, 2);
      const signal = AbortSignal.abort(new Error('too late'));
      await assert.rejects(sc.runJob(rdd, count, [0], { signal }), /too late/);
      await assert.rejects(
        sc.runJob(rdd, count, () => {}, { signal }),
        /too late/,
      );
      await assert.rejects(
        sc.runJob(rdd, count, [0], () => {}, { signal }),
        /too late/,
      );
    },
  ],
  [
    'submitJob makes its result when all results were handed over',
    async (sc) => {
      let sum = 0;
      const action = sc.submitJob(
        sc.range(0, 100, 1, 5),
        count,
        [0, 1, 4],
        (_, n) => {
          sum += n;
        },
        () => `${sum} records`,
      );
      assert.equal(await action, '60 records');
      assert.equal(action.jobIds.length, 1);
      const none = await sc.submitJob(
        sc.emptyRDD<number>(),
        count,
        [],
        () => assert.fail('no results'),
        () => 'done',
      );
      assert.equal(none, 'done');
    },
  ],
  [
    'runApproximateJob answers by its evaluator, at the end of the job or at its timeout',
    async (sc) => {
      class Sum implements ApproximateEvaluator<number, { sum: number; merged: number }> {
        sum = 0;
        merged = 0;
        merge(_: number, n: number): void {
          this.sum += n;
          this.merged++;
        }
        currentResult(): { sum: number; merged: number } {
          return { sum: this.sum, merged: this.merged };
        }
      }
      const all = await sc.runApproximateJob(sc.range(0, 30, 1, 3), count, new Sum(), 60_000);
      assert.equal(all.isInitialValueFinal, true);
      assert.deepEqual(all.initialValue, { sum: 30, merged: 3 });
      const gate = newGate();
      const part = await sc.runApproximateJob(gate.hold(sc.range(0, 3, 1, 3)), count, new Sum(), 0);
      assert.equal(part.isInitialValueFinal, false);
      assert.deepEqual(part.initialValue, { sum: 0, merged: 0 });
      gate.open();
      assert.deepEqual(await part.getFinalValue(), { sum: 3, merged: 3 });
    },
  ],
];

/** What only tasks in slots have. */
export const taskContextBehaviours: readonly Behaviour[] = [
  [
    "a task's context knows its stage, its partition and its attempt",
    async (sc) => {
      const facts = await sc.runJob(sc.range(0, 4, 1, 2), (_, context) => ({
        same: TaskContext.get()?.taskAttemptId === context.taskAttemptId,
        partition: context.partitionId,
        of: context.numPartitions,
        attempt: context.attemptNumber,
        stageAttempt: context.stageAttemptNumber,
        cpus: context.cpus,
        over: [context.isCompleted(), context.isFailed(), context.isInterrupted()],
        metrics: typeof context.taskMetrics().executorRunTimeMs,
        none: context.getLocalProperty('no such property'),
      }));
      for (const [partition, fact] of facts.entries()) {
        assert.deepEqual(fact, {
          same: true,
          partition,
          of: 2,
          attempt: 0,
          stageAttempt: 0,
          cpus: 1,
          over: [false, false, false],
          metrics: 'number',
          none: null,
        });
      }
    },
  ],
  [
    'completion listeners are called at the end, the last added first',
    async (sc) => {
      const order = sc.longAccumulator();
      await sc.runJob(sc.range(0, 1, 1, 1), (records, context) => {
        // Only in one order of calls this makes 12.
        let digits = 0;
        context
          .addTaskCompletionListener(() => {
            digits = digits * 10 + 2;
            order.add(digits);
          })
          .addTaskCompletionListener(() => {
            digits = digits * 10 + 1;
          });
        return [...records].length + digits;
      });
      assert.equal(Number(order.value), 12);
    },
  ],
  [
    'all listeners of a failing task are called, those for failures with its error and before the others',
    async (sc) => {
      const rdd = sc.range(0, 1, 1, 1).mapPartitions((records) => {
        const context = TaskContext.get();
        const heard: string[] = [];
        context?.addTaskCompletionListener((c) => {
          throw new Error(`heard: ${heard.join(', ')}; failed: ${c.isFailed()}`);
        });
        context?.addTaskFailureListener((_, error) => heard.push(`first ${error.message}`));
        context?.addTaskFailureListener(() => {
          heard.push('second');
          throw new Error('a listener that throws');
        });
        for (const _ of records) throw new Error('broken');
        return [];
      });
      await assert.rejects(rdd.collect(), /broken/);
    },
  ],
  [
    'a completion listener that throws fails the task, after the others were called',
    async (sc) => {
      const rdd = sc.range(0, 1, 1, 1).mapPartitions((records) => {
        const context = TaskContext.get();
        let others = 0;
        context?.addTaskCompletionListener(() => {
          throw new Error(`${others} others were called`);
        });
        context?.addTaskCompletionListener(() => {
          others++;
        });
        return records;
      });
      await assert.rejects(rdd.collect(), /1 others were called/);
    },
  ],
  [
    "a job's function that returns a promise is refused when it runs",
    async (sc) => {
      const answer = sc.runJob(sc.range(0, 1, 1, 1), () => Promise.resolve(1));
      await assert.rejects(answer, /runJob\(\) returned a promise/);
    },
  ],
  [
    "a job's local properties reach its tasks",
    async (sc) => {
      const seen = await sc.withLocalProperties({ colour: 'red' }, () =>
        sc.runJob(sc.range(0, 1, 1, 1), (_, context) => context.getLocalProperty('colour')),
      );
      assert.deepEqual(seen, ['red']);
    },
  ],
];
