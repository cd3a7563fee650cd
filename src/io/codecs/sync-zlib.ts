import { createRequire } from 'node:module';

/**
 * What we use of minizlib. Node's own zlib streams only asynchronously, and tasks are synchronous; minizlib drives the same
 * native code step by step (310 MB/s of text inflated; pure JavaScript ones: 95). Its own types want a newer @types/node than
 * our lowest Node has.
 */
export interface SyncZlibStream {
  on(event: 'data', heard: (chunk: Buffer) => void): unknown;
  on(event: 'error', heard: (error: Error) => void): unknown;
  /** The data and error events of this chunk come before it returns. */
  write(chunk: Buffer): unknown;
  end(): unknown;
  close(): void;
  removeAllListeners(): unknown;
}

interface ZlibOptions {
  readonly chunkSize: number;
  readonly level?: number;
  /** No operating system in gzip's header, so that equal records give equal files everywhere. */
  readonly portable?: boolean;
}

type ZlibClass = new (options: ZlibOptions) => SyncZlibStream;

export interface SyncZlib {
  readonly Gunzip: ZlibClass;
  readonly Gzip: ZlibClass;
  readonly Inflate: ZlibClass;
  readonly Deflate: ZlibClass;
  /** There on each Node, but they work only from 22.15 on. */
  readonly ZstdCompress: ZlibClass;
  readonly ZstdDecompress: ZlibClass;
}

const require = createRequire(import.meta.url);

/** Loaded when the first compressed file is opened: most jobs have none. */
export function loadSyncZlib(): SyncZlib {
  return require('minizlib') as SyncZlib;
}
