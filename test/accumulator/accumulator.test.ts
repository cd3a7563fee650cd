import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import {
  Accumulator,
  AccumulatorRegistry,
  accumulatorCodec,
  CollectionAccumulator,
  DoubleAccumulator,
  LongAccumulator,
  TaskAccumulators,
} from '../../src/accumulator/accumulator.ts';
import { captureAll, loadClosuresSync, registerCodec } from '../../src/closure/closure.ts';
import type { AccumulatorUpdate } from '../../src/protocol/task.ts';

registerCodec(accumulatorCodec);

type Task = (...args: never[]) => unknown;

/** Runs a function as a task does, and gives what it would send to the driver. */
function runTask(task: Task, ...args: unknown[]): readonly AccumulatorUpdate[] {
  const accumulators = new TaskAccumulators();
  const [shipped] = loadClosuresSync(captureAll([task])).make(accumulators) as ((...a: unknown[]) => unknown)[];
  shipped?.(...args);
  return structuredClone(accumulators.updates());
}

const failed = (_: AccumulatorUpdate, error: unknown): never => {
  throw error;
};

function registered<A extends Accumulator<never, unknown>>(
  accumulator: A,
  name: string | null = null,
): [A, AccumulatorRegistry] {
  const registry = new AccumulatorRegistry();
  registry.register(accumulator, name);
  return [accumulator, registry];
}

class MaxAccumulator extends Accumulator<number, number | null> {
  max: number | null = null;
  get isZero(): boolean {
    return this.max === null;
  }
  get value(): number | null {
    return this.max;
  }
  copy(): MaxAccumulator {
    const copy = new MaxAccumulator();
    copy.max = this.max;
    return copy;
  }
  reset(): void {
    this.max = null;
  }
  add(value: number): void {
    this.max = this.max === null ? value : Math.max(this.max, value);
  }
  merge(other: MaxAccumulator): void {
    if (other.max !== null) this.add(other.max);
  }
}

