import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { Accumulator } from '../../src/accumulator/accumulator.ts';
import { SparkContext } from '../../src/driver/spark-context.ts';
import type { SparkListenerEvent } from '../../src/protocol/spark-listener-event.ts';
import { TaskContext } from '../../src/rdd/task-context.ts';

let sc: SparkContext;
const events: SparkListenerEvent[] = [];
before(async () => {
  sc = await SparkContext.create({
    master: 'local[2,4]',
    appName: 'accumulators',
    'spark.log.level': 'OFF',
    'spark.executor.heartbeatInterval': '60ms',
  });
  sc.addSparkListener({ onEvent: (event) => void events.push(event) });
});
after(() => sc.stop());

const last = <T extends SparkListenerEvent['type']>(type: T): Extract<SparkListenerEvent, { type: T }> =>
  events.findLast((e) => e.type === type) as Extract<SparkListenerEvent, { type: T }>;

test('failing first attempts add nothing to what an action counts', async () => {
  const seen = sc.longAccumulator();
  await sc.range(0, 40, 1, 4).foreach((x) => {
    seen.add(1);
    if (x % 10 === 9 && (TaskContext.get()?.attemptNumber ?? 9) < 2) throw new Error('again');
  });
  assert.equal(seen.value, 40);
});

test('a transformation that runs twice counts twice, as in Spark', async () => {
  const seen = sc.longAccumulator();
  const rdd = sc.range(0, 10, 1, 2).map((x) => {
    seen.add(1);
    return x;
  });
  await rdd.count();
  await rdd.count();
  assert.equal(seen.value, 20);
});

class Point {
  readonly x: number;
  constructor(x: number) {
    this.x = x;
  }
  get double(): number {
    return this.x * 2;
  }
}

test('a collection keeps the classes of what was added', async () => {
  const points = sc.collectionAccumulator<Point | Map<string, Date>>();
  await sc.range(0, 3, 1, 3).foreach((x) => {
    points.add(new Point(x));
    points.add(new Map([['at', new Date(x)]]));
  });
  const [found, maps] = [points.value.filter((p) => p instanceof Point), points.value.filter((p) => p instanceof Map)];
  assert.deepEqual(found.map((p) => p.double).sort(), [0, 2, 4]);
  assert.deepEqual(maps.map((m) => m.get('at')?.getTime()).sort(), [0, 1, 2]);
});

test('named ones stand in the events of tasks and stages, others do not', async () => {
  const lines = sc.longAccumulator('lines');
  const silent = sc.longAccumulator();
  lines.add(100);
  await sc.range(0, 6, 1, 1).foreach(() => {
    lines.add(1);
    silent.add(1);
  });
  await new Promise((go) => setImmediate(go));
  const { id } = lines;
  assert.deepEqual(last('SparkListenerTaskEnd').accumulables, [{ id, name: 'lines', update: 6, value: 106 }]);
  assert.deepEqual(last('SparkListenerStageCompleted').accumulables, [
    { id, name: 'lines', update: undefined, value: 106 },
  ]);
  await sc.range(0, 6, 1, 1).count();
  await new Promise((go) => setImmediate(go));
  assert.deepEqual(last('SparkListenerTaskEnd').accumulables, []);
  assert.equal(last('SparkListenerStageCompleted').accumulables, undefined);
});

for (const kind of ['in one stretch', 'that awaits'] as const)
  test(`what a task ${kind} has added so far is told while it runs, in heartbeats`, async () => {
    const lines = sc.longAccumulator('lines');
    const silent = sc.longAccumulator();
    const count = (x: number): number => {
      if (x < 5) lines.add(2);
      silent.add(1);
      return x;
    };
    const all = sc.range(0, 2 ** 50, 1, 1);
    const job =
      kind === 'in one stretch'
        ? all.map(count).count()
        : all.mapAsync(async (x) => (x < 5 ? count(x) : new Promise<number>(() => {})), { concurrency: 6 }).count();
    const heard: unknown[] = [];
    const listener = {
      onExecutorMetricsUpdate({
        tasks,
        executorId,
      }: Extract<SparkListenerEvent, { type: 'SparkListenerExecutorMetricsUpdate' }>) {
        for (const { accumulables } of tasks) {
          // The range may be heard of before its first records are.
          if (!accumulables.some(({ update }) => update === 10)) continue;
          heard.push([executorId, accumulables]);
          job.cancel('enough');
        }
      },
    };
    sc.addSparkListener(listener);
    await assert.rejects(job, /enough/);
    sc.removeSparkListener(listener);
    assert.deepEqual(heard[0], ['driver', [{ id: lines.id, name: 'lines', update: 10, value: undefined }]]);
    assert.equal(lines.value, 0, 'a task that does not succeed adds nothing');
  });

class Broken extends Accumulator<number, number> {
  n = 0;
  get isZero(): boolean {
    return this.n === 0;
  }
  get value(): number {
    throw new Error('no value');
  }
  copy(): Broken {
    const copy = new Broken();
    copy.n = this.n;
    return copy;
  }
  reset(): void {
    this.n = 0;
  }
  add(value: number): void {
    this.n += value;
  }
  merge(): void {
    throw new Error('cannot merge');
  }
}

test('one whose merge and value throw costs no job, and not the others', async () => {
  const broken = sc.register(new Broken(), 'broken');
  const good = sc.longAccumulator('good');
  await sc.range(0, 4, 1, 2).foreach(() => {
    broken.add(1);
    good.add(1);
  });
  assert.equal(good.value, 4);
  assert.equal(await sc.range(3).count(), 3);
});
