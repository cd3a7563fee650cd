import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import net from 'node:net';
import { after, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { ClosureError, captureAll, checkClosure, NOSHIP } from '../../src/closure/closure.ts';

const FILE = fileURLToPath(new URL('../../../test/closure/errors.test.ts', import.meta.url));
const LINES = readFileSync(FILE, 'utf8').split('\n');

/** Line and column (from 1) of the text after a marker comment. */
function place(marker: string): string {
  const line = LINES.findIndex((l) => l.includes(`/* ${marker} */`));
  const column = (LINES[line] ?? '').indexOf(`/* ${marker} */`) + `/* ${marker} */ `.length;
  return `${FILE}:${line + 1}:${column + 1}`;
}

function messageOf(run: () => void): string {
  try {
    run();
  } catch (error) {
    assert.ok(error instanceof ClosureError, String(error));
    return error.message;
  }
  return assert.fail('nothing was thrown');
}

const socket = new net.Socket();
after(() => socket.destroy());
const conn = { db: { socket } };

test('the message names the function, the path to the value, the reason and what to do', () => {
  const send = /* send */ (x: string): boolean => conn.db.socket.write(x);
  const fn = /* root */ (x: string): boolean => send(x);
  assert.equal(
    messageOf(() => checkClosure(fn, { what: 'the function passed to map()' })),
    [
      `Task not serializable: cannot ship the function passed to map() at ${place('root')}`,
      '    (x) => send(x)',
      '  captures `send`',
      `    function send (${place('send')})`,
      '      captures `conn`',
      '        .db',
      '        .socket',
      '  → an instance of Socket (node:net) cannot be copied',
      '  hint: create it inside the function (mapPartitions) or lazily in a module that executors import',
    ].join('\n'),
  );
});

test('a captured this names its place and the members in use', () => {
  class Job {
    readonly f = 3;
    fn(): (x: number) => number {
      return (x) => x * this.f;
    }
  }
  const message = messageOf(() => checkClosure(new Job().fn(), { what: 'the function passed to map()' }));
  assert.match(
    message,
    /\n {2}→ uses `this` of the function around it \(.*errors\.test\.ts:\d+:\d+\); V8 does not show a captured `this`\n/,
  );
  assert.match(
    message,
    /\n {2}hint: copy what it needs before: const \{ f \} = this – or ship the whole object: const self = this$/,
  );
});

test('the error carries where, path and why as fields', () => {
  const fn = (): unknown => conn;
  try {
    checkClosure(fn);
    assert.fail('nothing was thrown');
  } catch (error) {
    assert.ok(error instanceof ClosureError);
    assert.equal(error.code, 'CLOSURE');
    assert.match(error.where, /errors\.test\.ts:\d+:\d+$/);
    assert.deepEqual(error.path, ['captures `conn`', '.db', '.socket']);
    assert.equal(error.why, 'an instance of Socket (node:net) cannot be copied');
  }
});

test('an object that must stay on the driver gives its reason', () => {
  class Context {
    readonly [NOSHIP] = 'a SparkContext exists only on the driver';
    version(): string {
      return '1';
    }
  }
  const sc = new Context();
  assert.match(
    messageOf(() => checkClosure(() => sc.version())),
    /captures `sc`\n {2}→ a SparkContext exists only on the driver$/,
  );
});

test('each root of a call has its own words', () => {
  const broken = Promise.resolve(1);
  const whats = ['the function passed to map()', 'the zero value passed to fold()'];
  assert.match(
    messageOf(() => captureAll([() => 1, { broken }], { whats })),
    /^Task not serializable: cannot ship the zero value passed to fold\(\)\n {2}\.broken\n {2}→ a Promise cannot be copied/,
  );
});

test('what is no part of a task does not speak of one', () => {
  assert.match(
    messageOf(() => captureAll([{ broken: Promise.resolve(1) }], { what: 'the broadcast value', isTask: false })),
    /^cannot ship the broadcast value\n {2}\.broken\n/,
  );
});

test('more than a mebibyte warns and names the largest variable', () => {
  const lookup = Array.from({ length: 200_000 }, (_, i) => i + 0.5);
  const fn = /* large */ (x: number): boolean => lookup.includes(x);
  const warnings: string[] = [];
  const onWarning = (message: string): number => warnings.push(message);
  const what = 'the function passed to filter()';
  checkClosure(fn, { what, onWarning });
  assert.deepEqual(warnings, []);
  captureAll([fn], { what, onWarning });
  assert.deepEqual(warnings, [
    `the function passed to filter() at ${place('large')} ships 1.8 MB to every executor; the largest part is captures \`lookup\` (1.8 MB). Use a broadcast variable.`,
  ]);
  captureAll([fn], { warnBytes: 4 << 20, onWarning });
  assert.equal(warnings.length, 1);
});

test('assigning a captured variable warns at the check, with its place', () => {
  let count = 0;
  const warnings: string[] = [];
  checkClosure(() => count++, { onWarning: (message) => warnings.push(message) });
  assert.equal(warnings.length, 1);
  assert.match(
    warnings[0] ?? '',
    /errors\.test\.ts:\d+:\d+: assigns the captured variable `count`; only the executor's copy changes\. Use an accumulator or an aggregation\.$/,
  );
  assert.equal(count, 0);
});

test('a long path is shortened in the message', () => {
  interface Link {
    readonly next: Link | Promise<void>;
  }
  let chain: Link | Promise<void> = Promise.resolve();
  for (let i = 0; i < 200; i++) chain = { next: chain };
  const message = messageOf(() => checkClosure(() => chain));
  assert.match(message, /… 161 more/);
  assert.ok(message.split('\n').length < 50);
});
