import { statSync } from 'node:fs';
import type { ShuffleBlockReply, ShuffleBlockRequest } from '../protocol/block-transfer.ts';
import { FileRegion } from '../rpc/file-region.ts';
import type { LocalDirs } from '../storage/local-dirs.ts';
import { resolveShuffleBlock } from './block-resolver.ts';
import { nodeFiles } from './file-ops.ts';

/** What a ShuffleBlockReply is before it is sent. */
interface FileReply {
  readonly kind: 'bytes';
  readonly length: number;
  readonly bytes: FileRegion;
}

/**
 * Answers for one block: executors serve theirs so, and shuffle services those of others. One block that cannot be served is no
 * reason to refuse the others, so nothing is thrown.
 */
export function serveShuffleBlock(dirs: LocalDirs, block: ShuffleBlockRequest): ShuffleBlockReply | FileReply {
  try {
    checkNumbers(block);
    const { path, start, length } = resolveShuffleBlock(dirs, nodeFiles, block);
    // The connection looks as well, but it can only refuse the whole reply.
    const { size } = statSync(path);
    if (size < start + length)
      throw new Error(`${path} has ${size} bytes, but the blocks should end at byte ${start + length}`);
    const offset = Math.min(block.offset, length);
    const bytes = Math.min(block.maxBytes, length - offset);
    return { kind: 'bytes', length, bytes: new FileRegion(path, start + offset, bytes) };
  } catch (e) {
    return { kind: 'error', message: (e as Error).message };
  }
}

/** They become parts of paths and places in files, and come from whoever is connected. */
function checkNumbers(block: ShuffleBlockRequest): void {
  const { shuffleId, mapId, reduceId, numPartitions, offset, maxBytes } = block;
  for (const [name, value] of Object.entries({ shuffleId, mapId, reduceId, numPartitions, offset, maxBytes }))
    if (!Number.isSafeInteger(value) || value < 0)
      throw new Error(`a shuffle block's ${name} is ${String(value)}, but has to be a whole number, 0 or more`);
  if (reduceId >= numPartitions)
    throw new Error(`the shuffle has ${numPartitions} partitions, so there is no block of partition ${reduceId}`);
}
