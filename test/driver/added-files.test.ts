import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { SparkContext } from '../../src/driver/spark-context.ts';
import { SparkFiles } from '../../src/rdd/spark-files.ts';
import { archiveOf } from '../kit/archives.ts';

const folder = mkdtempSync(join(tmpdir(), 'iskra-files-'));
const write = (name: string, text: string | Uint8Array): string => {
  const path = join(folder, name);
  mkdirSync(join(path, '..'), { recursive: true });
  writeFileSync(path, text);
  return path;
};

let sc: SparkContext;
let server: Server;
let web: string;
const asked: (string | undefined)[] = [];
before(async () => {
  server = createServer((request, response) => {
    asked.push(request.headers.authorization);
    if (request.url === '/moved') response.writeHead(302, { location: '/a%20b.txt' }).end();
    else if (request.url === '/a%20b.txt') response.end('from the web');
    else if (request.url === '/tree.zip') response.end(archiveOf('zip', { 'x.txt': 'zipped' }));
    else if (request.url === '/hangs') response.write('some');
    else response.writeHead(404).end();
  });
  await new Promise<void>((go) => server.listen(0, '127.0.0.1', go));
  web = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  const conf = { master: 'local[2]', appName: 'files', 'spark.log.level': 'OFF', 'spark.files.fetchTimeout': '4s' };
  sc = await SparkContext.create(conf);
});
after(async () => {
  await sc.stop();
  server.closeAllConnections();
  server.close();
  rmSync(folder, { recursive: true, force: true });
});

/** What tasks read of an added file. */
const inTasks = (name: string): Promise<string[]> => {
  return sc
    .range(0, 4, 1, 4)
    .mapPartitions(() => {
      const { readFileSync: read } = process.getBuiltinModule('node:fs');
      return [read(SparkFiles.get(name), 'utf8')];
    })
    .collect();
};

const all = (text: string): string[] => [text, text, text, text];
const refused = (add: Promise<void>, message: RegExp | string): Promise<void> =>
  assert.rejects(add, (error: Error) => {
    if (typeof message === 'string') assert.equal(error.message, message);
    else assert.match(error.message, message);
    return true;
  });

