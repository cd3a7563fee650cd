import { assertNever } from '../base/assert-never.ts';
import type { OutputFormat } from '../protocol/file-formats.ts';
import { extensionOf } from './codecs/codec-names.ts';
import { prepareSink } from './codecs/open-source.ts';
import { CsvLines } from './formats/csv-file.ts';
import { jsonLines } from './formats/json-lines.ts';
import { ObjectFileWriter } from './formats/object-file.ts';
import { prepareParquetWriting } from './formats/parquet-library.ts';
import { ParquetFileWriter } from './formats/parquet-writer.ts';
import { SequenceFileWriter } from './formats/sequence-file-writer.ts';
import { LineWriter, textLines } from './line-writer.ts';
import type { RecordWriter } from './record-writer.ts';

/** The end of the part files' names. */
export function partExtension(format: OutputFormat): string {
  switch (format.kind) {
    case 'text':
      return extensionOf(format.codec);
    case 'json':
    case 'csv':
      return `.${format.kind}${extensionOf(format.codec)}`;
    case 'parquet':
      return '.parquet';
    case 'objects':
    case 'sequence':
      return '';
    default:
      return assertNever(format);
  }
}

/** To be awaited before the first writer of a format: loads what cannot be loaded in between. Null: nothing to wait for. */
export function prepareOutput(format: OutputFormat): Promise<void> | null {
  if (format.kind === 'objects') return null;
  if (format.kind !== 'parquet') return prepareSink(format.codec);
  const library = prepareParquetWriting();
  return format.codec === 'ZSTD' ? library.then(() => prepareSink('zstd') ?? undefined) : library;
}

/** @param partition for messages only. */
export function openRecordWriter(path: string, format: OutputFormat, partition: number): RecordWriter {
  switch (format.kind) {
    case 'text':
      return new LineWriter(path, format.codec, partition, textLines);
    case 'json':
      return new LineWriter(path, format.codec, partition, jsonLines);
    case 'csv':
      return new LineWriter(path, format.codec, partition, new CsvLines(format));
    case 'objects':
      return new ObjectFileWriter(path, format.compress);
    case 'sequence':
      return new SequenceFileWriter(path, format, partition);
    case 'parquet':
      return new ParquetFileWriter(path, format, partition);
    default:
      return assertNever(format);
  }
}
