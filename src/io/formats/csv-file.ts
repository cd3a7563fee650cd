import type { BatchIterator } from '../../base/batch-iterator.ts';
import { IskraError } from '../../base/errors.ts';
import { shortInspect } from '../../base/value-errors.ts';
import type { CsvInputFormat, CsvOutputFormat, FileSplit } from '../../protocol/file-formats.ts';
import type { InputOptions } from '../input-options.ts';
import type { LineFormat } from '../line-writer.ts';
import { openTextSplit } from '../text-input.ts';
import { badRecord } from './bad-records.ts';
import { type CsvField, CsvParser } from './csv-parser.ts';
import { valueOfText } from './csv-types.ts';

/** Records of CSV files as objects by column: of texts and nulls, or of what their types say. Spark: CSVFileFormat */
export class CsvRecords implements BatchIterator<Record<string, unknown>> {
  readonly #format: CsvInputFormat;
  readonly #split: FileSplit;
  readonly #rows: CsvRows;
  #headerIsNext: boolean;

  constructor(format: CsvInputFormat, split: FileSplit, options: InputOptions) {
    this.#format = format;
    this.#split = split;
    this.#rows = new CsvRows(format, split, options);
    this.#headerIsNext = format.header && split.start === 0;
  }

  next(): readonly Record<string, unknown>[] | null {
    const rows = this.#rows.next();
    if (rows === null) return null;
    const { columns, types, nullValue, mode, corruptColumn } = this.#format;
    const records: Record<string, unknown>[] = [];
    for (const { fields, line, index } of rows) {
      if (this.#headerIsNext) {
        this.#headerIsNext = false;
        continue;
      }
      let wrong =
        fields.length === columns.length ? null : `${fields.length} fields, where ${columns.length} are expected`;
      const record: Record<string, unknown> = {};
      for (let i = 0; i < columns.length; i++) {
        const field = fields[i] ?? null;
        const name = columns[i] as string; // i < length
        if (field === null || field === nullValue) {
          record[name] = null;
          continue;
        }
        const type = types?.[i] ?? 'string';
        if (type === 'string') {
          record[name] = field;
          continue;
        }
        const value = field === '' ? null : valueOfText(type, field);
        record[name] = value ?? null;
        if (value === undefined) wrong ??= `${JSON.stringify(field)} is no ${type}, as column ${name} seemed to have`;
      }
      if (wrong !== null && mode !== 'PERMISSIVE') {
        badRecord(this.#format, this.#split, index, line, wrong);
        continue;
      }
      if (wrong !== null) record[corruptColumn] = line;
      records.push(record);
    }
    return records;
  }

  close(): void {
    this.#rows.close();
  }
}

interface CsvRow {
  readonly fields: readonly CsvField[];
  /** The text that it was, and the place of its first line in the split. */
  readonly line: string;
  readonly index: number;
}

/** Rows as their fields, the header among them. */
export class CsvRows implements BatchIterator<CsvRow> {
  readonly #format: CsvInputFormat;
  readonly #lines: BatchIterator<string>;
  readonly #parser: CsvParser;
  #seen = 0;
  /** A row that goes on in the next line. */
  #open: { fields: CsvField[]; text: string[]; index: number } | null = null;

  constructor(format: CsvInputFormat, split: FileSplit, options: InputOptions) {
    this.#format = format;
    this.#parser = new CsvParser(format, format);
    this.#lines = openTextSplit(split, options);
  }

