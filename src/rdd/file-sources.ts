import { IllegalArgumentError } from '../base/errors.ts';
import { listFileSplits, packFiles, type SplitOptions, type SplitRequest } from '../io/file-splits.ts';
import { csvColumns } from '../io/formats/csv-file.ts';
import type { PortableDataStream } from '../io/formats/portable-data-stream.ts';
import type { CsvInputFormat, InputFormat, ParseMode } from '../protocol/file-formats.ts';
import { callSite } from './call-site.ts';
import { csvDialect } from './csv-dialect.ts';
import type { JobRunner } from './job-runner.ts';
import { type FileListing, FileRDD } from './nodes/file-rdd.ts';
import { InferredCsvRDD } from './nodes/inferred-csv-rdd.ts';
import { RDD } from './rdd.ts';
import { describe } from './user-function.ts';

// RDDs of files: what SparkContext's methods of the same names do. Paths are files, directories, globs, comma lists; they are
// looked at when somebody first asks for the partitions.

/** From the configuration. */
export interface FileSettings extends SplitOptions {
  /** spark.files.maxPartitionBytes */
  readonly maxPartitionBytes?: number;
  /** spark.files.openCostInBytes */
  readonly openCostBytes?: number;
}

/**
 * The lines of text files.
 *
 * @param minPartitions a wish: small files are not joined, packed ones not cut but for bzip2.
 */
export function textFile(
  jobs: JobRunner,
  path: string,
  minPartitions: number = jobs.settings.defaultMinPartitions,
  settings: FileSettings = {},
): RDD<string> {
  const request = { operator: 'textFile', path, minPartitions, content: 'text' } as const;
  return cut<string>(jobs, request, 'HadoopRDD', settings, { kind: 'text' });
}

/** [path, content] of each text file; small ones share a partition. Spark: SparkContext.wholeTextFiles */
export function wholeTextFiles(
  jobs: JobRunner,
  path: string,
  minPartitions: number = jobs.settings.defaultMinPartitions,
): RDD<[string, string]> {
  const call = { operator: 'wholeTextFiles', path, minPartitions };
  return files(jobs, call, 'WholeTextFileRDD', () => ({
    // Spark: WholeTextFileInputFormat.setMinPartitions
    partitions: packFiles({
      ...call,
      unpack: true,
      packBytes: (_, bytes) => Math.ceil(bytes / Math.max(1, minPartitions)),
    }),
    format: { kind: 'wholeText' },
  }));
}

/** [path, stream] of each file; small ones share a partition. Spark: SparkContext.binaryFiles */
export function binaryFiles(
  jobs: JobRunner,
  path: string,
  minPartitions: number = jobs.settings.defaultMinPartitions,
  settings: FileSettings = {},
): RDD<[string, PortableDataStream]> {
  const call = { operator: 'binaryFiles', path, minPartitions };
  const { maxPartitionBytes = 128 * 1024 ** 2, openCostBytes = 4 * 1024 ** 2 } = settings;
  // Spark: StreamFileInputFormat.setMinPartitions
  const packBytes = (count: number, bytes: number): number => {
    const perCore = (bytes + count * openCostBytes) / Math.max(jobs.settings.defaultParallelism, minPartitions);
    return Math.min(maxPartitionBytes, Math.max(openCostBytes, perCore));
  };
  return files(jobs, call, 'BinaryFileRDD', () => ({
    partitions: packFiles({ ...call, unpack: false, packBytes }),
    format: { kind: 'binaryFiles' },
  }));
}

/**
 * Files of records that all have the same length.
 *
 * @throws IllegalArgumentError when the length is not a positive integer. A file that it does not divide is an error later.
 */
export function binaryRecords(
  jobs: JobRunner,
  path: string,
  recordLength: number,
  minPartitions: number = jobs.settings.defaultMinPartitions,
  settings: FileSettings = {},
): RDD<Buffer> {
  if (!Number.isSafeInteger(recordLength) || recordLength < 1)
    throw new IllegalArgumentError(
      `recordLength of binaryRecords() must be a positive integer, in bytes, but is ${describe(recordLength)}`,
    );
  const request = { operator: 'binaryRecords', path, minPartitions, content: 'binary', recordLength } as const;
  return cut<Buffer>(jobs, request, 'NewHadoopRDD', settings, { kind: 'binaryRecords', recordLength });
}

