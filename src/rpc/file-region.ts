import { IllegalArgumentError } from '../base/errors.ts';

/**
 * Stands for bytes of a file inside a message or reply. The receiver gets them as a `Uint8Array`; the sender reads
 * them as the connection takes them, never the whole file at once. A file that changes meanwhile is the caller's care.
 *
 * Spark: FileSegmentManagedBuffer
 */
export class FileRegion {
  readonly path: string;
  /** First byte. */
  readonly offset: number;
  /** Bytes. */
  readonly length: number;

  /** @throws IllegalArgumentError for an offset or a length that is no count of bytes. */
  constructor(path: string, offset: number, length: number) {
    if (!Number.isSafeInteger(offset) || offset < 0 || !Number.isSafeInteger(length) || length < 0) {
      throw new IllegalArgumentError(
        `region of ${path} at ${offset} of ${length} bytes: offset and length must be whole numbers, 0 or more`,
        { path, offset, length },
      );
    }
    this.path = path;
    this.offset = offset;
    this.length = length;
  }
}
