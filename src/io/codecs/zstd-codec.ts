import * as zlib from 'node:zlib';
import { InvariantError } from '../../base/errors.ts';
import type { ByteSink } from '../byte-sink.ts';
import { type Decoder, TruncatedError } from './decoded-source.ts';
import { importPackage, requirePackage } from './optional-package.ts';
import { ZlibDecoder, ZlibSink } from './zlib-codec.ts';
import { ZstdFrames } from './zstd-frames.ts';

/** From 22.15 on Node has zstd itself. */
const BUILT_IN = typeof (zlib as { zstdCompressSync?: unknown }).zstdCompressSync === 'function';

interface Fzstd {
  readonly Decompress: new (out: (plain: Uint8Array) => void) => { push(packed: Uint8Array, final?: boolean): void };
}

interface ZstdWasm {
  init(): Promise<void>;
  compress(bytes: Uint8Array, level: number): Uint8Array;
}

// zstd's own default, and Hadoop's (io.compression.codec.zstd.level).
const LEVEL = 3;
/** Each is a frame of its own: readers take any number of them one after another. */
const FRAME_BYTES = 1 << 20;

let wasm: ZstdWasm | null = null;

/** To be awaited before the first zstd file is written: the library compiles asynchronously. */
export async function prepareZstdWriting(): Promise<void> {
  if (BUILT_IN || wasm !== null) return;
  const loaded = (await importPackage(
    '@bokuweb/zstd-wasm',
    `Writing zstd files with Node ${process.version}`,
  )) as ZstdWasm;
  await loaded.init();
  wasm = loaded;
}

export function zstdDecoder(): Decoder {
  return BUILT_IN ? new FrameDecoder() : new FzstdDecoder();
}

/** One frame. */
export function packZstd(bytes: Buffer): Buffer {
  if (BUILT_IN) return (zlib as unknown as { zstdCompressSync(bytes: Buffer): Buffer }).zstdCompressSync(bytes);
  if (wasm === null) throw new InvariantError('zstd is written before prepareZstdWriting()');
  const packed = wasm.compress(bytes, LEVEL);
  return Buffer.from(packed.buffer, packed.byteOffset, packed.byteLength);
}

export function zstdSink(below: ByteSink): ByteSink {
  return BUILT_IN ? new ZlibSink('zstd', below) : new WasmSink(below);
}

/** Node's own stream, a new one for each frame. */
class FrameDecoder implements Decoder {
  readonly #frames = new ZstdFrames();
  #stream: ZlibDecoder | null = null;

  push(packed: Buffer, out: (plain: Buffer) => void): void {
    for (let at = 0; at < packed.length; ) {
      const n = this.#frames.scan(packed, at);
      this.#stream ??= new ZlibDecoder('zstd');
      this.#stream.push(packed.subarray(at, at + n), out);
      at += n;
      if (!this.#frames.atEnd) continue;
      this.#stream.end(out);
      this.close();
    }
  }

  end(): void {
    if (!this.#frames.atEnd) throw new TruncatedError('the last frame is not complete');
  }

  close(): void {
    this.#stream?.close();
    this.#stream = null;
  }
}

class FzstdDecoder implements Decoder {
  readonly #stream: { push(packed: Uint8Array, final?: boolean): void };
  #out: (plain: Buffer) => void = () => {};

  constructor() {
    const { Decompress } = requirePackage('fzstd', `Reading zstd files with Node ${process.version}`) as Fzstd;
    // Its output is memory that it uses again.
    this.#stream = new Decompress((plain) => this.#out(Buffer.from(plain)));
  }

  push(packed: Buffer, out: (plain: Buffer) => void): void {
    this.#out = out;
    // It keeps what it cannot decode yet.
    this.#stream.push(Uint8Array.prototype.slice.call(packed), false);
  }

  end(out: (plain: Buffer) => void): void {
    this.#out = out;
    try {
      this.#stream.push(new Uint8Array(0), true);
    } catch (e) {
      throw new TruncatedError((e as Error).message, { cause: e });
    }
  }

  close(): void {
    this.#out = () => {};
  }
}

class WasmSink implements ByteSink {
  readonly #below: ByteSink;
  readonly #frame: Buffer = Buffer.allocUnsafeSlow(FRAME_BYTES);
  #used = 0;
  #frames = 0;

  constructor(below: ByteSink) {
    this.#below = below;
  }

  get bytesWritten(): number {
    return this.#below.bytesWritten;
  }

  write(bytes: Buffer): void {
    for (let at = 0; at < bytes.length; ) {
      const n = bytes.copy(this.#frame, this.#used, at, Math.min(bytes.length, at + FRAME_BYTES - this.#used));
      this.#used += n;
      at += n;
      if (this.#used === FRAME_BYTES) this.#flush();
    }
  }

  end(): void {
    // An empty output is one empty frame: a file of no bytes is not zstd.
    if (this.#used > 0 || this.#frames === 0) this.#flush();
    this.#below.end();
  }

  close(): void {
    this.#below.close();
  }

  #flush(): void {
    this.#below.write(packZstd(this.#frame.subarray(0, this.#used)));
    this.#used = 0;
    this.#frames++;
  }
}
