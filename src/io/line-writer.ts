import { IskraError } from '../base/errors.ts';
import { recordText } from '../base/record-text.ts';
import type { CodecName } from '../protocol/file-formats.ts';
import type { ByteSink } from './byte-sink.ts';
import { openSink } from './codecs/open-source.ts';
import type { RecordWriter } from './record-writer.ts';

const BUFFER_BYTES = 256 * 1024;

/** How a record becomes a line. */
export interface LineFormat {
  /** For messages: `saveAsTextFile`. */
  readonly operator: string;
  /** Before the first record, `null` of an empty partition. Null: no line. */
  header(first: unknown): string | null;
  /** May throw anything; an IskraError is passed on, of others only the message. Null and undefined never come. */
  line(record: unknown): string;
}

/** Writes records as lines, an LF after each, UTF-8. Synchronous. */
export class LineWriter implements RecordWriter {
  readonly #format: LineFormat;
  readonly #partition: number;
  readonly #sink: ByteSink;
  readonly #buffer: Buffer = Buffer.allocUnsafeSlow(BUFFER_BYTES);
  #used = 0;
  #records = 0;
  #begun = false;
  #closed = false;

  /** @param partition for messages only. */
  constructor(path: string, codec: CodecName, partition: number, format: LineFormat) {
    this.#partition = partition;
    this.#format = format;
    this.#sink = openSink(path, codec);
  }

  get bytesWritten(): number {
    return this.#sink.bytesWritten;
  }

  get recordsWritten(): number {
    return this.#records;
  }

  /** @throws IskraError OUTPUT_NULL_RECORD, OUTPUT_RECORD_NOT_TEXT, OUTPUT_NOT_WRITABLE. */
  write(batch: readonly unknown[]): void {
    if (!this.#begun && batch.length > 0) this.#begin(batch[0]);
    for (let i = 0; i < batch.length; i++) {
      const record = batch[i];
      this.#line(typeof record === 'string' && this.#format === textLines ? record : this.#toText(record));
      this.#records++;
    }
  }

  close(): void {
    if (this.#closed) return;
    try {
      if (!this.#begun) this.#begin(null);
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

  #begin(first: unknown): void {
    this.#begun = true;
    const header = this.#format.header(first);
    if (header !== null) this.#line(header);
  }

  #line(line: string): void {
    // A UTF-16 unit is at most three bytes of UTF-8.
    const most = line.length * 3 + 1;
    if (this.#used + most > BUFFER_BYTES) {
      this.#flush();
      if (most > BUFFER_BYTES) {
        this.#sink.write(Buffer.from(line));
        this.#buffer[this.#used++] = 10;
        return;
      }
    }
    const used = this.#used + this.#buffer.write(line, this.#used);
    this.#buffer[used] = 10;
    this.#used = used + 1;
  }

  #toText(record: unknown): string {
    const { operator } = this.#format;
    const details = { partition: this.#partition, record: this.#records };
    if (record === null || record === undefined)
      throw new IskraError(
        'OUTPUT_NULL_RECORD',
        `text files do not allow null rows: record ${this.#records} of partition ${this.#partition} is ${record}; ` +
          `filter such records out or map them to something else before ${operator}`,
        { details },
      );
    try {
      return this.#format.line(record);
    } catch (cause) {
      if (cause instanceof IskraError) throw cause;
      throw new IskraError(
        'OUTPUT_RECORD_NOT_TEXT',
        `record ${this.#records} of partition ${this.#partition} cannot be made text: ${(cause as Error)?.message}; ` +
          `map it to a string before ${operator}`,
        { cause, details },
      );
    }
  }

  #flush(): void {
    const used = this.#used;
    this.#used = 0;
    if (used > 0) this.#sink.write(this.#buffer.subarray(0, used));
  }
}

export const textLines: LineFormat = {
  operator: 'saveAsTextFile',
  header: () => null,
  line: recordText,
};
