import type { LocalDirs } from '../storage/local-dirs.ts';
import { type FileOps, fileError } from './file-ops.ts';

/** Large enough for few calls, small enough for one per open file. */
const BUFFER_BYTES = 256 * 1024;
const COPY_BYTES = 1024 * 1024;

/**
 * A file in a local directory, written from front to end through a buffer; it may also be read back. When its disk is full or
 * fails it goes on in another directory, with what it has. All errors name the file.
 */
export class OutputFile {
  readonly #files: FileOps;
  readonly #dirs: LocalDirs;
  #path: string;
  #fd = -1;
  #buffer: Uint8Array | null = null;
  #buffered = 0;
  #written = 0;
  #open = true;

  /** @param suffix added to the name, which alone says where the file lies. */
  constructor(files: FileOps, dirs: LocalDirs, name: string, suffix = '') {
    this.#files = files;
    this.#dirs = dirs;
    this.#path = `${dirs.file(name)}${suffix}`;
    this.#create();
  }

  /** Where it is now; another directory after a failure. */
  get path(): string {
    return this.#path;
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
      if (n === 0) throw fileError('read', this.path, position + done, endOfFile(position + done, length - done));
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
      if (this.#open && this.#fd >= 0) this.#files.close(this.#fd);
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
        if (!this.#move(e, this.#written + done)) throw fileError('write', this.path, this.#written + done, e);
      }
    }
    this.#written += length;
  }

  #create(): void {
    for (;;) {
      try {
        this.#fd = this.#files.open(this.#path, 'w+');
        return;
      } catch (e) {
        const next = this.#dirs.elsewhere(this.#path, e);
        if (next === null) throw fileError('create', this.#path, 0, e);
        this.#path = next;
      }
    }
  }

  /** To another directory, with its first `bytes`. @returns false: there is none, and nothing has changed. */
  #move(error: unknown, bytes: number): boolean {
    const next = this.#dirs.elsewhere(this.#path, error);
    if (next === null) return false;
    const old = { fd: this.#fd, path: this.#path };
    this.#path = next;
    this.#fd = -1;
    try {
      this.#create();
      this.#copy(old.fd, old.path, bytes);
    } finally {
      remove(this.#files, old.fd, old.path);
    }
    return true;
  }

  #copy(from: number, path: string, bytes: number): void {
    const buffer = Buffer.allocUnsafeSlow(Math.min(COPY_BYTES, bytes));
    for (let at = 0; at < bytes; ) {
      let n: number;
      try {
        n = this.#files.read(from, buffer, 0, Math.min(buffer.length, bytes - at), at);
      } catch (e) {
        throw fileError('read', path, at, e);
      }
      if (n === 0) throw fileError('read', path, at, endOfFile(at, bytes - at));
      for (let done = 0; done < n; ) {
        try {
          done += this.#files.write(this.#fd, buffer, done, n - done, at + done);
        } catch (e) {
          // That disk is full, too; the old file is still there to begin with once more.
          const next = this.#dirs.elsewhere(this.#path, e);
          if (next === null) throw fileError('write', this.#path, at + done, e);
          remove(this.#files, this.#fd, this.#path);
          this.#path = next;
          this.#fd = -1;
          this.#create();
          this.#copy(from, path, at);
          done = 0;
        }
      }
      at += n;
    }
  }
}

function endOfFile(at: number, missing: number): { readonly code: string; readonly message: string } {
  return { code: 'EOF', message: `the file ends at byte ${at}, ${missing} bytes early: it was cut off by somebody` };
}

function remove(files: FileOps, fd: number, path: string): void {
  try {
    files.close(fd);
    files.remove(path);
  } catch {
    // Left to LocalDirs.removeAll().
  }
}
