// The bytes of a message in pieces of at most half a MiB: from memory as they lie there, from files one chunk ahead.
import { close, open, read, stat } from 'node:fs';
import { FileRegion } from './file-region.ts';
import { RpcMessageError } from './rpc-errors.ts';

/** One turn of a stream. */
export const CHUNK_BYTES: number = 512 * 1024;
/** Chunks of a stream that are read from files before they are wanted, with the one that is wanted. */
const CHUNKS_AHEAD = 2;

export type Piece = Uint8Array | FileRegion;

export interface Chunk {
  readonly buffers: readonly Uint8Array[];
  readonly length: number;
  /** To be called when the bytes have been used: their memory is filled again. */
  release(): void;
}

export interface ChunkSource {
  /** The next chunk; null when it is not read yet, and after the last. */
  take(): Chunk | null;
  /** Closes files; twice is fine. */
  close(): void;
}

/**
 * @param ready called each time when a chunk can be taken after `take` gave null.
 * @param failed called once, when a file cannot be read: there will be no more chunks.
 */
export function chunksOf(pieces: readonly Piece[], ready: () => void, failed: (error: Error) => void): ChunkSource {
  const inMemory = pieces.filter((piece) => piece instanceof Uint8Array);
  return inMemory.length === pieces.length ? new MemoryChunks(inMemory) : new FileChunks(pieces, ready, failed);
}

/** Finds out before a message begins whether its files are there and long enough. @throws RpcMessageError */
export async function checkFiles(pieces: readonly Piece[]): Promise<void> {
  const ends = new Map<string, FileRegion>();
  for (const piece of pieces) {
    if (piece instanceof Uint8Array) continue;
    const last = ends.get(piece.path);
    if (last === undefined || piece.offset + piece.length > last.offset + last.length) ends.set(piece.path, piece);
  }
  await Promise.all(
    [...ends.values()].map(async (region) => {
      const size = await new Promise<number>((resolve, reject) => {
        stat(region.path, (error, stats) => {
          if (error !== null) reject(cannotRead(region, error));
          else if (!stats.isFile()) reject(new RpcMessageError(`cannot read ${region.path}: it is not a file`));
          else resolve(stats.size);
        });
      });
      if (size < region.offset + region.length) throw tooShort(region, size);
    }),
  );
}

class MemoryChunks implements ChunkSource {
  readonly #pieces: readonly Uint8Array[];
  #piece = 0;
  #offset = 0;

  constructor(pieces: readonly Uint8Array[]) {
    this.#pieces = pieces;
  }

