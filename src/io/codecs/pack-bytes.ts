import { deflateSync, gunzipSync, gzipSync, inflateSync } from 'node:zlib';
import { assertNever } from '../../base/assert-never.ts';
import { InvariantError } from '../../base/errors.ts';
import type { CodecName } from '../../protocol/file-formats.ts';
import { type ByteSource, readAll } from '../byte-source.ts';
import { BlockDecoder, packBlocks } from './block-codec.ts';
import { Bzip2Source } from './bzip2-source.ts';
import { packZstd, zstdDecoder } from './zstd-codec.ts';

// Small pieces inside container files: a whole stream of the codec each.

export function packBytes(bytes: Buffer, codec: CodecName): Buffer {
  switch (codec) {
    case 'none':
      return bytes;
    case 'gzip':
      return gzipSync(bytes);
    case 'deflate':
      return deflateSync(bytes);
    case 'zstd':
      return packZstd(bytes);
    case 'lz4':
    case 'snappy':
      return packBlocks(bytes, codec);
    case 'bzip2':
      throw new InvariantError('bzip2 is read, not written');
    default:
      return assertNever(codec);
  }
}

/** @throws what the codec throws; the caller knows the file. */
export function unpackBytes(bytes: Buffer, codec: CodecName): Buffer {
  if (codec === 'none' || bytes.length === 0) return bytes;
  switch (codec) {
    case 'bzip2':
      try {
        return readAll(new Bzip2Source('', 0, bytes.length, new MemorySource(bytes)), bytes.length * 4);
      } catch (e) {
        // Its message speaks of a file.
        throw (e as Error).cause ?? e;
      }
    case 'gzip':
      return gunzipSync(bytes);
    case 'deflate':
      return inflateSync(bytes);
    case 'zstd':
    case 'lz4':
    case 'snappy': {
      const decoder = codec === 'zstd' ? zstdDecoder() : new BlockDecoder(codec);
      const pieces: Buffer[] = [];
      const out = (plain: Buffer): void => void pieces.push(plain);
      try {
        decoder.push(bytes, out);
        decoder.end(out);
      } finally {
        decoder.close();
      }
      return pieces.length === 1 ? (pieces[0] as Buffer) : Buffer.concat(pieces);
    }
    default:
      return assertNever(codec);
  }
}

class MemorySource implements ByteSource {
  readonly #bytes: Buffer;
  #at = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  read(target: Buffer, offset: number, length: number): number {
    const n = this.#bytes.copy(target, offset, this.#at, Math.min(this.#bytes.length, this.#at + length));
    this.#at += n;
    return n;
  }

  close(): void {}
}
