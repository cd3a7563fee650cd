import assert from 'node:assert/strict';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, beforeEach, describe, test } from 'node:test';
import { gunzipSync } from 'node:zlib';
import {
  abortJob,
  abortTask,
  commitJob,
  commitTask,
  type OutputJob,
  type OutputTask,
  outputJob,
  setupJob,
  setupTask,
} from '../../src/io/file-output.ts';
import { LineWriter, textLines } from '../../src/io/line-writer.ts';
import type { CodecName } from '../../src/protocol/file-formats.ts';

const root = mkdtempSync(join(tmpdir(), 'iskra-out-'));
after(() => rmSync(root, { recursive: true, force: true }));
let runs = 0;
let out = '';
beforeEach(() => {
  out = join(root, `out${runs++}`);
});

const textJob = (path: string, codec: CodecName, uuid: string): OutputJob =>
  outputJob(path, codec === 'gzip' ? '.gz' : '', uuid);

function openTaskOutput(job: OutputJob, task: OutputTask): LineWriter {
  const codec = job.extension === '.gz' ? 'gzip' : 'none';
  return new LineWriter(setupTask(job, task), codec, task.partition, textLines);
}

function writePart(job: OutputJob, task: OutputTask, records: readonly unknown[]): void {
  const writer = openTaskOutput(job, task);
  writer.write(records);
  writer.close();
}

/** All files and directories below a path, as `a/`, `a/b`. */
function tree(path: string): string[] {
  return readdirSync(path, { withFileTypes: true, recursive: true })
    .map((e) => join(e.parentPath, e.name).slice(path.length + 1) + (e.isDirectory() ? '/' : ''))
    .sort();
}

