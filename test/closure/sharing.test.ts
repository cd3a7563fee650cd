import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { captureAll, describeClass, loadClosures, registerCodec, reviveClass } from '../../src/closure/closure.ts';
import { Executors } from './kit.ts';

const executors = new Executors();
after(() => executors.close());

type Fn = (...args: readonly unknown[]) => unknown;

/** Where functions keep something in an executor, between stages. */
const kept = globalThis as unknown as Record<string, unknown>;

async function stages(...fns: readonly Fn[]): Promise<unknown[]> {
  const results: unknown[] = [];
  for (const fn of fns) results.push(await executors.inWorker({ bytes: captureAll([fn]) }));
  return results;
}

test('each task gets fresh objects, and the same functions', async () => {
  const seen = new Set<number>();
  const isNew = (x: number): boolean => !seen.has(x) && Boolean(seen.add(x));
  const pure = (x: number): number => x + 1;
  const loaded = await loadClosures(captureAll([isNew, pure]));
  const [first, pure1] = loaded.make() as [typeof isNew, typeof pure];
  assert.deepEqual([1, 1, 2].map(first), [true, false, true]);
  const [second, pure2] = loaded.make() as [typeof isNew, typeof pure];
  assert.equal(second(1), true);
  assert.equal(pure1, pure2);
  assert.equal(loaded.stateless, false);
});

test('what a task writes into a captured typed array is not there for the next task', async () => {
  const counts = new Float64Array(4);
  const add = (i: number): number => {
    counts[i] = (counts[i] ?? 0) + 1;
    return counts[i] ?? 0;
  };
  const bytes = captureAll([add]);
  const loaded = await loadClosures(bytes);
  for (let task = 0; task < 3; task++) assert.equal((loaded.make()[0] as typeof add)(2), 1);
  assert.equal(((await loadClosures(bytes)).make()[0] as typeof add)(2), 1);
});

test('a captured variable that a function assigns starts anew in each task', async () => {
  let next = 0;
  const id = (): number => ++next;
  const loaded = await loadClosures(captureAll([id]));
  assert.equal((loaded.make()[0] as typeof id)(), 1);
  assert.equal((loaded.make()[0] as typeof id)(), 1);
});

test('functions without objects are made once for all stages of a thread', async () => {
  const limit = 3;
  const helper = (x: number): boolean => x > limit;
  const fn = (x: number): boolean => helper(x);
  const [a, b] = [await loadClosures(captureAll([fn])), await loadClosures(captureAll([fn]))];
  assert.equal(a.stateless, true);
  assert.equal(a.make()[0], b.make()[0]);
  assert.equal(a.make(), a.make());
});

test('instanceof holds between stages', async () => {
  class Point {
    readonly x = 1;
  }
  const results = await stages(
    () => {
      kept['point'] = new Point();
    },
    () => kept['point'] instanceof Point,
  );
  assert.equal(results[1], true);
});

test('instanceof holds for classes that capture objects and share them with functions', async () => {
  const config = { scale: 2 };
  class Scaled {
    readonly x: number;
    constructor(x: number) {
      this.x = x * config.scale;
    }
  }
  const results = await stages(
    () => {
      kept['scaled'] = new Scaled(3);
    },
    () => [kept['scaled'] instanceof Scaled, (kept['scaled'] as Scaled).x * config.scale],
    () => {
      config.scale = 7; // thread-wide, as a class and its functions must agree
      return new Scaled(1).x;
    },
  );
  assert.deepEqual(results.slice(1), [[true, 12], 7]);
});

test('a class that captures other values than before is another class', async () => {
  let factor = 2;
  class Times {
    of(x: number): number {
      return x * factor;
    }
  }
  const first = captureAll([() => new Times().of(1)]);
  factor = 3;
  const second = captureAll([() => new Times().of(1)]);
  assert.equal(await executors.inWorker({ bytes: first }), 2);
  assert.equal(await executors.inWorker({ bytes: second }), 3);
});

test('static state belongs to the thread, and a changed value of the driver replaces it', async () => {
  class Counter {
    static total = 10;
    static readonly names = new Map([['a', 1]]);
    constructor() {
      Counter.total++;
    }
  }
  const fn = (): unknown => {
    kept['counter'] ??= new Counter();
    new Counter();
    return [Counter.total, Counter.names.size, kept['counter'] instanceof Counter];
  };
  assert.deepEqual(await stages(fn, fn), [
    [12, 1, true],
    [13, 1, true],
  ]);
  Counter.total = 100;
  Counter.names.set('b', 2);
  assert.deepEqual(await stages(fn), [[101, 2, true]]);
});

test('an old description of a class does not bring its old static state back', async () => {
  class Setting {
    static level = 1;
    readonly name = 'setting';
  }
  const description = describeClass(Setting);
  Setting.level = 2;
  const bytes = captureAll([() => Setting.level]);
  assert.equal(await executors.inWorker({ op: 'again', bytes }), 2);
  assert.equal(await executors.inWorker({ op: 'reviveClass', bytes: [description] }), true);
  assert.equal(await executors.inWorker({ op: 'again', bytes }), 2);
});

