import type { BatchIterator } from '../../base/batch-iterator.ts';
import { IskraError } from '../../base/errors.ts';
import { shortInspect } from '../../base/value-errors.ts';
import type { FileSplit, InputFormat } from '../../protocol/file-formats.ts';
import type { InputOptions } from '../input-options.ts';
import type { LineFormat } from '../line-writer.ts';
import { openTextSplit } from '../text-input.ts';
import { badRecord } from './bad-records.ts';

type JsonFormat = Extract<InputFormat, { kind: 'json' }>;

/** A JSON value on each line; lines of blanks are none. Spark: JsonFileFormat, without multiLine */
export class JsonLines implements BatchIterator {
  readonly #format: JsonFormat;
  readonly #split: FileSplit;
  readonly #lines: BatchIterator<string>;
  #before = 0;

  constructor(format: JsonFormat, split: FileSplit, options: InputOptions) {
    this.#format = format;
    this.#split = split;
    this.#lines = openTextSplit(split, options);
  }

  next(): readonly unknown[] | null {
    const lines = this.#lines.next();
    if (lines === null) return null;
    const records: unknown[] = [];
    for (let i = 0; i < lines.length; i++) {
      const line = lines[i] as string; // i < length
      try {
        records.push(JSON.parse(line));
      } catch (e) {
        if (line.trim() === '') continue;
        const instead = badRecord(this.#format, this.#split, this.#before + i, line, (e as Error).message);
        if (instead !== null) records.push(instead);
      }
    }
    this.#before += lines.length;
    return records;
  }

  close(): void {
    this.#lines.close();
  }
}

export const jsonLines: LineFormat = {
  operator: 'saveAsJsonFile',
  header: () => null,
  line(record) {
    const text = JSON.stringify(record) as string | undefined;
    if (text === undefined)
      throw new IskraError(
        'OUTPUT_RECORD_NOT_TEXT',
        `${shortInspect(record)} has no form in JSON; map it to something else before saveAsJsonFile`,
      );
    return text;
  },
};
