import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { IskraError } from '../../src/base/errors.ts';
import { type Logger, silentLogger } from '../../src/base/logger.ts';
import { OWNER_FILE } from '../../src/storage/dir-owner.ts';
import { LocalDirs } from '../../src/storage/local-dirs.ts';

function scratchDir(t: TestContext): string {
  const dir = mkdtempSync(join(tmpdir(), 'iskra-test-'));
  t.after(() => rmSync(dir, { recursive: true, force: true }));
  return dir;
}

function recordingLogger(): { readonly lines: string[]; readonly logger: Logger } {
  const lines: string[] = [];
  const logger: Logger = {
    ...silentLogger,
    warn: (m) => void lines.push(`WARN ${m}`),
    info: (m) => void lines.push(`INFO ${m}`),
    named: () => logger,
  };
  return { lines, logger };
}

test('files are spread over all directories and sub-directories, always at the same place', (t) => {
  const root = scratchDir(t);
  const dirs = LocalDirs.open(`${root}/a, ${root}/b,`, silentLogger);
  const again = LocalDirs.fromData(structuredClone(dirs.toData()), silentLogger);
  const places = new Map<string, number>();
  for (let i = 0; i < 2000; i++) {
    const path = dirs.file(`shuffle_0_${i}_0.data`);
    assert.equal(again.file(`shuffle_0_${i}_0.data`), path);
    assert.equal(basename(path), `shuffle_0_${i}_0.data`);
    assert.match(dirname(path), /\/[ab]\/blockmgr-[0-9a-f-]{36}\/[0-3][0-9a-f]$/);
    assert.ok(statSync(dirname(path)).isDirectory());
    places.set(dirname(path), (places.get(dirname(path)) ?? 0) + 1);
  }
  assert.equal(places.size, 128);
  assert.ok(Math.max(...places.values()) < 60);
});

test('only the owner may look into the directories', (t) => {
  const dirs = LocalDirs.open(scratchDir(t), silentLogger);
  const path = dirs.file('x');
  for (const dir of [dirname(path), dirname(dirname(path))]) assert.equal(statSync(dir).mode & 0o777, 0o700);
});

test('removeAll leaves the roots empty, twice too', (t) => {
  const root = scratchDir(t);
  const dirs = LocalDirs.open(`${root}/a,${root}/b`, silentLogger);
  for (let i = 0; i < 50; i++) writeFileSync(dirs.file(`f${i}`), 'x');
  dirs.removeAll();
  dirs.removeAll();
  assert.deepEqual(readdirSync(join(root, 'a')), []);
  assert.deepEqual(readdirSync(join(root, 'b')), []);
  assert.throws(() => dirs.file('f1'), { code: 'LOCAL_DIR_UNUSABLE' });
});

test('roots that cannot be used are skipped with a warning', (t) => {
  const root = scratchDir(t);
  writeFileSync(join(root, 'file'), '');
  const { lines, logger } = recordingLogger();
  const dirs = LocalDirs.open(`${root}/file,${root}/good`, logger);
  assert.equal(dirs.toData().dirs.length, 1);
  assert.equal(lines.length, 1);
  assert.match(lines[0] as string, /^WARN .*\/file.*(EEXIST|ENOTDIR)/);
});

test('no usable root is an error that names each with its reason', (t) => {
  const root = scratchDir(t);
  writeFileSync(join(root, 'file'), '');
  assert.throws(
    () => LocalDirs.open(`${root}/file,${root}/file/below`, silentLogger),
    (e) =>
      IskraError.is(e) &&
      e.code === 'LOCAL_DIR_UNUSABLE' &&
      /none of .*\/file \(.*\); .*\/file\/below \(ENOTDIR.*\); set spark\.local\.dir/.test(e.message),
  );
  assert.throws(() => LocalDirs.open(' , ', silentLogger), /spark\.local\.dir is " , ", which names no directory/);
});

const CHILD = `
  const { LocalDirs } = await import(process.argv[1]);
  const { silentLogger } = await import(process.argv[2]);
  const { writeFileSync } = await import('node:fs');
  const dirs = LocalDirs.open(process.argv[3], silentLogger);
  writeFileSync(dirs.file('shuffle_0_0_0.data'), 'x');
  await dirs.swept;
  console.log(dirs.toData().dirs[0]);
  setInterval(() => {}, 1000);
`;

