import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { after, test } from 'node:test';
import { IskraCommand } from '../kit/iskra-command.ts';

const iskra = new IskraCommand('cancelled', {
  'cancel.ts': `import { appendFileSync, existsSync, readdirSync, readFileSync } from 'node:fs';
import { SparkContext } from 'iskra';
const dir = process.argv[2] as string;
export async function main(): Promise<void> {
  const sc = await SparkContext.create();
  /** Resolves when the tasks that write a mark have begun. */
  const begun = async (mark: string, tasks: number): Promise<void> => {
    while (!existsSync(mark) || readFileSync(mark, 'utf8').length < tasks) await new Promise((resolve) => setImmediate(resolve));
  };
  const spin = (mark: string) => (v: number): number => { appendFileSync(mark, '.'); for (;;); };
  const told = async (what: string, job: Promise<unknown>): Promise<void> => {
    await job.then((r) => console.log(what, r), (e: Error & { code: string }) => console.log(what, e.name, e.code, e.message.split('\\n')[0]));
  };
  const stop = new AbortController();
  const signalled = sc.range(0, 2, 1, 2).map(spin(dir + '/1')).count({ signal: stop.signal });
  await begun(dir + '/1', 2);
  stop.abort(new Error('the user has left'));
  await told('signal', signalled);
  await told('next', sc.range(0, 4, 1, 4).map((v) => v + 1).collect());

  const cancelled = sc.range(0, 2, 1, 2).map(spin(dir + '/2')).count();
  await begun(dir + '/2', 2);
  cancelled.cancel('enough');
  await told('cancel', cancelled);

  sc.setJobGroup('night', 'a group');
  const grouped = sc.range(0, 1, 1, 1).map(spin(dir + '/3')).count();
  await begun(dir + '/3', 1);
  sc.cancelJobGroup('night', 'it is day');
  await told('group', grouped);
  sc.clearJobGroup();

  const mark = dir + '/4';
  const saved = sc.range(0, 3, 1, 3).map((v) => { if (v === 2) { appendFileSync(mark, '.'); for (;;); } return v; }).saveAsTextFile(dir + '/out/deep');
  await begun(mark, 1);
  saved.cancel();
  await told('save', saved);
  console.log('left', existsSync(dir + '/out'));
  await told('last', sc.range(0, 4, 1, 4).count());
  console.log('left', existsSync(dir + '/out'));
  await told('failed save', sc.range(0, 10_000, 1, 2).map((v) => { if (v === 9_000) throw new Error('in the middle'); return v; }).saveAsTextFile(dir + '/out'));
  console.log('left', existsSync(dir + '/out'));
  await told('not yet', sc.range(4).count({ signal: AbortSignal.abort(new Error('before it began')) }));
}
`,
  'until-gone.ts': `import { existsSync } from 'node:fs';
import { SparkContext } from 'iskra';
export async function main([path = '']: string[]): Promise<void> {
  const sc = await SparkContext.create();
  console.log(await sc.range(4).count());
  while (existsSync(path)) await new Promise((resolve) => setImmediate(resolve));
  await sc.stop();
}
`,
  'spin.ts': `import { writeSync } from 'node:fs';
import { SparkContext } from 'iskra';
export async function main([how = '']: string[]): Promise<void> {
  const sc = await SparkContext.create();
  await sc.range(0, 100, 1, 2).map((v) => [v % 3, v] as [number, number]).reduceByKey((a, b) => a + b).count();
  const job = sc.range(0, 2, 1, 2).map((v) => { writeSync(1, 'spinning '); for (;;); return v; }).count();
  if (how === 'stop') setImmediate(() => void sc.stop());
  if (how === 'throw') setImmediate(() => { throw new Error('elsewhere'); });
  if (how === 'exit') setImmediate(() => process.exit(5));
  await job;
}
`,
  'count.ts': `import { SparkContext } from 'iskra';
export async function main(): Promise<void> {
  const sc = await SparkContext.create();
  console.log(await sc.range(4).count());
}
`,
});
after(() => iskra.remove());

test('a task that never ends is left with its slot, and the next job works; a cancelled save leaves nothing', async () => {
  const args = ['--master', 'local[2]', '-c', 'spark.iskra.slot.killGrace=20ms', 'cancel.ts', iskra.folder];
  const { code, out, err } = await iskra.run(...args);
  assert.deepEqual([code, iskra.leftOver()], [0, []], err);
  assert.deepEqual(
    out
      .trimEnd()
      .split('\n')
      .filter((line) => !line.startsWith('failed save')),
    [
      'signal Error undefined the user has left',
      'next [ 1, 2, 3, 4 ]',
      'cancel ActionCancelledError ACTION_CANCELLED count at cancel.ts:21 was cancelled: enough',
      'group JobFailedError JOB_CANCELLED Job 3 cancelled it is day',
      'save ActionCancelledError ACTION_CANCELLED saveAsTextFile at cancel.ts:34 was cancelled',
      'left false',
      'last 4',
      'left false',
      'left false',
      'not yet Error undefined before it began',
    ],
  );
  assert.match(
    out,
    /^failed save JobFailedError STAGE_ABORTED Job aborted due to stage failure: .* Error: in the middle$/m,
  );
  assert.match(
    err,
    /^WARN Executor: \S+ in stage 0\.0 \(TID \d\) did not end within 20 ms of being killed; its slot is replaced/,
  );
});

test('a signal ends a job that spins, at once and with nothing left behind', async () => {
  for (const [signal, expected] of [
    ['SIGINT', 130],
    ['SIGTERM', 143],
  ] as const) {
    const { child, outcome, printed } = iskra.start(['--master', 'local[2]', 'spin.ts']);
    await printed('spinning spinning');
    child.kill(signal);
    const { code, err } = await outcome;
    assert.deepEqual(
      [code, err, iskra.leftOver()],
      [expected, `\niskra: ${signal}: stopping; once more ends at once\n`, []],
    );
  }
});

test('a program that ends under a running job, in whatever way, leaves nothing behind', async () => {
  const ends = await Promise.all(
    ['stop', 'throw', 'exit'].map((how) => iskra.run('--master', 'local[2]', 'spin.ts', how)),
  );
  assert.deepEqual(
    ends.map(({ code }) => code),
    [1, 1, 5],
  );
  assert.match(
    ends[0]?.err ?? '',
    /^JobFailedError: Job 1 cancelled because SparkContext was shut down\n {4}at main \(.*spin\.ts:6:/,
  );
  assert.match(ends[1]?.err ?? '', /^Error: elsewhere\n/);
  assert.deepEqual(iskra.leftOver(), []);
});

test('what a killed driver left is removed by the next one, beside its work', async () => {
  const { child, outcome, printed } = iskra.start(['--master', 'local[2]', 'spin.ts']);
  await printed('spinning spinning');
  child.kill('SIGKILL');
  assert.equal((await outcome).signal, 'SIGKILL');
  const [left = ''] = iskra.leftOver();
  assert.ok(existsSync(iskra.path(`scratch/${left}/owner.json`)));
  // One that is done sooner leaves the rest to the next one after it.
  const { code, out, err } = await iskra.run('--master', 'local[1]', 'until-gone.ts', iskra.path(`scratch/${left}`));
  assert.deepEqual([code, out, err, iskra.leftOver()], [0, '4\n', '', []]);
});