/** What saveAsObjectFile wrote. */
export function objectFile<T>(
  jobs: JobRunner,
  path: string,
  minPartitions: number = jobs.settings.defaultMinPartitions,
  settings: FileSettings = {},
): RDD<T> {
  const request = { operator: 'objectFile', path, minPartitions, content: 'binary' } as const;
  return cut<T>(jobs, request, 'HadoopRDD', settings, { kind: 'objects' });
}

export interface LongsOptions {
  readonly minPartitions?: number;
  /** What 64-bit numbers become. Default `number`: one that it cannot hold exactly is an error. */
  readonly longs?: 'number' | 'bigint';
}

export interface ParquetFileOptions extends LongsOptions {
  /** Only these are read. */
  readonly columns?: readonly string[];
}

/** [key, value] of Hadoop's sequence files, version 6, of the common classes of org.apache.hadoop.io. */
export function sequenceFile<K, V>(
  jobs: JobRunner,
  path: string,
  given: number | LongsOptions | undefined,
  settings: FileSettings = {},
): RDD<[K, V]> {
  const options = typeof given === 'number' ? { minPartitions: given } : (given ?? {});
  const { minPartitions = jobs.settings.defaultMinPartitions } = options;
  const longs = longsOf('sequenceFile', options);
  const request = { operator: 'sequenceFile', path, minPartitions, content: 'binary' } as const;
  return cut<[K, V]>(jobs, request, 'HadoopRDD', settings, { kind: 'sequence', longs });
}

/** Rows of Parquet files as plain objects. */
export function parquetFile<T>(
  jobs: JobRunner,
  path: string,
  options: ParquetFileOptions = {},
  settings: FileSettings = {},
): RDD<T> {
  const { minPartitions = jobs.settings.defaultMinPartitions, columns = null } = options;
  const longs = longsOf('parquetFile', options);
  if (columns !== null && !(Array.isArray(columns) && columns.every((c) => typeof c === 'string')))
    throw new IllegalArgumentError(`columns of parquetFile() must be names, but are ${describe(columns)}`);
  const request = { operator: 'parquetFile', path, minPartitions, content: 'binary' } as const;
  return cut<T>(jobs, request, 'FileScanRDD', settings, { kind: 'parquet', columns, longs });
}

export interface ParseOptions {
  readonly minPartitions?: number;
  /** In any case. Default FAILFAST: a bad record fails the job, with file and line. */
  readonly mode?: string;
  /** PERMISSIVE: the property that gets the text of a bad record. Default `_corrupt_record`. */
  readonly columnNameOfCorruptRecord?: string;
}

/** Files with a JSON value on each line. */
export function jsonFile<T>(
  jobs: JobRunner,
  path: string,
  options: ParseOptions = {},
  settings: FileSettings = {},
): RDD<T> {
  const { minPartitions = jobs.settings.defaultMinPartitions } = options;
  const request = { operator: 'jsonFile', path, minPartitions, content: 'text' } as const;
  return cut<T>(jobs, request, 'FileScanRDD', settings, { kind: 'json', ...parsing('jsonFile', options) });
}

/** Spark's names and defaults, but for `mode`. */
export interface CsvFileOptions extends ParseOptions {
  /** The first line of each file names the columns. Default false: they are `_c0`, `_c1`, …. */
  readonly header?: boolean;
  /** Names of the columns, instead of those of the first file. */
  readonly columns?: readonly string[];
  /** Default `,`; also called `sep`. */
  readonly delimiter?: string;
  readonly sep?: string;
  /** Default `"`; an empty text switches quoting off. */
  readonly quote?: string;
  /** Default `\`. */
  readonly escape?: string;
  /** Lines that begin with it are skipped. Default: none. */
  readonly comment?: string;
  /** What stands for null, besides nothing at all. */
  readonly nullValue?: string;
  readonly ignoreLeadingWhiteSpace?: boolean;
  readonly ignoreTrailingWhiteSpace?: boolean;
  /** Quoted fields may hold line breaks; files are then not cut. Default false. */
  readonly multiLine?: boolean;
  /**
   * Values of a column that has nothing but numbers, booleans or dates are such; a job looks at them before the first job that
   * reads the RDD. Default false: texts.
   */
  readonly inferSchema?: boolean;
  /** The part of the rows that is looked at for inferSchema. Default 1. */
  readonly samplingRatio?: number;
}

