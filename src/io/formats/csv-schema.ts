import type { BatchIterator } from '../../base/batch-iterator.ts';
import { seededRandom } from '../../base/seeded-random.ts';
import type { CsvInputFormat, CsvType, FileSplit } from '../../protocol/file-formats.ts';
import type { InputOptions } from '../input-options.ts';
import { CsvRows } from './csv-file.ts';
import { commonType, typeOfText } from './csv-types.ts';

/**
 * One record a split: the type of each column in it, null where all fields are empty. Rows of another length count as far as
 * they go.
 *
 * @param samplingRatio the part of the rows that is looked at; which, depends on the split alone.
 *
 * Spark: CSVInferSchema.infer
 */
export class CsvTypesOf implements BatchIterator<readonly (CsvType | null)[]> {
  readonly #format: CsvInputFormat;
  readonly #split: FileSplit;
  readonly #samplingRatio: number;
  readonly #rows: CsvRows;
  #done = false;

  constructor(format: CsvInputFormat, samplingRatio: number, split: FileSplit, options: InputOptions) {
    this.#format = format;
    this.#split = split;
    this.#samplingRatio = samplingRatio;
    this.#rows = new CsvRows(format, split, options);
  }

  next(): readonly (readonly (CsvType | null)[])[] | null {
    if (this.#done) return null;
    this.#done = true;
    const { columns, nullValue, header } = this.#format;
    const types: (CsvType | null)[] = columns.map(() => null);
    const random = seededRandom(1, this.#split.start);
    let isHeader = header && this.#split.start === 0;
    for (let rows = this.#rows.next(); rows !== null; rows = this.#rows.next())
      for (const { fields } of rows) {
        if (isHeader) {
          isHeader = false;
          continue;
        }
        if (this.#samplingRatio < 1 && random.next() >= this.#samplingRatio) continue;
        const n = Math.min(fields.length, types.length);
        for (let i = 0; i < n; i++) {
          const field = fields[i] ?? '';
          // Whatever else comes, it stays a column of texts.
          if (types[i] === 'string' || field === '' || field === nullValue) continue;
          types[i] = commonType(types[i] ?? null, typeOfText(field));
        }
      }
    return [types];
  }

  close(): void {
    this.#rows.close();
  }
}
