import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { IskraCommand } from '../kit/iskra-command.ts';

const iskra = new IskraCommand('settings', {
  'create.ts': `import { type ConfValues, SparkContext } from 'iskra';
const settings: unknown[] = JSON.parse(process.argv[2] as string);
export async function main(): Promise<void> {
  for (const conf of settings) {
    try {
      const sc = await SparkContext.create(conf as ConfValues);
      console.log('works', await sc.range(4).count());
      await sc.stop();
    } catch (e) {
      console.log(String(e));
    }
  }
}
`,
  'count.ts': `import { SparkContext } from 'iskra';
const sc = await SparkContext.create();
console.log(await sc.range(4).count());
`,
});
after(() => iskra.remove());

test('masters and settings that cannot work are refused with what could', async () => {
  const notYet = (master: string): string =>
    `IskraError: master '${master}' is not available in this build; use local, local[N], local[*], local-cluster[N,C,M] or spark://HOST:PORT`;
  const forms =
    'Known forms: local, local[N], local[*], local[N,F], local[*,F], local-cluster[N,C,M], spark://HOST:PORT[,HOST:PORT]';
  const cases: [unknown, string][] = [
    [
      { master: 'local[0]' },
      "IllegalArgumentError: Asked to run locally with 0 threads in master 'local[0]'; use local[1] or more, or local[*] for one a core",
    ],
    [
      { master: 'local[2,0]' },
      "IllegalArgumentError: Asked to run locally with 0 allowed task failures in master 'local[2,0]'; the least is 1",
    ],
    [{ master: 'local[two]' }, `IllegalArgumentError: Could not parse Master URL: 'local[two]'. ${forms}`],
    [{ master: 'nowhere' }, `IllegalArgumentError: Could not parse Master URL: 'nowhere'. ${forms}`],
    [
      { master: 'mesos://host:5050' },
      "IskraError: master 'mesos://host:5050' is not supported: there is no Mesos since Spark 4; use local, local[N], local[*], local-cluster[N,C,M] or spark://HOST:PORT",
    ],
    [{ master: 'yarn' }, notYet('yarn')],
    [{ master: 'k8s://https://host' }, notYet('k8s://https://host')],
    [{ master: 'spark://host' }, `IllegalArgumentError: Could not parse Master URL: 'spark://host'. ${forms}`],
    [
      { master: 'local[2]', 'spark.task.cpus': 5 },
      "IskraError: The number of slots (2) of master 'local[2]' has to be >= the number of cpus per task (spark.task.cpus = 5); lower spark.task.cpus, or use executors with 5 slots or more",
    ],
    [
      { 'spark.driver.memory': 'abc' },
      'IllegalArgumentError: spark.driver.memory should be size, but was abc: give a size with a unit b, k, m, g, t or p, such as 512k or 1g; a bare number counts MiB',
    ],
    [
      { 'spark.task.maxFailures': 0 },
      "IllegalArgumentError: '0' in spark.task.maxFailures is invalid. It must be larger than 0",
    ],
    [5, "IllegalArgumentError: settings must be an object such as { master: 'local[*]' }, but were number"],
    [null, "IllegalArgumentError: settings must be an object such as { master: 'local[*]' }, but were null"],
    [{ master: 'local[2]' }, 'works 4'],
  ];
  const { code, out, err } = await iskra.run('create.ts', JSON.stringify(cases.map(([conf]) => conf)));
  assert.deepEqual([code, iskra.leftOver()], [0, []], err);
  assert.deepEqual(
    out.trimEnd().split('\n'),
    cases.map(([, expected]) => expected),
  );
});

test('a key that nobody knows is warned of with the nearest one, and a bad value ends the command', async () => {
  const [typo, bad, master] = await Promise.all([
    iskra.run('-c', 'spark.shufle.compress=false', 'count.ts'),
    iskra.run('-c', 'spark.iskra.slot.killGrace=soon', 'count.ts'),
    iskra.run('--master', 'local[0]', 'count.ts'),
  ]);
  assert.deepEqual([typo.code, typo.out], [0, '4\n']);
  assert.equal(
    typo.err,
    'WARN SparkConf: spark.shufle.compress is not a key that Iskra knows; did you mean spark.shuffle.compress?\n',
  );
  assert.deepEqual([bad.code, bad.out], [2, '']);
  assert.match(bad.err, /^iskra: spark\.iskra\.slot\.killGrace should be time, but was soon: give a time with a unit /);
  assert.deepEqual([master.code, master.out], [2, '']);
  assert.match(
    master.err,
    /^iskra: Asked to run locally with 0 threads in master 'local\[0\]'; use local\[1\] or more/,
  );
  assert.deepEqual(iskra.leftOver(), []);
});
