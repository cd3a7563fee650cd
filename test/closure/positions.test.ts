import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { captureAll, remapStack } from '../../src/closure/closure.ts';
import { Executors } from './kit.ts';

const executors = new Executors();
after(() => executors.close());

interface Thrown {
  readonly stack: string;
}

/** The first frame: name, file, line and column. */
const frameOf = (stack: string): string => stack.split('\n')[1] ?? stack;

async function thrownBy(fn: () => unknown): Promise<readonly [string, readonly string[]]> {
  const here = ((): string => {
    try {
      return String(fn());
    } catch (error) {
      return (error as Thrown).stack;
    }
  })();
  const bytes = captureAll([fn]);
  const stacks = await Promise.all(
    [executors.inWorker({ bytes }), executors.inProcess({ bytes })].map((run) =>
      run.then(String, (error: Thrown) => error.stack),
    ),
  );
  return [here, stacks];
}

test('the stack of a revived function shows the line and column that the original has', async () => {
  const helper = (text: string): never => {
    throw new Error(`boom ${text}`);
  };
  class Thrower {
    readonly why = 'why';

    run(): never {
      throw new TypeError(this.why);
    }
  }
  const inner = {
    deep: {
      method() {
        return helper('inside');
      },
    },
  };
  for (const fn of [
    () => helper('x'),
    () => new Thrower().run(),
    () => inner.deep.method(),
    () => [1].map(() => helper('y')),
    () => {
      throw new Error('of a function without a name');
    },
  ]) {
    const [here, stacks] = await thrownBy(fn);
    for (const stack of stacks) assert.equal(frameOf(stack), frameOf(here));
  }
});

test('remapStack gives the positions of the TypeScript source', async () => {
  const fail = (): never => {
    throw new Error('find me'); // the place
  };
  const [, stacks] = await thrownBy(() => fail());
  const file = fileURLToPath(new URL('../../../test/closure/positions.test.ts', import.meta.url));
  const line = readFileSync(file, 'utf8')
    .split('\n')
    .findIndex((l) => l.includes('// the place'));
  for (const stack of stacks) {
    assert.match(stack, /positions\.test\.js/);
    assert.match(remapStack(stack), new RegExp(`${file.replaceAll('.', '\\.')}:${line + 1}:11`));
  }
});

test('remapStack leaves files alone that shipped nothing', () => {
  const stack = 'Error: x\n    at f (/somewhere/else.js:1:2)\n    at node:internal/x:1:1';
  assert.equal(remapStack(stack), stack);
});