test('two classes of one text are told apart', async () => {
  const make = (name: string): { new (): object; readonly kind: string } =>
    class {
      static readonly kind = name;
      readonly made = true;
    };
  const [A, B] = [make('a'), make('b')];
  assert.deepEqual(await stages(() => [A.kind, B.kind, new A() instanceof B]), [['a', 'b', false]]);
});

test('mutually recursive classes keep their identity between stages', async () => {
  class Even {
    next(): object {
      return new Odd();
    }
  }
  class Odd {
    next(): object {
      return new Even();
    }
  }
  const results = await stages(
    () => {
      kept['odd'] = new Even().next();
    },
    () => kept['odd'] instanceof Odd,
  );
  assert.equal(results[1], true);
});

test('a unique symbol is the same one in all stages', async () => {
  const tag = Symbol('tag');
  const results = await stages(
    () => {
      kept['tagged'] = { [tag]: 5 };
    },
    () => (kept['tagged'] as Record<symbol, unknown>)[tag],
  );
  assert.equal(results[1], 5);
});

test('a described class is revived as the class that closures see', async () => {
  const registry = { prefix: 'n' };
  class Base {
    hello(): string {
      return `hello ${registry.prefix}`;
    }
  }
  class Person extends Base {
    static count = 1;
    static readonly all: Person[] = [new Person()];
  }
  const description = describeClass(Person);
  assert.equal(describeClass(Person), description);
  const check = (revived: unknown, again: unknown, describe: unknown): unknown => {
    const bytes = (describe as typeof describeClass)(revived as typeof Person);
    const person = Object.create((revived as typeof Person).prototype) as Person;
    return [revived === Person, revived === again, person instanceof Base, person.hello(), bytes];
  };
  const request = { op: 'reviveClass', bytes: [description, description], args: [captureAll([check])] } as const;
  for (const value of await executors.inBoth(request)) {
    const [...facts] = value as readonly unknown[];
    const back = facts.pop() as Uint8Array;
    assert.deepEqual(facts, [true, true, true, 'hello n']);
    // What the executor sends back is the driver's own class.
    assert.equal(reviveClass(back), Person);
  }
  assert.equal(reviveClass(description), Person);
});

test('a class of a module is revived by importing it, without waiting', async () => {
  const { Point } = (await import(new URL('../../../test/closure/fixtures/lib/util.mjs', import.meta.url).href)) as {
    Point: new (x: number, y: number) => { norm(): number };
  };
  const description = describeClass(Point);
  assert.ok(description.length < 700);
  const check = (revived: unknown, _again: unknown, describe: unknown): unknown => [
    revived === Point,
    new Point(3, 4).norm(),
    (describe as typeof describeClass)(revived as typeof Point),
  ];
  for (const value of await executors.inBoth({
    op: 'reviveClass',
    bytes: [description],
    args: [captureAll([check])],
  })) {
    const [same, norm, back] = value as [boolean, number, Uint8Array];
    assert.deepEqual([same, norm], [true, 5]);
    assert.equal(reviveClass(back), Point);
  }
});

test('a class with private members says that its instances cannot be copied', () => {
  class Account {
    #balance = 0;
    get balance(): number {
      return this.#balance;
    }
  }
  assert.throws(() => describeClass(Account), /class Account with private members \(#balance\)/);
});

test('closures load without waiting, also those that import modules', async () => {
  const { tokenize } = (await import(new URL('../../../test/closure/fixtures/lib/util.mjs', import.meta.url).href)) as {
    tokenize(text: string): string[];
  };
  const bytes = captureAll([(text: string) => tokenize(text).length]);
  assert.deepEqual(await executors.inBoth({ bytes, args: ['a b c'], sync: true }), [3, 3]);
});

test('a module with top-level await cannot be imported without waiting, and the error says so', async () => {
  const url = new URL('../../../test/closure/fixtures/awaiting-module.mjs', import.meta.url).href;
  const { Waits } = (await import(url)) as { Waits: new () => object };
  const bytes = captureAll([() => new Waits()]);
  await assert.rejects(
    executors.inProcess({ bytes, sync: true }),
    /the executor cannot import '.*awaiting-module\.mjs'.*(top-level await|require\(\))/,
  );
  await executors.inWorker({ bytes });
});

test('codecs and the replace hook get the context that make() was given', async () => {
  class Handle {
    readonly id: number;
    readonly context: unknown;
    constructor(id: number, context: unknown) {
      this.id = id;
      this.context = context;
    }
  }
  registerCodec<Handle, number>({
    name: 'test handle',
    test: (value) => value instanceof Handle,
    encode: (handle) => handle.id,
    decode: (id, context) => new Handle(id, context),
  });
  const handle = new Handle(7, null);
  const read = (): unknown => [handle.id, handle.context];
  const loaded = await loadClosures(captureAll([read]));
  assert.deepEqual((loaded.make('task 1')[0] as typeof read)(), [7, 'task 1']);
  assert.deepEqual((loaded.make('task 2')[0] as typeof read)(), [7, 'task 2']);
});

test('a codec that the executor does not know is named', async () => {
  class Odd {}
  registerCodec<Odd, null>({
    name: 'unknown there',
    test: (value) => value instanceof Odd,
    encode: () => null,
    decode: () => new Odd(),
  });
  const odd = new Odd();
  await assert.rejects(
    executors.inProcess({ bytes: captureAll([() => odd]) }),
    /no codec 'unknown there' on this executor/,
  );
});
