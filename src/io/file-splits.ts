import { IllegalArgumentError, IskraError } from '../base/errors.ts';
import type { FileSplit } from '../protocol/file-formats.ts';
import { codecOfPath } from './codecs/codec-names.ts';
import { isSplittable } from './codecs/open-source.ts';
import { showPath } from './file-system.ts';
import { listInputFiles } from './input-files.ts';

export interface SplitOptions {
  /** Bytes; Hadoop's block size of local files, which no split exceeds by more than a tenth. Default 32 MiB. */
  readonly maxSplitBytes?: number;
  /** Bytes; no split of a splittable file is made smaller on purpose. Default 1. */
  readonly minSplitBytes?: number;
  /** False: an empty file gives one empty split. Default true, as spark.hadoopRDD.ignoreEmptySplits. */
  readonly ignoreEmptySplits?: boolean;
}

export interface SplitRequest {
  /** For messages. */
  readonly operator: string;
  readonly path: string;
  /** A wish, as in Spark, since small files are never joined. */
  readonly minPartitions: number;
  /**
   * `text`: packed when its name ends in .gz and the like, cut anywhere where its codec allows it. `whole`: the same, never
   * cut. `binary`: taken as it is, cut anywhere.
   */
  readonly content: 'text' | 'whole' | 'binary';
  /** Binary files: records of so many bytes, which no cut divides. */
  readonly recordLength?: number;
}

// A tenth more than a split is still one split: no task for a crumb. Hadoop: FileInputFormat.SPLIT_SLOP
const SPLIT_SLOP = 1.1;

/**
 * Cuts the files below a path into splits; runs on the driver and reads directories only, never content.
 *
 * @returns splits in the order of the list, within one item by path and then by offset.
 * @throws IllegalArgumentError, or IskraError INPUT_NOT_FOUND, INPUT_NOT_A_FILE, INPUT_NOT_READABLE, INPUT_PARTIAL_RECORD.
 *
 * Spark: HadoopRDD.getPartitions; Hadoop: FileInputFormat.getSplits
 */
export function listFileSplits(request: SplitRequest, options: SplitOptions = {}): readonly FileSplit[] {
  const { operator, path, minPartitions, content, recordLength = 1 } = request;
  if (!Number.isInteger(minPartitions) || minPartitions < 0)
    throw new IllegalArgumentError(
      `${operator}(${JSON.stringify(path)}, ${minPartitions}): the number of partitions must be a whole number >= 0`,
    );
  const { maxSplitBytes = 32 * 1024 * 1024, minSplitBytes = 1, ignoreEmptySplits = true } = options;
  const files = listInputFiles(path, operator);
  const total = files.reduce((sum, f) => sum + f.bytes, 0);
  const goal = Math.floor(total / Math.max(1, minPartitions));
  const wanted = Math.max(1, minSplitBytes, Math.min(goal, maxSplitBytes));
  const size = Math.max(recordLength, wanted - (wanted % recordLength));

  const splits: FileSplit[] = [];
  for (const file of files) {
    const compression = content === 'binary' ? 'none' : codecOfPath(file.path);
    if (file.bytes % recordLength !== 0) throw partialRecord(file.path, file.bytes, recordLength);
    if (file.bytes === 0) {
      if (!ignoreEmptySplits) splits.push({ path: file.path, start: 0, end: 0, compression });
      continue;
    }
    let start = 0;
    if (content !== 'whole' && isSplittable(compression))
      for (; (file.bytes - start) / size > SPLIT_SLOP; start += size)
        splits.push({ path: file.path, start, end: start + size, compression });
    if (start < file.bytes) splits.push({ path: file.path, start, end: file.bytes, compression });
  }
  return splits;
}

function partialRecord(path: string, bytes: number, recordLength: number): IskraError {
  return new IskraError(
    'INPUT_PARTIAL_RECORD',
    `${showPath(path)} has ${bytes} bytes, which is not a multiple of the record length ${recordLength}: ` +
      `a partial record of ${bytes % recordLength} bytes at its end; give the length of its records, or a whole file`,
    { details: { path, bytes, recordLength } },
  );
}

export interface PackRequest {
  readonly operator: string;
  readonly path: string;
  /** A pack is closed when it has so many bytes, or more. */
  readonly packBytes: (files: number, totalBytes: number) => number;
  readonly unpack: boolean;
}

/**
 * Whole files, small ones together in a pack, in the order of the listing; empty files too.
 *
 * Hadoop: CombineFileInputFormat, whose order goes by node and block
 */
export function packFiles(request: PackRequest): readonly (readonly FileSplit[])[] {
  const files = listInputFiles(request.path, request.operator);
  const total = files.reduce((sum, f) => sum + f.bytes, 0);
  const limit = request.packBytes(files.length, total);
  const packs: FileSplit[][] = [];
  let pack: FileSplit[] = [];
  let bytes = 0;
  for (const file of files) {
    const compression = request.unpack ? codecOfPath(file.path) : 'none';
    pack.push({ path: file.path, start: 0, end: file.bytes, compression });
    bytes += file.bytes;
    if (bytes < limit) continue;
    packs.push(pack);
    pack = [];
    bytes = 0;
  }
  if (pack.length > 0) packs.push(pack);
  return packs;
}