  next(): readonly CsvRow[] | null {
    const lines = this.#lines.next();
    const rows: CsvRow[] = [];
    if (lines === null) {
      if (this.#open === null) return null;
      this.#end(rows);
      return rows;
    }
    const { comment, multiLine } = this.#format;
    for (let i = 0; i < lines.length; i++) {
      const line = lines[i] as string; // i < length
      const index = this.#seen + i;
      if (this.#open !== null) {
        this.#open.text.push(line);
        if (this.#parser.parse(line, this.#open.fields)) this.#end(rows);
        continue;
      }
      if (line === '' || (comment !== '' && line.startsWith(comment))) continue;
      // Spark drops lines of blanks, but not where a field may hold them.
      if (!multiLine && line.charCodeAt(0) <= 32 && line.trim() === '') continue;
      const fields: CsvField[] = [];
      if (this.#parser.parse(line, fields)) {
        rows.push({ fields, line, index });
        continue;
      }
      this.#open = { fields, text: [line], index };
      if (!multiLine) this.#end(rows);
    }
    this.#seen += lines.length;
    return rows;
  }

  close(): void {
    this.#lines.close();
  }

  #end(rows: CsvRow[]): void {
    const open = this.#open;
    if (open === null) return;
    this.#parser.finish(open.fields);
    rows.push({ fields: open.fields, line: open.text.join('\n'), index: open.index });
    this.#open = null;
  }
}

/**
 * Names of columns from the first row of the first file that has one: its fields when it is a header, else `_c0`, `_c1`, ….
 * Empty ones become `_cN`, those that are there twice get their place behind. Spark: CSVUtils.makeSafeHeader
 */
export function csvColumns(format: CsvInputFormat, splits: readonly FileSplit[]): readonly string[] {
  for (const split of splits) {
    if (split.start !== 0) continue;
    const rows = new CsvRows(format, split, {});
    try {
      for (let batch = rows.next(); batch !== null; batch = rows.next()) {
        const [first] = batch;
        if (first !== undefined) return safeNames(first.fields, format);
      }
    } finally {
      rows.close();
    }
  }
  return [];
}

function safeNames(fields: readonly CsvField[], { header, nullValue }: CsvInputFormat): string[] {
  if (!header) return fields.map((_, i) => `_c${i}`);
  const count = new Map<string, number>();
  for (const field of fields) {
    const name = (field ?? '').toLowerCase();
    count.set(name, (count.get(name) ?? 0) + 1);
  }
  return fields.map((field, i) => {
    if (field === null || field === '' || field === nullValue) return `_c${i}`;
    return (count.get(field.toLowerCase()) ?? 0) > 1 ? `${field}${i}` : field;
  });
}

/** Records to lines: of arrays the elements, of objects the properties named by the columns. */
export class CsvLines implements LineFormat {
  readonly operator = 'saveAsCsvFile';
  readonly #format: CsvOutputFormat;
  readonly #special: RegExp;
  #columns: readonly string[] | null;

  constructor(format: CsvOutputFormat) {
    this.#format = format;
    this.#columns = format.columns;
    // One character of the delimiter is enough: it may stand before the next one.
    const specials = [...format.delimiter, format.quote, '\n', '\r'].filter((s) => s !== '').map(literal);
    this.#special = new RegExp(specials.join('|'));
  }

  header(first: unknown): string | null {
    if (this.#columns === null && isObject(first)) this.#columns = Object.keys(first);
    if (!this.#format.header || this.#columns === null) return null;
    return this.#join(this.#columns);
  }

  line(record: unknown): string {
    if (Array.isArray(record)) return this.#join(record);
    if (!isObject(record))
      throw new IskraError(
        'OUTPUT_RECORD_NOT_TEXT',
        `saveAsCsvFile needs records that are arrays or objects, but got ${shortInspect(record)}; map them to such`,
      );
    const columns = this.#columns ?? Object.keys(record);
    const fields = new Array<unknown>(columns.length);
    for (let i = 0; i < columns.length; i++) fields[i] = record[columns[i] as string];
    return this.#join(fields);
  }

  #join(fields: readonly unknown[]): string {
    let line = '';
    for (let i = 0; i < fields.length; i++) line += (i === 0 ? '' : this.#format.delimiter) + this.#field(fields[i]);
    // A line of nothing would be no record.
    return line === '' && fields.length > 0 ? this.#format.quote + this.#format.quote : line;
  }

  #field(value: unknown): string {
    const { quote, escape: mark, quoteAll, nullValue, emptyValue } = this.#format;
    if (value === null || value === undefined) return quoteAll ? quote + nullValue + quote : nullValue;
    if (value === '') return quoteAll ? quote + quote : emptyValue;
    const text = typeof value === 'string' ? value : textOf(value);
    if (!quoteAll && !this.#special.test(text)) return text;
    if (quote === '')
      throw new IskraError(
        'OUTPUT_RECORD_NOT_TEXT',
        `${shortInspect(value)} holds a delimiter or a line break, and quoting is switched off; give saveAsCsvFile a quote`,
      );
    let inside = text;
    if (mark !== '' && mark !== quote) inside = inside.replaceAll(mark, mark + mark);
    return quote + inside.replaceAll(quote, mark + quote) + quote;
  }
}

const literal = (text: string): string => text.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&');

function textOf(value: unknown): string {
  if (value instanceof Date) return value.toISOString();
  return typeof value === 'object' ? JSON.stringify(value) : String(value);
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
