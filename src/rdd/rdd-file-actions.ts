import * as files from './file-actions.ts';
import type { FutureAction } from './future-action.ts';
import { RDDActions } from './rdd-actions.ts';

/** Writing records to files: a directory with a file for each partition, and _SUCCESS at the end. Spark: RDD */
export abstract class RDDFileActions<out T> extends RDDActions<T> {
  /**
   * A line a record, in part-00000, …
   *
   * @param codec `gzip`, `deflate`, `zstd`, `lz4`, `snappy` or the name of Hadoop's class; or options. Without: plain text.
   */
  saveAsTextFile(path: string, codec?: string | files.SaveOptions): FutureAction<void> {
    return files.saveAsTextFile(this.at('saveAsTextFile'), path, codec);
  }
}
