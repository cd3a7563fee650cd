import type { ShuffleId } from '../protocol/ids.ts';
import type { MapStatus } from '../protocol/map-output.ts';
import type { LocalDirs } from '../storage/local-dirs.ts';
import type { FileOps } from './file-ops.ts';
import { mapOutputNames, readIndex } from './map-output-files.ts';

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

  #open(request: SegmentRequest): Segment {
    const { status, reduceId } = request;
    const names = mapOutputNames(request.shuffleId, status.mapId);
    const indexPath = this.#dirs.file(names.index);
    let extent: { readonly start: number; readonly end: number };
    try {
      extent = readIndex(readWhole(this.#files, indexPath), status.sizes.length, reduceId);
    } catch (e) {
      throw new Error(`the shuffle index ${indexPath} cannot be used: ${(e as Error).message}`, { cause: e });
    }
    return openFileSegment(this.#files, this.#dirs.file(names.data), extent.start, extent.end - extent.start);
  }
}

/** Bytes [start, start + length) of a file. @throws Error when the file is not there or too short. */
export function openFileSegment(files: FileOps, path: string, start: number, length: number): Segment {
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

function readFully(
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
