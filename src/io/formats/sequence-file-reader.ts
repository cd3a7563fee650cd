// Hadoop's SequenceFile, version 6. Numbers are big-endian; a text is a VInt and UTF-8.
//
//   header   | SEQ 6 | key class | value class | packed? | in blocks? | codec class, if packed | n, n × (name, value) | mark 16 |
//   records  | bytes of key and value 4 | bytes of key 4 | key | value, packed if packed but not in blocks |
//   mark     | -1 (4) | mark 16 |                between records now and then; before each block
//   block    | n | 4 × (bytes, packed: lengths of keys, keys, lengths of values, values) |     numbers are VInts
import type { BatchIterator } from '../../base/batch-iterator.ts';
import { IskraError } from '../../base/errors.ts';
import type { CodecName, FileSplit } from '../../protocol/file-formats.ts';
import { codecOfHadoopClass } from '../codecs/codec-names.ts';
import { unpackBytes } from '../codecs/pack-bytes.ts';
import { showPath } from '../file-system.ts';
import type { InputOptions } from '../input-options.ts';
import { FileWindow } from './file-window.ts';
import { READABLE_WRITABLES, type ReadWritable, WritableInput, writableReader } from './writables.ts';

const MARK_BYTES = 16;
const ESCAPE = -1;
const BATCH = 1024;

interface Header {
  readonly readKey: ReadWritable;
  readonly readValue: ReadWritable;
  readonly codec: CodecName;
  readonly inBlocks: boolean;
  readonly mark: Buffer;
  readonly end: number;
}

/**
 * [key, value] of the records that follow the marks of a split's bytes, up to the next mark behind its end.
 *
 * Hadoop: SequenceFile.Reader, SequenceFileRecordReader
 */
export class SequenceFileReader implements BatchIterator<[unknown, unknown]> {
  readonly #window: FileWindow;
  readonly #split: FileSplit;
  readonly #header: Header;
  #started = false;
  #ended = false;

  constructor(split: FileSplit, longs: 'number' | 'bigint', options: InputOptions) {
    this.#split = split;
    this.#window = new FileWindow(split.path, 'sequence file', 0, options.onBytes);
    try {
      this.#header = readHeader(this.#window, longs);
    } catch (e) {
      this.#window.close();
      throw e;
    }
  }

