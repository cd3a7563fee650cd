import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { IskraCommand } from '../kit/iskra-command.ts';

const iskra = new IskraCommand('failing', {
  'million.ts': `import { SparkContext } from 'iskra';

interface Reading { readonly value: number }

export async function main(): Promise<void> {
  const sc = await SparkContext.create();
  const check = (value: number): Reading => {
    if (value === 1_000_000) throw new RangeError(\`no reading \${value}\`);
    return { value };
  };
  await sc.range(0, 1_500_000, 1, 2).map(check).count();
}
`,
  'helper.ts': `type Text = string;

export function parse(line: Text): number {
  return JSON.parse(line) as number;
}
`,
  'caught.ts': `import { SparkContext } from 'iskra';
import { parse } from './helper.js';
import { appendFileSync, readFileSync } from 'node:fs';

class Misread extends Error {
  override name = 'Misread';
}

export async function main([file = '']: string[]): Promise<void> {
  const sc = await SparkContext.create();
  const tell = async (what: string, job: () => Promise<unknown>): Promise<void> => {
    try {
      console.log(what, JSON.stringify(await job()));
    } catch (e) {
      const error = e as Error & { code: string; cause?: Error };
      const { cause } = error;
      console.log(what, JSON.stringify([error.name, error.code, error.message, cause?.name, cause?.message, cause?.stack, (cause?.cause as Error)?.message]));
    }
  };
  const one = sc.range(0, 4, 1, 4);
  await tell('cause', () => one.map((v) => {
    try {
      return parse(v === 2 ? '{no json' : '1');
    } catch (cause) {
      throw new Misread('line 2', { cause });
    }
  }).collect());
  await tell('helper', () => sc.parallelize(['1', '{no json'], 1).map(parse).collect());
  await tell('string', () => one.map(() => { throw 'just text'; }).count());
  await tell('retried', async () => {
    const attempts = (): number => { appendFileSync(file, '.'); return readFileSync(file, 'utf8').length; };
    const sum = await one.map((v) => { if (v === 2 && attempts() < 3) throw new Error('not yet'); return v; }).sum();
    return [sum, readFileSync(file, 'utf8').length];
  });
  await tell('driver merge', () => one.reduce((a, b) => { throw new Error('cannot add ' + a + ' and ' + b); }));
  await tell('next', () => one.count());
}
`,
  'exits.ts': `import { SparkContext } from 'iskra';
export async function main(): Promise<void> {
  const sc = await SparkContext.create();
  const count = await sc.range(0, 4, 1, 4).map((v) => { if (v === 2) process.exit(3); return v; }).count();
  console.log(count);
}
`,
});
after(() => iskra.remove());

test('a function that throws in record 1,000,000 is shown with its own line and the line of the action, once', async () => {
  const { code, out, err } = await iskra.run('--master', 'local[2]', 'million.ts');
  const file = iskra.path('million.ts');
  assert.deepEqual([code, out, iskra.leftOver()], [1, '', []], err);
  assert.equal(
    err,
    `JobFailedError: Job aborted due to stage failure: Task 1 in stage 0.0 failed 1 times, most recent failure: Lost task 1.0 in stage 0.0 (TID 1) (localhost executor driver): RangeError: no reading 1000000
    at check (${file}:8:36)
Driver stacktrace:
    at main (${file}:11:49)
(--verbose shows the whole stack)
`,
  );
});

test('the cause of a failed job is the error of the task, with positions in every file of the user', async () => {
  const { code, out, err } = await iskra.run('--master', 'local[2,3]', 'caught.ts', iskra.path('attempts'));
  assert.equal(code, 0, err);
  assert.deepEqual(iskra.leftOver(), []);
  const told = new Map(
    out
      .trimEnd()
      .split('\n')
      .map((line) => {
        const at = line.indexOf(/[[\d]/.exec(line)?.[0] ?? '');
        return [line.slice(0, at - 1), JSON.parse(line.slice(at)) as unknown];
      }),
  );
  const [name, errorCode, message, causeName, causeMessage, causeStack, inner] = told.get('cause') as string[];
  assert.deepEqual(
    [name, errorCode, causeName, causeMessage],
    ['JobFailedError', 'STAGE_ABORTED', 'Misread', 'line 2'],
  );
  assert.match(
    message ?? '',
    /^Job aborted due to stage failure: Task 2 in stage 0\.0 failed 3 times, most recent failure: Lost task 2\.2 /,
  );
  assert.equal(causeStack, `Misread: line 2\n    at ${iskra.path('caught.ts')}:25:13`);
  assert.match(inner ?? '', /JSON/);
  const helper = told.get('helper') as string[];
  assert.match(helper[5] ?? '', new RegExp(`at parse \\(${iskra.path('helper.ts')}:4:15\\)$`), helper[5]);
  assert.equal((told.get('string') as string[])[4], 'a value that is not an Error was thrown: just text');
  assert.deepEqual(told.get('retried'), [6, 3]);
  assert.match((told.get('driver merge') as string[])[2] ?? '', /cannot add 0 and 1/);
  assert.equal(told.get('next'), 4);
  // Two of three failures of a task are warned of; the third is the job's own error.
  assert.match(
    err,
    /^WARN Scheduler: Lost task 2\.0 in stage 0\.0 \(TID 2\) \(localhost executor driver\): Misread: line 2\n {4}at /,
  );
  assert.doesNotMatch(err, /dist\/|node:internal/);
});

test('process.exit in a task costs its slot, and the job after four times', async () => {
  const { code, out, err } = await iskra.run('--master', 'local[2]', 'exits.ts');
  assert.deepEqual([code, out, iskra.leftOver()], [1, '', []], err);
  const why =
    "SlotLost: the task's thread was ended by process.exit(3) in a function of the task; throw an error there instead";
  const lines = err.split('\n');
  assert.equal(lines[0], `WARN Scheduler: Lost task 2.0 in stage 0.0 (TID 2) (localhost executor driver): ${why}`);
  assert.match(
    lines[1] ?? '',
    /^JobFailedError: Job aborted due to stage failure: Task 2 in stage 0\.0 failed 4 times, /,
  );
  assert.ok(lines[1]?.endsWith(why), err);
});