describe('a file that is added', () => {
  test('is found by its name, on the driver and in tasks', async () => {
    const path = write('hello world.txt', 'hello');
    await sc.addFile(path);
    assert.deepEqual(await inTasks('hello world.txt'), all('hello'));
    assert.equal(readFileSync(SparkFiles.get('hello world.txt'), 'utf8'), 'hello');
    assert.equal(SparkFiles.get('hello world.txt'), join(SparkFiles.getRootDirectory(), 'hello world.txt'));
    assert.ok(sc.listFiles().includes(`file:${encodeURI(path)}`), String(sc.listFiles()));
    assert.notEqual(statSync(SparkFiles.get('hello world.txt')).mode & 0o100, 0);
  });

  test('may be named as a file: URI, with and without percents', async () => {
    await sc.addFile(`file:${write('uri 1.txt', 'one')}`);
    await sc.addFile(`file://${encodeURI(write('uri 2.txt', 'two'))}`);
    assert.deepEqual(await inTasks('uri 1.txt'), all('one'));
    assert.deepEqual(await inTasks('uri 2.txt'), all('two'));
  });

  test('is ignored the second time, and keeps its contents', async () => {
    const path = write('twice.txt', 'first');
    await sc.addFile(path);
    writeFileSync(path, 'changed');
    const before = sc.listFiles();
    await sc.addFile(path);
    assert.deepEqual(sc.listFiles(), before);
    assert.deepEqual(await inTasks('twice.txt'), all('first'));
  });

  test('of another path and the same name is refused when its contents differ', async () => {
    await sc.addFile(write('one/same.txt', 'old'));
    const before = sc.listFiles();
    await refused(
      sc.addFile(write('two/same.txt', 'new')),
      /same\.txt exists and does not match contents of .*two\/same\.txt/,
    );
    assert.deepEqual(sc.listFiles(), before);
    assert.deepEqual(await inTasks('same.txt'), all('old'));
    await sc.addFile(write('three/same.txt', 'old'));
  });

  test('is refused when it is a directory, is not there, or is no path', async () => {
    const before = sc.listFiles();
    write('tree/a.txt', 'a');
    await refused(
      sc.addFile(join(folder, 'tree')),
      `Added file ${join(folder, 'tree')} is a directory and recursive is not turned on.`,
    );
    await refused(sc.addFile(join(folder, 'nowhere')), `File file:${join(folder, 'nowhere')} does not exist`);
    await refused(sc.addFile(''), /must be a text that is not empty/);
    await refused(sc.addFile('hdfs://host/x'), /No FileSystem for scheme "hdfs"/);
    assert.deepEqual(sc.listFiles(), before);
  });

  test('is a whole directory when that is asked for', async () => {
    write('deep/a.txt', 'a');
    write('deep/b/c.txt', 'c');
    await sc.addFile(join(folder, 'deep'), true);
    assert.deepEqual(await inTasks('deep/b/c.txt'), all('c'));
    write('other/deep/a.txt', 'b');
    await refused(sc.addFile(join(folder, 'other/deep'), true), /does not match contents/);
  });

  test('comes from the web, with user and password, and over redirections', async () => {
    await sc.addFile(`http://user:p%40ss@${web}/a%20b.txt`);
    assert.deepEqual(await inTasks('a b.txt'), all('from the web'));
    assert.equal(asked.at(-1), `Basic ${Buffer.from('user:p@ss').toString('base64')}`);
    await sc.addFile(`http://${web}/moved`);
    assert.deepEqual(await inTasks('moved'), all('from the web'));
  });

  test('is refused when its URL is malformed or gives nothing', async () => {
    const before = sc.listFiles();
    for (const scheme of ['http', 'https', 'ftp'])
      for (const rest of ['user:pwd/path', 'user:pwd@/path'])
        await refused(sc.addFile(`${scheme}://${rest}`), `URI (${scheme}://${rest}) is not a valid URL.`);
    await refused(
      sc.addFile(`http://${web}/none`),
      `cannot fetch http://${web}/none: the server answered 404 Not Found`,
    );
    await refused(sc.addFile(`http://${web}/hangs`), /no bytes for 4000 ms \(spark\.files\.fetchTimeout\)/);
    assert.deepEqual(sc.listFiles(), before);
    assert.ok(!existsSync(SparkFiles.get('hangs')));
  });

  test('is seen by task sets that begin after it, in the middle of a job too', async () => {
    let added: Promise<void> | null = null;
    const listener = {
      onStageCompleted: () => {
        added ??= sc.addFile(write('late.txt', 'late'));
      },
    };
    sc.addSparkListener(listener);
    await sc.range(0, 2, 1, 2).count();
    await added;
    sc.removeSparkListener(listener);
    assert.deepEqual(await inTasks('late.txt'), all('late'));
  });
});

