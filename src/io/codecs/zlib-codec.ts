import type { ByteSink } from '../byte-sink.ts';
import { ioError } from '../io-error.ts';
import { type Decoder, TruncatedError } from './decoded-source.ts';
import { loadSyncZlib, type SyncZlibStream } from './sync-zlib.ts';

const OUT_CHUNK_BYTES = 64 * 1024;
// zlib's own default; Hadoop's too.
const LEVEL = 6;

export type ZlibKind = 'gzip' | 'deflate' | 'zstd';

/** gzip with one member or many, a zlib stream, or (Node 22.15 and later) zstd with one frame or many. */
export class ZlibDecoder implements Decoder {
  readonly #stream: SyncZlibStream;
  #error: (Error & { code?: unknown }) | null = null;
  #out: (plain: Buffer) => void = () => {};

  constructor(kind: ZlibKind) {
    const { Gunzip, Inflate, ZstdDecompress } = loadSyncZlib();
    const Stream = kind === 'gzip' ? Gunzip : kind === 'deflate' ? Inflate : ZstdDecompress;
    this.#stream = new Stream({ chunkSize: OUT_CHUNK_BYTES });
    this.#stream.on('data', (chunk: Buffer) => this.#out(chunk));
    this.#stream.on('error', (e) => {
      this.#error ??= e;
    });
  }

  push(packed: Buffer, out: (plain: Buffer) => void): void {
    this.#out = out;
    this.#stream.write(packed);
    this.#check();
  }

  end(out: (plain: Buffer) => void): void {
    this.#out = out;
    this.#stream.end();
    this.#check();
  }

  close(): void {
    this.#stream.removeAllListeners();
    this.#stream.close();
  }

  #check(): void {
    const error = this.#error;
    if (error === null) return;
    throw error.code === 'Z_BUF_ERROR' ? new TruncatedError(error.message, { cause: error }) : error;
  }
}

export class ZlibSink implements ByteSink {
  readonly #below: ByteSink;
  readonly #stream: SyncZlibStream;
  #error: unknown = null;
  #closed = false;

  constructor(kind: ZlibKind, below: ByteSink) {
    this.#below = below;
    const { Gzip, Deflate, ZstdCompress } = loadSyncZlib();
    this.#stream =
      kind === 'zstd'
        ? new ZstdCompress({ chunkSize: OUT_CHUNK_BYTES })
        : new (kind === 'gzip' ? Gzip : Deflate)({ chunkSize: OUT_CHUNK_BYTES, level: LEVEL, portable: true });
    // An error thrown in a listener would pass through minizlib; it is kept and thrown by us.
    this.#stream.on('data', (chunk) => {
      if (this.#error !== null) return;
      try {
        this.#below.write(chunk);
      } catch (e) {
        this.#error = e;
      }
    });
    this.#stream.on('error', (e) => {
      this.#error ??= ioError('OUTPUT_NOT_WRITABLE', `cannot compress with ${kind}`, e);
    });
  }

  get bytesWritten(): number {
    return this.#below.bytesWritten;
  }

  write(bytes: Buffer): void {
    this.#stream.write(bytes);
    this.#check();
  }

  end(): void {
    this.#stream.end();
    this.#check();
    this.#below.end();
  }

  close(): void {
    this.#below.close();
    if (this.#closed) return;
    this.#closed = true;
    this.#stream.removeAllListeners();
    this.#stream.close();
  }

  #check(): void {
    if (this.#error !== null) throw this.#error;
  }
}