describe('text output', () => {
  test('goes through the layout of the commit protocol to part files and _SUCCESS', () => {
    const job = textJob(out, 'none', 'u1');
    setupJob(job);
    writePart(job, { partition: 0, attempt: 0 }, ['a', 'b']);
    writePart(job, { partition: 1, attempt: 2 }, []);
    assert.deepEqual(tree(out), [
      '_temporary/',
      '_temporary/0/',
      '_temporary/0/_temporary/',
      '_temporary/0/_temporary/attempt_u1_m_000000_0/',
      '_temporary/0/_temporary/attempt_u1_m_000000_0/part-00000',
      '_temporary/0/_temporary/attempt_u1_m_000001_2/',
      '_temporary/0/_temporary/attempt_u1_m_000001_2/part-00001',
    ]);
    commitTask(job, { partition: 0, attempt: 0 });
    commitTask(job, { partition: 1, attempt: 2 });
    assert.deepEqual(tree(out), [
      '_temporary/',
      '_temporary/0/',
      '_temporary/0/_temporary/',
      '_temporary/0/task_u1_m_000000/',
      '_temporary/0/task_u1_m_000000/part-00000',
      '_temporary/0/task_u1_m_000001/',
      '_temporary/0/task_u1_m_000001/part-00001',
    ]);
    commitJob(job, 2);
    assert.deepEqual(tree(out), ['_SUCCESS', 'part-00000', 'part-00001']);
    assert.equal(readFileSync(join(out, 'part-00000'), 'utf8'), 'a\nb\n');
    assert.equal(readFileSync(join(out, 'part-00001'), 'utf8'), '');
    assert.equal(readFileSync(join(out, '_SUCCESS'), 'utf8'), '');
  });

  test('of algorithm 2 moves each file to its final name when its task commits', () => {
    const job: OutputJob = { ...textJob(out, 'none', 'u1'), algorithm: 2 };
    setupJob(job);
    writePart(job, { partition: 0, attempt: 0 }, ['a']);
    commitTask(job, { partition: 0, attempt: 0 });
    assert.deepEqual(tree(out), ['_temporary/', '_temporary/0/', '_temporary/0/_temporary/', 'part-00000']);
    commitJob(job, 1);
    assert.deepEqual(tree(out), ['_SUCCESS', 'part-00000']);
  });

  test('with gzip writes .gz files that hold the lines, also for an empty partition', () => {
    const job = textJob(out, 'gzip', 'u1');
    setupJob(job);
    const many = Array.from({ length: 50_000 }, (_, i) => `line ${i} é€`);
    writePart(job, { partition: 0, attempt: 0 }, many);
    writePart(job, { partition: 1, attempt: 0 }, []);
    for (const partition of [0, 1]) commitTask(job, { partition, attempt: 0 });
    commitJob(job, 2);
    assert.deepEqual(tree(out), ['_SUCCESS', 'part-00000.gz', 'part-00001.gz']);
    assert.equal(gunzipSync(readFileSync(join(out, 'part-00000.gz'))).toString(), `${many.join('\n')}\n`);
    assert.equal(gunzipSync(readFileSync(join(out, 'part-00001.gz'))).length, 0);
  });

  test('writes records as String does, arrays and plain objects as JSON, long ones too, and counts records and bytes', () => {
    const job = textJob(out, 'none', 'u1');
    setupJob(job);
    const long = 'ü'.repeat(300_000);
    const writer = openTaskOutput(job, { partition: 0, attempt: 0 });
    writer.write([1, true, ['the', 2], 12n, '', { id: 7 }, new Date(0)]);
    writer.write([long, 'end']);
    writer.close();
    const expected = `1\ntrue\n["the",2]\n12\n\n{"id":7}\n${String(new Date(0))}\n${long}\nend\n`;
    assert.equal(writer.recordsWritten, 9);
    assert.equal(writer.bytesWritten, Buffer.byteLength(expected));
    commitTask(job, { partition: 0, attempt: 0 });
    commitJob(job, 1);
    assert.equal(readFileSync(join(out, 'part-00000'), 'utf8'), expected);
  });

  test('refuses null and undefined, and names record and partition', () => {
    const job = textJob(out, 'none', 'u1');
    setupJob(job);
    for (const value of [null, undefined]) {
      const writer = openTaskOutput(job, { partition: 3, attempt: 0 });
      writer.write(['a']);
      assert.throws(
        () => writer.write(['b', value]),
        new RegExp(`text files do not allow null rows: record 2 of partition 3 is ${value}`),
      );
      writer.abandon();
      abortTask(job, { partition: 3, attempt: 0 });
    }
    assert.deepEqual(tree(out), ['_temporary/', '_temporary/0/', '_temporary/0/_temporary/']);
  });

  test('names the record that has no text', () => {
    const job = textJob(out, 'none', 'u1');
    setupJob(job);
    const writer = openTaskOutput(job, { partition: 0, attempt: 0 });
    assert.throws(() => writer.write([{ big: 1n }]), /record 0 of partition 0 cannot be made text/);
    writer.abandon();
  });

  test('refuses an existing directory, and takes it without validation, keeping what it holds', () => {
    mkdirSync(out);
    writeFileSync(join(out, 'part-00000'), 'old\n');
    writeFileSync(join(out, 'other'), 'kept\n');
    const job = textJob(`file://${out}`, 'none', 'u1');
    assert.throws(
      () => setupJob(job),
      (e: Error) => e.message.startsWith(`Output directory file:${out} already exists`),
    );
    assert.equal(setupJob(job, { validateOutputSpecs: false }), null);
    writePart(job, { partition: 0, attempt: 0 }, ['new']);
    commitTask(job, { partition: 0, attempt: 0 });
    commitJob(job, 1);
    assert.deepEqual(tree(out), ['_SUCCESS', 'other', 'part-00000']);
    assert.equal(readFileSync(join(out, 'part-00000'), 'utf8'), 'new\n');
  });

  test('refuses a path that is a file, or goes through one', () => {
    writeFileSync(out, '');
    assert.throws(() => setupJob(textJob(out, 'none', 'u')), /already exists and is not a directory/);
    assert.throws(
      () => setupJob(textJob(join(out, 'below'), 'none', 'u')),
      /cannot create the output directory file:.*: a part of the path is not a directory \(ENOTDIR\)/,
    );
    assert.throws(() => textJob('s3a://bucket/x', 'none', 'u'), /cannot write s3a:.*is available in this build yet/);
  });

  test('of two attempts of a partition keeps the committed one', () => {
    const job = textJob(out, 'none', 'u1');
    setupJob(job);
    writePart(job, { partition: 0, attempt: 0 }, ['first']);
    writePart(job, { partition: 0, attempt: 1 }, ['second']);
    commitTask(job, { partition: 0, attempt: 1 });
    abortTask(job, { partition: 0, attempt: 0 });
    commitJob(job, 1);
    assert.equal(readFileSync(join(out, 'part-00000'), 'utf8'), 'second\n');
  });

  test('shows nothing of a job with a partition that was not committed', () => {
    const job = textJob(out, 'none', 'u1');
    setupJob(job);
    writePart(job, { partition: 0, attempt: 0 }, ['a']);
    commitTask(job, { partition: 0, attempt: 0 });
    assert.throws(() => commitJob(job, 2), /partition 1 of file:.* was never committed/);
    assert.equal(existsSync(join(out, 'part-00000')), false);
  });

  test('of a failed job leaves nothing behind, not even the directories it made', () => {
    const job = textJob(join(out, 'a', 'b'), 'none', 'u1');
    const made = setupJob(job);
    writePart(job, { partition: 0, attempt: 0 }, ['a']);
    abortJob(job, made);
    assert.equal(existsSync(out), false);

    mkdirSync(out);
    const second = textJob(out, 'none', 'u2');
    const madeSecond = setupJob(second, { validateOutputSpecs: false });
    abortJob(second, madeSecond);
    assert.deepEqual(tree(out), []);
  });

  test('lets no late attempt bring the directory of an ended job back', () => {
    const job = textJob(out, 'none', 'u1');
    abortJob(job, setupJob(job));
    assert.throws(() => openTaskOutput(job, { partition: 0, attempt: 1 }), /cannot create .* \(the job has ended, or/);
    assert.equal(existsSync(out), false);
  });

  test('says that the disk is full', (t) => {
    if (!existsSync('/dev/full')) return t.diagnostic('this system has no /dev/full');
    for (const codec of ['none', 'gzip'] as const) {
      const writer = new LineWriter('/dev/full', codec, 0, textLines);
      writer.write(['a']);
      assert.throws(
        () => writer.close(),
        /cannot write file:\/dev\/full after 0 bytes: no space left on the device \(ENOSPC\); free some space, or choose another disk/,
      );
      writer.close();
    }
  });
});
