import { assertNever } from '../base/assert-never.ts';
import type { OutputFormat } from '../protocol/file-formats.ts';
import { extensionOf } from './codecs/codec-names.ts';
import { prepareSink } from './codecs/open-source.ts';
import { LineWriter, textLines } from './line-writer.ts';
import type { RecordWriter } from './record-writer.ts';

/** The end of the part files' names. */
export function partExtension(format: OutputFormat): string {
  switch (format.kind) {
    case 'text':
      return extensionOf(format.codec);
    default:
      return assertNever(format as never);
  }
}

/** To be awaited before the first writer of a format: loads what cannot be loaded in between. Null: nothing to wait for. */
export function prepareOutput(format: OutputFormat): Promise<void> | null {
  return 'codec' in format && format.kind !== 'parquet' ? prepareSink(format.codec) : null;
}

/** @param partition for messages only. */
export function openRecordWriter(path: string, format: OutputFormat, partition: number): RecordWriter {
  switch (format.kind) {
    case 'text':
      return new LineWriter(path, format.codec, partition, textLines);
    default:
      return assertNever(format as never);
  }
}
