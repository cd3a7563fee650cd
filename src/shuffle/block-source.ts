import { numBlocks } from '../protocol/block-sizes.ts';
import type { ShuffleId } from '../protocol/ids.ts';
import type { MapStatus } from '../protocol/map-output.ts';
import type { LocalDirs } from '../storage/local-dirs.ts';
import { readFully, resolveShuffleBlock } from './block-resolver.ts';
import type { FileOps } from './file-ops.ts';

/** What one reduce partition needs of one map output. */
export interface SegmentRequest {
  readonly shuffleId: ShuffleId;
  readonly mapIndex: number;
  readonly status: MapStatus;
  readonly reduceId: number;
}

/** Blocks back to back somewhere. Reads throw when the bytes are not to be had. */
export interface Segment {
  readonly length: number;
  /** Where it lies, for error texts. */
  readonly place: string;
  /** Reads exactly `length` bytes from `position` in the segment. */
  read(target: Uint8Array, at: number, length: number, position: number): void;
  close(): void;
}

/**
 * Where segments come from: this machine's files, or other executors. Told all requests at once, so that it may read
 * ahead; the caller takes the segments in the order of the requests, one at a time, and closes each.
 */
export interface BlockSource {
  open(requests: readonly SegmentRequest[]): SegmentStream;
}

export interface SegmentStream {
  /** The segment of the next request. @throws Error saying why it cannot be read; the stream is over then. */
  next(): Segment;
  /** Lets go of everything that was read ahead. */
  close(): void;
}

/** Reads the files that this process's writers left in its local directories. */
export class LocalBlockSource implements BlockSource {
  readonly #dirs: LocalDirs;
  readonly #files: FileOps;

  constructor(dirs: LocalDirs, files: FileOps) {
    this.#dirs = dirs;
    this.#files = files;
  }

  open(requests: readonly SegmentRequest[]): SegmentStream {
    let at = 0;
    return {
      next: () => this.#open(requests[at++] as SegmentRequest), // the caller asks once for each request
      close: () => {},
    };
  }

  #open({ shuffleId, status, reduceId }: SegmentRequest): Segment {
    const block = { shuffleId, mapId: status.mapId, reduceId, numPartitions: numBlocks(status.sizes) };
    const { path, start, length } = resolveShuffleBlock(this.#dirs, this.#files, block);
    return openFileSegment(this.#files, path, start, length);
  }
}

/** Bytes [start, start + length) of a file. @throws Error when the file is not there or too short. */
function openFileSegment(files: FileOps, path: string, start: number, length: number): Segment {
  const fd = files.open(path, 'r');
  try {
    const size = files.size(fd);
    if (size < start + length)
      throw new Error(`${path} has ${size} bytes, but the blocks should end at byte ${start + length}`);
  } catch (e) {
    files.close(fd);
    throw e;
  }
  return {
    length,
    place: `${path} from byte ${start}`,
    read(target, at, count, position) {
      readFully(files, fd, path, target, at, count, start + position);
    },
    close: () => files.close(fd),
  };
}
