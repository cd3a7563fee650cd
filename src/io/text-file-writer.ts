import { closeSync, openSync, writeSync } from 'node:fs';
import { IskraError } from '../base/errors.ts';
import { ioError } from './io-error.ts';
import { showPath } from './local-path.ts';
import { loadSyncZlib, type SyncZlibStream } from './sync-zlib.ts';

const BUFFER_BYTES = 256 * 1024;
// zlib's own default; Hadoop's too.
const GZIP_LEVEL = 6;

/** Writes records as lines, `String(record)` each with an LF after it, UTF-8; plain or gzip. Synchronous. */
export class TextFileWriter {
  readonly #path: string;
  readonly #partition: number;
  readonly #gzip: SyncZlibStream | null;
  readonly #buffer: Buffer = Buffer.allocUnsafeSlow(BUFFER_BYTES);
  #fd: number;
  #used = 0;
  #records = 0;
  #bytes = 0;
  #gzipError: unknown = null;

  /** @param partition for messages only. */
  constructor(path: string, codec: 'none' | 'gzip', partition: number) {
    this.#path = path;
    this.#partition = partition;
    try {
      this.#fd = openSync(path, 'w');
    } catch (e) {
      throw ioError('OUTPUT_NOT_WRITABLE', `cannot create ${showPath(path)}`, e, { path });
    }
    this.#gzip = codec === 'gzip' ? this.#openGzip() : null;
  }

  /** Bytes in the file so far. After `close`: its size. */
  get bytesWritten(): number {
    return this.#bytes;
  }

  get recordsWritten(): number {
    return this.#records;
  }

  /** @throws IskraError OUTPUT_NULL_RECORD, OUTPUT_RECORD_NOT_TEXT, OUTPUT_NOT_WRITABLE. */
  write(batch: readonly unknown[]): void {
    for (let i = 0; i < batch.length; i++) {
      const record = batch[i];
      this.#line(typeof record === 'string' ? record : this.#toText(record));
      this.#records++;
    }
  }

  /** Writes what is buffered and closes the file. */
  close(): void {
    if (this.#fd < 0) return;
    try {
      this.#flush();
      if (this.#gzip !== null) {
        this.#gzip.end();
        this.#checkGzip();
      }
    } finally {
      this.abandon();
    }
  }

  /** Closes the file without writing what is buffered; for attempts that failed. May be called more than once. */
  abandon(): void {
    if (this.#fd < 0) return;
    const fd = this.#fd;
    this.#fd = -1;
    if (this.#gzip !== null) {
      this.#gzip.removeAllListeners();
      this.#gzip.close();
    }
    closeSync(fd);
  }

  #line(line: string): void {
    // A UTF-16 unit is at most three bytes of UTF-8.
    const most = line.length * 3 + 1;
    if (this.#used + most > BUFFER_BYTES) {
      this.#flush();
      if (most > BUFFER_BYTES) {
        this.#put(Buffer.from(line));
        this.#buffer[this.#used++] = 10;
        return;
      }
    }
    const used = this.#used + this.#buffer.write(line, this.#used);
    this.#buffer[used] = 10;
    this.#used = used + 1;
  }

  #toText(record: unknown): string {
    if (record === null || record === undefined)
      throw new IskraError(
        'OUTPUT_NULL_RECORD',
        `text files do not allow null rows: record ${this.#records} of partition ${this.#partition} is ${record}; ` +
          'filter such records out or map them to text before saveAsTextFile',
        { details: { partition: this.#partition, record: this.#records } },
      );
    try {
      return isPlain(record) ? JSON.stringify(record) : String(record);
    } catch (cause) {
      throw new IskraError(
        'OUTPUT_RECORD_NOT_TEXT',
        `record ${this.#records} of partition ${this.#partition} cannot be made text: ${(cause as Error)?.message}; ` +
          'map it to a string before saveAsTextFile',
        { cause, details: { partition: this.#partition, record: this.#records } },
      );
    }
  }

  #flush(): void {
    const used = this.#used;
    this.#used = 0;
    if (used > 0) this.#put(this.#buffer.subarray(0, used));
  }

  #put(bytes: Buffer): void {
    if (this.#gzip === null) {
      this.#writeFully(bytes);
      return;
    }
    this.#gzip.write(bytes);
    this.#checkGzip();
  }

  #writeFully(bytes: Buffer): void {
    try {
      // A disk that is nearly full takes a part first and says so at the next call.
      for (let at = 0; at < bytes.length; ) at += writeSync(this.#fd, bytes, at, bytes.length - at);
    } catch (e) {
      const at = `cannot write ${showPath(this.#path)} after ${this.#bytes} bytes`;
      throw ioError('OUTPUT_NOT_WRITABLE', at, e, { path: this.#path });
    }
    this.#bytes += bytes.length;
  }

  #openGzip(): SyncZlibStream {
    const { Gzip } = loadSyncZlib();
    // Portable: no operating system in the header, so equal records give equal files everywhere.
    const gzip = new Gzip({ chunkSize: 64 * 1024, level: GZIP_LEVEL, portable: true });
    // An error thrown in a listener would pass through minizlib; it is kept and thrown by us.
    gzip.on('data', (chunk) => {
      if (this.#gzipError !== null) return;
      try {
        this.#writeFully(chunk);
      } catch (e) {
        this.#gzipError = e;
      }
    });
    gzip.on('error', (e) => {
      this.#gzipError ??= ioError('OUTPUT_NOT_WRITABLE', `cannot compress ${showPath(this.#path)}`, e);
    });
    return gzip;
  }

  #checkGzip(): void {
    if (this.#gzipError !== null) throw this.#gzipError;
  }
}

/** Arrays and plain objects become JSON: their own toString would lose what is in them. */
function isPlain(record: unknown): boolean {
  if (typeof record !== 'object' || record === null) return false;
  const prototype: unknown = Object.getPrototypeOf(record);
  return Array.isArray(record) || prototype === Object.prototype || prototype === null;
}
