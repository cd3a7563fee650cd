import type { BatchIterator } from '../../base/batch-iterator.ts';
import { IskraError } from '../../base/errors.ts';
import type { FileSplit, InputFormat } from '../../protocol/file-formats.ts';
import { FileSource, readFully } from '../byte-source.ts';
import { fileSystemOf, showPath } from '../file-system.ts';
import type { InputOptions } from '../input-options.ts';
import { type ParquetMetadata, parquetReading, type RowGroup, type SchemaTree } from './parquet-library.ts';

type ParquetFormat = Extract<InputFormat, { kind: 'parquet' }>;
type Values = ArrayLike<unknown>;

const BATCH = 2048;
const TAIL_BYTES = 8;

/** Rows of the row groups that begin in the split's bytes, as plain objects. Spark: ParquetFileFormat */
export class ParquetRecords implements BatchIterator<Record<string, unknown>> {
  readonly #format: ParquetFormat;
  readonly #split: FileSplit;
  readonly #source: FileSource;
  readonly #tree: SchemaTree;
  readonly #columns: readonly string[];
  readonly #groups: RowGroup[];
  #values: readonly Values[] = [];
  #rows = 0;
  #at = 0;

  constructor(format: ParquetFormat, split: FileSplit, options: InputOptions) {
    this.#format = format;
    this.#split = split;
    this.#source = new FileSource(split.path, 0, options.onBytes);
    try {
      const metadata = this.#footer();
      this.#tree = parquetReading().parquetSchema(metadata);
      this.#columns = this.#wanted();
      this.#groups = metadata.row_groups.filter((g) => {
        const start = startOf(g);
        return start >= split.start && start < split.end;
      });
    } catch (e) {
      this.#source.close();
      throw this.#failed(e);
    }
  }

  next(): readonly Record<string, unknown>[] | null {
    while (this.#at >= this.#rows) {
      const group = this.#groups.shift();
      if (group === undefined) return null;
      this.#rows = Number(group.num_rows);
      this.#at = 0;
      try {
        this.#values = this.#columns.map((name) => this.#column(group, name));
      } catch (e) {
        throw this.#failed(e);
      }
    }
    const n = Math.min(BATCH, this.#rows - this.#at);
    const records = new Array<Record<string, unknown>>(n);
    for (let i = 0; i < n; i++) {
      const record: Record<string, unknown> = {};
      for (let c = 0; c < this.#columns.length; c++)
        record[this.#columns[c] as string] = (this.#values[c] as Values)[this.#at + i] ?? null;
      records[i] = record;
    }
    this.#at += n;
    return records;
  }

  close(): void {
    this.#groups.length = 0;
    this.#values = [];
    this.#source.close();
  }

  #footer(): ParquetMetadata {
    const size = fileSystemOf(this.#split.path).status(this.#split.path)?.bytes ?? 0;
    const tail = this.#read(Math.max(0, size - TAIL_BYTES), Math.min(size, TAIL_BYTES));
    if (tail.length < TAIL_BYTES || tail.toString('latin1', 4) !== 'PAR1') throw new Error('it does not end with PAR1');
    const length = tail.readUInt32LE(0);
    if (length > size - TAIL_BYTES) throw new Error(`its footer would have ${length} bytes`);
    return parquetReading().parquetMetadata(this.#read(size - TAIL_BYTES - length, length + TAIL_BYTES), {
      geoparquet: false,
    });
  }

  #wanted(): readonly string[] {
    const all = this.#tree.children.map((child) => child.element.name);
    const missing = (this.#format.columns ?? []).filter((name) => !all.includes(name));
    if (missing.length === 0) return this.#format.columns ?? all;
    throw new IskraError(
      'INPUT_NO_SUCH_COLUMN',
      `${showPath(this.#split.path)} has no column ${missing.join(', ')}; it has ${all.join(', ')}`,
      { details: { path: this.#split.path } },
    );
  }

  #column(group: RowGroup, name: string): Values {
    const library = parquetReading();
    const rows = Number(group.num_rows);
    const found = new Map<string, Values>();
    for (const { meta_data: meta, file_path: elsewhere } of group.columns) {
      if (meta === undefined || meta.path_in_schema[0] !== name) continue;
      if (elsewhere) throw new Error('its columns lie in another file');
      const schemaPath = library.getTreePath(this.#tree, meta.path_in_schema);
      const start = Number(meta.dictionary_page_offset || meta.data_page_offset);
      const bytes = this.#read(start, Number(meta.total_compressed_size));
      if (bytes.length < Number(meta.total_compressed_size)) throw new Error(`it ends in the middle of column ${name}`);
      const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
      const decoder = {
        ...meta,
        // Bytes that are not marked as text are bytes.
        utf8: false,
        pathInSchema: meta.path_in_schema,
        schemaPath,
        element: schemaPath.at(-1)?.element,
        parsers: library.parsers,
        compressors: library.compressors,
      };
      const select = { groupStart: 0, selectStart: 0, selectEnd: rows };
      found.set(
        meta.path_in_schema.join('.'),
        library.flatten(library.readColumn({ view, offset: 0 }, select, decoder).data),
      );
    }
    const child = this.#tree.children.find((c) => c.element.name === name);
    if (child !== undefined && child.children.length > 0) library.assembleNested(found, child, library.parsers);
    const values = found.get(name);
    if (values === undefined || values.length < rows) throw new Error(`column ${name} has fewer values than rows`);
    return this.#format.longs === 'bigint' ? values : this.#withNumbers(values, name);
  }

  #withNumbers(values: Values, column: string): Values {
    const convert = (v: unknown): unknown => {
      if (typeof v === 'bigint') {
        const n = Number(v);
        if (Number.isSafeInteger(n)) return n;
        throw new IskraError(
          'INPUT_LONG_NOT_SAFE',
          `column ${column} of ${showPath(this.#split.path)} holds ${v}, which a number cannot hold exactly; ` +
            "read it with parquetFile(path, { longs: 'bigint' })",
        );
      }
      if (typeof v !== 'object' || v === null || v instanceof Date || ArrayBuffer.isView(v)) return v;
      if (Array.isArray(v)) return v.map(convert);
      return Object.fromEntries(Object.entries(v).map(([key, inner]) => [key, convert(inner)]));
    };
    if (values instanceof BigInt64Array || values instanceof BigUint64Array)
      return Array.from<bigint, unknown>(values, convert);
    return ArrayBuffer.isView(values) ? values : Array.from(values, convert);
  }

  #read(start: number, length: number): Buffer {
    const target = Buffer.alloc(length);
    this.#source.seek(start);
    return target.subarray(0, readFully(this.#source, target, 0, length));
  }

  #failed(e: unknown): unknown {
    if (e instanceof IskraError) return e;
    return new IskraError(
      'INPUT_CORRUPT',
      `${showPath(this.#split.path)} is no Parquet file, or is damaged, near byte ${this.#source.position}: ${(e as Error).message}`,
      { cause: e, details: { path: this.#split.path } },
    );
  }
}

function startOf(group: RowGroup): number {
  const meta = group.columns[0]?.meta_data;
  return meta === undefined ? 0 : Number(meta.dictionary_page_offset || meta.data_page_offset);
}
