import { type FileOps, fileError } from './file-ops.ts';

/** Large enough for few calls, small enough for one per open file. */
const BUFFER_BYTES = 256 * 1024;

/** A file written from front to end through a buffer; it may also be read back. All errors name the file. */
export class OutputFile {
  readonly path: string;
  readonly #files: FileOps;
  readonly #fd: number;
  #buffer: Uint8Array | null = null;
  #buffered = 0;
  #written = 0;
  #open = true;

  constructor(files: FileOps, path: string) {
    this.path = path;
    this.#files = files;
    try {
      this.#fd = files.open(path, 'w+');
    } catch (e) {
      throw fileError('create', path, 0, e);
    }
  }

  /** Bytes appended so far. */
  get position(): number {
    return this.#written + this.#buffered;
  }

  /** Appends bytes; they may be reused by the caller afterwards. */
  append(bytes: Uint8Array): void {
    if (this.#buffered + bytes.length > BUFFER_BYTES) this.flush();
    if (bytes.length > BUFFER_BYTES) {
      this.#write(bytes, bytes.length);
      return;
    }
    this.#buffer ??= Buffer.allocUnsafeSlow(BUFFER_BYTES);
    this.#buffer.set(bytes, this.#buffered);
    this.#buffered += bytes.length;
  }

  flush(): void {
    if (this.#buffered === 0 || this.#buffer === null) return;
    this.#write(this.#buffer, this.#buffered);
    this.#buffered = 0;
  }

  /** Reads what was flushed. @throws IskraError when the file ends before. */
  read(target: Uint8Array, at: number, length: number, position: number): void {
    let done = 0;
    while (done < length) {
      let n: number;
      try {
        n = this.#files.read(this.#fd, target, at + done, length - done, position + done);
      } catch (e) {
        throw fileError('read', this.path, position + done, e);
      }
      if (n === 0)
        throw fileError('read', this.path, position + done, {
          code: 'EOF',
          message: `the file ends at byte ${position + done}, ${length - done} bytes early: it was cut off by somebody`,
        });
      done += n;
    }
  }

  /** Flushes and closes. */
  close(): void {
    if (!this.#open) return;
    this.flush();
    this.#open = false;
    try {
      this.#files.close(this.#fd);
    } catch (e) {
      throw fileError('write', this.path, this.#written, e);
    }
  }

  /** Closes and removes the file, whatever its state; never throws, because an error is on its way already. */
  discard(): void {
    try {
      if (this.#open) this.#files.close(this.#fd);
    } catch {
      // The file goes away anyhow.
    }
    this.#open = false;
    this.#buffered = 0;
    try {
      this.#files.remove(this.path);
    } catch {
      // Left to LocalDirs.removeAll().
    }
  }

  #write(bytes: Uint8Array, length: number): void {
    let done = 0;
    while (done < length) {
      try {
        done += this.#files.write(this.#fd, bytes, done, length - done, this.#written + done);
      } catch (e) {
        throw fileError('write', this.path, this.#written + done, e);
      }
    }
    this.#written += length;
  }
}
