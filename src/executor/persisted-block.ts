import { rmSync } from 'node:fs';
import type { BatchIterator } from '../base/batch-iterator.ts';
import { IskraError } from '../base/errors.ts';
import type { RddId } from '../protocol/ids.ts';
import type { StorageLevel } from '../protocol/storage-level.ts';
import { OutputFile } from '../shuffle/output-file.ts';
import { rddBlockId } from '../storage/block-manager.ts';
import { ConcatIterator } from './segment-iterator.ts';
import { BlockBatches, CountedBatches, FileBlockBatches } from './source-iterators.ts';
import type { TaskEnv } from './task-env.ts';

/** How much of a partition is computed between two questions whether more may stay in memory. */
const RESERVE_STEP_BYTES = 4 << 20;

/**
 * A partition of a persisted RDD: its block if the executor has it, else computed, stored and read back.
 *
 * The whole partition is stored before the first record leaves, so a reader that stops early or fails never leaves a
 * partial block. What fits neither in memory nor, by its level, on disk is streamed on and not stored.
 *
 * Spark: RDD.getOrCompute, MemoryStore.putIteratorAsValues
 */
export function openPersisted(
  env: TaskEnv,
  rddId: RddId,
  partition: number,
  level: StorageLevel,
  compute: () => BatchIterator,
): BatchIterator {
  const block = env.link.ask('GetRddBlock', { rddId, partition });
  if (block !== null) {
    const metrics = env.task.taskMetrics();
    metrics.inputBytesRead += block.bytes;
    const records =
      block.kind === 'memory' ? new BlockBatches(block.chunks) : new StoredBatches(block.path, block.bytes);
    return new CountedBatches(records, metrics);
  }
  const source = compute();
  return level.useMemory
    ? storeInMemory(env, rddId, partition, level, source)
    : storeOnDisk(env, rddId, partition, level, [], source);
}

function storeInMemory(
  env: TaskEnv,
  rddId: RddId,
  partition: number,
  level: StorageLevel,
  source: BatchIterator,
): BatchIterator {
  const blocks: Uint8Array[] = [];
  let bytes = 0;
  let reserved = 0;
  try {
    for (let batch = source.next(); batch !== null; batch = source.next()) {
      env.link.throwIfKilled(env.task.taskAttemptId);
      if (batch.length === 0) continue;
      // Not Buffer.slice, which copies nothing: the encoder uses its buffer again.
      const block = Uint8Array.prototype.slice.call(env.encoder.encode(batch, 0, batch.length));
      blocks.push(block);
      bytes += block.byteLength;
      if (bytes - reserved < RESERVE_STEP_BYTES) continue;
      reserved = bytes;
      if (env.link.ask('ReserveMemory', { taskId: env.task.taskAttemptId, rddId, bytes }).granted) continue;
      if (level.useDisk) return storeOnDisk(env, rddId, partition, level, blocks, source);
      return withRest(blocks, source);
    }
    // What a killed task's functions left out must not pass for the end.
    env.link.throwIfKilled(env.task.taskAttemptId);
  } catch (error) {
    source.close();
    throw error;
  }
  const shared = toSharedMemory(blocks, bytes);
  const data = { kind: 'memory', chunks: bytes === 0 ? [] : [shared], bytes } as const;
  const { stored } = env.link.ask('PutRddBlock', { taskId: env.task.taskAttemptId, rddId, partition, level, data });
  if (!stored && level.useDisk) return storeOnDisk(env, rddId, partition, level, blocks, source);
  source.close();
  return new BlockBatches(data.chunks);
}

/** Other slots read the block where it lies, so it must be shared memory; one exact piece wastes none of it. */
function toSharedMemory(blocks: readonly Uint8Array[], bytes: number): Uint8Array {
  const shared = new Uint8Array(new SharedArrayBuffer(bytes));
  let at = 0;
  for (const block of blocks) {
    shared.set(block, at);
    at += block.byteLength;
  }
  return shared;
}

function withRest(blocks: readonly Uint8Array[], rest: BatchIterator): BatchIterator {
  return new ConcatIterator([() => new BlockBatches(blocks), () => rest]);
}

function storeOnDisk(
  env: TaskEnv,
  rddId: RddId,
  partition: number,
  level: StorageLevel,
  blocks: readonly Uint8Array[],
  source: BatchIterator,
): BatchIterator {
  const { files } = env.shuffle;
  const suffix = `.${env.task.taskAttemptId}.tmp`;
  let file: OutputFile | null = null;
  let path: string;
  try {
    file = new OutputFile(files, env.localDirs, rddBlockId(rddId, partition), suffix);
    for (const block of blocks) file.append(block);
    for (let batch = source.next(); batch !== null; batch = source.next()) {
      env.link.throwIfKilled(env.task.taskAttemptId);
      if (batch.length > 0) file.append(env.encoder.encode(batch, 0, batch.length));
    }
    env.link.throwIfKilled(env.task.taskAttemptId);
    file.close();
    path = file.path.slice(0, -suffix.length);
    files.rename(file.path, path);
  } catch (error) {
    file?.discard();
    throw error;
  } finally {
    source.close();
  }
  const bytes = file.position;
  env.link.ask('PutRddBlock', {
    taskId: env.task.taskAttemptId,
    rddId,
    partition,
    level,
    data: { kind: 'disk', path, bytes },
  });
  return new FileBlockBatches(path, bytes);
}

/**
 * A block on disk. One that is damaged is removed, and the executor forgets a block whose file is gone: this attempt fails,
 * because records have left it already, and the next one computes the partition again.
 */
class StoredBatches implements BatchIterator {
  readonly #path: string;
  readonly #blocks: FileBlockBatches;

  constructor(path: string, bytes: number) {
    this.#path = path;
    this.#blocks = new FileBlockBatches(path, bytes);
  }

  next(): readonly unknown[] | null {
    try {
      return this.#blocks.next();
    } catch (error) {
      if (IskraError.is(error) && error.code === 'BLOCK_FILE_DAMAGED') rmSync(this.#path, { force: true });
      throw error;
    }
  }

  close(): void {
    this.#blocks.close();
  }
}
