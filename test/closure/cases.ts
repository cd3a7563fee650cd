import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { ClosureError, captureAll } from '../../src/closure/closure.ts';
import { Executors, FIXTURES } from './kit.ts';

type Case = readonly [
  name: string,
  make: () => unknown,
  args: readonly unknown[],
  expected: unknown | RegExp | ((value: unknown) => boolean),
];

/** Makes a test of each case of a table: the function is captured here, and called in a thread and in a process. */
export async function testCases(table: string): Promise<void> {
  const { tables } = (await import(new URL('cases.mjs', FIXTURES).href)) as { tables: Record<string, readonly Case[]> };
  const executors = new Executors();
  after(() => executors.close());
  for (const [name, make, args, expected] of tables[table] ?? [])
    test(name, async () => {
      const fn = await make();
      const capture = (): Uint8Array => captureAll([fn], { what: 'the function passed to map()' });
      if (expected instanceof RegExp) {
        assert.throws(capture, (error) => {
          assert.ok(error instanceof ClosureError, String((error as Error).stack));
          assert.match(error.message, expected);
          return true;
        });
        return;
      }
      for (const value of await executors.inBoth({ bytes: capture(), args }))
        if (typeof expected === 'function') assert.ok(expected(value), `unexpected result ${String(value)}`);
        else assert.deepEqual(value, expected);
    });
}
