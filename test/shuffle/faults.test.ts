import assert from 'node:assert/strict';
import { readFileSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { test } from 'node:test';
import { IskraError } from '../../src/base/errors.ts';
import type { MapOutputs } from '../../src/protocol/map-output.ts';
import { LocalBlockSource } from '../../src/shuffle/block-source.ts';
import { ExternalSorter } from '../../src/shuffle/external-sorter.ts';
import { type FileOps, nodeFiles } from '../../src/shuffle/file-ops.ts';
import { readIndex } from '../../src/shuffle/map-output-files.ts';
import type { ShuffleEnv } from '../../src/shuffle/shuffle-env.ts';
import { FetchFailedError } from '../../src/shuffle/shuffle-reader.ts';
import { createCombiningWriter, createPartitioningWriter } from '../../src/shuffle/shuffle-writer.ts';
import { blockFiles, hashPartition, LOCATION, newEnv, outputsOf, type Pair, readPartition, writeMap } from './kit.ts';

const PARTITIONS = 4;
const how = { numPartitions: PARTITIONS };
const pairs: Pair[] = Array.from({ length: 2000 }, (_, i) => [`key ${i}`, i / 3]);

function written(env: ShuffleEnv): { readonly outputs: MapOutputs; readonly data: string; readonly index: string } {
  const outputs = outputsOf([writeMap(env, 70, [], how), writeMap(env, 71, pairs, how)]);
  return {
    outputs,
    data: env.localDirs.file('shuffle_1_71_0.data'),
    index: env.localDirs.file('shuffle_1_71_0.index'),
  };
}

/** Reads partition 2 of map 1 and expects the fetch failure that blames map task 71. */
function assertFetchFails(env: ShuffleEnv, outputs: MapOutputs, message: RegExp): void {
  assert.throws(
    () => readPartition(env, outputs, 2, how),
    (e) => {
      assert.ok(e instanceof FetchFailedError, String(e));
      assert.deepEqual(e.failure, { location: LOCATION, shuffleId: 1, mapId: 71, mapIndex: 1, reduceId: 2 });
      assert.match(e.message, /^block shuffle_1_71_2 of executor driver on localhost /);
      assert.match(e.message, message);
      return true;
    },
  );
}

test('a flipped bit anywhere in the blocks of a partition fails that partition and no other', (t) => {
  const env = newEnv(t);
  const { outputs, data, index } = written(env);
  const good = readFileSync(data);
  const { start, end } = readIndex(readFileSync(index), PARTITIONS, 2);
  const length = end - start;
  const positions = [...Array(24).keys(), 24, 25, 100, length >> 1, length - 9, length - 1];
  for (const at of positions) {
    const bad = Buffer.from(good);
    bad[start + at] = (bad[start + at] as number) ^ 0x10;
    writeFileSync(data, bad);
    assertFetchFails(env, outputs, /was read twice and is corrupt/);
    for (const r of [0, 1, 3]) assert.ok(readPartition(env, outputs, r, how).length > 0);
  }
});

test('any change of the index file fails the fetch', (t) => {
  const env = newEnv(t);
  const { outputs, index } = written(env);
  const good = readFileSync(index);
  assert.equal(good.length, 8 * (PARTITIONS + 1) + 4);
  for (let at = 0; at < good.length; at++) {
    const bad = Buffer.from(good);
    bad[at] = (bad[at] as number) ^ 1;
    writeFileSync(index, bad);
    assertFetchFails(env, outputs, /cannot be read: the shuffle index .* cannot be used: its checksum/);
  }
  writeFileSync(index, good.subarray(0, 20));
  assertFetchFails(env, outputs, /it has 20 bytes, but 44 belong to 4 partitions/);
  writeFileSync(index, Buffer.concat([good, good]));
  assertFetchFails(env, outputs, /it has 88 bytes/);
  writeFileSync(index, '');
  assertFetchFails(env, outputs, /it has 0 bytes/);
});

test('missing and short files fail the fetch, and say which file', (t) => {
  const env = newEnv(t);
  const { outputs, data, index } = written(env);
  const good = readFileSync(data);
  truncateSync(data, good.length >> 1);
  assertFetchFails(env, outputs, /shuffle_1_71_0\.data has \d+ bytes, but the blocks should end at byte \d+/);
  rmSync(data);
  assertFetchFails(env, outputs, /ENOENT.*shuffle_1_71_0\.data/);
  writeFileSync(data, good);
  rmSync(index);
  assertFetchFails(env, outputs, /ENOENT.*shuffle_1_71_0\.index/);
});

test('a map output that nobody knows of fails the fetch with no one to blame', (t) => {
  const env = newEnv(t);
  assert.throws(
    () => readPartition(env, outputsOf([null]), 3, how),
    (e) =>
      e instanceof FetchFailedError &&
      e.failure.location === null &&
      e.failure.mapIndex === null &&
      e.message === 'Missing an output location for shuffle 1 partition 3',
  );
});

test('bytes that are bad once are read again', (t) => {
  const env = newEnv(t);
  const { outputs } = written(env);
  let bad = 0;
  const flaky: FileOps = {
    ...nodeFiles,
    read(fd, target, at, length, position) {
      const n = nodeFiles.read(fd, target, at, length, position);
      if (length > 100 && bad++ === 0) target[at + 50] = (target[at + 50] as number) ^ 1;
      return n;
    },
  };
  const wanted = readPartition(env, outputs, 2, how);
  assert.deepEqual(readPartition({ ...env, files: flaky }, outputs, 2, how), wanted);
  assert.equal(bad, 2);
});

test('reads that come in small pieces, or fail, are handled', (t) => {
  const env = newEnv(t);
  const { outputs } = written(env);
  const wanted = readPartition(env, outputs, 2, how);
  const slow: FileOps = {
    ...nodeFiles,
    read: (fd, target, at, length, position) => nodeFiles.read(fd, target, at, Math.min(length, 11), position),
  };
  assert.deepEqual(readPartition({ ...env, files: slow }, outputs, 2, how), wanted);
  const broken: FileOps = {
    ...nodeFiles,
    read(fd, target, at, length, position) {
      if (length > 100) throw Object.assign(new Error('EIO: i/o error, read'), { code: 'EIO' });
      return nodeFiles.read(fd, target, at, length, position);
    },
  };
  assertFetchFails({ ...env, files: broken }, outputs, /cannot be read: EIO/);
});

test('outputs of other executors come from the remote source, and count as such; without one it is a fetch failure', (t) => {
  const env = newEnv(t);
  const { outputs } = written(env);
  const away = outputsOf(
    outputs.statuses.map((s) => (s === null ? s : { ...s, location: { executorId: '7', host: 'far', port: 1 } })),
  );
  const wanted = readPartition(env, outputs, 2, how);
  const local = env.metrics.shuffleLocalBytesRead;
  assert.ok(local > 0);
  const remoteBlocks = new LocalBlockSource(env.localDirs, nodeFiles);
  assert.deepEqual(readPartition({ ...env, remoteBlocks }, away, 2, how), wanted);
  assert.equal(env.metrics.shuffleRemoteBytesRead, local);
  assert.ok(env.metrics.shuffleLocalBlocksFetched > 0);
  assert.equal(env.metrics.shuffleRemoteBlocksFetched, env.metrics.shuffleLocalBlocksFetched);
  assert.throws(() => readPartition(env, away, 2, how), /executor 7 on far cannot be read/);
});

/** A disk with room for so many bytes; a file that is removed gives none back. */
function smallDisk(bytes: number): FileOps {
  let left = bytes;
  return {
    ...nodeFiles,
    write(fd, source, at, length, position) {
      if (left === 0) throw Object.assign(new Error('ENOSPC: no space left on device, write'), { code: 'ENOSPC' });
      const n = nodeFiles.write(fd, source, at, Math.min(left, length), position);
      left -= n;
      return n;
    },
  };
}

for (const combining of [false, true])
  test(`a disk that fills up at any moment of a ${combining ? 'combining' : 'partitioning'} write is an error that says what to do, and leaves nothing`, (t) => {
    const env = newEnv(t, 20_000);
    let failures = 0;
    for (let room = 0; room < 1 << 20; room += 7001) {
      const task = { ...env, files: smallDisk(room) };
      const id = { shuffleId: 1, mapId: 5, ...how, partition: hashPartition(PARTITIONS) };
      const write = (): boolean => {
        const writer = combining ? createCombiningWriter(task, id) : createPartitioningWriter(task, id);
        try {
          for (const [i, [k, v]] of pairs.entries()) {
            if (!('table' in writer)) writer.add(k, v);
            else if (writer.table.upsert(k) === writer.table.values.length) writer.table.values.push(v);
            if (i % 100 === 99) writer.endBatch();
          }
          writer.commit();
          return true;
        } catch (e) {
          assert.ok(IskraError.is(e), String(e));
          assert.equal(e.code, 'SHUFFLE_FILE_FAILED');
          assert.match(
            e.message,
            /^cannot write .*shuffle_1_5_0\.\S+ \(after \d+ bytes, ENOSPC\): the disk is full; .* spark\.local\.dir/,
          );
          writer.abort();
          failures++;
          return false;
        }
      };
      const done = write();
      assert.equal(env.memory.heldBytes, 0);
      if (done) break;
      assert.deepEqual(blockFiles(env), []);
    }
    assert.ok(failures > 2, `${failures} failures`);
    assert.equal(blockFiles(env).length, 2);
  });

test('writes that take only some bytes at a time make the same file', (t) => {
  const env = newEnv(t);
  const { data } = written(env);
  const wanted = readFileSync(data);
  const slow: FileOps = {
    ...nodeFiles,
    write: (fd, bytes, at, length, position) => nodeFiles.write(fd, bytes, at, Math.min(length, 1000), position),
  };
  written({ ...env, files: slow });
  assert.deepEqual(readFileSync(data), wanted);
});

test('a spill file that was cut off or damaged is an error that names it', (t) => {
  for (const damage of ['cut', 'flip'] as const) {
    const env = newEnv(t, 1000);
    const sorter = new ExternalSorter(env, { compare: null, ascending: true });
    for (let b = 0; b < 4; b++) sorter.add({ keys: pairs.map(([k]) => k), values: pairs.map(([, v]) => v) });
    const stream = sorter.finish();
    const [path] = blockFiles(env) as [string];
    const bytes = readFileSync(path);
    if (damage === 'cut') truncateSync(path, bytes.length >> 1);
    else writeFileSync(path, bytes.fill(7, bytes.length >> 1, (bytes.length >> 1) + 8), { flag: 'r+' });
    assert.throws(
      () => {
        while (stream.next() !== null);
      },
      (e) =>
        IskraError.is(e) &&
        e.code === (damage === 'cut' ? 'SHUFFLE_FILE_FAILED' : 'SPILL_CORRUPT') &&
        e.message.includes(path) &&
        e.message.includes('spark.local.dir'),
    );
    stream.close();
    assert.deepEqual(blockFiles(env), []);
  }
});

test('a partitioner that answers nonsense is named with the key, and nothing is left', (t) => {
  const env = newEnv(t);
  for (const answer of [4, -1, 1.5, Number.NaN, undefined, '1'] as unknown as number[]) {
    const writer = createPartitioningWriter(env, { shuffleId: 1, mapId: 0, ...how, partition: () => answer });
    assert.throws(() => writer.add('Ada', 1), /'Ada' into partition .*, but there are partitions 0 to 3/);
    writer.abort();
    const combining = createCombiningWriter(env, { shuffleId: 1, mapId: 0, ...how, partition: () => answer });
    combining.table.upsert('Ada');
    combining.table.values.push(1);
    assert.throws(() => combining.commit(), /'Ada' into partition/);
  }
  assert.deepEqual(blockFiles(env), []);
});

test('a value that cannot travel fails the write as what it is, and nothing is left', (t) => {
  const env = newEnv(t);
  const writer = createPartitioningWriter(env, {
    shuffleId: 1,
    mapId: 0,
    ...how,
    partition: hashPartition(PARTITIONS),
  });
  for (const [k, v] of pairs) writer.add(k, v);
  writer.add('f', () => 1);
  assert.throws(() => writer.commit(), { code: 'UNENCODABLE_RECORD' });
  assert.deepEqual(blockFiles(env), []);
});

test('abort removes a half-written output, and is harmless after commit', (t) => {
  const env = newEnv(t, 10_000);
  const id = { shuffleId: 1, mapId: 0, ...how, partition: hashPartition(PARTITIONS) };
  const half = createPartitioningWriter(env, id);
  for (const [k, v] of pairs) half.add(k, v);
  half.endBatch();
  assert.equal(blockFiles(env).length, 1);
  half.abort();
  half.abort();
  assert.deepEqual(blockFiles(env), []);
  const whole = createPartitioningWriter(env, id);
  for (const [k, v] of pairs) whole.add(k, v);
  const { sizes, records, totalBytes } = whole.commit();
  assert.equal(records, pairs.length);
  assert.equal(
    totalBytes,
    sizes.reduce((a, b) => a + b, 0),
  );
  whole.abort();
  assert.equal(blockFiles(env).length, 2);
  assert.equal(env.memory.heldBytes, 0);
});

test('no partitions and no records make two small files', (t) => {
  const env = newEnv(t);
  const none = createPartitioningWriter(env, { shuffleId: 1, mapId: 0, numPartitions: 0, partition: () => 0 }).commit();
  assert.deepEqual(none, { sizes: [], totalBytes: 0, records: 0 });
  const empty = createCombiningWriter(env, { shuffleId: 1, mapId: 1, numPartitions: 3, partition: () => 0 }).commit();
  assert.deepEqual(empty, { sizes: [0, 0, 0], totalBytes: 0, records: 0 });
  assert.equal(blockFiles(env).length, 4);
});

test('metrics count what was written and read', (t) => {
  const env = newEnv(t);
  const { outputs, data } = written(env);
  const bytes = statSync(data).size;
  assert.equal(env.metrics.shuffleBytesWritten, bytes);
  assert.equal(env.metrics.shuffleRecordsWritten, pairs.length);
  for (let r = 0; r < PARTITIONS; r++) readPartition(env, outputs, r, how);
  assert.equal(env.metrics.shuffleLocalBytesRead, bytes);
  assert.equal(env.metrics.shuffleRecordsRead, pairs.length);
  assert.equal(env.metrics.diskBytesSpilled, 0);
});

test('values of megabytes travel in blocks of their own', (t) => {
  const env = newEnv(t);
  const large: Pair[] = Array.from({ length: 30 }, (_, i) => [i, i % 3 === 0 ? 'x'.repeat(2_000_000 + i) : `${i}`]);
  const outputs = outputsOf([writeMap({ ...env, memory: env.memory }, 0, large, { numPartitions: 1, batch: 5 })]);
  assert.deepEqual(readPartition(env, outputs, 0, { numPartitions: 1 }), large);
});
