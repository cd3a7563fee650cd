import { IllegalArgumentError } from '../../base/errors.ts';
import type { CodecName } from '../../protocol/file-formats.ts';
import { nameOf } from '../file-system.ts';

interface CodecFacts {
  readonly extension: string;
  readonly hadoopClass: string;
  /** Other names that people use, lower-case. */
  readonly aliases: readonly string[];
  readonly writable: boolean;
}

type RealCodec = Exclude<CodecName, 'none'>;

const PACKAGE = 'org.apache.hadoop.io.compress.';
const CODECS: Readonly<Record<RealCodec, CodecFacts>> = {
  gzip: { extension: '.gz', hadoopClass: 'GzipCodec', aliases: ['gz'], writable: true },
  deflate: { extension: '.deflate', hadoopClass: 'DefaultCodec', aliases: ['deflatecodec', 'zlib'], writable: true },
  bzip2: { extension: '.bz2', hadoopClass: 'BZip2Codec', aliases: ['bz2', 'bzip'], writable: false },
  zstd: { extension: '.zst', hadoopClass: 'ZStandardCodec', aliases: ['zst', 'zstandard'], writable: true },
  lz4: { extension: '.lz4', hadoopClass: 'Lz4Codec', aliases: [], writable: true },
  snappy: { extension: '.snappy', hadoopClass: 'SnappyCodec', aliases: [], writable: true },
};

const NAMES = Object.keys(CODECS) as RealCodec[];

/** The codec of a file, by the end of its name. Hadoop: CompressionCodecFactory.getCodec */
export function codecOfPath(path: string): CodecName {
  const name = nameOf(path);
  return NAMES.find((codec) => name.endsWith(CODECS[codec].extension)) ?? 'none';
}

/** `.gz`; nothing for `none`. */
export function extensionOf(codec: CodecName): string {
  return codec === 'none' ? '' : CODECS[codec].extension;
}

/** Hadoop's class of a codec; for the headers of sequence files. */
export function hadoopClassOf(codec: RealCodec): string {
  return PACKAGE + CODECS[codec].hadoopClass;
}

/** The codec that Hadoop's class implements; null: a class that we do not know. */
export function codecOfHadoopClass(name: string): RealCodec | null {
  const simple = name.slice(name.lastIndexOf('.') + 1).toLowerCase();
  return NAMES.find((codec) => CODECS[codec].hadoopClass.toLowerCase() === simple) ?? byAlias(simple);
}

function byAlias(name: string): RealCodec | null {
  return NAMES.find((codec) => codec === name || CODECS[codec].aliases.includes(name)) ?? null;
}

/**
 * The codec that a user names for an output: short (`gzip`, `zstd`), or by Hadoop's class, with or without its package. In any
 * case. `none`, `uncompressed` and nothing at all mean no compression.
 *
 * @throws IllegalArgumentError when it is unknown, or can only be read.
 */
export function codecByName(text: unknown, operator: string): CodecName {
  if (text === undefined || text === null) return 'none';
  const options = `${NAMES.filter((n) => CODECS[n].writable).join(', ')}, or Hadoop's class such as ${hadoopClassOf('gzip')}`;
  if (typeof text !== 'string' || text === '')
    throw new IllegalArgumentError(
      `codec of ${operator}() must be a text, but is ${String(text)}; it is one of: ${options}`,
    );
  const name = text.toLowerCase();
  if (name === 'none' || name === 'uncompressed') return 'none';
  const codec = byAlias(name) ?? codecOfHadoopClass(text);
  if (codec === null)
    throw new IllegalArgumentError(`codec of ${operator}(): ${text} is not known; it is one of: ${options}`);
  if (!CODECS[codec].writable)
    throw new IllegalArgumentError(
      `codec of ${operator}(): ${codec} files can be read, not written; use one of: ${options}`,
    );
  return codec;
}
