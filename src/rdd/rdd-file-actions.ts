import { AsyncRDDActions } from './async-rdd-actions.ts';
import * as files from './file-actions.ts';
import type { FutureAction } from './future-action.ts';
import type { RDD } from './rdd.ts';

/**
 * Writing records to files: a new directory with a file for each partition, and _SUCCESS at the end.
 *
 * The last argument is a codec (`gzip`, `deflate`, `zstd`, `lz4`, `snappy`, or the name of Hadoop's class), or options.
 *
 * Spark: RDD, PairRDDFunctions, DataFrameWriter
 */
export abstract class RDDFileActions<out T> extends AsyncRDDActions<T> {
  /** A line a record, in part-00000, …. */
  saveAsTextFile(path: string, codec?: string | files.SaveOptions): FutureAction<void> {
    return files.saveAsTextFile(this.at('saveAsTextFile'), path, codec);
  }

  /** A JSON value a line, in part-00000.json, …. */
  saveAsJsonFile(path: string, codec?: string | files.SaveOptions): FutureAction<void> {
    return files.saveAsJsonFile(this.at('saveAsJsonFile'), path, codec);
  }

  /** Records that are arrays or objects, in part-00000.csv, …. */
  saveAsCsvFile(path: string, codec?: string | files.SaveCsvOptions): FutureAction<void> {
    return files.saveAsCsvFile(this.at('saveAsCsvFile'), path, codec);
  }

  /** Records of any kind, for `objectFile`: classes, cycles and all. The codec is `lz4` or none. */
  saveAsObjectFile(path: string, codec?: string | files.SaveOptions): FutureAction<void> {
    return files.saveAsObjectFile(this.at('saveAsObjectFile'), path, codec);
  }

  /**
   * Pairs, as Hadoop's sequence files. Without classes in the options: texts are Text, numbers DoubleWritable, bigints
   * LongWritable, booleans BooleanWritable, bytes BytesWritable, null and undefined NullWritable.
   */
  saveAsSequenceFile<K, V>(
    this: RDD<[K, V]>,
    path: string,
    codec?: string | files.SaveSequenceOptions,
  ): FutureAction<void> {
    return files.saveAsSequenceFile(this.at('saveAsSequenceFile'), path, codec);
  }

  /** Records that are plain objects, in part-00000.parquet, …. Needs the package hyparquet-writer. */
  saveAsParquetFile(path: string, codec?: string | files.SaveParquetOptions): FutureAction<void> {
    return files.saveAsParquetFile(this.at('saveAsParquetFile'), path, codec);
  }
}
