import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { IskraCommand } from '../kit/iskra-command.ts';

// Each case prints [case, error's code, its cause's code, message], or [case, result].
const TELL = `import { SparkContext, StorageLevel } from 'iskra';
import { Socket } from 'node:net';
class Plain { readonly x = 1; }
const tell = async (name: string, run: () => unknown): Promise<void> => {
  try {
    console.log(JSON.stringify([name, (await run()) ?? null]));
  } catch (e) {
    const { code, message, cause } = e as Error & { code?: string; cause?: { code?: string } };
    console.log(JSON.stringify([name, code ?? null, cause?.code ?? null, message]));
  }
};
`;

const iskra = new IskraCommand('bad-records', {
  'records.ts': `${TELL}
export async function main([dir = '']: string[]): Promise<void> {
  const sc = await SparkContext.create();
  const one = sc.parallelize([1, 2, 3, 4], 2);
  const values: Record<string, (v: number) => unknown> = {
    function: (v) => ({ f: () => v }),
    socket: () => new Socket(),
    symbol: () => [Symbol('s')],
    WeakMap: () => ({ w: new WeakMap() }),
    proxy: () => { const { proxy, revoke } = Proxy.revocable({}, {}); revoke(); return proxy; },
  };
  for (const [name, make] of Object.entries(values)) {
    await tell(name + ' collect', () => one.map(make).collect());
    await tell(name + ' groupByKey', () => one.map((v) => [v, make(v)] as [number, unknown]).groupByKey().count());
    await tell(name + ' repartition', () => one.map(make).repartition(3).count());
    await tell(name + ' cache', () => one.map(make).cache().count());
    await tell(name + ' disk', () => one.map(make).persist(StorageLevel.DISK_ONLY).count());
    await tell(name + ' saveAsObjectFile', () => one.map(make).saveAsObjectFile(dir + '/' + name));
    await tell(name + ' parallelize', () => sc.parallelize([make(1)]).count());
    await tell(name + ' reduce', () => one.map(make).reduce((a) => a));
  }
  for (const name of ['socket', 'WeakMap', 'proxy']) await tell(name + ' broadcast', () => sc.broadcast((values[name] as () => unknown)()));
  await tell('next', () => one.count());
}
`,
  'keys.ts': `${TELL}
export async function main(): Promise<void> {
  const sc = await SparkContext.create();
  const one = sc.parallelize([1, 2, 3, 4], 2);
  const keys: Record<string, (v: number) => unknown> = { '[Function': () => () => 1, 'Map(0) {}': () => new Map(), 'Plain { x: 1 }': () => new Plain() };
  for (const [shown, make] of Object.entries(keys)) {
    const pairs = one.map((v) => [make(v), v] as [never, number]);
    const add = (a: number, b: number): number => a + b;
    const operators: Record<string, () => unknown> = {
      reduceByKey: () => pairs.reduceByKey(add).count(),
      groupByKey: () => pairs.groupByKey().count(),
      aggregateByKey: () => pairs.aggregateByKey(0, add, add).count(),
      foldByKey: () => pairs.foldByKey(0, add).count(),
      combineByKey: () => pairs.combineByKey((v) => v, add, add).count(),
      join: () => pairs.join(pairs).count(),
      leftOuterJoin: () => pairs.leftOuterJoin(pairs).count(),
      cogroup: () => pairs.cogroup(pairs).count(),
      subtractByKey: () => pairs.subtractByKey(pairs).count(),
      distinct: () => pairs.keys().distinct().count(),
      intersection: () => pairs.keys().intersection(pairs.keys()).count(),
      subtract: () => pairs.keys().subtract(pairs.keys()).count(),
      partitionBy: () => pairs.partitionBy(2).count(),
      repartitionAndSort: () => pairs.repartitionAndSortWithinPartitions(2).count(),
      countByKey: () => pairs.countByKey(),
      countByValue: () => pairs.keys().countByValue(),
      lookup: () => pairs.lookup(make(1) as never),
      groupBy: () => one.groupBy(make as never).count(),
      countApproxDistinct: () => pairs.keys().countApproxDistinct(),
      reduceByKeyLocally: () => pairs.reduceByKeyLocally(add),
    };
    for (const [operator, run] of Object.entries(operators)) await tell(shown + '|' + operator, run);
  }
  await tell('next', () => one.count());
}
`,
  'comparators.ts': `${TELL}
export async function main(): Promise<void> {
  const sc = await SparkContext.create();
  const many = sc.range(0, 5000, 1, 4).map((v) => (v * 7919) % 5003);
  const pairs = many.map((v) => [v, v] as [number, number]);
  const comparators: Record<string, unknown> = {
    throws: () => { throw new RangeError('no order'); },
    random: () => Math.random() - 0.5,
    always: () => 1,
    NaN: () => Number.NaN,
    undefined: () => undefined,
    boolean: (a: number, b: number) => a > b,
    bigint: () => 1n,
  };
  const sum = (all: readonly number[]): number => all.reduce((a, b) => a + b, 0);
  for (const [name, given] of Object.entries(comparators)) {
    const compare = given as (a: number, b: number) => number;
    await tell(name + ' sortBy', async () => sum(await many.sortBy((v) => v, true, 3, compare).collect()));
    await tell(name + ' sortByKey', async () => sum(await pairs.sortByKey(true, 3, compare).values().collect()));
    await tell(name + ' repartitionAndSort', async () => sum(await pairs.repartitionAndSortWithinPartitions(3, compare).values().collect()));
    await tell(name + ' top', async () => (await many.top(10, compare)).length);
    await tell(name + ' takeOrdered', async () => (await many.takeOrdered(10, compare)).length);
  }
  await tell('next', () => many.count());
}
`,
});
after(() => iskra.remove());