/** A process that owns a directory below `root`. */
async function startOwner(root: string): Promise<{ readonly dir: string; kill(): Promise<void> }> {
  const src = new URL('../../src/', import.meta.url);
  const child = spawn(
    process.execPath,
    [
      '--input-type=module',
      '-e',
      CHILD,
      new URL('storage/local-dirs.js', src).href,
      new URL('base/logger.js', src).href,
      root,
    ],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  );
  const [chunk] = (await once(child.stdout, 'data')) as [Buffer];
  return {
    dir: chunk.toString().trim(),
    async kill() {
      child.kill('SIGKILL');
      await once(child, 'exit');
    },
  };
}

test("a killed process's directories are removed at the next start, a living one's are not", async (t) => {
  const root = scratchDir(t);
  const [dead, living] = await Promise.all([startOwner(root), startOwner(root)]);
  t.after(() => living.kill());
  await dead.kill();
  assert.ok(existsSync(dead.dir));
  const { lines, logger } = recordingLogger();
  const dirs = LocalDirs.open(root, logger);
  assert.ok(existsSync(dead.dir), 'nobody waits for it');
  await dirs.swept;
  assert.ok(!existsSync(dead.dir));
  assert.ok(existsSync(living.dir));
  assert.deepEqual(lines, [`INFO Removed ${dead.dir}, whose process is gone`]);
  dirs.removeAll();
});

test('directories without our owner file, of other hosts and of later processes with the same pid are told apart', async (t) => {
  const root = scratchDir(t);
  const own = LocalDirs.open(root, silentLogger).toData().dirs[0] as string;
  const owner = JSON.parse(readFileSync(join(own, OWNER_FILE), 'utf8')) as Record<string, unknown>;
  const plant = (name: string, file: string | null): string => {
    const dir = join(root, `blockmgr-${name}`);
    mkdirSync(dir);
    if (file !== null) writeFileSync(join(dir, OWNER_FILE), file);
    return dir;
  };
  const [host, boot, pids] = String(owner['place']).split(' ');
  const kept = [
    own,
    plant('foreign', null),
    plant('garbled', '{"pid":'),
    plant('otherhost', JSON.stringify({ ...owner, place: `elsewhere ${boot} ${pids}` })),
    plant('container', JSON.stringify({ ...owner, place: `${host} ${boot} pid:[1]` })),
  ];
  const removed = [
    plant('samepid', JSON.stringify({ ...owner, startedAtTicks: '1' })),
    plant('lastboot', JSON.stringify({ ...owner, place: `${host} another-boot ${pids}` })),
  ];
  await LocalDirs.open(root, silentLogger).swept;
  for (const dir of kept) assert.ok(existsSync(dir), dir);
  // Without /proc neither start times nor boots are known.
  if (existsSync('/proc/self/stat')) for (const dir of removed) assert.ok(!existsSync(dir), dir);
});

test('removing what a dead process left ends with whoever does it, and the next one goes on', async (t) => {
  const root = scratchDir(t);
  const dead = await startOwner(root);
  await dead.kill();
  const first = LocalDirs.open(root, silentLogger);
  first.removeAll();
  await first.swept;
  assert.ok(existsSync(join(dead.dir, OWNER_FILE)));
  const second = LocalDirs.open(root, silentLogger);
  await second.swept;
  assert.ok(!existsSync(dead.dir));
  second.removeAll();
});

test('what another process removes at the same moment is no error, and what is linked to from there stays', async (t) => {
  const root = scratchDir(t);
  const dead = await startOwner(root);
  await dead.kill();
  const kept = join(root, 'kept');
  mkdirSync(kept);
  writeFileSync(join(kept, 'file'), 'x');
  symlinkSync(kept, join(dead.dir, 'link'));
  const { lines, logger } = recordingLogger();
  const all = [1, 2, 3].map(() => LocalDirs.open(root, logger));
  await Promise.all(all.map(({ swept }) => swept));
  for (const dirs of all) dirs.removeAll();
  assert.deepEqual(readdirSync(root), ['kept']);
  assert.deepEqual(readdirSync(kept), ['file']);
  assert.ok(lines.every((line) => line === `INFO Removed ${dead.dir}, whose process is gone`));
});
