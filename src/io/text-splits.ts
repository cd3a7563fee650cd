import { readdirSync, type Stats, statSync } from 'node:fs';
import { basename, extname, join } from 'node:path';
import { IllegalArgumentError, IskraError } from '../base/errors.ts';
import type { TextSplit } from '../protocol/stage-program.ts';
import { globPaths, hasGlob, splitCommaList } from './glob.ts';
import { ioError, isSystemError } from './io-error.ts';
import { isHiddenName, showPath, toLocalPath } from './local-path.ts';

export interface TextSplitOptions {
  /** Bytes; Hadoop's block size of local files, which no split exceeds by more than a tenth. Default 32 MiB. */
  readonly maxSplitBytes?: number;
  /** Bytes; no split of a splittable file is made smaller on purpose. Default 1. */
  readonly minSplitBytes?: number;
  /** False: an empty file gives one empty split. Default true, as spark.hadoopRDD.ignoreEmptySplits. */
  readonly ignoreEmptySplits?: boolean;
}

interface InputFile {
  readonly path: string;
  readonly bytes: number;
}

// A tenth more than a split is still one split: no task for a crumb. Hadoop: FileInputFormat.SPLIT_SLOP
const SPLIT_SLOP = 1.1;
const NOT_YET: Readonly<Record<string, string>> = {
  '.bz2': 'bzip2',
  '.deflate': 'deflate',
  '.lz4': 'lz4',
  '.snappy': 'snappy',
  '.zst': 'zstandard',
};

/**
 * Cuts the text below a path into splits; runs on the driver and reads directories only, never content.
 *
 * @param path one path or several with commas between; files, directories (the files directly inside), globs
 *   (`* ? [ab] {a,b}`), `file:` URIs.
 * @param minPartitions how many splits are wanted at least; a wish, as in Spark, since small files are never joined.
 * @returns splits in the order of the list, within one item by path and then by offset.
 * @throws IllegalArgumentError, or IskraError INPUT_NOT_FOUND, INPUT_NOT_A_FILE, INPUT_NOT_READABLE.
 *
 * Spark: HadoopRDD.getPartitions; Hadoop: FileInputFormat.getSplits
 */
export function listTextSplits(
  path: string,
  minPartitions: number,
  options: TextSplitOptions = {},
): readonly TextSplit[] {
  if (!Number.isInteger(minPartitions) || minPartitions < 0)
    throw new IllegalArgumentError(
      `textFile(${JSON.stringify(path)}, ${minPartitions}): the number of partitions must be a whole number >= 0`,
    );
  const { maxSplitBytes = 32 * 1024 * 1024, minSplitBytes = 1, ignoreEmptySplits = true } = options;
  const files = listInputFiles(path);
  const total = files.reduce((sum, f) => sum + f.bytes, 0);
  const goal = Math.floor(total / Math.max(1, minPartitions));
  const size = Math.max(1, minSplitBytes, Math.min(goal, maxSplitBytes));

  const splits: TextSplit[] = [];
  for (const file of files) {
    const compression = compressionOf(file.path);
    if (file.bytes === 0) {
      if (!ignoreEmptySplits) splits.push({ path: file.path, start: 0, end: 0, compression });
      continue;
    }
    let start = 0;
    if (compression === 'none')
      for (; (file.bytes - start) / size > SPLIT_SLOP; start += size)
        splits.push({ path: file.path, start, end: start + size, compression });
    if (start < file.bytes) splits.push({ path: file.path, start, end: file.bytes, compression });
  }
  return splits;
}

function compressionOf(path: string): TextSplit['compression'] {
  const extension = extname(path);
  if (extension === '.gz' || basename(path) === '.gz') return 'gzip';
  const name = NOT_YET[extension];
  if (name !== undefined)
    throw new IskraError(
      'INPUT_CODEC_NOT_AVAILABLE',
      `cannot read ${showPath(path)}: ${name} files are not available in this build yet; decompress it, or compress it with gzip`,
      { details: { path } },
    );
  return 'none';
}

function listInputFiles(list: string): InputFile[] {
  const files: InputFile[] = [];
  const missing: string[] = [];
  for (const item of splitCommaList(list)) {
    const path = toLocalPath(item, 'read');
    const isGlob = hasGlob(path);
    const found = isGlob || path.includes('\\') ? globPaths(path) : existing(path);
    const visible = found.filter((p) => !isHiddenName(basename(p)));
    if (visible.length === 0)
      missing.push(
        isGlob ? `Input Pattern ${showPath(path)} matches 0 files` : `Input path does not exist: ${showPath(path)}`,
        found.length > 0 ? '  (names that begin with _ or . are hidden and never read; rename the file)' : '',
      );
    for (const p of visible) addFiles(p, files);
  }
  if (missing.length > 0) {
    const lines = missing.filter((m) => m !== '').join('\n');
    throw new IskraError('INPUT_NOT_FOUND', `${lines}\nCheck the path; relative ones start at ${process.cwd()}`, {
      details: { path: list },
    });
  }
  return files;
}

function existing(path: string): string[] {
  return statOrNull(path) === null ? [] : [path];
}

function statOrNull(path: string): Stats | null {
  try {
    return statSync(path);
  } catch (e) {
    if (isSystemError(e, 'ENOENT', 'ENOTDIR')) return null;
    throw ioError('INPUT_NOT_READABLE', `cannot read ${showPath(path)}`, e, { path });
  }
}

function addFiles(path: string, files: InputFile[]): void {
  const stats = statOrNull(path);
  if (stats === null) return; // gone since it was listed
  if (!stats.isDirectory()) {
    addFile(path, stats, files);
    return;
  }
  let names: string[];
  try {
    names = readdirSync(path);
  } catch (e) {
    throw ioError('INPUT_NOT_READABLE', `cannot list the directory ${showPath(path)}`, e, { path });
  }
  for (const name of names.sort()) {
    if (isHiddenName(name)) continue;
    const inside = join(path, name);
    const stats = statOrNull(inside);
    if (stats === null) continue; // a dangling link, or gone since it was listed
    if (stats.isDirectory())
      throw new IskraError(
        'INPUT_NOT_A_FILE',
        `Not a file: ${showPath(inside)}; textFile reads the files directly inside a directory. ` +
          `Name the directory itself or use a glob such as ${showPath(join(path, '*', '*'))}`,
        { details: { path: inside } },
      );
    addFile(inside, stats, files);
  }
}

function addFile(path: string, stats: Stats, files: InputFile[]): void {
  if (!stats.isFile())
    throw new IskraError(
      'INPUT_NOT_A_FILE',
      `Not a file: ${showPath(path)} is a pipe, socket or device; copy its content to a file first`,
      { details: { path } },
    );
  files.push({ path, bytes: stats.size });
}
