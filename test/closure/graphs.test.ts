import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { captureAll, loadClosuresSync } from '../../src/closure/closure.ts';

class Base {
  held: readonly unknown[] = [];
  base(): string {
    return 'base';
  }
}

class Derived extends Base {
  get kind(): string {
    return `derived ${this.base()}`;
  }
}

const KINDS = ['object', 'array', 'map', 'set', 'base', 'derived', 'null', 'function', 'recursive', 'getter'] as const;

interface Spec {
  readonly kind: (typeof KINDS)[number];
  readonly targets: readonly number[];
}

/** Makes one value per node; edges may go anywhere, so cycles and aliases of all kinds come up. */
function makeGraph(specs: readonly Spec[]): unknown[] {
  const values = specs.map(({ kind }) => make(kind));
  specs.forEach(({ targets }, i) => {
    fill(
      values[i],
      targets.map((target) => values[target % values.length]),
    );
  });
  return values;
}

const HELD = new WeakMap<object, unknown[]>();

function make(kind: Spec['kind']): unknown {
  switch (kind) {
    case 'object':
      return {};
    case 'array':
      return [];
    case 'map':
      return new Map();
    case 'set':
      return new Set();
    case 'base':
      return new Base();
    case 'derived':
      return new Derived();
    case 'null':
      return Object.create(null) as object;
    case 'function': {
      const held: unknown[] = [];
      const fn = (): readonly unknown[] => held;
      HELD.set(fn, held);
      return fn;
    }
    case 'recursive': {
      const held: unknown[] = [];
      const fn = (depth = 1): readonly unknown[] => (depth > 0 ? fn(depth - 1) : held);
      HELD.set(fn, held);
      return fn;
    }
    case 'getter': {
      const held: unknown[] = [];
      const object = {
        get value(): readonly unknown[] {
          return held;
        },
      };
      HELD.set(object, held);
      return object;
    }
  }
}

function fill(value: unknown, targets: readonly unknown[]): void {
  const held = HELD.get(value as object);
  if (held !== undefined) held.push(...targets);
  else if (value instanceof Map) for (const target of targets) value.set(target, targets[0]);
  else if (value instanceof Set) for (const target of targets) value.add(target);
  else if (value instanceof Base) value.held = targets;
  else if (Array.isArray(value)) value.push(...targets);
  else Object.assign(value as object, { targets, first: targets[0] });
}

function partsOf(value: object): readonly unknown[] {
  if (typeof value === 'function') return [(value as () => unknown)()];
  if (value instanceof Map) return [...value].flat();
  if (value instanceof Set) return [...value];
  return Object.keys(value).map((key) => (value as Record<string, unknown>)[key]);
}

const shapeOf = (value: object): string =>
  `${Object.prototype.toString.call(value)} ${Object.getPrototypeOf(value) === null} ${Object.getPrototypeOf(value)?.constructor.name} ${Object.keys(value).join()}`;

/** Walks both graphs at once: the same shape, and the same value wherever the original has the same. */
function assertSame(original: unknown, copy: unknown): void {
  const twins = new Map<unknown, unknown>();
  const back = new Map<unknown, unknown>();
  const stack: [unknown, unknown][] = [[original, copy]];
  for (let pair = stack.pop(); pair !== undefined; pair = stack.pop()) {
    const [a, b] = pair;
    if ((typeof a !== 'object' && typeof a !== 'function') || a === null) {
      assert.equal(a, b);
      continue;
    }
    if (twins.has(a)) {
      assert.equal(twins.get(a), b);
      continue;
    }
    assert.equal(back.has(b), false);
    twins.set(a, b);
    back.set(b, a);
    assert.equal(shapeOf(a), shapeOf(b as object));
    if (a instanceof Derived) assert.equal((b as Derived).kind, 'derived base');
    const parts = partsOf(a);
    const copies = partsOf(b as object);
    assert.equal(parts.length, copies.length);
    parts.forEach((part, i) => {
      stack.push([part, copies[i]]);
    });
  }
}

test('any graph of objects, instances, collections and functions arrives as it was', () => {
  const spec = fc.record({ kind: fc.constantFrom(...KINDS), targets: fc.array(fc.nat(30), { maxLength: 4 }) });
  fc.assert(
    fc.property(fc.array(spec, { minLength: 1, maxLength: 14 }), (specs) => {
      const values = makeGraph(specs);
      const stage = loadClosuresSync(captureAll([values, () => values]));
      for (let task = 0; task < 2; task++) {
        const [list, fn] = stage.make() as [readonly unknown[], () => readonly unknown[]];
        assert.equal(fn(), list);
        assertSame(values, list);
      }
    }),
    { numRuns: 150 },
  );
});
