import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { SparkConf } from '../../src/config/spark-conf.ts';
import { likelyMaster } from '../../src/deploy/submit/likely-master.ts';

const folder = mkdtempSync(join(tmpdir(), 'iskra-likely-'));
after(() => rmSync(folder, { recursive: true }));
const conf = new SparkConf({ master: 'local[*]' });
const guess = (source: string, ...args: string[]): string | undefined => {
  writeFileSync(join(folder, 'app.ts'), source);
  return likelyMaster(conf, { application: 'app.ts', args }, folder);
};

test('the master that the file of an application names is likely to be its own', () => {
  assert.equal(guess("SparkContext.create({ master: 'local[3]' })"), 'local[3]');
  assert.equal(guess('conf.setMaster("local")'), 'local');
  assert.equal(guess('conf.setMaster("local[2, 4]")'), 'local[2, 4]');
});

test('an argument is more likely', () => {
  assert.equal(guess("args.text('master', 'local[2]')", 'x', 'master=local[1]'), 'local[1]');
  assert.equal(guess("args.text('master', 'local[2]')", 'local[4]'), 'local[4]');
  assert.equal(guess('', '/srv/local', 'locally', 'local-cluster[2,1,1024]'), 'local[*]');
});

test('without a name, with several or with one that cannot be it is that of the settings', () => {
  for (const source of ['', "['local[1]', 'local[2]']", "'local[0]'", "'local[$]'", "'localhost'"])
    assert.equal(guess(source), 'local[*]');
  assert.equal(likelyMaster(conf, { application: 'none.ts', args: [] }, folder), 'local[*]');
  const cluster = new SparkConf({ master: 'spark://a:7077' });
  assert.equal(likelyMaster(cluster, { application: 'app.ts', args: ['local[2]'] }, folder), 'spark://a:7077');
  assert.equal(likelyMaster(new SparkConf(), { application: 'none.ts', args: [] }, folder), undefined);
});
