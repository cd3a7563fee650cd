import { IskraError } from '../../base/errors.ts';
import { shortInspect } from '../../base/value-errors.ts';
import type { CodecName, SequenceOutputFormat, WritableName } from '../../protocol/file-formats.ts';
import { FileSink } from '../byte-sink.ts';
import { hadoopClassOf } from '../codecs/codec-names.ts';
import { packBytes } from '../codecs/pack-bytes.ts';
import type { RecordWriter } from '../record-writer.ts';
import { WritableOutput, type WriteWritable, writableClass, writableFor, writableWriter } from './writables.ts';

const ESCAPE = -1;
/** A mark follows when so much was written since the last. Hadoop: SequenceFile.SYNC_INTERVAL */
const MARK_EVERY_BYTES = 5 * 1024 * 20;
/** Hadoop: io.seqfile.compress.blocksize */
const BLOCK_BYTES = 1_000_000;
const FLUSH_BYTES = 256 * 1024;

/** [key, value] records as Hadoop's SequenceFile; the layout is in sequence-file-reader.ts. */
export class SequenceFileWriter implements RecordWriter {
  readonly #format: SequenceOutputFormat;
  readonly #partition: number;
  readonly #codec: CodecName;
  readonly #mark: Buffer;
  readonly #sink: FileSink;
  readonly #out = new WritableOutput();
  readonly #record = new WritableOutput();
  /** Of a block: lengths of keys, keys, lengths of values, values. */
  readonly #pieces = [new WritableOutput(), new WritableOutput(), new WritableOutput(), new WritableOutput()] as const;
  #writeKey: WriteWritable | null = null;
  #writeValue: WriteWritable | null = null;
  #lastMark = 0;
  #inBlock = 0;
  #records = 0;
  #closed = false;

  constructor(path: string, format: SequenceOutputFormat, partition: number) {
    this.#format = format;
    this.#partition = partition;
    this.#codec = format.compressionType === 'NONE' ? 'none' : format.codec;
    // Not imported above: slots and commands that need it not start 3 ms sooner.
    this.#mark = process.getBuiltinModule('node:crypto').createHash('md5').update(path).digest();
    this.#sink = new FileSink(path);
  }

  get bytesWritten(): number {
    return this.#sink.bytesWritten;
  }

  get recordsWritten(): number {
    return this.#records;
  }

  write(batch: readonly unknown[]): void {
    for (let i = 0; i < batch.length; i++) {
      const record = batch[i];
      if (!Array.isArray(record) || record.length !== 2)
        throw new IskraError(
          'NOT_A_PAIR',
          `saveAsSequenceFile needs records that are [key, value] arrays, but record ${this.#records} of partition ` +
            `${this.#partition} is ${shortInspect(record)}`,
        );
      if (this.#writeKey === null) this.#begin(record[0], record[1]);
      this.#add(record[0], record[1]);
      this.#records++;
    }
  }

  close(): void {
    if (this.#closed) return;
    try {
      if (this.#writeKey === null) this.#begin(null, null);
      this.#endBlock();
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

  #begin(key: unknown, value: unknown): void {
    const keyClass = this.#classOf(this.#format.keyClass, key, 'keyClass');
    const valueClass = this.#classOf(this.#format.valueClass, value, 'valueClass');
    this.#writeKey = writableWriter(keyClass);
    this.#writeValue = writableWriter(valueClass);
    const out = this.#out;
    out.raw(Buffer.from('SEQ\x06', 'latin1'));
    out.text(writableClass(keyClass));
    out.text(writableClass(valueClass));
    out.byte(this.#codec === 'none' ? 0 : 1);
    out.byte(this.#blocks() ? 1 : 0);
    if (this.#codec !== 'none') out.text(hadoopClassOf(this.#codec));
    out.int(0);
    out.raw(this.#mark);
    this.#lastMark = out.length;
  }

  #classOf(named: WritableName | null, value: unknown, option: string): WritableName {
    const name = named ?? writableFor(value);
    if (name === null)
      throw new IskraError(
        'OUTPUT_NOT_WRITABLE_AS',
        `saveAsSequenceFile: ${shortInspect(value)} is of no class that sequence files have; map it to a text, a number, ` +
          `a boolean, bytes or null, or name one with { ${option} }`,
      );
    return name;
  }

  #blocks(): boolean {
    return this.#codec !== 'none' && this.#format.compressionType === 'BLOCK';
  }

  #add(key: unknown, value: unknown): void {
    // Set by #begin before the first record.
    const [writeKey, writeValue] = [this.#writeKey as WriteWritable, this.#writeValue as WriteWritable];
    if (this.#blocks()) {
      const [keyLengths, keys, valueLengths, values] = this.#pieces;
      const [keysBefore, valuesBefore] = [keys.length, values.length];
      writeKey(keys, key);
      keyLengths.vint(keys.length - keysBefore);
      writeValue(values, value);
      valueLengths.vint(values.length - valuesBefore);
      this.#inBlock++;
      if (keys.length + values.length >= BLOCK_BYTES) this.#endBlock();
      return;
    }
    const out = this.#out;
    if (this.#position() >= this.#lastMark + MARK_EVERY_BYTES) this.#putMark();
    const record = this.#record;
    record.clear();
    writeKey(record, key);
    const keyLength = record.length;
    writeValue(record, value);
    const bytes = record.bytes;
    const packed = packValue(bytes.subarray(keyLength), this.#codec);
    out.int(keyLength + packed.length);
    out.int(keyLength);
    out.raw(bytes.subarray(0, keyLength));
    out.raw(packed);
    if (out.length >= FLUSH_BYTES) this.#flush();
  }

  #position(): number {
    return this.#sink.bytesWritten + this.#out.length;
  }

  #putMark(): void {
    this.#out.int(ESCAPE);
    this.#out.raw(this.#mark);
    this.#lastMark = this.#position();
  }

  #endBlock(): void {
    if (this.#inBlock === 0) return;
    this.#putMark();
    this.#out.vint(this.#inBlock);
    for (const piece of this.#pieces) {
      const packed = packBytes(piece.bytes, this.#codec);
      this.#out.vint(packed.length);
      this.#out.raw(packed);
      piece.clear();
    }
    this.#inBlock = 0;
    this.#flush();
  }

  #flush(): void {
    this.#sink.write(this.#out.bytes);
    this.#out.clear();
  }
}

const packValue = (bytes: Buffer, codec: CodecName): Buffer => (codec === 'none' ? bytes : packBytes(bytes, codec));
