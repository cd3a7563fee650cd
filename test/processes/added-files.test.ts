import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { archiveOf } from '../kit/archives.ts';
import { IskraCommand } from '../kit/iskra-command.ts';

const iskra = new IskraCommand('added-files', {
  'read.ts': `import { readFileSync } from 'node:fs';
import { SparkContext, SparkFiles } from 'iskra';
const sc = await SparkContext.create();
const names = process.argv.slice(2);
const read = (name: string): string => readFileSync(SparkFiles.get(name), 'utf8');
console.log(JSON.stringify(await sc.parallelize(names, 2).map(read).collect()));
console.log(JSON.stringify(names.map(read)));
await sc.stop();
`,
  'audit.js': `export class AuditListener {
  constructor(conf) { console.log('listens to', conf.getText('spark.app.name')); }
  onApplicationStart(event) { console.log('started', event.appName); }
  onJobStart(event) { console.log('job', event.jobId); }
}
`,
  'one file.txt': 'first',
  'conf/two.txt': 'second',
});
iskra.write({ 'tree.tgz': archiveOf('tgz', { 'in/side.txt': 'third' }) });
after(() => iskra.remove());

test('--files and --archives bring files to tasks, and nothing of them stays', async () => {
  const { code, out, err } = await iskra.run(
    ...['--files', 'one file.txt,conf/two.txt', '--archives', 'tree.tgz#tree'],
    ...['read.ts', 'one file.txt', 'two.txt', 'tree/in/side.txt'],
  );
  assert.deepEqual([code, err], [0, '']);
  const expected = JSON.stringify(['first', 'second', 'third']);
  assert.equal(out, `${expected}\n${expected}\n`);
  assert.deepEqual(iskra.leftOver(), []);
});

test('a file that is not there ends the application as it starts', async () => {
  const { code, err } = await iskra.run('--files', 'none.txt', 'read.ts');
  assert.equal(code, 1);
  assert.match(err, /File file:\S+none\.txt does not exist/);
  assert.deepEqual(iskra.leftOver(), []);
});

test('spark.extraListeners hear everything from the start, and a bad one ends the application', async () => {
  const [good, bad] = await Promise.all([
    iskra.run('--name', 'heard', '-c', 'spark.extraListeners=./audit.js#AuditListener', 'read.ts'),
    iskra.run('-c', 'spark.extraListeners=./audit.js#Nobody', 'read.ts'),
  ]);
  assert.deepEqual([good.code, good.out], [0, 'listens to heard\nstarted heard\njob 0\n[]\n[]\n'], good.err);
  assert.equal(bad.code, 1);
  assert.match(
    bad.err,
    /Exception when registering SparkListener \.\/audit\.js#Nobody of spark\.extraListeners: \.\/audit\.js exports no class or object Nobody/,
  );
});

test('executors in processes of their own have the files, too', async () => {
  const { code, out, err } = await iskra.run(
    ...['--master', 'local-cluster[2,1,1024]', '--files', 'one file.txt', '--archives', 'tree.tgz#tree'],
    ...['read.ts', 'one file.txt', 'tree/in/side.txt'],
  );
  const expected = JSON.stringify(['first', 'third']);
  assert.deepEqual([code, out], [0, `${expected}\n${expected}\n`], err);
  assert.deepEqual(iskra.leftOver(), []);
});
