import { assertNever } from '../base/assert-never.ts';
import type { BatchIterator } from '../base/batch-iterator.ts';
import type { FileSplit, InputFormat } from '../protocol/file-formats.ts';
import { CsvRecords } from './formats/csv-file.ts';
import { CsvTypesOf } from './formats/csv-schema.ts';
import { JsonLines } from './formats/json-lines.ts';
import { ObjectFileReader } from './formats/object-file.ts';
import { prepareParquetReading } from './formats/parquet-library.ts';
import { ParquetRecords } from './formats/parquet-reader.ts';
import { SequenceFileReader } from './formats/sequence-file-reader.ts';
import { FixedLengthRecords, openBinaryFile, openWholeText } from './formats/whole-files.ts';
import type { InputOptions } from './input-options.ts';
import { openTextSplit } from './text-input.ts';

/** Opens the splits of one partition, one after another. */
export function openFiles(
  format: InputFormat,
  splits: readonly FileSplit[],
  options: InputOptions = {},
): BatchIterator {
  const [only] = splits;
  if (splits.length === 1 && only !== undefined) return openSplit(format, only, options);
  return new Chained(splits, (split) => openSplit(format, split, options));
}

/** To be awaited before the first `openFiles` of a format: loads what cannot be loaded in between. */
export function prepareInput(format: InputFormat): Promise<void> | null {
  return format.kind === 'parquet' ? prepareParquetReading() : null;
}

function openSplit(format: InputFormat, split: FileSplit, options: InputOptions): BatchIterator {
  switch (format.kind) {
    case 'text':
      return openTextSplit(split, options);
    case 'wholeText':
      return openWholeText(split, options);
    case 'binaryFiles':
      return openBinaryFile(split);
    case 'binaryRecords':
      return new FixedLengthRecords(split, format.recordLength, options);
    case 'objects':
      return new ObjectFileReader(split, options);
    case 'sequence':
      return new SequenceFileReader(split, format.longs, options);
    case 'json':
      return new JsonLines(format, split, options);
    case 'csv':
      return new CsvRecords(format, split, options);
    case 'csvTypes':
      return new CsvTypesOf(format.csv, format.samplingRatio, split, options);
    case 'parquet':
      return new ParquetRecords(format, split, options);
    default:
      return assertNever(format);
  }
}

class Chained implements BatchIterator {
  readonly #splits: readonly FileSplit[];
  readonly #open: (split: FileSplit) => BatchIterator;
  #current: BatchIterator | null = null;
  #next = 0;

  constructor(splits: readonly FileSplit[], open: (split: FileSplit) => BatchIterator) {
    this.#splits = splits;
    this.#open = open;
  }

  next(): readonly unknown[] | null {
    for (;;) {
      if (this.#current === null) {
        const split = this.#splits[this.#next++];
        if (split === undefined) return null;
        this.#current = this.#open(split);
      }
      const batch = this.#current.next();
      if (batch !== null) return batch;
      this.close();
    }
  }

  close(): void {
    this.#current?.close();
    this.#current = null;
  }
}