  take(): Chunk | null {
    const buffers: Uint8Array[] = [];
    let length = 0;
    while (length < CHUNK_BYTES) {
      const piece = this.#pieces[this.#piece];
      if (piece === undefined) break;
      const bytes = piece.subarray(this.#offset, this.#offset + CHUNK_BYTES - length);
      if (bytes.length > 0) buffers.push(bytes);
      length += bytes.length;
      this.#offset += bytes.length;
      if (this.#offset < piece.length) break;
      this.#piece++;
      this.#offset = 0;
    }
    return length === 0 ? null : { buffers, length, release: () => {} };
  }

  close(): void {}
}

/** A chunk whose files are being read. */
interface Filling {
  readonly buffers: Uint8Array[];
  /** Where its bytes from files are. */
  readonly memory: Buffer;
  length: number;
  /** Reads that have not ended. */
  reads: number;
}

/** An open file, for as long as regions of it are to be read. */
interface OpenFile {
  readonly fd: Promise<number>;
  regions: number;
  /** Reads that have not ended. */
  reads: number;
}

class FileChunks implements ChunkSource {
  readonly #pieces: readonly Piece[];
  readonly #ready: () => void;
  readonly #failed: (error: Error) => void;
  readonly #files = new Map<string, OpenFile>();
  readonly #chunks: Filling[] = [];
  readonly #free: Buffer[] = [];
  #piece = 0;
  #offset = 0;
  #wanted = false;
  #closed = false;

  constructor(pieces: readonly Piece[], ready: () => void, failed: (error: Error) => void) {
    this.#pieces = pieces;
    this.#ready = ready;
    this.#failed = failed;
    this.#fill();
  }

  take(): Chunk | null {
    const first = this.#chunks[0];
    if (first === undefined || first.reads > 0) {
      this.#wanted = true;
      return null;
    }
    this.#chunks.shift();
    this.#fill();
    return { buffers: first.buffers, length: first.length, release: () => this.#free.push(first.memory) };
  }

  close(): void {
    this.#closed = true;
    this.#closeFiles();
  }

  #fill(): void {
    while (!this.#closed && this.#chunks.length < CHUNKS_AHEAD) {
      const filling: Filling = {
        buffers: [],
        memory: this.#free.pop() ?? Buffer.allocUnsafeSlow(CHUNK_BYTES),
        length: 0,
        reads: 0,
      };
      let used = 0;
      while (filling.length < CHUNK_BYTES) {
        const piece = this.#pieces[this.#piece];
        if (piece === undefined) break;
        const n = Math.min(piece.length - this.#offset, CHUNK_BYTES - filling.length);
        if (n === 0) {
          // An empty piece has no bytes that would end it.
        } else if (piece instanceof Uint8Array) {
          filling.buffers.push(piece.subarray(this.#offset, this.#offset + n));
        } else {
          const target = filling.memory.subarray(used, used + n);
          used += n;
          filling.buffers.push(target);
          filling.reads++;
          this.#read(piece, this.#offset, target, filling);
        }
        filling.length += n;
        this.#offset += n;
        if (this.#offset < piece.length) break;
        this.#piece++;
        this.#offset = 0;
      }
      if (filling.length === 0) return;
      this.#chunks.push(filling);
    }
  }

  #read(region: FileRegion, from: number, target: Buffer, filling: Filling): void {
    const file = this.#open(region);
    file.reads++;
    const ended = (error: Error | null): void => {
      file.reads--;
      filling.reads--;
      if (from + target.length === region.length) file.regions--;
      if (error !== null && !this.#closed) {
        this.#closed = true;
        this.#failed(error);
      }
      this.#closeFiles();
      if (this.#closed || filling.reads > 0 || !this.#wanted || filling !== this.#chunks[0]) return;
      this.#wanted = false;
      this.#ready();
    };
    file.fd.then((fd) => readFully(fd, region, from, target, 0, ended), ended);
  }

  #open(region: FileRegion): OpenFile {
    const { path } = region;
    const known = this.#files.get(path);
    if (known !== undefined) return known;
    const fd = new Promise<number>((resolve, reject) => {
      open(path, 'r', (error, opened) => (error === null ? resolve(opened) : reject(cannotRead(region, error))));
    });
    let regions = 0;
    for (let i = this.#piece; i < this.#pieces.length; i++) {
      const piece = this.#pieces[i];
      if (piece instanceof FileRegion && piece.path === path && piece.length > 0) regions++;
    }
    const file = { fd, regions, reads: 0 };
    this.#files.set(path, file);
    return file;
  }

  /** Closes files of which nothing is to be read any more. */
  #closeFiles(): void {
    for (const [path, file] of this.#files) {
      if (file.reads > 0 || (!this.#closed && file.regions > 0)) continue;
      this.#files.delete(path);
      file.fd.then(
        (fd) => close(fd, () => {}),
        () => {}, // it was not opened; the read has said so
      );
    }
  }
}

function readFully(
  fd: number,
  region: FileRegion,
  from: number,
  target: Buffer,
  filled: number,
  ended: (error: Error | null) => void,
): void {
  const position = region.offset + from + filled;
  read(fd, target, filled, target.length - filled, position, (error, n) => {
    if (error !== null) ended(cannotRead(region, error));
    else if (n === 0) ended(tooShort(region, position));
    else if (filled + n < target.length) readFully(fd, region, from, target, filled + n, ended);
    else ended(null);
  });
}

function cannotRead(region: FileRegion, cause: Error): RpcMessageError {
  return new RpcMessageError(`cannot read ${region.path}: ${cause.message}`, { cause });
}

function tooShort({ path, offset, length }: FileRegion, size: number): RpcMessageError {
  return new RpcMessageError(`cannot read ${path}: it has ${size} bytes, and ${length} from ${offset} were to be sent`);
}
