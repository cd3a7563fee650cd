import { IskraError } from '../../base/errors.ts';
import { type ByteSource, FileSource } from '../byte-source.ts';
import { showPath } from '../file-system.ts';
import { ioError } from '../io-error.ts';

/** Takes packed bytes and gives plain ones, as far as they are complete. Errors are thrown. */
export interface Decoder {
  /** `out` keeps what it is given. */
  push(packed: Buffer, out: (plain: Buffer) => void): void;
  /** No more bytes come. Throws when some are missing. */
  end(out: (plain: Buffer) => void): void;
  close(): void;
}

/** A decoder found that the file ends too early. */
export class TruncatedError extends Error {}

// Deflate grows at most 1032 times, so one step may give 33 MB in the worst case and some 100 KB in a usual one.
const STEP_BYTES = 32 * 1024;

/** A packed file, unpacked step by step in bounded memory. */
export class DecodedSource implements ByteSource {
  readonly #path: string;
  readonly #codec: string;
  readonly #file: FileSource;
  readonly #decoder: Decoder;
  readonly #input: Buffer = Buffer.allocUnsafeSlow(STEP_BYTES);
  readonly #keep = (plain: Buffer): void => {
    if (plain.length > 0) this.#ready.push(plain);
  };
  #ready: Buffer[] = [];
  #at = 0;
  #ended = false;

  constructor(path: string, codec: string, makeDecoder: () => Decoder, onBytes?: (bytes: number) => void) {
    this.#path = path;
    this.#codec = codec;
    this.#decoder = makeDecoder();
    this.#file = new FileSource(path, 0, onBytes);
  }

  read(target: Buffer, offset: number, length: number): number {
    while (this.#ready.length === 0) {
      if (this.#ended) return 0;
      this.#step();
    }
    const chunk = this.#ready[0] as Buffer; // the loop above ends with at least one
    const n = chunk.copy(target, offset, this.#at, Math.min(chunk.length, this.#at + length));
    this.#at += n;
    if (this.#at === chunk.length) {
      this.#ready.shift();
      this.#at = 0;
    }
    return n;
  }

  #step(): void {
    const n = this.#file.read(this.#input, 0, STEP_BYTES);
    try {
      if (n > 0) this.#decoder.push(this.#input.subarray(0, n), this.#keep);
      else {
        this.#ended = true;
        // An empty file is an empty text.
        if (this.#file.position > 0) this.#decoder.end(this.#keep);
      }
    } catch (e) {
      // A package that is missing says so itself.
      if (e instanceof IskraError) throw e;
      throw corrupt(this.#path, this.#codec, this.#file.position, e);
    }
  }

  close(): void {
    this.#file.close();
    this.#ready = [];
    this.#ended = true;
    this.#decoder.close();
  }
}

const CHECKERS: Readonly<Record<string, string>> = { gzip: 'gzip -t', bzip2: 'bzip2 -t', zstd: 'zstd -t' };

/** @param at bytes of the file that were read before the error showed. */
export function corrupt(path: string, codec: string, at: number, cause: unknown): IskraError {
  const why =
    cause instanceof TruncatedError
      ? `it ends in the middle after ${at} compressed bytes`
      : `its content is damaged near compressed byte ${at} or is not ${codec}`;
  const check = CHECKERS[codec];
  return ioError(
    'INPUT_CORRUPT',
    `cannot decompress ${showPath(path)}: ${why}; ${check ? `check it with ${check}` : 'make it again'}`,
    cause,
    { path, offset: at },
  );
}
