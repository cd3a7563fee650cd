/** Writes the records of one task to one part file; synchronous. */
export interface RecordWriter {
  write(batch: readonly unknown[]): void;
  /** Writes what is held back and closes the file. */
  close(): void;
  /** Closes the file as it is; for attempts that failed. May be called more than once, and after `close`. */
  abandon(): void;
  /** In the file so far. After `close`: its size. */
  readonly bytesWritten: number;
  readonly recordsWritten: number;
}
