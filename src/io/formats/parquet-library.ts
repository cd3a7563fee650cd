import { importPackage } from '../codecs/optional-package.ts';

// What we use of the libraries. They offer promises; tasks are synchronous, so the reader puts their synchronous parts together,
// which the package exports file by file. The version is pinned for that.

export interface SchemaTree {
  readonly children: readonly SchemaTree[];
  readonly element: { readonly name: string };
  readonly path: readonly string[];
}

export interface ColumnMetaData {
  readonly path_in_schema: readonly string[];
  readonly dictionary_page_offset?: bigint;
  readonly data_page_offset: bigint;
  readonly total_compressed_size: bigint;
}

export interface RowGroup {
  readonly num_rows: bigint;
  readonly columns: readonly { readonly file_path?: string; readonly meta_data?: ColumnMetaData }[];
}

export interface ParquetMetadata {
  readonly row_groups: readonly RowGroup[];
}

type Values = ArrayLike<unknown>;

export interface ParquetReading {
  parquetMetadata(footer: Uint8Array, options: { geoparquet: boolean }): ParquetMetadata;
  parquetSchema(metadata: ParquetMetadata): SchemaTree;
  getTreePath(tree: SchemaTree, path: readonly string[]): readonly SchemaTree[];
  readColumn(
    reader: { view: DataView; offset: number },
    rows: { groupStart: number; selectStart: number; selectEnd: number },
    decoder: object,
  ): { readonly data: readonly Values[] };
  flatten(chunks: readonly Values[]): Values;
  assembleNested(columns: Map<string, Values>, schema: SchemaTree, parsers: object): void;
  readonly parsers: object;
  readonly compressors: object;
}

export interface ParquetBytes {
  buffer: ArrayBuffer;
  index: number;
  flush?: () => void;
  finish: () => void;
}

export interface ParquetWriting {
  readonly ByteWriter: new () => ParquetBytes;
  readonly ParquetWriter: new (options: {
    readonly writer: ParquetBytes;
    readonly schema: readonly object[];
    readonly codec: string;
    readonly compressors: Readonly<Record<string, (bytes: Uint8Array) => Uint8Array>>;
    readonly createdBy: string;
  }) => {
    write(options: {
      readonly columnData: readonly { readonly name: string; readonly data: readonly unknown[] }[];
      readonly rowGroupSize: number;
    }): void;
    finish(): void;
  };
}

let reading: ParquetReading | null = null;
let writing: ParquetWriting | null = null;

/** To be awaited before the first Parquet file is read. */
export async function prepareParquetReading(): Promise<void> {
  if (reading !== null) return;
  const need = 'Reading Parquet files';
  const part = (file: string): Promise<Record<string, unknown>> =>
    importPackage('hyparquet', need, `/src/${file}.js`) as Promise<Record<string, unknown>>;
  const [metadata, schema, column, utils, assemble, convert, packed] = await Promise.all([
    part('metadata'),
    part('schema'),
    part('column'),
    part('utils'),
    part('assemble'),
    part('convert'),
    importPackage('hyparquet-compressors', need) as Promise<Record<string, unknown>>,
  ]);
  reading = {
    parquetMetadata: metadata['parquetMetadata'],
    parquetSchema: metadata['parquetSchema'],
    getTreePath: schema['getTreePath'],
    readColumn: column['readColumn'],
    flatten: utils['flatten'],
    assembleNested: assemble['assembleNested'],
    parsers: convert['DEFAULT_PARSERS'],
    compressors: packed['compressors'],
  } as ParquetReading;
}

/** To be awaited before the first Parquet file is written. */
export async function prepareParquetWriting(): Promise<void> {
  writing ??= (await importPackage('hyparquet-writer', 'Writing Parquet files')) as ParquetWriting;
}

export function parquetReading(): ParquetReading {
  if (reading === null) throw new Error('prepareParquetReading() was not awaited');
  return reading;
}

export function parquetWriting(): ParquetWriting {
  if (writing === null) throw new Error('prepareParquetWriting() was not awaited');
  return writing;
}
