import { IskraError } from '../../base/errors.ts';
import { shortInspect } from '../../base/value-errors.ts';
import type { ParquetOutputFormat, ParquetType } from '../../protocol/file-formats.ts';
import { FileSink } from '../byte-sink.ts';
import { packBytes } from '../codecs/pack-bytes.ts';
import type { RecordWriter } from '../record-writer.ts';
import { type ParquetWriting, parquetWriting } from './parquet-library.ts';

/** Each type: how Parquet calls it, and what of ours it takes. */
const TYPES: Readonly<Record<ParquetType, { readonly element: object; readonly fits: (v: unknown) => boolean }>> = {
  BOOLEAN: { element: { type: 'BOOLEAN' }, fits: (v) => typeof v === 'boolean' },
  INT32: { element: { type: 'INT32' }, fits: (v) => Number.isInteger(v) && (v as number) === ((v as number) | 0) },
  INT64: {
    element: { type: 'INT64' },
    fits: (v) => (typeof v === 'bigint' ? BigInt.asIntN(64, v) === v : Number.isSafeInteger(v)),
  },
  FLOAT: { element: { type: 'FLOAT' }, fits: (v) => typeof v === 'number' },
  DOUBLE: { element: { type: 'DOUBLE' }, fits: (v) => typeof v === 'number' },
  STRING: { element: { type: 'BYTE_ARRAY', converted_type: 'UTF8' }, fits: (v) => typeof v === 'string' },
  BYTE_ARRAY: { element: { type: 'BYTE_ARRAY' }, fits: (v) => v instanceof Uint8Array },
  TIMESTAMP: {
    element: { type: 'INT64', converted_type: 'TIMESTAMP_MILLIS' },
    fits: (v) => v instanceof Date && !Number.isNaN(v.getTime()),
  },
  JSON: { element: { type: 'BYTE_ARRAY', converted_type: 'JSON' }, fits: (v) => typeof v === 'object' },
};

export const PARQUET_TYPES: readonly string[] = Object.keys(TYPES);

/** Records that are plain objects; columns by the schema, or by the first row group. No file without records and schema. */
export class ParquetFileWriter implements RecordWriter {
  readonly #path: string;
  readonly #format: ParquetOutputFormat;
  readonly #partition: number;
  #sink: FileSink | null = null;
  #writer: InstanceType<ParquetWriting['ParquetWriter']> | null = null;
  #schema: ReadonlyMap<string, ParquetType> = new Map();
  #rows: Record<string, unknown>[] = [];
  #records = 0;
  #closed = false;

  constructor(path: string, format: ParquetOutputFormat, partition: number) {
    this.#path = path;
    this.#format = format;
    this.#partition = partition;
  }

  get bytesWritten(): number {
    return this.#sink?.bytesWritten ?? 0;
  }

  get recordsWritten(): number {
    return this.#records;
  }

  write(batch: readonly unknown[]): void {
    for (let i = 0; i < batch.length; i++) {
      const record = batch[i];
      if (typeof record !== 'object' || record === null || Array.isArray(record))
        throw this.#refused(`records must be objects, but it is ${shortInspect(record)}`);
      this.#rows.push(record as Record<string, unknown>);
      this.#records++;
      if (this.#rows.length >= this.#format.rowGroupSize) this.#group();
    }
  }

  close(): void {
    if (this.#closed) return;
    try {
      if (this.#rows.length > 0 || this.#format.schema !== null) this.#group();
      this.#writer?.finish();
      this.#sink?.end();
    } finally {
      this.abandon();
    }
  }

  abandon(): void {
    this.#closed = true;
    this.#rows = [];
    this.#sink?.close();
  }

  #group(): void {
    const rows = this.#rows;
    this.#rows = [];
    const writer = this.#open(rows);
    if (rows.length === 0) return;
    const columnData: { name: string; data: unknown[] }[] = [];
    for (const [name, type] of this.#schema) {
      const { fits } = TYPES[type];
      const data = new Array<unknown>(rows.length);
      for (let i = 0; i < rows.length; i++) {
        const value = (rows[i] as Record<string, unknown>)[name];
        if (value === undefined || value === null) data[i] = null;
        else if (fits(value)) data[i] = type === 'INT64' ? BigInt(value as number | bigint) : value;
        else
          throw this.#refused(`${shortInspect(value)} does not fit column ${name}, which is ${type}`, i - rows.length);
      }
      columnData.push({ name, data });
    }
    for (let i = 0; i < rows.length; i++)
      for (const name of Object.keys(rows[i] as object))
        if (!this.#schema.has(name))
          throw this.#refused(`it has a property ${name}, which the first records do not have`, i - rows.length);
    writer.write({ columnData, rowGroupSize: rows.length });
  }

  #open(rows: readonly Record<string, unknown>[]): InstanceType<ParquetWriting['ParquetWriter']> {
    if (this.#writer !== null) return this.#writer;
    this.#schema = this.#format.schema === null ? this.#inferred(rows) : new Map(Object.entries(this.#format.schema));
    const { ByteWriter, ParquetWriter } = parquetWriting();
    const sink = new FileSink(this.#path);
    this.#sink = sink;
    const bytes = new ByteWriter();
    const flush = (): void => {
      sink.write(new Uint8Array(bytes.buffer, 0, bytes.index));
      bytes.index = 0;
    };
    bytes.flush = flush;
    bytes.finish = flush;
    const schema = [{ name: 'root', num_children: this.#schema.size } as object];
    for (const [name, type] of this.#schema) schema.push({ name, repetition_type: 'OPTIONAL', ...TYPES[type].element });
    this.#writer = new ParquetWriter({
      writer: bytes,
      schema,
      codec: this.#format.codec,
      compressors: {
        GZIP: (plain) => packBytes(Buffer.from(plain), 'gzip'),
        ZSTD: (plain) => packBytes(Buffer.from(plain), 'zstd'),
      },
      createdBy: 'iskra',
    });
    return this.#writer;
  }

  #inferred(rows: readonly Record<string, unknown>[]): Map<string, ParquetType> {
    const schema = new Map<string, ParquetType | null>();
    for (const row of rows)
      for (const name of Object.keys(row)) {
        const value = row[name];
        if (!schema.has(name)) schema.set(name, null);
        if (value !== null && value !== undefined && schema.get(name) === null)
          schema.set(name, this.#typeOf(value, name));
      }
    if (schema.size === 0) throw this.#refused('it has no properties, and so the file no columns');
    // A column of nulls alone: any type will do.
    return new Map([...schema].map(([name, type]) => [name, type ?? 'STRING'] as const));
  }

  #typeOf(value: unknown, name: string): ParquetType {
    switch (typeof value) {
      case 'string':
        return 'STRING';
      // All numbers must fit, those of later records and other partitions too.
      case 'number':
        return 'DOUBLE';
      case 'bigint':
        return 'INT64';
      case 'boolean':
        return 'BOOLEAN';
      case 'object':
        return value instanceof Date ? 'TIMESTAMP' : value instanceof Uint8Array ? 'BYTE_ARRAY' : 'JSON';
      default:
        throw this.#refused(`${shortInspect(value)} of property ${name} has no type in Parquet`);
    }
  }

  /** @param back how many records before the last it is about, as a number below 0. */
  #refused(why: string, back = 0): IskraError {
    const record = this.#records + back;
    return new IskraError(
      'OUTPUT_RECORD_NOT_PARQUET',
      `saveAsParquetFile: record ${record} of partition ${this.#partition}: ${why}; map the records, or name types with { schema }`,
      { details: { partition: this.#partition, record } },
    );
  }
}
