import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { AppFolder } from '../kit/app-folder.ts';
import { archiveOf } from '../kit/archives.ts';
import { BUNDLED_EXECUTOR, StandaloneCluster } from '../kit/standalone-cluster.ts';
import { submitter } from '../kit/submitter.ts';

const APP = `
  import { existsSync, readFileSync, writeFileSync } from 'node:fs';
  import { SparkContext, SparkFiles } from 'iskra';
  const [ready = '', go = '', ...names] = process.argv.slice(2);
  writeFileSync(ready, '');
  while (!existsSync(go)) await new Promise((resolve) => setTimeout(resolve, 10));
  const sc = await SparkContext.create();
  const read = (name: string): string => readFileSync(SparkFiles.get(name), 'utf8');
  console.log('driver', JSON.stringify(names.map(read)), sc.conf.getText('spark.iskra.test'));
  console.log('executor', JSON.stringify(await sc.parallelize(names, 1).map(read).collect()));
  console.log('files', JSON.stringify([sc.conf.getText('spark.files'), sc.conf.getText('spark.archives')]));
  await sc.stop();
`;

describe('files of a driver in the cluster', () => {
  let cluster: StandaloneCluster;
  let app: AppFolder;
  const elsewhere = new AppFolder();
  before(async () => {
    app = new AppFolder({
      'package.json': '{"type":"module"}',
      'app.ts': APP,
      'a.txt': 'same',
      'sub/b 1.txt': 'same',
      'sub/c 2.txt': 'other',
      'data-1.0.zip': archiveOf('zip', { 'in/x.txt': 'x' }),
      'plain.tgz': archiveOf('tgz', { 'y.txt': 'y' }),
      latest: { link: 'data-1.0.zip' },
      'conf/app.conf': 'spark.iskra.test   from the file\nspark.archives  latest,data-1.0.zip#data,plain.tgz\n',
    });
    cluster = await StandaloneCluster.start({
      ...{ workers: 1, coresPerWorker: 2, memoryPerWorker: 2048, executor: BUNDLED_EXECUTOR },
    });
    writeFileSync(elsewhere.path('there.txt'), 'there');
  });
  after(async () => {
    await cluster.stop();
    app.remove();
    elsewhere.remove();
  });
  const { inCluster, stateOf, until, printed } = submitter(() => ({ cluster, folder: app.folder }));

  test('travel with it, are found by driver and executors when the folder is gone, and are sent once', async () => {
    const { code, out, id } = await inCluster(
      ...['-c', 'spark.iskra.package.ship=always', '-c', 'spark.executor.memory=512m'],
      ...['--properties-file', 'conf/app.conf', '--files', `a.txt,sub/*.txt,local:${elsewhere.path('there.txt')}`],
      ...['app.ts', elsewhere.path('ready'), elsewhere.path('go')],
      ...['a.txt', 'b 1.txt', 'c 2.txt', 'latest/in/x.txt', 'data/in/x.txt', 'plain.tgz/y.txt'],
    );
    assert.equal(code, 0, out);
    await until(() => existsSync(elsewhere.path('ready')));
    renameSync(app.folder, `${app.folder}.gone`);
    writeFileSync(elsewhere.path('go'), '');
    try {
      await until(async () => (await stateOf(id)) !== 'RUNNING');
    } finally {
      renameSync(`${app.folder}.gone`, app.folder);
    }
    const files = join(cluster.directory, 'work-0', id, 'files');
    const expected = [
      'driver ["same","same","other","x","x","y"] from the file',
      'executor ["same","same","other","x","x","y"]',
      `files ${JSON.stringify([
        [`${files}/0/a.txt`, `${files}/1/b 1.txt`, `${files}/2/c 2.txt`, `local:${elsewhere.path('there.txt')}`].join(),
        [`${files}/3/data-1.0.zip#latest`, `${files}/4/data-1.0.zip#data`, `${files}/5/plain.tgz#plain.tgz`].join(),
      ])}`,
    ];
    assert.deepEqual(
      printed(id)
        .split('\n')
        .filter((line) => line !== ''),
      expected,
      printed(id, 'stderr'),
    );
    // The manifest, the modules, a text that two files have, another, two archives.
    assert.equal(readdirSync(join(cluster.directory, 'packages/parts')).length, 6);
    assert.equal(readFileSync(`${files}/0/a.txt`, 'utf8'), 'same');
    rmSync(elsewhere.path('ready'));
  });

  test('that are too large, directories, or not there are refused before anything is sent', async () => {
    const refused = async (code: string, message: RegExp, ...argv: string[]): Promise<void> => {
      await assert.rejects(inCluster(...argv, 'app.ts'), { code, message });
    };
    app.write({ large: Buffer.alloc(200_000) });
    await refused(
      'PACKAGE_TOO_LARGE',
      /^the application with its packages and files takes 0\.2 MiB, more than the 0\.1 MiB of spark\.iskra\.package\.maxSize; the largest are \S+\/large \(0\.2 MiB\)/,
      ...['--files', 'large', '-c', 'spark.iskra.package.maxSize=100k'],
    );
    await refused('DIRECTORY_NOT_ADDED', /^addFile does not support local directories .*\/sub; give/, '--files', 'sub');
    await refused('DIRECTORY_NOT_ADDED', /^Added archive \S+\/sub is a directory; give/, '--archives', 'sub#x');
    await refused('FILE_NOT_FOUND', /^cannot find no\*\.txt of spark\.files \(looked for \//, '--files', 'no*.txt');
    await refused('FILE_NOT_FOUND', /^cannot find file:\/\/\/no\/x of spark\.files/, '--files', 'file:///no/x');
    assert.deepEqual((await cluster.state()).activeDrivers, []);
  });
});