describe('accumulators', () => {
  test('gather on the driver what tasks added, each once, in any order', () => {
    fc.assert(
      fc.property(
        fc.array(fc.array(fc.integer({ min: -1e6, max: 1e6 }), { maxLength: 5 }), { maxLength: 6 }),
        (tasks) => {
          const [sum, registry] = registered(new LongAccumulator());
          const updates = tasks.map((values) => runTask((vs: number[]) => vs.map((v) => sum.add(v)), values));
          for (const update of updates.reverse()) registry.merge(update, failed);
          const all = tasks.flat();
          const total = all.reduce((a, b) => a + b, 0);
          assert.deepEqual([sum.value, sum.count, sum.sum], [total, all.length, total]);
          assert.ok(Object.is(sum.avg, total / all.length));
        },
      ),
      { numRuns: 50 },
    );
  });

  test('start every task at zero, whatever was added on the driver and by other tasks', () => {
    const [sum, registry] = registered(new LongAccumulator(), 'lines');
    sum.add(100);
    const task = () => sum.add(1);
    const first = runTask(task);
    assert.deepEqual(
      first.map(({ id, name }) => ({ id, name })),
      [{ id: 0, name: 'lines' }],
    );
    registry.merge(first, failed);
    registry.merge(runTask(task), failed);
    assert.equal(sum.value, 102);
  });

  test('reached by two functions of a task are one, and untouched ones send nothing', () => {
    const registry = new AccumulatorRegistry();
    const [a, b] = [new LongAccumulator(), new LongAccumulator()];
    registry.register(a, null);
    registry.register(b, null);
    const accumulators = new TaskAccumulators();
    const fns = loadClosuresSync(captureAll([() => a.add(1), () => a.add(2), () => b.id])).make(accumulators);
    for (const fn of fns) (fn as () => void)();
    const updates = accumulators.updates();
    assert.deepEqual(
      updates.map((u) => u.id),
      [a.id],
    );
    registry.merge(updates, failed);
    assert.equal(a.value, 3);
  });

  test('of doubles and of collections gather, too', () => {
    const registry = new AccumulatorRegistry();
    const [sum, all] = [new DoubleAccumulator(), new CollectionAccumulator<{ word: string }>()];
    registry.register(sum, null);
    registry.register(all, null);
    for (const word of ['x', 'y'])
      registry.merge(
        runTask((w: string) => {
          sum.add(0.25);
          all.add({ word: w });
        }, word),
        failed,
      );
    assert.deepEqual([sum.value, sum.count, sum.avg], [0.5, 2, 0.25]);
    assert.deepEqual(all.value, [{ word: 'x' }, { word: 'y' }]);
    assert.equal(all.isZero, false);
    all.reset();
    assert.equal(all.isZero, true);
  });

  test('of an own class travel with it', () => {
    const [max, registry] = registered(new MaxAccumulator());
    max.add(5);
    for (const n of [3, 9, 4])
      registry.merge(
        runTask((v: number) => max.add(v), n),
        failed,
      );
    assert.equal(max.value, 9);
  });

  test('of an own class start each task at zero, also when a stage is loaded once for many tasks', () => {
    const [max] = registered(new MaxAccumulator());
    const stage = loadClosuresSync(captureAll([(v: number) => max.add(v)]));
    const states = [7, 2].map((n) => {
      const accumulators = new TaskAccumulators();
      (stage.make(accumulators)[0] as (v: number) => void)(n);
      return accumulators.updates()[0]?.value;
    });
    assert.deepEqual(states, [{ max: 7 }, { max: 2 }]);
  });

  test('that extend a built-in one travel as what they are', () => {
    class Doubling extends LongAccumulator {
      override add(value: number): void {
        super.add(value * 2);
      }
      override copy(): Doubling {
        const copy = new Doubling();
        copy.merge(this);
        return copy;
      }
    }
    const [sum, registry] = registered(new Doubling());
    registry.merge(
      runTask(() => sum.add(4)),
      failed,
    );
    assert.equal(sum.value, 8);
  });

  test('cannot be read in a task', () => {
    const [sum] = registered(new LongAccumulator(), 'lines');
    for (const read of [() => sum.value, () => sum.sum, () => sum.count, () => sum.avg])
      assert.throws(
        () => runTask(read),
        /Can't read accumulator value in task: LongAccumulator\(id: 0, name: lines\) is known in full on the driver only/,
      );
    const [all] = registered(new CollectionAccumulator<number>());
    assert.throws(() => runTask(() => all.value), /Can't read accumulator value in task/);
  });

  test('must be registered before they travel, once, and by this class', () => {
    const sum = new LongAccumulator();
    assert.equal(sum.isRegistered, false);
    assert.throws(
      () => captureAll([() => sum.add(1)]),
      /Accumulator must be registered before send to executor: LongAccumulator\(not registered\)/,
    );
    assert.throws(() => sum.id, /must be registered/);
    const registry = new AccumulatorRegistry();
    registry.register(sum, 'a');
    assert.deepEqual([sum.id, sum.name, sum.isRegistered], [0, 'a', true]);
    assert.throws(() => registry.register(sum, 'b'), /Cannot register an Accumulator twice/);
    assert.throws(() => registry.register({} as LongAccumulator, null), /must extend Accumulator/);
  });

  test('refuse what is no number, and whole ones what is no whole number', () => {
    const sum = new LongAccumulator();
    for (const value of [1.5, Number.NaN, 2 ** 53, '1', undefined, null, 1n])
      assert.throws(
        () => sum.add(value as number),
        /LongAccumulator\(not registered\)\.add\(.*\): the value must be a whole number/,
      );
    assert.throws(
      () => new DoubleAccumulator().add('x' as unknown as number),
      /\.add\("x"\): the value must be a number/,
    );
    assert.equal(sum.isZero, true);
  });

  test('never show a sum of whole numbers that is not exact', () => {
    const big = new LongAccumulator();
    big.add(Number.MAX_SAFE_INTEGER);
    assert.equal(big.value, Number.MAX_SAFE_INTEGER);
    const other = new LongAccumulator();
    other.add(2);
    big.merge(other);
    big.merge(other);
    assert.throws(() => big.value, /beyond 2\^53 - 1 and no longer exact; use a doubleAccumulator/);
    big.add(-10);
    assert.throws(() => big.copy().value, /no longer exact/);
    assert.equal(big.count, 4);
    big.reset();
    assert.equal(big.value, 0);
  });

  test('whose merge throws are told, and the others are merged', () => {
    class Broken extends MaxAccumulator {
      override merge(): void {
        throw new Error('no');
      }
    }
    const registry = new AccumulatorRegistry();
    const [broken, sum] = [new Broken(), new LongAccumulator()];
    registry.register(broken, 'broken');
    registry.register(sum, null);
    const told: string[] = [];
    registry.merge(
      [
        { id: 0, name: 'broken', value: { max: 1 } },
        ...runTask(() => sum.add(1)),
        { id: 99, name: null, value: { max: 1 } },
      ],
      (update, error) => told.push(`${update.name}: ${(error as Error).message}`),
    );
    assert.deepEqual(told, ['broken: no']);
    assert.equal(sum.value, 1);
  });

  test('with a copy that is not zero are refused before they travel', () => {
    class Stuck extends MaxAccumulator {
      override copy(): Stuck {
        const copy = new Stuck();
        copy.max = this.max;
        return copy;
      }
      override reset(): void {}
    }
    const [stuck] = registered(new Stuck());
    stuck.add(1);
    assert.throws(() => captureAll([() => stuck.add(1)]), /copyAndReset must return a zero value copy: .* of Stuck/);
    class Same extends MaxAccumulator {
      override copy(): Same {
        return this;
      }
    }
    const [same] = registered(new Same());
    assert.throws(() => captureAll([() => same.add(1)]), /copyAndReset must return a zero value copy: .* of Same/);
  });

  test('with a state that cannot leave the task name themselves', () => {
    const [all] = registered(new CollectionAccumulator<unknown>(), 'things');
    assert.throws(
      () => runTask(() => all.add(() => 1)),
      /the state of CollectionAccumulator\(id: 0, name: things\) cannot leave the task: .* add plain data/,
    );
  });

  test('tell what a running task has added so far, but for what is zero, large, no data, or not to be told', () => {
    const registry = new AccumulatorRegistry();
    const [sum, zero] = [new LongAccumulator(), new LongAccumulator()];
    const [few, many, bad] = Array.from({ length: 3 }, () => new CollectionAccumulator<unknown>());
    class Text extends MaxAccumulator {
      text = '';
    }
    class Quiet extends MaxAccumulator {
      override get excludeFromHeartbeat(): boolean {
        return true;
      }
      override copy(): Quiet {
        return new Quiet();
      }
    }
    const text = new Text();
    const quiet = new Quiet();
    for (const each of [sum, zero, few, many, bad, quiet, text])
      registry.register(each as CollectionAccumulator<unknown>, null);
    const task = new TaskAccumulators();
    const adopt = <A extends Accumulator<never, unknown>>(a: A): A =>
      task.adopt(a.id, null, () => a.copyAndReset()) as A;
    adopt(sum).add(7);
    adopt(zero);
    adopt(few as CollectionAccumulator<unknown>).add('a');
    const large = adopt(many as CollectionAccumulator<unknown>);
    for (let i = 0; i < 100_000; i++) large.add(`value ${i}`);
    adopt(bad as CollectionAccumulator<unknown>).add(() => 1);
    adopt(quiet).add(1);
    const long = adopt(text);
    long.add(1);
    long.text = 'x'.repeat(100_000);
    const ids = (): number[] => task.progress().map(({ id }) => id);
    assert.deepEqual(ids(), [sum.id, few?.id]);
    assert.deepEqual(task.progress()[0], { id: sum.id, name: null, value: { total: 7, added: 1, exact: true } });
    // What was too large once is not looked at again.
    large.exportState = () => assert.fail('encoded again');
    assert.deepEqual(ids(), [sum.id, few?.id]);
  });

  test('inside a value without a task are an error that says what to do', () => {
    const [sum] = registered(new LongAccumulator(), 'lines');
    const bytes = captureAll([{ sum }]);
    assert.throws(() => loadClosuresSync(bytes).make(), /accumulator lines was reached outside of a task's functions/);
  });
});
