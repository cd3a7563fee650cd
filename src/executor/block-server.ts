import { closeSync, openSync, renameSync, writeSync } from 'node:fs';
import type { AskBlocks, BlockOwner } from '../protocol/block-transfer.ts';
import type { StoredBlock } from '../protocol/executor-slot.ts';
import type { ShuffleId, TaskId } from '../protocol/ids.ts';
import { FileRegion } from '../rpc/file-region.ts';
import type { AskMessage, RpcEndpoint } from '../rpc/rpc-endpoint.ts';
import { mapOutputNames } from '../shuffle/map-output-files.ts';
import { serveShuffleBlock } from '../shuffle/serve-shuffle-block.ts';
import type { BlockManager } from '../storage/block-manager.ts';
import type { LocalDirs } from '../storage/local-dirs.ts';

/**
 * Serves this process's blocks to others. Files are sent as the connection takes them, never read as a whole.
 *
 * Spark: NettyBlockRpcServer
 */
export class BlockServer implements RpcEndpoint<never, AskBlocks> {
  readonly #owner: BlockOwner;
  readonly #blocks: BlockManager;
  readonly #dirs: LocalDirs;
  readonly #adopted: (shuffleId: ShuffleId, mapId: TaskId) => void;
  readonly #broadcastPiece: (broadcastId: number, piece: number) => Uint8Array | null;

  constructor(
    owner: BlockOwner,
    blocks: BlockManager,
    dirs: LocalDirs,
    broadcastPiece: (broadcastId: number, piece: number) => Uint8Array | null,
    adopted: (shuffleId: ShuffleId, mapId: TaskId) => void,
  ) {
    this.#owner = owner;
    this.#adopted = adopted;
    this.#blocks = blocks;
    this.#dirs = dirs;
    this.#broadcastPiece = broadcastPiece;
  }

  /** Blocks that are uploaded are for the slots to read. */
  readonly shared = true;

  receive(): void {}

  receiveAndReply(ask: AskMessage<AskBlocks>): unknown {
    switch (ask.type) {
      case 'FetchShuffleBlocks':
        this.#checkOwner(ask.request);
        return { replies: ask.request.blocks.map((block) => serveShuffleBlock(this.#dirs, block)) };
      case 'FetchRddBlock': {
        this.#checkOwner(ask.request);
        const block = this.#blocks.getRddBlock(ask.request.rddId, ask.request.partition);
        return { bytes: block === null ? null : wholeBlock(block) };
      }
      case 'UploadRddBlock': {
        const { rddId, partition, level, bytes } = ask.request;
        return { stored: this.#blocks.putReplica(rddId, partition, level, bytes) };
      }
      case 'UploadShuffleFile':
        keepShuffleFile(this.#dirs, ask.request);
        if (ask.request.file === 'index' && ask.request.last) this.#adopted(ask.request.shuffleId, ask.request.mapId);
        return null;
      case 'FetchBroadcastPiece':
        return { bytes: this.#broadcastPiece(ask.request.broadcastId, ask.request.piece) };
    }
  }

  /** A port may have been another process's a moment ago, whose blocks have the same names. */
  #checkOwner({ appId, executorId }: BlockOwner): void {
    const me = this.#owner;
    if (appId === me.appId && executorId === me.executorId) return;
    throw new Error(
      `executor ${me.executorId} of ${me.appId} was asked for blocks of executor ${executorId} of ${appId}, which was here before`,
    );
  }
}

/** Under another name until it is whole. */
function keepShuffleFile(dirs: LocalDirs, part: AskBlocks['UploadShuffleFile'][0]): void {
  const { shuffleId, mapId, file, offset, bytes, last } = part;
  const path = dirs.file(mapOutputNames(shuffleId, mapId)[file]);
  const unfinished = `${path}.migrating`;
  const fd = openSync(unfinished, offset === 0 ? 'w' : 'r+');
  try {
    for (let done = 0; done < bytes.length; ) done += writeSync(fd, bytes, done, bytes.length - done, offset + done);
  } finally {
    closeSync(fd);
  }
  if (last) renameSync(unfinished, path);
}

function wholeBlock(block: StoredBlock): Uint8Array | FileRegion {
  if (block.kind === 'disk') return new FileRegion(block.path, 0, block.bytes);
  return block.chunks.length === 1 ? (block.chunks[0] as Uint8Array) : Buffer.concat(block.chunks);
}