type Told = readonly [name: string, ...rest: unknown[]];

async function told(...args: string[]): Promise<Told[]> {
  const { code, out, err } = await iskra.run(...args, '-c', 'spark.log.level=ERROR');
  assert.deepEqual([code, iskra.leftOver()], [0, []], err);
  const lines = out.trimEnd().split('\n');
  return lines.map((line) => JSON.parse(line) as Told);
}

const failedAtOnce =
  /^Job aborted due to stage failure: (Task creation failed: |Task \d in stage \d+\.0 failed 1 times, )/;

// Four attempts were possible in each.
for (const master of ['local[2,4]', 'local-cluster[2,1,1024]']) {
  test(`a record that cannot be encoded is shown with the reason, and not tried again: ${master}`, async () => {
    const reasons: Readonly<Record<string, RegExp>> = {
      function: /\{ f: \[Function: f\] \}.*cannot be encoded: it is a function \(f\); records are data/,
      socket: /Socket \{.*cannot be encoded: /,
      symbol: /Symbol\(s\).*cannot be encoded: it is a symbol/,
      WeakMap: /\{ w: WeakMap .*its part \S*\.w,.*cannot be encoded: weak collections cannot be read/,
      proxy: /<Revoked Proxy>.* cannot be encoded: it is (or holds a proxy that was revoked|a Proxy)/,
    };
    const all = await told('--master', master, 'records.ts', `${iskra.path('out')}${master.length}`);
    assert.equal(all.length, 5 * 8 + 3 + 1);
    assert.deepEqual(all.at(-1), ['next', 4]);
    for (const [name, code, cause, message] of all.slice(0, -1)) {
      if (name.endsWith(' broadcast')) {
        assert.equal(code, 'CLOSURE', name);
        assert.match(String(message), /^cannot ship the broadcast value(.|\n)* cannot be copied/);
        continue;
      }
      assert.deepEqual([code, cause], ['STAGE_ABORTED', 'UNENCODABLE_RECORD'], name);
      assert.match(String(message), failedAtOnce, name);
      assert.match(String(message), reasons[name.split(' ')[0] as string] as RegExp, name);
    }
  });

  test(`a key without equality by value is shown by each operator that compares keys: ${master}`, async () => {
    const all = await told('--master', master, 'keys.ts');
    assert.equal(all.length, 3 * 20 + 1);
    assert.deepEqual(all.at(-1), ['next', 4]);
    for (const [name, code, cause, message] of all.slice(0, -1)) {
      assert.ok([code, cause].includes('UNKEYABLE_KEY'), `${name} ${code} ${cause} ${message}`);
      assert.ok(String(message).includes(name.split('|')[0] as string), `${name} ${message}`);
      assert.match(String(message), / cannot be a key: .* Use a string, number, bigint/);
      if (code !== 'UNKEYABLE_KEY') assert.match(String(message), failedAtOnce, name);
    }
  });

  test(`a comparator that throws, contradicts itself or gives no number loses nothing and hangs nothing: ${master}`, async () => {
    const all = await told('--master', master, 'comparators.ts');
    assert.equal(all.length, 7 * 5 + 1);
    assert.deepEqual(all.at(-1), ['next', 5000]);
    const sum = [...Array(5000).keys()].reduce((a, v) => a + ((v * 7919) % 5003), 0);
    for (const [name, result, cause, message] of all.slice(0, -1)) {
      const [comparator, operator = ''] = name.split(' ');
      if (comparator === 'random' || comparator === 'always')
        assert.equal(result, /top|takeOrdered/.test(operator) ? 10 : sum, name);
      else if (comparator === 'throws') assert.match(String(message), /no order/, name);
      else {
        assert.ok([result, cause].includes('BAD_COMPARATOR'), `${name} ${message}`);
        assert.match(
          String(message),
          /the comparator returned (NaN|undefined|true|false|1n) for \d+ and \d+, but it must return a number: below zero when the first comes first/,
        );
        if (result !== 'BAD_COMPARATOR') assert.match(String(message), failedAtOnce, name);
      }
    }
  });
}
