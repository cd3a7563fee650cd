import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import v8 from 'node:v8';
import vm from 'node:vm';
import { captureAll, checkClosure, loadClosures } from '../../src/closure/closure.ts';
import { LruMap } from '../../src/closure/lru-map.ts';
import { turn } from '../kit/async-task.ts';
import { Executors } from './kit.ts';

const executors = new Executors();
after(() => executors.close());

const LENGTH = 20_000;

test('a linked list of 20,000 instances is copied', async () => {
  class Link {
    readonly value: number;
    readonly next: Link | null;
    constructor(value: number, next: Link | null) {
      this.value = value;
      this.next = next;
    }
  }
  let head: Link | null = null;
  for (let i = 0; i < LENGTH; i++) head = new Link(i, head);
  const sum = (): number => {
    let total = 0;
    for (let link = head; link !== null; link = link.next) total += link.value;
    return total;
  };
  checkClosure(sum);
  const bytes = captureAll([sum], { warnBytes: Number.POSITIVE_INFINITY });
  assert.deepEqual(await executors.inBoth({ bytes }), [sum(), sum()]);
});

test('plain data nested 20,000 levels deep is copied, with its aliases', async () => {
  type Nested = { next: Nested | null; readonly shared: object };
  const shared = { same: true };
  let head: Nested = { next: null, shared };
  for (let i = 1; i < LENGTH; i++) head = { next: head, shared };
  const depth = (): number => {
    let count = 0;
    for (let link: Nested | null = head; link !== null && link.shared === shared; link = link.next) count++;
    return count;
  };
  assert.deepEqual(await executors.inBoth({ bytes: captureAll([depth]) }), [LENGTH, LENGTH]);
});

test('arrays nested 20,000 levels deep are copied', async () => {
  let nested: readonly unknown[] = [];
  for (let i = 1; i < LENGTH; i++) nested = [nested];
  const depth = (): number => {
    let count = 1;
    for (let inner = nested; inner.length > 0; inner = inner[0] as readonly unknown[]) count++;
    return count;
  };
  assert.deepEqual(await executors.inBoth({ bytes: captureAll([depth]) }), [LENGTH, LENGTH]);
});

test('a doubly linked ring is copied', async () => {
  interface Node {
    before: Node | null;
    after: Node | null;
  }
  const nodes: Node[] = Array.from({ length: 5000 }, () => ({ before: null, after: null }));
  nodes.forEach((node, i) => {
    node.before = nodes.at(i - 1) ?? null;
    node.after = nodes[(i + 1) % nodes.length] ?? null;
  });
  const [start] = nodes;
  const walk = (): number => {
    let count = 0;
    let at = start;
    do {
      if (at?.after?.before !== at) return -1;
      at = at?.after ?? undefined;
      count++;
    } while (at !== start);
    return count;
  };
  assert.deepEqual(await executors.inBoth({ bytes: captureAll([walk]) }), [5000, 5000]);
});

test('a chain of plain objects with a function at its end is scanned once', () => {
  interface Chain {
    readonly next: Chain | (() => number);
  }
  let chain: Chain | (() => number) = () => 1;
  for (let i = 0; i < LENGTH; i++) chain = { next: chain };
  let reads = 0;
  const real = Object.getOwnPropertyDescriptor;
  Object.getOwnPropertyDescriptor = (object: unknown, name: PropertyKey): PropertyDescriptor | undefined => {
    // One a link; with a scan from every link there would be thousands.
    if (++reads > 20 * LENGTH) throw new Error('the chain is scanned again and again');
    return real(object, name);
  };
  try {
    captureAll([() => chain], { warnBytes: Number.POSITIVE_INFINITY });
  } finally {
    Object.getOwnPropertyDescriptor = real;
  }
  assert.ok(reads >= LENGTH, `only ${reads} reads were seen`);
});

test('thousands of captures leave nothing behind', async () => {
  v8.setFlagsFromString('--expose-gc');
  const collect = vm.runInNewContext('gc') as () => void;
  const threshold = 5;
  const stop = new Set(['a']);
  const capture = (count: number): void => {
    for (let i = 0; i < count; i++) captureAll([(x: number) => x > threshold && stop.size > 0]);
  };
  const held = (): number => {
    collect();
    collect();
    return process.memoryUsage().heapUsed;
  };
  capture(1000);
  const before = held();
  capture(2500);
  // Whatever a capture leaves, be it a handle of the inspector, is 1.5 KB, 4 MB together; the heap itself sways by some 300 KB,
  // which go sooner or later.
  let grown = Number.POSITIVE_INFINITY;
  for (let look = 0; look < 100 && grown >= 1_500_000; look++) {
    await turn();
    grown = held() - before;
  }
  assert.ok(grown < 1_500_000, `heap grew by ${grown} bytes`);
});

test('functions of scripts made at run time are copied', async () => {
  const made = Array.from({ length: 5 }, (_, i) => new Function('x', `return x + ${i}`));
  for (const fn of made) checkClosure(fn);
  const revived = (await loadClosures(captureAll(made))).make() as ((x: number) => number)[];
  assert.deepEqual(
    revived.map((fn) => fn(1)),
    [1, 2, 3, 4, 5],
  );
});

test('a bounded map forgets what was used longest ago', () => {
  const map = new LruMap<string, number>(2);
  map.set('a', 1);
  map.set('b', 2);
  assert.equal(map.get('a'), 1);
  map.set('c', 3);
  assert.deepEqual([map.get('a'), map.get('b'), map.get('c'), map.size], [1, undefined, 3, 2]);
});
