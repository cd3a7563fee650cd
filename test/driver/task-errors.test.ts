import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SparkContext } from '../../src/driver/spark-context.ts';

class NoAnswerError extends Error {
  override readonly name = 'NoAnswerError';
  readonly held: unknown;
  self: unknown = null;

  constructor(message: string, held: unknown) {
    super(message);
    this.held = held;
    this.self = this;
  }
}

test('an error that holds what cannot travel keeps its name, its text and its place', async (t) => {
  const sc = await SparkContext.create({ master: 'local[1]', appName: 'errors', 'spark.log.level': 'OFF' });
  t.after(() => sc.stop());
  const job = sc
    .parallelize([1], 1)
    .map((x: number) => {
      if (x === 1)
        throw new NoAnswerError('host b is silent', [process.stderr, () => x, new WeakMap(), Promise.resolve()]);
      return x;
    })
    .collect();
  await assert.rejects(job, (error: Error) => {
    assert.match(
      error.message,
      /^Job aborted due to stage failure: Task 0 in stage 0\.0 failed 1 times, most recent failure: Lost task 0\.0 in stage 0\.0 \(TID 0\) \(.* executor driver\): NoAnswerError: host b is silent\n/,
    );
    assert.match(error.message, /task-errors\.test\.[jt]s:\d+/);
    assert.ok(error.cause instanceof Error);
    assert.deepEqual([error.cause.name, error.cause.message], ['NoAnswerError', 'host b is silent']);
    return true;
  });
  assert.equal(await sc.parallelize([1, 2], 1).count(), 2);
});
