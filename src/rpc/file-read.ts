import { close, open, read } from 'node:fs';
import type { FileRegion } from './file-region.ts';
import { RpcMessageError } from './rpc-errors.ts';

/** A file region being read, one chunk ahead of whoever takes them. */
export interface FileRead {
  readonly length: number;
  /** Bytes that are there to be taken. */
  readonly ready: Uint8Array | null;
  /** Reads the next chunk unless it is there or on its way. @param done called once it is, or cannot be, there. */
  read(done: (error: Error | null) => void): void;
  /** The chunk, whose memory is used again after `release`. The next one begins to be read. */
  take(): { readonly bytes: Uint8Array; readonly release: () => void } | null;
  /** Closes the file, when a read that is under way has ended. Twice is fine. */
  close(): void;
}

/** Opens the file. @throws RpcMessageError when that cannot be. */
export function openRegion(region: FileRegion, chunkBytes: number): Promise<FileRead> {
  return new Promise((resolve, reject) => {
    open(region.path, 'r', (error, fd) => {
      if (error === null) resolve(new RegionReader(region, fd, chunkBytes));
      else reject(new RpcMessageError(`cannot read ${region.path}: ${error.message}`, { cause: error }));
    });
  });
}

class RegionReader implements FileRead {
  readonly length: number;
  ready: Uint8Array | null = null;
  readonly #region: FileRegion;
  readonly #fd: number;
  readonly #chunkBytes: number;
  readonly #free: Buffer[] = [];
  /** Of the region: bytes read, and bytes in the chunk on its way. */
  #position = 0;
  #reading = false;
  #closed = false;
  #done: ((error: Error | null) => void) | null = null;
  #error: Error | null = null;

  constructor(region: FileRegion, fd: number, chunkBytes: number) {
    this.#region = region;
    this.#fd = fd;
    this.#chunkBytes = chunkBytes;
    this.length = region.length;
    this.#readNext();
  }

  read(done: (error: Error | null) => void): void {
    if (this.#error !== null) {
      const error = this.#error;
      queueMicrotask(() => done(error));
      return;
    }
    this.#done = done;
    this.#readNext();
  }

  take(): { readonly bytes: Uint8Array; readonly release: () => void } | null {
    const bytes = this.ready;
    if (bytes === null) return null;
    this.ready = null;
    this.#readNext();
    return {
      bytes,
      release: () => {
        this.#free.push(Buffer.from(bytes.buffer, bytes.byteOffset, this.#bufferBytes));
      },
    };
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#done = null;
    if (!this.#reading) close(this.#fd, () => {});
  }

  get #bufferBytes(): number {
    return Math.min(this.#chunkBytes, this.length);
  }

  #readNext(): void {
    if (this.#reading || this.#closed || this.ready !== null || this.#error !== null) return;
    if (this.#position >= this.length) return;
    this.#reading = true;
    const buffer = this.#free.pop() ?? Buffer.allocUnsafeSlow(this.#bufferBytes);
    const wanted = Math.min(buffer.length, this.length - this.#position);
    this.#fill(buffer, 0, wanted);
  }

  #fill(buffer: Buffer, filled: number, wanted: number): void {
    read(this.#fd, buffer, filled, wanted - filled, this.#region.offset + this.#position + filled, (error, n) => {
      if (error === null && n > 0 && filled + n < wanted && !this.#closed) {
        this.#fill(buffer, filled + n, wanted);
        return;
      }
      this.#reading = false;
      if (this.#closed) {
        close(this.#fd, () => {});
        return;
      }
      if (error !== null) {
        this.#error = new RpcMessageError(`cannot read ${this.#region.path}: ${error.message}`, { cause: error });
      } else if (n === 0) {
        const { path, offset, length } = this.#region;
        this.#error = new RpcMessageError(
          `${path} ends after ${offset + this.#position + filled} bytes, where ${length} bytes from ${offset} were to be sent`,
        );
      } else {
        this.#position += wanted;
        this.ready = buffer.subarray(0, wanted);
      }
      const done = this.#done;
      this.#done = null;
      done?.(this.#error);
    });
  }
}
