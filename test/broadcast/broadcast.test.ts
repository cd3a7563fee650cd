import assert from 'node:assert/strict';
import { beforeEach, describe, test } from 'node:test';
import { type Broadcast, BroadcastRegistry, broadcastCodec } from '../../src/broadcast/broadcast.ts';
import { captureAll, loadClosuresSync, registerCodec } from '../../src/closure/closure.ts';

/** Where executors would ask, and what they were told. */
const published = new Map<number, Uint8Array>();
let told: string[] = [];
let fetched: number[] = [];

const rdd = { isAnRdd: true };
const driver = (): BroadcastRegistry =>
  new BroadcastRegistry({
    encode: (value) => captureAll([value]),
    publish: (id, bytes) => published.set(id, bytes),
    unpersist: (id) => told.push(`unpersist ${id}`),
    remove: (id) => {
      published.delete(id);
      told.push(`remove ${id}`);
    },
    isRdd: (value) => value === rdd,
    callSite: (method) => `${method} at app.ts:12`,
  });

const codec = broadcastCodec((id) => {
  fetched.push(id);
  const bytes = published.get(id);
  if (bytes === undefined) throw new Error(`Broadcast(${id}) is gone`);
  return loadClosuresSync(bytes).make()[0];
});
registerCodec(codec);

type Zero = () => unknown;
/** A function as a task gets it. */
const inTask = <F extends Zero>(fn: F): F => loadClosuresSync(captureAll([fn])).make()[0] as F;

beforeEach(() => {
  published.clear();
  told = [];
  fetched = [];
  for (let id = 0; id < 5; id++) codec.forget(id);
});

describe('a broadcast variable', () => {
  test('is read in a task as the value was when it was broadcast, and on the driver as the value itself', () => {
    const table = new Map([['a', 1]]);
    const shared = driver().create(table);
    table.set('a', 2);
    assert.equal(shared.value, table);
    const size = inTask(() => shared.value.get('a'));
    assert.equal(size(), 1);
  });

  test('carries functions and instances of classes', () => {
    class Point {
      x: number;
      constructor(x: number) {
        this.x = x;
      }
      twice(): number {
        return this.x * 2;
      }
    }
    const factor = 10;
    const shared = driver().create({ point: new Point(4), scale: (n: number) => n * factor });
    assert.equal(inTask(() => shared.value.scale(shared.value.point.twice()))(), 80);
  });

  test('is fetched when a task first reads it, and once a thread', () => {
    const shared = driver().create('text');
    const task = inTask(() => shared.value);
    const unused = inTask(() => shared.id);
    assert.equal(unused(), 0);
    assert.deepEqual(fetched, []);
    assert.equal(task(), 'text');
    assert.equal(task(), 'text');
    assert.equal(inTask(() => shared.value.length)(), 4);
    assert.deepEqual(fetched, [0]);
    codec.forget(0);
    assert.equal(task(), 'text');
    assert.deepEqual(fetched, [0, 0]);
  });

  test('of undefined is fetched once, too', () => {
    const shared = driver().create(undefined);
    const task = inTask(() => shared.value);
    assert.equal(task(), undefined);
    assert.equal(task(), undefined);
    assert.deepEqual(fetched, [0]);
  });

  test('travels as its number alone, however large the value is', () => {
    const shared = driver().create('x'.repeat(1_000_000));
    assert.ok(captureAll([() => shared.value]).byteLength < 2000);
  });

  test('may be part of the value of another one', () => {
    const registry = driver();
    const inner = registry.create([1, 2, 3]);
    const outer = registry.create({ inner });
    assert.equal(inTask(() => outer.value.inner.value.length)(), 3);
  });

  test('tells executors to drop their copies on unpersist, and can be used afterwards', () => {
    const shared = driver().create(7);
    shared.unpersist();
    assert.deepEqual(told, ['unpersist 0']);
    assert.equal(inTask(() => shared.value)(), 7);
  });

  test('that was destroyed says so, and where, at every later use', () => {
    const shared = driver().create(7);
    shared.destroy();
    assert.deepEqual(told, ['remove 0']);
    const uses: Record<string, () => unknown> = {
      value: () => shared.value,
      unpersist: () => shared.unpersist(),
      destroy: () => shared.destroy(),
      capture: () => captureAll([() => shared.value]),
    };
    for (const [name, use] of Object.entries(uses))
      assert.throws(use, /Attempted to use Broadcast\(0\) after it was destroyed \(destroy at app\.ts:12\)/, name);
  });

  test('cannot be destroyed by a task', () => {
    const shared: Broadcast<number> = driver().create(7);
    assert.throws(
      inTask(() => shared.destroy()),
      /Broadcast\(0\)\.destroy\(\) was called in a task; only the driver/,
    );
    assert.throws(
      inTask(() => shared.unpersist()),
      /Broadcast\(0\)\.unpersist\(\) was called in a task/,
    );
    assert.deepEqual(told, []);
  });

  test('cannot hold an RDD', () => {
    assert.throws(() => driver().create(rdd), {
      message: 'Can not directly broadcast RDDs; instead, call collect() and broadcast the result.',
    });
    assert.equal(published.size, 0);
  });

  test('of a value that cannot travel is refused where it is made, and takes no number', () => {
    const registry = driver();
    assert.throws(() => registry.create(new WeakMap()));
    assert.equal(registry.create(1).id, 0);
  });
});