  next(): readonly [unknown, unknown][] | null {
    if (!this.#started) this.#start();
    const records: [unknown, unknown][] = [];
    while (records.length < BATCH && !this.#ended) {
      if (this.#window.ended()) this.#ended = true;
      else if (this.#header.inBlocks) this.#block(records);
      else this.#record(records);
    }
    return records.length === 0 && this.#ended ? null : records;
  }

  close(): void {
    this.#ended = true;
    this.#window.close();
  }

  /** To the first mark of a split; the first split begins behind the header, with or without a mark. */
  #start(): void {
    this.#started = true;
    const { start } = this.#split;
    if (start === 0) return;
    const window = this.#window;
    // What follows the header is the first split's, however short that is. The escape stands before the mark.
    window.seek(Math.max(start, this.#header.end + 1) + 4);
    if (!window.find(this.#header.mark)) this.#ended = true;
    else window.seek(window.position - 4);
  }

  /** At a mark: whether what follows is ours. */
  #passMark(): boolean {
    const window = this.#window;
    const at = window.position;
    if (at >= this.#split.end && !(this.#split.start === 0 && at === this.#header.end)) {
      this.#ended = true;
      return false;
    }
    window.int('a mark');
    if (!window.take(MARK_BYTES, 'a mark').equals(this.#header.mark)) {
      window.seek(at);
      throw window.corrupt("it is not the file's mark that stands where one should");
    }
    return true;
  }

  #record(records: [unknown, unknown][]): void {
    const window = this.#window;
    const at = window.position;
    const length = window.int('the length of a record');
    if (length === ESCAPE) {
      window.seek(at);
      this.#passMark();
      return;
    }
    const keyLength = window.int('the length of a key');
    if (length < 0 || keyLength < 0 || keyLength > length) {
      window.seek(at);
      throw window.corrupt(`a record of ${length} bytes with a key of ${keyLength}`);
    }
    const bytes = window.take(length, 'a record');
    const { readKey, readValue, codec } = this.#header;
    try {
      const key = readKey(new WritableInput(bytes.subarray(0, keyLength)));
      const value = readValue(new WritableInput(unpackBytes(bytes.subarray(keyLength), codec)));
      records.push([key, value]);
    } catch (e) {
      window.seek(at);
      throw this.#failed(e);
    }
  }

  #block(records: [unknown, unknown][]): void {
    const window = this.#window;
    const at = window.position;
    if (window.int('a mark') !== ESCAPE) {
      window.seek(at);
      throw window.corrupt('a mark is expected before a block');
    }
    window.seek(at);
    if (!this.#passMark()) return;
    try {
      const n = readVint(window);
      // The lengths of keys and values say nothing that the values themselves do not.
      this.#piece();
      const keys = new WritableInput(this.#piece());
      this.#piece();
      const values = new WritableInput(this.#piece());
      const { readKey, readValue } = this.#header;
      for (let i = 0; i < n; i++) records.push([readKey(keys), readValue(values)]);
    } catch (e) {
      window.seek(at);
      throw this.#failed(e);
    }
  }

  #piece(): Buffer {
    const length = readVint(this.#window);
    // A copy: four pieces are held at once.
    return unpackBytes(Buffer.from(this.#window.take(length, 'a block')), this.#header.codec);
  }

  #failed(e: unknown): unknown {
    if (e instanceof IskraError && e.code !== 'INPUT_LONG_NOT_SAFE') return e;
    if (e instanceof IskraError)
      return new IskraError(
        e.code,
        `${showPath(this.#window.path)}, before byte ${this.#window.position}: ${e.message}`,
      );
    return this.#window.corrupt((e as Error).message, e);
  }
}

function readVint(window: FileWindow): number {
  const first = window.byte('a number');
  if (first <= 127) return first;
  const signed = first - 256;
  if (signed >= -112) throw window.corrupt('a length below 0');
  if (signed < -116) throw window.corrupt('a length of more than four bytes');
  let value = 0;
  for (const byte of window.take(-112 - signed, 'a number')) value = value * 256 + byte;
  return value;
}

function readText(window: FileWindow, what: string): string {
  return window.take(readVint(window), what).toString('utf8');
}

function readHeader(window: FileWindow, longs: 'number' | 'bigint'): Header {
  const magic = Buffer.from(window.take(4, 'the header'));
  if (magic.toString('latin1', 0, 3) !== 'SEQ') {
    window.seek(0);
    throw window.corrupt('it does not begin with SEQ');
  }
  if (magic[3] !== 6)
    throw window.corrupt(
      `it has version ${magic[3]}, and only version 6 is read; copy it with a Hadoop of this century`,
    );
  const keyClass = readText(window, 'the class of keys');
  const valueClass = readText(window, 'the class of values');
  const packed = window.byte('the header') !== 0;
  const inBlocks = window.byte('the header') !== 0;
  const codec = packed ? codecOf(window, readText(window, 'the class of the codec')) : 'none';
  const entries = window.int('the header');
  for (let i = 0; i < entries * 2; i++) readText(window, 'the header');
  const mark = Buffer.from(window.take(MARK_BYTES, 'the header'));
  const reader = (className: string): ReadWritable => {
    const read = writableReader(className, longs);
    if (read !== null) return read;
    throw new IskraError(
      'INPUT_CLASS_UNKNOWN',
      `${showPath(window.path)} holds values of the class ${className}, which only a JVM can read; ` +
        `known are, of org.apache.hadoop.io: ${READABLE_WRITABLES}`,
      { details: { path: window.path, className } },
    );
  };
  return { readKey: reader(keyClass), readValue: reader(valueClass), codec, inBlocks, mark, end: window.position };
}

function codecOf(window: FileWindow, className: string): CodecName {
  const codec = codecOfHadoopClass(className);
  if (codec !== null) return codec;
  throw new IskraError(
    'INPUT_CODEC_UNKNOWN',
    `${showPath(window.path)} is packed with ${className}, which is not known; copy it with another codec`,
    { details: { path: window.path, className } },
  );
}
