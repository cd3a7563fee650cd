import { assertNever } from '../../base/assert-never.ts';
import { InvariantError } from '../../base/errors.ts';
import type { CodecName, FileSplit } from '../../protocol/file-formats.ts';
import { type ByteSink, FileSink } from '../byte-sink.ts';
import { type ByteSource, FileSource } from '../byte-source.ts';
import { BlockDecoder, BlockSink } from './block-codec.ts';
import { Bzip2Source } from './bzip2-source.ts';
import { DecodedSource } from './decoded-source.ts';
import { ZlibDecoder, ZlibSink } from './zlib-codec.ts';
import { prepareZstdWriting, zstdDecoder, zstdSink } from './zstd-codec.ts';

/** Files of these can be read from the middle. */
export function isSplittable(codec: CodecName): boolean {
  return codec === 'none' || codec === 'bzip2';
}

/** The plain bytes of a split; of a file that cannot be cut, all of them. */
export function openSource(split: FileSplit, onBytes?: (bytes: number) => void): ByteSource {
  const { path, compression } = split;
  switch (compression) {
    case 'none':
      return new FileSource(path, split.start, onBytes);
    case 'bzip2':
      return new Bzip2Source(path, split.start, split.end, new FileSource(path, split.start, onBytes));
    case 'gzip':
    case 'deflate':
      return new DecodedSource(path, compression, () => new ZlibDecoder(compression), onBytes);
    case 'zstd':
      return new DecodedSource(path, compression, zstdDecoder, onBytes);
    case 'lz4':
    case 'snappy':
      return new DecodedSource(path, compression, () => new BlockDecoder(compression), onBytes);
    default:
      return assertNever(compression);
  }
}

/** To be awaited before `openSink` of a codec; does nothing for most. */
export function prepareSink(codec: CodecName): Promise<void> | null {
  return codec === 'zstd' ? prepareZstdWriting() : null;
}

/** A new file, packed. */
export function openSink(path: string, codec: CodecName): ByteSink {
  const file = new FileSink(path);
  try {
    return packInto(file, codec);
  } catch (e) {
    file.close();
    throw e;
  }
}

function packInto(below: ByteSink, codec: CodecName): ByteSink {
  switch (codec) {
    case 'none':
      return below;
    case 'gzip':
    case 'deflate':
      return new ZlibSink(codec, below);
    case 'zstd':
      return zstdSink(below);
    case 'lz4':
    case 'snappy':
      return new BlockSink(codec, below);
    case 'bzip2':
      throw new InvariantError('bzip2 files can be read, not written');
    default:
      return assertNever(codec);
  }
}
