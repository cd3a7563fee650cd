import { FileSource, readAll } from '../byte-source.ts';
import { showPath } from '../file-system.ts';

/** Reads a file from start to end, in a task or on the driver; synchronous. */
export interface FileReader extends Iterable<Buffer> {
  /** Of the next byte. */
  readonly position: number;
  seek(position: number): void;
  /** At most `length` bytes, fewer at the end of the file, none after it. */
  read(length: number): Buffer;
  close(): void;
}

/**
 * A file that is read when somebody asks: the value of `binaryFiles`. It travels as its name alone.
 *
 * Spark: PortableDataStream
 */
export class PortableDataStream {
  /** As `fileSystemOf` takes it. */
  readonly qualifiedPath: string;
  /** Of the file when it was listed. */
  readonly bytes: number;

  constructor(qualifiedPath: string, bytes: number) {
    this.qualifiedPath = qualifiedPath;
    this.bytes = bytes;
  }

  /** `file:/data/x.png` */
  getPath(): string {
    return showPath(this.qualifiedPath);
  }

  /** Close it when it is done. */
  open(): FileReader {
    return new OpenedFile(this.qualifiedPath);
  }

  /** The whole file. */
  toArray(): Buffer {
    const source = new FileSource(this.qualifiedPath, 0);
    try {
      return readAll(source, this.bytes);
    } finally {
      source.close();
    }
  }
}

const CHUNK_BYTES = 64 * 1024;

class OpenedFile implements FileReader {
  readonly #source: FileSource;

  constructor(path: string) {
    this.#source = new FileSource(path, 0);
  }

  get position(): number {
    return this.#source.position;
  }

  seek(position: number): void {
    this.#source.seek(position);
  }

  read(length: number): Buffer {
    const target = Buffer.allocUnsafeSlow(length);
    let used = 0;
    while (used < length) {
      const n = this.#source.read(target, used, length - used);
      if (n === 0) break;
      used += n;
    }
    return target.subarray(0, used);
  }

  close(): void {
    this.#source.close();
  }

  *[Symbol.iterator](): Iterator<Buffer> {
    for (let chunk = this.read(CHUNK_BYTES); chunk.length > 0; chunk = this.read(CHUNK_BYTES)) yield chunk;
  }
}
