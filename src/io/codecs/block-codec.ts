import type { ByteSink } from '../byte-sink.ts';
import { type Decoder, TruncatedError } from './decoded-source.ts';
import { packLz4, unpackLz4 } from './lz4-block.ts';
import { requirePackage } from './optional-package.ts';

// Hadoop's framing of codecs that know only blocks. Numbers are big-endian.
//
//   | plain bytes of the block | packed bytes | packed … | packed bytes | packed … |   next block …
//   |             4            |      4       |          |   (while the plain bytes are not complete)
//
// Hadoop: BlockCompressorStream, BlockDecompressorStream

export type BlockKind = 'lz4' | 'snappy';

interface Packer {
  pack(bytes: Buffer): Buffer;
  /** Into `out` from `at` on; gives the bytes written. Throws when they do not fit. */
  unpack(packed: Buffer, out: Buffer, at: number): number;
}

interface Snappy {
  compressSync(bytes: Buffer): Buffer;
  uncompressSync(bytes: Buffer, options: { asBuffer: true }): Buffer;
}

/** Hadoop's readers have buffers of 256 KiB, which a block must fit, packed too. */
const BLOCK_BYTES = 192 * 1024;
/** More than any writer makes of one block; a larger number is not a size. */
const MAX_BLOCK_BYTES = 1 << 30;

const lz4Packer: Packer = { pack: packLz4, unpack: unpackLz4 };
let snappyPacker: Packer | null = null;

function packerOf(kind: BlockKind, need: string): Packer {
  if (kind === 'lz4') return lz4Packer;
  snappyPacker ??= snappyFrom(requirePackage('snappy', need) as Snappy);
  return snappyPacker;
}

function snappyFrom(snappy: Snappy): Packer {
  return {
    pack: (bytes) => snappy.compressSync(bytes),
    unpack(packed, out, at) {
      const plain = snappy.uncompressSync(packed, { asBuffer: true });
      if (at + plain.length > out.length) throw new RangeError('a snappy block is longer than its frame says');
      return plain.copy(out, at);
    },
  };
}

export class BlockDecoder implements Decoder {
  readonly #packer: Packer;
  /** Bytes that are not used yet, and how many are needed to go on. */
  #pending: Buffer[] = [];
  #pendingBytes = 0;
  #neededBytes = 4;
  /** The block that is being read: null between blocks. */
  #block: Buffer | null = null;
  #filled = 0;

  constructor(kind: BlockKind) {
    this.#packer = packerOf(kind, `Reading ${kind} files`);
  }

  push(packed: Buffer, out: (plain: Buffer) => void): void {
    if (this.#pendingBytes + packed.length < this.#neededBytes) {
      this.#keep(packed);
      return;
    }
    const bytes = this.#pendingBytes === 0 ? packed : Buffer.concat([...this.#pending, packed]);
    this.#pending = [];
    this.#pendingBytes = 0;
    this.#neededBytes = 4;
    let at = 0;
    while (bytes.length - at >= 4) {
      const size = bytes.readUInt32BE(at);
      if (size > MAX_BLOCK_BYTES) throw new RangeError(`a block of ${size} bytes`);
      if (this.#block === null) {
        at += 4;
        // An empty output is one block of no bytes.
        if (size > 0) this.#block = Buffer.allocUnsafeSlow(size);
        this.#filled = 0;
        continue;
      }
      if (bytes.length - at - 4 < size) {
        this.#neededBytes = size + 4;
        break;
      }
      this.#filled += this.#packer.unpack(bytes.subarray(at + 4, at + 4 + size), this.#block, this.#filled);
      at += 4 + size;
      if (this.#filled === this.#block.length) {
        out(this.#block);
        this.#block = null;
      }
    }
    this.#keep(bytes.subarray(at));
  }

  #keep(bytes: Buffer): void {
    // A copy: the memory of what is pushed is used again.
    this.#pending.push(Buffer.from(bytes));
    this.#pendingBytes += bytes.length;
  }

  end(): void {
    if (this.#pendingBytes > 0 || this.#block !== null) throw new TruncatedError('the last block is not complete');
  }

  close(): void {
    this.#block = null;
  }
}

/** A whole stream. */
export function packBlocks(bytes: Buffer, kind: BlockKind): Buffer {
  const packer = packerOf(kind, `Writing ${kind} files`);
  if (bytes.length === 0) return Buffer.alloc(4);
  const pieces: Buffer[] = [];
  for (let at = 0; at < bytes.length; at += BLOCK_BYTES) putBlock(bytes.subarray(at, at + BLOCK_BYTES), packer, pieces);
  return Buffer.concat(pieces);
}

function putBlock(bytes: Buffer, packer: Packer, pieces: { push(piece: Buffer): void }): void {
  const packed = packer.pack(bytes);
  const sizes = Buffer.allocUnsafe(8);
  sizes.writeUInt32BE(bytes.length, 0);
  sizes.writeUInt32BE(packed.length, 4);
  pieces.push(sizes);
  pieces.push(packed);
}

export class BlockSink implements ByteSink {
  readonly #packer: Packer;
  readonly #below: ByteSink;
  readonly #block: Buffer = Buffer.allocUnsafeSlow(BLOCK_BYTES);
  #used = 0;

  constructor(kind: BlockKind, below: ByteSink) {
    this.#packer = packerOf(kind, `Writing ${kind} files`);
    this.#below = below;
  }

  get bytesWritten(): number {
    return this.#below.bytesWritten;
  }

  write(bytes: Buffer): void {
    for (let at = 0; at < bytes.length; ) {
      const n = bytes.copy(this.#block, this.#used, at, Math.min(bytes.length, at + BLOCK_BYTES - this.#used));
      this.#used += n;
      at += n;
      if (this.#used === BLOCK_BYTES) this.#flush();
    }
  }

  end(): void {
    if (this.#used > 0) this.#flush();
    else if (this.#below.bytesWritten === 0) this.#below.write(Buffer.alloc(4));
    this.#below.end();
  }

  close(): void {
    this.#below.close();
  }

  #flush(): void {
    putBlock(this.#block.subarray(0, this.#used), this.#packer, { push: (piece) => this.#below.write(piece) });
    this.#used = 0;
  }
}
