import { IllegalArgumentError } from '../base/errors.ts';
import { codecByName } from '../io/codecs/codec-names.ts';
import { PARQUET_TYPES } from '../io/formats/parquet-writer.ts';
import { WRITABLE_NAMES } from '../io/formats/writables.ts';
import type { ParquetCodec, ParquetType, WritableName } from '../protocol/file-formats.ts';
import { csvDialect } from './csv-dialect.ts';
import type { ActionOptions, FutureAction } from './future-action.ts';
import { saveAsFiles } from './save-as-files.ts';
import type { Site } from './site.ts';
import { describe } from './user-function.ts';

// What the saveAs… methods do.

/** `gzip`, `deflate`, `zstd`, `lz4`, `snappy`, or Hadoop's class: `org.apache.hadoop.io.compress.GzipCodec`. */
export interface SaveOptions extends ActionOptions {
  readonly codec?: string;
}

/** The second argument of saves: a codec, as Spark has it, or options. */
function optionsOf<O extends SaveOptions>(given: string | O | undefined): O {
  if (given === undefined || given === null) return {} as O; // every member of such options may be left out
  return typeof given === 'string' ? ({ codec: given } as O) : given;
}

export function saveAsTextFile(at: Site, path: string, given: string | SaveOptions | undefined): FutureAction<void> {
  const options = optionsOf(given);
  return saveAsFiles(at, path, { kind: 'text', codec: codecByName(options.codec, at.operator) }, options);
}

export function saveAsJsonFile(at: Site, path: string, given: string | SaveOptions | undefined): FutureAction<void> {
  const options = optionsOf(given);
  return saveAsFiles(at, path, { kind: 'json', codec: codecByName(options.codec, at.operator) }, options);
}

/** Spark's names and defaults. */
export interface SaveCsvOptions extends SaveOptions {
  /** A first line with names in each part. Default false. */
  readonly header?: boolean;
  /** The properties that are written, in this order; default: those of each partition's first record. */
  readonly columns?: readonly string[];
  readonly delimiter?: string;
  readonly sep?: string;
  readonly quote?: string;
  readonly escape?: string;
  readonly quoteAll?: boolean;
  /** What null and undefined become. Default: nothing. */
  readonly nullValue?: string;
  /** What an empty text becomes. Default `""`. */
  readonly emptyValue?: string;
}

export function saveAsCsvFile(at: Site, path: string, given: string | SaveCsvOptions | undefined): FutureAction<void> {
  const options = optionsOf(given);
  const dialect = csvDialect(at.operator, options);
  const format = {
    kind: 'csv',
    ...dialect,
    codec: codecByName(options.codec, at.operator),
    columns: options.columns ?? null,
    header: options.header ?? false,
    quoteAll: options.quoteAll ?? false,
    nullValue: options.nullValue ?? '',
    emptyValue: options.emptyValue ?? dialect.quote + dialect.quote,
  } as const;
  return saveAsFiles(at, path, format, options);
}

/** Compressed with `lz4`, or not: `none`. */
export function saveAsObjectFile(at: Site, path: string, given: string | SaveOptions | undefined): FutureAction<void> {
  const options = optionsOf(given);
  const codec = codecByName(options.codec, at.operator);
  if (codec !== 'none' && codec !== 'lz4')
    throw new IllegalArgumentError(
      `codec of ${at.operator}() must be 'lz4' or left out, but is ${describe(options.codec)}`,
    );
  return saveAsFiles(at, path, { kind: 'objects', compress: codec === 'lz4' }, options);
}

export interface SaveSequenceOptions extends SaveOptions {
  /** Hadoop's class, with or without its package. Default: by the type of the first key. */
  readonly keyClass?: string;
  readonly valueClass?: string;
  /** How a codec is used. Default BLOCK. */
  readonly compressionType?: 'NONE' | 'RECORD' | 'BLOCK';
}

export function saveAsSequenceFile(
  at: Site,
  path: string,
  given: string | SaveSequenceOptions | undefined,
): FutureAction<void> {
  const options = optionsOf(given);
  const codec = codecByName(options.codec, at.operator);
  const { compressionType = 'BLOCK' } = options;
  if (!['NONE', 'RECORD', 'BLOCK'].includes(compressionType))
    throw new IllegalArgumentError(
      `compressionType of ${at.operator}() must be NONE, RECORD or BLOCK, but is ${describe(compressionType)}`,
    );
  const format = {
    kind: 'sequence',
    keyClass: writable(at.operator, 'keyClass', options.keyClass),
    valueClass: writable(at.operator, 'valueClass', options.valueClass),
    compressionType: codec === 'none' ? 'NONE' : compressionType,
    codec,
  } as const;
  return saveAsFiles(at, path, format, options);
}

function writable(operator: string, option: string, given: string | undefined): WritableName | null {
  if (given === undefined) return null;
  const name = WRITABLE_NAMES.find((n) => n === given || `org.apache.hadoop.io.${n}` === given);
  if (name !== undefined) return name;
  throw new IllegalArgumentError(
    `${option} of ${operator}() must be one of ${WRITABLE_NAMES.join(', ')}, but is ${describe(given)}`,
  );
}

export interface SaveParquetOptions extends ActionOptions {
  /** `snappy` (default), `gzip`, `zstd` or `uncompressed`. */
  readonly codec?: string;
  /** Types of the columns: BOOLEAN, INT32, INT64, FLOAT, DOUBLE, STRING, BYTE_ARRAY, TIMESTAMP or JSON. */
  readonly schema?: Readonly<Record<string, ParquetType>>;
  /** Rows in a row group; as many are held in memory. Default 50,000. */
  readonly rowGroupSize?: number;
}

const PARQUET_CODECS: Readonly<Record<string, ParquetCodec>> = {
  none: 'UNCOMPRESSED',
  uncompressed: 'UNCOMPRESSED',
  snappy: 'SNAPPY',
  gzip: 'GZIP',
  zstd: 'ZSTD',
};

export function saveAsParquetFile(
  at: Site,
  path: string,
  given: string | SaveParquetOptions | undefined,
): FutureAction<void> {
  const options = optionsOf<SaveParquetOptions>(given);
  const codec = PARQUET_CODECS[String(options.codec ?? 'snappy').toLowerCase()];
  if (codec === undefined)
    throw new IllegalArgumentError(
      `codec of ${at.operator}() must be snappy, gzip, zstd or uncompressed, but is ${describe(options.codec)}`,
    );
  const { schema = null, rowGroupSize = 50_000 } = options;
  if (!Number.isSafeInteger(rowGroupSize) || rowGroupSize < 1)
    throw new IllegalArgumentError(
      `rowGroupSize of ${at.operator}() must be a positive integer, but is ${describe(rowGroupSize)}`,
    );
  for (const [column, type] of Object.entries(schema ?? {}))
    if (!PARQUET_TYPES.includes(type))
      throw new IllegalArgumentError(
        `schema of ${at.operator}(): the type of ${column} must be one of ${PARQUET_TYPES.join(', ')}, but is ${describe(type)}`,
      );
  return saveAsFiles(at, path, { kind: 'parquet', codec, schema, rowGroupSize }, options);
}