describe('an archive that is added', () => {
  for (const kind of ['zip', 'tar', 'tar.gz', 'tgz', 'jar'] as const)
    test(`is unpacked, as .${kind}`, async () => {
      const long = `${'d'.repeat(80)}/${'e'.repeat(90)}.txt`;
      const path = write(
        `tree.${kind}`,
        archiveOf(kind, { 'a.txt': 'A', 'b/c é.txt': 'C', [long]: 'L', 'empty.txt': '' }),
      );
      await sc.addArchive(path);
      assert.deepEqual(await inTasks(`tree.${kind}/a.txt`), all('A'));
      assert.deepEqual(await inTasks(`tree.${kind}/b/c é.txt`), all('C'));
      assert.deepEqual(await inTasks(`tree.${kind}/${long}`), all('L'));
      assert.deepEqual(await inTasks(`tree.${kind}/empty.txt`), all(''));
      assert.ok(sc.listArchives().includes(`file:${encodeURI(path)}`));
    });

  test('has the name behind #, and may come from the web', async () => {
    const path = write('named.zip', archiveOf('zip', { 'a.txt': 'A' }));
    await sc.addArchive(`${path}#environment`);
    assert.deepEqual(await inTasks('environment/a.txt'), all('A'));
    assert.ok(sc.listArchives().includes(`file:${encodeURI(path)}#environment`));
    await sc.addArchive(`http://${web}/tree.zip#web`);
    assert.deepEqual(await inTasks('web/x.txt'), all('zipped'));
    await refused(
      sc.addArchive(`${write('other.zip', archiveOf('zip', {}))}#web`),
      /would be found as web, which is the name of/,
    );
  });

  test('made by tar itself keeps links and rights', async () => {
    write('packed/run.sh', '#!/bin/sh\necho hi');
    execFileSync('chmod', ['+x', join(folder, 'packed/run.sh')]);
    symlinkSync('run.sh', join(folder, 'packed/link.sh'));
    write(`packed/${'long/'.repeat(40)}x.txt`, 'deep');
    for (const format of ['gnu', 'posix', 'ustar']) {
      const path = join(folder, `${format}.tar.gz`);
      execFileSync('tar', ['--format', format, '-czf', path, '-C', join(folder, 'packed'), '.']);
      await sc.addArchive(path);
      const dir = SparkFiles.get(`${format}.tar.gz`);
      assert.equal(execFileSync(join(dir, 'link.sh'), { encoding: 'utf8' }), 'hi\n');
      assert.equal(readFileSync(join(dir, 'long/'.repeat(40), 'x.txt'), 'utf8'), 'deep');
    }
  });

  test('that is damaged or leads out of its directory is refused, and nothing of it stays', async () => {
    const good = archiveOf('zip', { 'a.txt': 'some text that is longer than nothing' });
    const flipped = Uint8Array.from(good);
    flipped[40] = (flipped[40] ?? 0) ^ 0xff;
    const cases: [string, Uint8Array, RegExp][] = [
      ['cut.zip', good.subarray(0, good.length - 30), /cut\.zip cannot be unpacked: it is no zip file, or is cut off/],
      ['flipped.zip', flipped, /flipped\.zip cannot be unpacked: .*damaged/],
      ['up.zip', archiveOf('zip', { '../out.txt': 'x' }), /up\.zip has an entry that leads outside .*: \.\.\/out\.txt/],
      ['up.tar', archiveOf('tar', { 'a/../../out.txt': 'x' }), /up\.tar has an entry that leads outside/],
      [
        'cut.tar',
        archiveOf('tar', { 'a.txt': 'x'.repeat(2000) }).subarray(0, 1200),
        /cut\.tar cannot be unpacked: it ends/,
      ],
      ['no.tar.gz', Buffer.from('no gzip'), /no\.tar\.gz cannot be unpacked: incorrect header check/],
      ['no.tar', Buffer.alloc(512, 'x'), /no\.tar cannot be unpacked: a header has a wrong sum/],
    ];
    for (const [name, bytes, message] of cases) {
      await refused(sc.addArchive(write(name, bytes)), message);
      assert.ok(!existsSync(SparkFiles.get(name)), name);
      assert.ok(!existsSync(join(SparkFiles.getRootDirectory(), 'out.txt')));
    }
    const links = join(folder, 'links');
    mkdirSync(links);
    symlinkSync('../../..', join(links, 'out'));
    execFileSync('tar', ['-cf', join(folder, 'links.tar'), '-C', links, '.']);
    await refused(sc.addArchive(join(folder, 'links.tar')), /leads outside .*out -> \.\.\/\.\.\/\.\./);
  });

  test('of a kind that nobody knows is copied as it is', async () => {
    await sc.addArchive(write('data.7z', 'sevens'));
    assert.deepEqual(await inTasks('data.7z'), all('sevens'));
  });
});

test('files belong to their context', async () => {
  const root = SparkFiles.getRootDirectory();
  await sc.stop();
  assert.throws(() => SparkFiles.get('hello world.txt'), /SparkFiles are there while a SparkContext runs/);
  assert.ok(!existsSync(root));
  await refused(sc.addFile(join(folder, 'hello world.txt')), /stopped SparkContext/);
  const conf = { master: 'local[2]', appName: 'files', 'spark.log.level': 'OFF' };
  const archive = write('start.zip', archiveOf('zip', { 'a.txt': 'A' }));
  sc = await SparkContext.create({
    ...conf,
    'spark.files': join(folder, 'twice.txt'),
    'spark.archives': `${archive}#s`,
  });
  assert.deepEqual([sc.files, sc.archives], [[join(folder, 'twice.txt')], [`${archive}#s`]]);
  assert.deepEqual(await inTasks('twice.txt'), all('changed'));
  assert.deepEqual(await inTasks('s/a.txt'), all('A'));
  await sc.stop();
  const failed = SparkContext.create({ ...conf, 'spark.files': '/nowhere/x' });
  await assert.rejects(failed, /File file:\/nowhere\/x does not exist/);
  sc = await SparkContext.create(conf);
});
