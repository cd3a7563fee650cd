// What event logs are packed with, as Spark's own codecs write it: not the forms that files of other names have.
import { IskraError } from '../base/errors.ts';
import { unpackLz4 } from '../io/codecs/lz4-block.ts';
import { requirePackage } from '../io/codecs/optional-package.ts';
import { zstdDecoder } from '../io/codecs/zstd-codec.ts';

/** Takes packed bytes in pieces of any size. What it gives out is good until the next call. */
export interface LogDecoder {
  push(packed: Buffer, out: (plain: Buffer) => void): void;
  /** @throws Error when the last piece is not complete. */
  end(out: (plain: Buffer) => void): void;
  close(): void;
}

/**
 * @param extension of the file; null: it is plain.
 * @throws IskraError when there is no way to unpack it here.
 */
export function decoderOf(extension: string | null, path: string): LogDecoder | null {
  switch (extension) {
    case null:
      return null;
    case 'zstd':
      return zstdDecoder();
    case 'lz4':
      return new PieceDecoder(LZ4_FRAME);
    case 'snappy':
      return new PieceDecoder(snappyFrame());
    default:
      throw new IskraError(
        'EVENT_LOG_CODEC',
        `cannot read event log ${path}: it is packed with '${extension}'; logs that are plain or packed with zstd, lz4 or snappy can be read`,
      );
  }
}

/** How a stream is cut into pieces. */
interface Framing {
  /** Bytes of a piece's header. */
  readonly headerBytes: number;
  /** Bytes that follow it; null: it is a header of the stream, which nothing follows. */
  bodyBytes(header: Buffer): number;
  unpack(header: Buffer, body: Buffer): Buffer;
}

/** LZ4BlockOutputStream: `LZ4Block`, token, packed size, plain size, checksum, each little endian; a piece of 0 bytes ends it. */
const LZ4_FRAME: Framing = {
  headerBytes: 21,
  bodyBytes(header) {
    if (header.toString('latin1', 0, 8) !== 'LZ4Block') throw new Error('no LZ4 block begins here');
    return header.readInt32LE(9);
  },
  unpack(header, body) {
    // 0x10: it did not get smaller
    if (((header[8] ?? 0) & 0xf0) === 0x10) return body;
    const plain = Buffer.allocUnsafeSlow(header.readInt32LE(13));
    if (unpackLz4(body, plain, 0) !== plain.length) throw new Error('an LZ4 block is shorter than it says');
    return plain;
  },
};

/** SnappyOutputStream: a header of 16 bytes, then pieces, each after its size, big endian. */
function snappyFrame(): Framing {
  const snappy = requirePackage('snappy', 'Reading event logs packed with snappy') as {
    uncompressSync(bytes: Buffer, options: { asBuffer: true }): Buffer;
  };
  return {
    headerBytes: 4,
    bodyBytes(header) {
      const size = header.readInt32BE(0);
      // `\x82SNA`: the stream's own header, which also stands where one was appended to another
      if (header[0] === 0x82) return 12;
      if (size < 0) throw new Error('no snappy block begins here');
      return size;
    },
    unpack: (header, body) => (header[0] === 0x82 ? Buffer.alloc(0) : snappy.uncompressSync(body, { asBuffer: true })),
  };
}

class PieceDecoder implements LogDecoder {
  readonly #framing: Framing;
  #rest: Buffer = Buffer.alloc(0);

  constructor(framing: Framing) {
    this.#framing = framing;
  }

  push(packed: Buffer, out: (plain: Buffer) => void): void {
    const { headerBytes } = this.#framing;
    const bytes = this.#rest.length === 0 ? packed : Buffer.concat([this.#rest, packed]);
    let at = 0;
    while (bytes.length - at >= headerBytes) {
      const header = bytes.subarray(at, at + headerBytes);
      const size = this.#framing.bodyBytes(header);
      if (bytes.length - at - headerBytes < size) break;
      const body = bytes.subarray(at + headerBytes, at + headerBytes + size);
      at += headerBytes + size;
      if (size > 0) out(this.#framing.unpack(header, body));
    }
    // A copy: the memory of what is pushed is used again.
    this.#rest = Buffer.from(bytes.subarray(at));
  }

  end(): void {
    if (this.#rest.length > 0) throw new Error('the last block is not complete');
  }

  close(): void {
    this.#rest = Buffer.alloc(0);
  }
}
