import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, readdirSync } from 'node:fs';
import { after, test } from 'node:test';
import { IskraCommand } from '../kit/iskra-command.ts';

const iskra = new IskraCommand('full-disk', {
  'fill.ts': `import { SparkContext, StorageLevel } from 'iskra';
export async function main(): Promise<void> {
  const sc = await SparkContext.create();
  const words = sc.range(0, 200_000, 1, 4).map((v) => 'a word that is number ' + ((v * 7919) % 100_003));
  const groups = words.map((w) => [w, 1] as [string, number]).groupByKey(3);
  console.log(await groups.count(), await groups.mapValues((g) => g.length).values().sum());
  const sorted = await words.sortBy((w) => w, true, 3).collect();
  console.log(sorted.length, sorted.every((w, i) => i === 0 || (sorted[i - 1] as string) <= w));
  const kept = words.persist(StorageLevel.DISK_ONLY);
  console.log(await kept.count(), await kept.distinct().count());
}
`,
});
const small = iskra.path('small');
mkdirSync(small);
mkdirSync(iskra.path('large'));
const mounted = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=600k', 'iskra-test', small]);
const canMount = mounted.status === 0;
after(() => {
  if (canMount) spawnSync('umount', [small]);
  iskra.remove();
});

for (const master of ['local[2]', 'local-cluster[2,1,1024]'])
  test(`a disk that is full is left out, the other one serves, and nothing is lost: ${master}`, async (t) => {
    if (!canMount) {
      t.diagnostic(`NOT TESTED with a real full disk, since this user may not mount one: ${mounted.stderr}`);
      return;
    }
    const dirs = ['-c', `spark.local.dir=${small},${iskra.path('large')}`];
    const { code, out, err } = await iskra.run('--master', master, ...dirs, 'fill.ts');
    assert.deepEqual([code, out], [0, '100003 200000\n200000 true\n200000 100003\n'], err);
    const warnings = err.trimEnd().split('\n');
    for (const warning of warnings)
      assert.match(
        warning,
        /^WARN LocalDirs: \S+small\/blockmgr-\S+ gets no more files, others of spark\.local\.dir take its part: ENOSPC: no space left on device/,
      );
    // One for each process that met it.
    assert.ok(warnings.length <= (master === 'local[2]' ? 1 : 3), err);
    assert.deepEqual([...readdirSync(small), ...readdirSync(iskra.path('large'))], []);
  });
