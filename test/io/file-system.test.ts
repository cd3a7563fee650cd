import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { requirePackage } from '../../src/io/codecs/optional-package.ts';
import { abortJob, commitJob, commitTask, outputJob, setupJob, setupTask } from '../../src/io/file-output.ts';
import { listFileSplits } from '../../src/io/file-splits.ts';
import {
  childOf,
  type FileSystem,
  fileSystemOf,
  nameOf,
  parentOf,
  qualifyPath,
  registerFileSystem,
  splitRoot,
} from '../../src/io/file-system.ts';
import { openFiles } from '../../src/io/open-files.ts';
import { openRecordWriter } from '../../src/io/open-record-writer.ts';

const noSuch = (path: string): Error => Object.assign(new Error(`nothing at ${path}`), { code: 'ENOENT' });

/** Files of `mem://host/…`, in a map; null is a directory. */
function memorySystem(): FileSystem & { readonly files: Map<string, Buffer | null> } {
  const files = new Map<string, Buffer | null>([['mem://host/', null]]);
  const below = (path: string): string[] => [...files.keys()].filter((p) => p.startsWith(`${path}/`));
  const system = {
    files,
    scheme: 'mem',
    qualify: (path: string) => path.replace(/(?<!:|:\/)\/+$/, ''),
    open(path: string) {
      const content = files.get(path);
      if (!content) throw noSuch(path);
      return {
        read: (target: Uint8Array, offset: number, length: number, position: number) =>
          content.copy(target, offset, position, position + length),
        close() {},
      };
    },
    create(path: string) {
      if (!files.has(parentOf(path))) throw noSuch(parentOf(path));
      files.set(path, Buffer.alloc(0));
      return {
        write: (bytes: Uint8Array) => void files.set(path, Buffer.concat([files.get(path) as Buffer, bytes])),
        close() {},
      };
    },
    status(path: string) {
      const content = files.get(path);
      if (content === undefined) return null;
      return { path, kind: content === null ? ('directory' as const) : ('file' as const), bytes: content?.length ?? 0 };
    },
    list: (path: string) =>
      [...files.keys()]
        .filter((p) => p !== path && parentOf(p) === path)
        .map(nameOf)
        .sort(),
    rename(from: string, to: string) {
      if (!files.has(from)) throw noSuch(from);
      system.delete(to);
      for (const p of [from, ...below(from)]) {
        files.set(to + p.slice(from.length), files.get(p) as Buffer | null);
        files.delete(p);
      }
    },
    delete(path: string) {
      for (const p of [path, ...below(path)]) files.delete(p);
    },
    removeEmptyDirectory: (path: string) => files.get(path) === null && below(path).length === 0 && files.delete(path),
    makeDirectory(path: string) {
      if (!files.has(parentOf(path))) throw noSuch(parentOf(path));
      files.set(path, null);
    },
    makeDirectories(path: string): string | null {
      if (files.has(path)) return null;
      const made = system.makeDirectories(parentOf(path));
      files.set(path, null);
      return made ?? path;
    },
  };
  return system;
}

describe('file systems', () => {
  test('paths of all schemes come apart and together', () => {
    assert.deepEqual(splitRoot('/a/b'), ['/', 'a/b']);
    assert.deepEqual(splitRoot('hdfs://nn:8020/a/b'), ['hdfs://nn:8020/', 'a/b']);
    assert.deepEqual(splitRoot('hdfs://nn'), ['hdfs://nn/', '']);
    assert.equal(parentOf('hdfs://nn/a/b'), 'hdfs://nn/a');
    assert.equal(parentOf('hdfs://nn/a'), 'hdfs://nn/');
    assert.equal(parentOf('/a'), '/');
    assert.equal(childOf('/', 'a'), '/a');
    assert.equal(childOf('hdfs://nn/a', 'b'), 'hdfs://nn/a/b');
  });

  test('an unknown scheme is an error that names it', () => {
    assert.throws(
      () => qualifyPath('s3a://bucket/x', 'read'),
      /cannot read s3a:\/\/bucket\/x: No FileSystem for scheme "s3a"/,
    );
    assert.throws(() => fileSystemOf('gs://bucket/x'), /No FileSystem for scheme "gs"/);
    assert.throws(() => qualifyPath('', 'read'), /Can not create a Path from an empty string/);
  });

  test('one that is registered serves listing, globs, reading, writing and the commit protocol', () => {
    const system = memorySystem();
    registerFileSystem(system);
    const format = { kind: 'text', codec: 'gzip' } as const;
    const job = outputJob('mem://host/deep/out/', '.gz', 'u');
    const made = setupJob(job);
    assert.equal(made, 'mem://host/deep');
    for (const partition of [0, 1]) {
      const writer = openRecordWriter(setupTask(job, { partition, attempt: 0 }), format, partition);
      writer.write([`a${partition}`, `b${partition}`]);
      writer.close();
      commitTask(job, { partition, attempt: 0 });
    }
    commitJob(job, 2);
    assert.deepEqual(system.list('mem://host/deep/out'), ['_SUCCESS', 'part-00000.gz', 'part-00001.gz']);
    for (const path of [
      'mem://host/deep/out',
      'mem://host/d*/out/part-*',
      'mem://host/deep/{out/part-00000,out/part-00001}.gz',
    ]) {
      const splits = listFileSplits({ operator: 'textFile', path, minPartitions: 2, content: 'text' });
      const input = openFiles({ kind: 'text' }, splits);
      const lines: unknown[] = [];
      for (let batch = input.next(); batch !== null; batch = input.next()) lines.push(...batch);
      input.close();
      assert.deepEqual(lines, ['a0', 'b0', 'a1', 'b1'], path);
    }
    assert.throws(() => setupJob(job), /Output directory mem:\/\/host\/deep\/out already exists/);
    const failed = outputJob('mem://host/other/x', '', 'u');
    abortJob(failed, setupJob(failed));
    assert.equal(system.status('mem://host/other'), null);
    assert.throws(
      () => listFileSplits({ operator: 'textFile', path: 'mem://host/no', minPartitions: 1, content: 'text' }),
      /Input path does not exist: mem:\/\/host\/no/,
    );
  });

  test('an output that is given up has no place for tasks that go on while it is removed', () => {
    const system = memorySystem();
    const job = outputJob('mem://host/given-up', '', 'u');
    let late: unknown = null;
    registerFileSystem({
      ...system,
      delete(path) {
        if (parentOf(path) === 'mem://host/given-up')
          try {
            setupTask(job, { partition: 1, attempt: 0 });
          } catch (error) {
            late = error;
          }
        system.delete(path);
      },
    });
    const made = setupJob(job);
    abortJob(job, made);
    assert.match(String(late), /cannot create .* \(the job has ended/);
    assert.equal(system.status('mem://host/given-up'), null);
  });

  test('a package that is not installed is an error with the command that installs it', () => {
    assert.throws(
      () => requirePackage('not-there' as 'snappy', 'Reading snappy files'),
      /Reading snappy files needs the package not-there, which is not installed; type: npm install not-there@/,
    );
  });
});