/** Rows of CSV files as objects of texts and nulls, with inferSchema also of numbers, booleans and dates. Spark: DataFrameReader.csv */
export function csvFile<T>(
  jobs: JobRunner,
  path: string,
  options: CsvFileOptions = {},
  settings: FileSettings = {},
): RDD<T> {
  const { minPartitions = jobs.settings.defaultMinPartitions, columns } = options;
  if (columns !== undefined && !(Array.isArray(columns) && columns.every((c) => typeof c === 'string')))
    throw new IllegalArgumentError(`columns of csvFile() must be names, but are ${describe(columns)}`);
  const multiLine = options.multiLine ?? false;
  const format: CsvInputFormat = {
    kind: 'csv',
    ...csvDialect('csvFile', options),
    ...parsing('csvFile', options),
    columns: [],
    types: null,
    header: options.header ?? false,
    comment: options.comment ?? '',
    nullValue: options.nullValue ?? '',
    ignoreLeadingWhiteSpace: options.ignoreLeadingWhiteSpace ?? false,
    ignoreTrailingWhiteSpace: options.ignoreTrailingWhiteSpace ?? false,
    multiLine,
  };
  const request = { operator: 'csvFile', path, minPartitions, content: multiLine ? 'whole' : 'text' } as const;
  const list = (): FileListing & { readonly format: CsvInputFormat } => {
    const splits = listFileSplits(request, settings);
    return {
      partitions: splits.map((split) => [split]),
      format: { ...format, columns: columns ?? csvColumns(format, splits) },
    };
  };
  const { inferSchema = false, samplingRatio = 1 } = options;
  if (typeof inferSchema !== 'boolean')
    throw new IllegalArgumentError(`inferSchema of csvFile() must be true or false, but is ${describe(inferSchema)}`);
  if (typeof samplingRatio !== 'number' || !(samplingRatio > 0 && samplingRatio <= 1))
    throw new IllegalArgumentError(
      `samplingRatio of csvFile() must be above 0 and at most 1, but is ${describe(samplingRatio)}`,
    );
  if (!inferSchema) return files<T>(jobs, request, 'FileScanRDD', list);
  checkCall(jobs, request);
  return new RDD<T>(jobs, new InferredCsvRDD(jobs.newRddId(), callSite('csvFile'), path, samplingRatio, list));
}

const MODES: readonly ParseMode[] = ['PERMISSIVE', 'DROPMALFORMED', 'FAILFAST'];

function parsing(
  operator: string,
  options: ParseOptions,
): { readonly mode: ParseMode; readonly corruptColumn: string } {
  const { mode: given = 'FAILFAST', columnNameOfCorruptRecord: corruptColumn = '_corrupt_record' } = options;
  const mode = MODES.find((m) => m === String(given).toUpperCase());
  if (mode === undefined)
    throw new IllegalArgumentError(
      `mode of ${operator}() must be one of ${MODES.join(', ')}, but is ${describe(given)}`,
    );
  return { mode, corruptColumn };
}

function longsOf(operator: string, { longs = 'number' }: LongsOptions): 'number' | 'bigint' {
  if (longs === 'number' || longs === 'bigint') return longs;
  throw new IllegalArgumentError(`longs of ${operator}() must be 'number' or 'bigint', but is ${describe(longs)}`);
}

interface Call {
  readonly operator: string;
  readonly path: string;
  readonly minPartitions: number;
}

function cut<T>(
  jobs: JobRunner,
  request: SplitRequest,
  className: string,
  settings: FileSettings,
  format: InputFormat,
): RDD<T> {
  const list = (): FileListing => ({ partitions: listFileSplits(request, settings).map((split) => [split]), format });
  return files<T>(jobs, request, className, list);
}

function files<T>(jobs: JobRunner, call: Call, className: string, list: () => FileListing): RDD<T> {
  checkCall(jobs, call);
  return new RDD<T>(jobs, new FileRDD(jobs.newRddId(), callSite(call.operator), className, call.path, list));
}

function checkCall(jobs: JobRunner, { operator, path, minPartitions }: Call): void {
  jobs.assertNotStopped();
  if (typeof path !== 'string' || path === '')
    throw new IllegalArgumentError(`${operator}() needs a path, but was given ${describe(path)}`);
  if (!Number.isInteger(minPartitions) || minPartitions < 0)
    throw new IllegalArgumentError(
      `minPartitions of ${operator}() must be an integer of at least 0, but is ${describe(minPartitions)}`,
    );
}
