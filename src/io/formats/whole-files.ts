import { isUtf8, constants as limits } from 'node:buffer';
import type { BatchIterator } from '../../base/batch-iterator.ts';
import { IskraError } from '../../base/errors.ts';
import type { FileSplit } from '../../protocol/file-formats.ts';
import { type ByteSource, FileSource, readAll } from '../byte-source.ts';
import { openSource } from '../codecs/open-source.ts';
import { showPath } from '../file-system.ts';
import type { InputOptions } from '../input-options.ts';
import { firstMalformedUtf8 } from '../utf8.ts';
import { PortableDataStream } from './portable-data-stream.ts';

/** One batch of one record, made when it is asked for. */
export class OneRecord<T> implements BatchIterator<T> {
  #make: (() => T) | null;

  constructor(make: () => T) {
    this.#make = make;
  }

  next(): readonly T[] | null {
    const make = this.#make;
    this.#make = null;
    return make === null ? null : [make()];
  }

  close(): void {
    this.#make = null;
  }
}

/** [path, content] of a text file, unpacked. Spark: WholeTextFileRecordReader */
export function openWholeText(split: FileSplit, options: InputOptions): BatchIterator<[string, string]> {
  return new OneRecord(() => {
    const bytes = contentOf(openSource(split, options.onBytes), split);
    return [showPath(split.path), decode(bytes, split.path, options)];
  });
}

/** [path, stream] of a file as it is. Spark: StreamRecordReader */
export function openBinaryFile(split: FileSplit): BatchIterator<[string, PortableDataStream]> {
  return new OneRecord(() => [showPath(split.path), new PortableDataStream(split.path, split.end)]);
}

function contentOf(source: ByteSource, split: FileSplit): Buffer {
  try {
    return readAll(source, split.compression === 'none' ? split.end : split.end * 3);
  } finally {
    source.close();
  }
}

function decode(bytes: Buffer, path: string, options: InputOptions): string {
  if (bytes.length > limits.MAX_STRING_LENGTH)
    throw new IskraError(
      'INPUT_FILE_TOO_LARGE',
      `${showPath(path)} has ${bytes.length} bytes of text, and the longest string of this Node ${limits.MAX_STRING_LENGTH}; ` +
        'read it by lines with textFile() or by bytes with binaryFiles()',
      { details: { path } },
    );
  if (!isUtf8(bytes)) {
    const offset = firstMalformedUtf8(bytes, 0, bytes.length);
    if (options.malformed === 'error')
      throw new IskraError(
        'INPUT_NOT_UTF8',
        `${showPath(path)} is not UTF-8 at byte ${offset}; convert it (iconv -f latin1 -t utf8), ` +
          'or set spark.iskra.text.malformed=replace to read such bytes as U+FFFD',
        { details: { path, offset } },
      );
    options.onMalformed?.({ path, offset });
  }
  return bytes.toString('utf8');
}

/** Bytes of records that are read at once: few, so that a record that is kept does not keep many others. */
const PIECE_BYTES = 64 * 1024;
const MAX_BATCH = 2048;

/** Records of a fixed length; `recordLength` divides the borders of splits. Spark: FixedLengthBinaryRecordReader */
export class FixedLengthRecords implements BatchIterator<Buffer> {
  readonly #path: string;
  readonly #source: FileSource;
  readonly #recordLength: number;
  readonly #perBatch: number;
  #left: number;

  constructor(split: FileSplit, recordLength: number, options: InputOptions) {
    this.#path = split.path;
    this.#recordLength = recordLength;
    this.#left = split.end - split.start;
    this.#perBatch = Math.max(1, Math.min(MAX_BATCH, Math.floor(PIECE_BYTES / recordLength)));
    this.#source = new FileSource(split.path, split.start, options.onBytes);
  }

  next(): readonly Buffer[] | null {
    if (this.#left === 0) return null;
    const size = this.#recordLength;
    const piece = Buffer.allocUnsafeSlow(Math.min(this.#perBatch * size, this.#left));
    for (let used = 0; used < piece.length; ) {
      const n = this.#source.read(piece, used, piece.length - used);
      if (n === 0)
        throw new IskraError(
          'INPUT_PARTIAL_RECORD',
          `${showPath(this.#path)} ends at byte ${this.#source.position}, ${this.#left - used} bytes earlier than when it was listed; ` +
            'do not change files while they are read',
          { details: { path: this.#path, offset: this.#source.position } },
        );
      used += n;
    }
    this.#left -= piece.length;
    const records = new Array<Buffer>(piece.length / size);
    for (let i = 0; i < records.length; i++) records[i] = piece.subarray(i * size, (i + 1) * size);
    return records;
  }

  close(): void {
    this.#left = 0;
    this.#source.close();
  }
}
