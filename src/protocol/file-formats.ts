/** How a file's bytes are packed. Names as short options have them; Hadoop's class names are in io/codecs/codec-names.ts. */
export type CodecName = 'none' | 'gzip' | 'deflate' | 'bzip2' | 'zstd' | 'lz4' | 'snappy';

/** Bytes [start, end) of a file. What belongs to them is up to the format; a file that cannot be cut has one split. */
export interface FileSplit {
  /** Qualified: absolute and local, or with a scheme. */
  readonly path: string;
  readonly start: number;
  readonly end: number;
  readonly compression: CodecName;
}

/** What a reader does with a record that it cannot understand. Spark: ParseMode */
export type ParseMode = 'PERMISSIVE' | 'DROPMALFORMED' | 'FAILFAST';

export interface CsvDialect {
  readonly delimiter: string;
  /** Empty: nothing is quoted. */
  readonly quote: string;
  /** Empty: none. */
  readonly escape: string;
}

/** How the records of files are read. */
export type InputFormat =
  /** A line a record. */
  | { readonly kind: 'text' }
  /** [path, content] */
  | { readonly kind: 'wholeText' }
  /** [path, PortableDataStream] */
  | { readonly kind: 'binaryFiles' }
  | { readonly kind: 'binaryRecords'; readonly recordLength: number }
  /** What saveAsObjectFile wrote. */
  | { readonly kind: 'objects' }
  /** [key, value]; `longs`: what a LongWritable becomes. */
  | { readonly kind: 'sequence'; readonly longs: 'number' | 'bigint' }
  | { readonly kind: 'json'; readonly mode: ParseMode; readonly corruptColumn: string }
  | CsvInputFormat
  /** One record a split: the types of its columns. */
  | { readonly kind: 'csvTypes'; readonly csv: CsvInputFormat; readonly samplingRatio: number }
  /** Plain objects. `columns`: these only; null: all. `longs`: what an INT64 becomes. */
  | { readonly kind: 'parquet'; readonly columns: readonly string[] | null; readonly longs: 'number' | 'bigint' };

export type CsvType = 'number' | 'boolean' | 'date' | 'string';

export interface CsvInputFormat extends CsvDialect {
  readonly kind: 'csv';
  readonly columns: readonly string[];
  /** By column; null: all are texts. */
  readonly types: readonly CsvType[] | null;
  /** Files begin with a line of names, which is no record. */
  readonly header: boolean;
  /** Empty: none. Lines that begin with it are no records. */
  readonly comment: string;
  readonly nullValue: string;
  readonly ignoreLeadingWhiteSpace: boolean;
  readonly ignoreTrailingWhiteSpace: boolean;
  /** A quoted field may span lines, and so a file is one split. */
  readonly multiLine: boolean;
  readonly mode: ParseMode;
  readonly corruptColumn: string;
}

/** How records are written to the part files of an output. */
export type OutputFormat =
  /** String(record), a line each. */
  | { readonly kind: 'text'; readonly codec: CodecName }
  | { readonly kind: 'json'; readonly codec: CodecName }
  | CsvOutputFormat
  | { readonly kind: 'objects'; readonly compress: boolean }
  | SequenceOutputFormat
  | ParquetOutputFormat;

export interface CsvOutputFormat extends CsvDialect {
  readonly kind: 'csv';
  readonly codec: CodecName;
  /** Null: the properties of each partition's first record. */
  readonly columns: readonly string[] | null;
  readonly header: boolean;
  readonly quoteAll: boolean;
  readonly nullValue: string;
  readonly emptyValue: string;
}

export interface SequenceOutputFormat {
  readonly kind: 'sequence';
  /** Null: by the first key of each partition. */
  readonly keyClass: WritableName | null;
  readonly valueClass: WritableName | null;
  readonly compressionType: 'NONE' | 'RECORD' | 'BLOCK';
  readonly codec: CodecName;
}

export type WritableName =
  | 'Text'
  | 'IntWritable'
  | 'LongWritable'
  | 'DoubleWritable'
  | 'FloatWritable'
  | 'BooleanWritable'
  | 'BytesWritable'
  | 'NullWritable';

export interface ParquetOutputFormat {
  readonly kind: 'parquet';
  readonly codec: ParquetCodec;
  /** Rows. */
  readonly rowGroupSize: number;
  /** Null: by the records of each partition's first row group. */
  readonly schema: Readonly<Record<string, ParquetType>> | null;
}

export type ParquetType =
  | 'BOOLEAN'
  | 'INT32'
  | 'INT64'
  | 'FLOAT'
  | 'DOUBLE'
  | 'STRING'
  | 'BYTE_ARRAY'
  | 'TIMESTAMP'
  /** Arrays and objects, as a text of JSON. */
  | 'JSON';

export type ParquetCodec = 'UNCOMPRESSED' | 'SNAPPY' | 'GZIP' | 'ZSTD';
