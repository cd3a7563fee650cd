import assert from 'node:assert/strict';
import { sep } from 'node:path';
import { type TestContext, test } from 'node:test';
import { IskraError } from '../../src/base/errors.ts';
import { type Logger, silentLogger } from '../../src/base/logger.ts';
import { type FileOps, nodeFiles } from '../../src/shuffle/file-ops.ts';
import { OutputFile } from '../../src/shuffle/output-file.ts';
import { LocalDirs } from '../../src/storage/local-dirs.ts';
import { blockFiles, newEnv, nextTask, outputsOf, type Pair, readPartition, scratchDir, writeMap } from './kit.ts';

/** Disks with room for so many bytes each, by a part of their path; what is removed gives none back. */
function disks(room: Record<string, number>, code = 'ENOSPC'): FileOps {
  const left = new Map(Object.entries(room));
  const diskOf = new Map<number, string>();
  return {
    ...nodeFiles,
    open(path, flags) {
      const fd = nodeFiles.open(path, flags);
      const disk = [...left.keys()].find((name) => path.includes(`${sep}${name}${sep}`));
      if (disk !== undefined) diskOf.set(fd, disk);
      else diskOf.delete(fd);
      return fd;
    },
    write(fd, source, at, length, position) {
      const disk = diskOf.get(fd);
      if (disk === undefined) return nodeFiles.write(fd, source, at, length, position);
      const free = left.get(disk) ?? 0;
      if (free === 0) throw Object.assign(new Error(`${code}: the disk says no, write`), { code });
      const n = nodeFiles.write(fd, source, at, Math.min(free, length), position);
      left.set(disk, free - n);
      return n;
    },
  };
}

/** Three directories, and what was warned of. */
function threeDirs(t: TestContext): { readonly dirs: LocalDirs; readonly warnings: string[] } {
  const root = scratchDir(t);
  const warnings: string[] = [];
  const logger: Logger = { ...silentLogger, warn: (m) => void warnings.push(m), named: () => logger };
  return { dirs: LocalDirs.open(`${root}/a,${root}/b,${root}/c`, logger), warnings };
}

const pairs: Pair[] = Array.from({ length: 4000 }, (_, i) => [`key ${i}`, i / 3]);

for (const code of ['ENOSPC', 'EIO', 'EROFS'])
  test(`map outputs and spills go on in other directories when one fails at any byte (${code}), and are found there`, (t) => {
    for (const room of [0, 1, 700, 5000, 20_000, 70_000]) {
      const { dirs, warnings } = threeDirs(t);
      const env = newEnv(t, 20_000, { localDirs: dirs, files: disks({ a: room, b: room * 2 }, code) });
      const how = { numPartitions: 3, ordering: { compare: null, ascending: true }, budget: 20_000 };
      const outputs = outputsOf([0, 1, 2].map((m) => writeMap(nextTask(env, 20_000), m, pairs, how)));
      const read: Pair[] = [];
      for (let r = 0; r < 3; r++) {
        // Another thread, which has not seen the failures itself.
        const there = { ...nextTask(env, 20_000), localDirs: LocalDirs.fromData(dirs.toData(), silentLogger) };
        read.push(...readPartition(there, outputs, r, how));
        assert.ok(there.metrics.diskBytesSpilled > 0);
      }
      assert.equal(read.length, 3 * pairs.length);
      assert.deepEqual(new Set(read.map(([k]) => k)).size, pairs.length);
      assert.equal(blockFiles(env).length, 6);
      for (const disk of ['a', 'b']) {
        const told = warnings.filter((w) => w.includes(`${sep}${disk}${sep}blockmgr-`));
        assert.ok(told.length <= 1, told.join('\n'));
        if (room < 5000)
          assert.match(told[0] ?? '', / gets no more files, others of spark\.local\.dir take its part: E/);
      }
    }
  });

test('a file that moved keeps what was written, and can be read on', (t) => {
  const { dirs } = threeDirs(t);
  const files = disks({ a: 300_000, b: 900_000, c: 10_000_000 });
  const output = new OutputFile(files, dirs, 'x', '.tmp');
  const piece = (i: number): Buffer => Buffer.alloc(1000, `${i} `);
  for (let i = 0; i < 2000; i++) output.append(piece(i));
  output.flush();
  assert.match(output.path, /\/c\/blockmgr-[^/]+\/[0-3][0-9a-f]\/x\.tmp$/);
  const back = Buffer.alloc(1000);
  for (const i of [0, 299, 300, 899, 900, 1999]) {
    output.read(back, 0, 1000, i * 1000);
    assert.deepEqual(back, piece(i));
  }
  output.discard();
});

test('when all directories are full the error names the last one, and the next file is tried there again', (t) => {
  const { dirs, warnings } = threeDirs(t);
  const files = disks({ a: 10, b: 10, c: 10 });
  const output = new OutputFile(files, dirs, 'x');
  output.append(Buffer.alloc(100));
  assert.throws(
    () => output.flush(),
    (e) =>
      IskraError.is(e) &&
      /^cannot write \S+ \(after \d+ bytes, ENOSPC\): the disk is full; .* let spark\.local\.dir name/.test(e.message),
  );
  output.discard();
  assert.equal(warnings.length, 2);
  const small = new OutputFile(nodeFiles, dirs, 'y');
  small.append(Buffer.alloc(10));
  small.close();
});

test('a limit of one file is no fault of its directory', (t) => {
  const { dirs, warnings } = threeDirs(t);
  const output = new OutputFile(disks({ a: 5, b: 5, c: 5 }, 'EFBIG'), dirs, 'x');
  output.append(Buffer.alloc(100));
  assert.throws(() => output.flush(), /EFBIG/);
  output.discard();
  assert.deepEqual(warnings, []);
});
