import type { ShuffleId, TaskId } from '../protocol/ids.ts';
import type { LocalDirs } from '../storage/local-dirs.ts';
import type { FileOps } from './file-ops.ts';
import { mapOutputNames, readIndex } from './map-output-files.ts';

/** One reduce partition of one map output. */
export interface ShuffleBlockId {
  readonly shuffleId: ShuffleId;
  readonly mapId: TaskId;
  readonly reduceId: number;
  /** Reduce partitions of the shuffle: what the index must have. */
  readonly numPartitions: number;
}

/** Bytes of a file. */
export interface FileExtent {
  readonly path: string;
  readonly start: number;
  readonly length: number;
}

/**
 * Where a shuffle block lies in this machine's files.
 *
 * @throws Error naming the index file and what is wrong with it. Spark: IndexShuffleBlockResolver.getBlockData
 */
export function resolveShuffleBlock(dirs: LocalDirs, files: FileOps, block: ShuffleBlockId): FileExtent {
  const names = mapOutputNames(block.shuffleId, block.mapId);
  const indexPath = dirs.find(names.index);
  let extent: { readonly start: number; readonly end: number };
  try {
    extent = readIndex(readWhole(files, indexPath), block.numPartitions, block.reduceId);
  } catch (e) {
    throw new Error(`the shuffle index ${indexPath} cannot be used: ${(e as Error).message}`, { cause: e });
  }
  return { path: dirs.find(names.data), start: extent.start, length: extent.end - extent.start };
}

function readWhole(files: FileOps, path: string): Uint8Array {
  const fd = files.open(path, 'r');
  try {
    const bytes = Buffer.allocUnsafe(files.size(fd));
    readFully(files, fd, path, bytes, 0, bytes.length, 0);
    return bytes;
  } finally {
    files.close(fd);
  }
}

/** @throws Error when the file ends before `length` bytes are read. */
export function readFully(
  files: FileOps,
  fd: number,
  path: string,
  target: Uint8Array,
  at: number,
  length: number,
  position: number,
): void {
  let done = 0;
  while (done < length) {
    const n = files.read(fd, target, at + done, length - done, position + done);
    if (n === 0) throw new Error(`${path} ends at byte ${position + done}, ${length - done} bytes early`);
    done += n;
  }
}
