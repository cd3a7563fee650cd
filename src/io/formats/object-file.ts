// What saveAsObjectFile writes: blocks of the serializer, each after a mark, so that readers may begin anywhere.
//
//   | ISKRAOBJ | version | mark | crc32 |   | mark | block …   | mark | block …
//   |    8     |    4    |  16  |   4   |   |  16  |           |  16  |
//
// The checksum is over the 28 bytes before it. Blocks have their own (serializer/block.ts).
import { crc32 } from 'node:zlib';
import type { BatchIterator } from '../../base/batch-iterator.ts';
import type { FileSplit } from '../../protocol/file-formats.ts';
import {
  BLOCK_HEADER_BYTES,
  CorruptBlockError,
  decodeBlock,
  RecordEncoder,
  readBlockHeader,
} from '../../serializer/serializer.ts';
import { FileSink } from '../byte-sink.ts';
import type { InputOptions } from '../input-options.ts';
import type { RecordWriter } from '../record-writer.ts';
import { FileWindow } from './file-window.ts';

const MAGIC = 'ISKRAOBJ';
const VERSION = 1;
const MARK_BYTES = 16;
const HEADER_BYTES = 32;
const RECORDS_PER_BLOCK = 2048;

export class ObjectFileWriter implements RecordWriter {
  readonly #sink: FileSink;
  readonly #encoder: RecordEncoder;
  readonly #mark: Buffer;
  #pending: unknown[] = [];
  #records = 0;
  #closed = false;

  constructor(path: string, compress: boolean) {
    this.#encoder = new RecordEncoder({ compression: compress ? 'lz4' : 'none' });
    // Of the attempt's own path: no other file has it, and the same attempt always gives the same bytes.
    // Not imported above: slots and commands that need it not start 3 ms sooner.
    this.#mark = process.getBuiltinModule('node:crypto').createHash('md5').update(path).digest();
    this.#sink = new FileSink(path);
    const header = Buffer.alloc(HEADER_BYTES);
    header.write(MAGIC, 'latin1');
    header.writeUInt32BE(VERSION, 8);
    this.#mark.copy(header, 12);
    header.writeUInt32BE(crc32(header.subarray(0, 28)), 28);
    this.#sink.write(header);
  }

  get bytesWritten(): number {
    return this.#sink.bytesWritten;
  }

  get recordsWritten(): number {
    return this.#records;
  }

  write(batch: readonly unknown[]): void {
    this.#records += batch.length;
    if (this.#pending.length === 0 && batch.length >= RECORDS_PER_BLOCK) {
      this.#block(batch);
      return;
    }
    for (let i = 0; i < batch.length; i++) this.#pending.push(batch[i]);
    if (this.#pending.length >= RECORDS_PER_BLOCK) this.#flush();
  }

  close(): void {
    if (this.#closed) return;
    try {
      this.#flush();
      this.#sink.end();
    } finally {
      this.abandon();
    }
  }

  abandon(): void {
    this.#closed = true;
    this.#sink.close();
  }

  #flush(): void {
    if (this.#pending.length > 0) this.#block(this.#pending);
    this.#pending = [];
  }

  #block(records: readonly unknown[]): void {
    const block = this.#encoder.encode(records, 0, records.length);
    this.#sink.write(this.#mark);
    this.#sink.write(block);
  }
}

/** The blocks whose marks begin in the split's bytes. */
export class ObjectFileReader implements BatchIterator {
  readonly #window: FileWindow;
  readonly #end: number;
  readonly #mark: Buffer;
  #started = false;
  #ended = false;
  readonly #start: number;

  constructor(split: FileSplit, options: InputOptions) {
    this.#end = split.end;
    this.#start = split.start;
    this.#window = new FileWindow(split.path, 'object file of saveAsObjectFile', 0, options.onBytes);
    try {
      this.#mark = readHeader(this.#window);
    } catch (e) {
      this.#window.close();
      throw e;
    }
  }

  next(): readonly unknown[] | null {
    const window = this.#window;
    if (!this.#started) {
      this.#started = true;
      if (this.#start > 0) {
        window.seek(Math.max(this.#start, HEADER_BYTES + 1));
        if (!window.find(this.#mark)) this.#ended = true;
      }
    }
    if (this.#ended) return null;
    const begin = window.position;
    // The first block is the first split's, however short that is.
    if (window.ended() || (begin >= this.#end && !(this.#start === 0 && begin === HEADER_BYTES))) return null;
    if (!window.take(MARK_BYTES, 'a mark').equals(this.#mark)) {
      window.seek(begin);
      throw window.corrupt('a mark is expected between blocks, and something else is there');
    }
    try {
      const { payloadBytes } = readBlockHeader(window.take(BLOCK_HEADER_BYTES, 'a block'), 0);
      window.seek(begin + MARK_BYTES);
      return decodeBlock(window.take(BLOCK_HEADER_BYTES + payloadBytes, 'a block'), 0);
    } catch (e) {
      if (!(e instanceof CorruptBlockError)) throw e;
      window.seek(begin + MARK_BYTES);
      // Its own text speaks of a block in memory, which can be made again.
      throw window.corrupt(`a block: ${e.message.replace(/^.*? is corrupt: |; it must be .*$/g, '')}`, e);
    }
  }

  close(): void {
    this.#window.close();
  }
}

function readHeader(window: FileWindow): Buffer {
  const header = Buffer.from(window.take(HEADER_BYTES, 'the header'));
  if (header.toString('latin1', 0, 8) !== MAGIC) {
    window.seek(0);
    throw window.corrupt(`it begins with ${JSON.stringify(header.toString('latin1', 0, 8))} instead of "${MAGIC}"`);
  }
  if (header.readUInt32BE(28) !== crc32(header.subarray(0, 28))) throw window.corrupt('the checksum of the header');
  const version = header.readUInt32BE(8);
  if (version !== VERSION)
    throw window.corrupt(`it has version ${version}, and this build reads ${VERSION}; use the Iskra that wrote it`);
  return header.subarray(12, 12 + MARK_BYTES);
}
