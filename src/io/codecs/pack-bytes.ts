import { assertNever } from '../../base/assert-never.ts';
import type { CodecName } from '../../protocol/file-formats.ts';
import type { ByteSink } from '../byte-sink.ts';
import { type ByteSource, readAll } from '../byte-source.ts';
import { BlockDecoder } from './block-codec.ts';
import { Bzip2Source } from './bzip2-source.ts';
import type { Decoder } from './decoded-source.ts';
import { packInto } from './open-source.ts';
import { ZlibDecoder } from './zlib-codec.ts';
import { zstdDecoder } from './zstd-codec.ts';

// Small pieces inside container files: a stream of the codec each.

export function packBytes(bytes: Buffer, codec: CodecName): Buffer {
  const memory = new MemorySink();
  const sink = packInto(memory, codec);
  try {
    sink.write(bytes);
    sink.end();
  } finally {
    sink.close();
  }
  return Buffer.concat(memory.pieces);
}

/** @throws what the codec throws; the caller knows the file. */
export function unpackBytes(bytes: Buffer, codec: CodecName): Buffer {
  switch (codec) {
    case 'none':
      return bytes;
    case 'bzip2':
      return readAll(new Bzip2Source('', 0, bytes.length, new MemorySource(bytes)), bytes.length * 4);
    case 'gzip':
    case 'deflate':
      return decode(new ZlibDecoder(codec), bytes);
    case 'zstd':
      return decode(zstdDecoder(), bytes);
    case 'lz4':
    case 'snappy':
      return decode(new BlockDecoder(codec), bytes);
    default:
      return assertNever(codec);
  }
}

function decode(decoder: Decoder, bytes: Buffer): Buffer {
  const pieces: Buffer[] = [];
  const out = (plain: Buffer): void => void pieces.push(plain);
  try {
    if (bytes.length > 0) decoder.push(bytes, out);
    if (bytes.length > 0) decoder.end(out);
  } finally {
    decoder.close();
  }
  return pieces.length === 1 ? (pieces[0] as Buffer) : Buffer.concat(pieces);
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

class MemorySink implements ByteSink {
  readonly pieces: Buffer[] = [];
  bytesWritten = 0;

  write(bytes: Buffer): void {
    this.pieces.push(Buffer.from(bytes));
    this.bytesWritten += bytes.length;
  }

  end(): void {}

  close(): void {}
}
