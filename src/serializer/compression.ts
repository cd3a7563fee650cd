import { createRequire } from 'node:module';

/** What a payload is packed with; the number is in the block header. */
export const CODEC = { none: 0, lz4: 1 } as const;
export type CompressionName = keyof typeof CODEC;

interface Lz4 {
  compressSync(data: Buffer): Buffer;
  uncompressSync(data: Uint8Array): Buffer;
}

/** Smaller payloads are not worth the call. */
const MIN_BYTES = 512;
/** lz4 takes no more than 2,113,929,216. */
const MAX_BYTES = 2 ** 30;
/** Below this ratio the block is stored as it is: unpacking costs more than the bytes. */
const MIN_RATIO = 1.1;
/** After this many incompressible blocks in a row only each PROBE_EVERY-th is tried (a try costs ~3 ns a byte). */
const GIVE_UP_AFTER = 3;
const PROBE_EVERY = 16;

let loaded: Lz4 | null = null;

/** Loaded by the first block that needs it: 5 ms that small jobs never pay. */
function lz4(): Lz4 {
  loaded ??= createRequire(import.meta.url)('lz4-napi') as Lz4;
  return loaded;
}

/** Decides block by block whether to compress; one per encoder. */
export class Compressor {
  readonly #enabled: boolean;
  #failures = 0;
  #skipped = 0;

  constructor(name: CompressionName) {
    this.#enabled = name === 'lz4';
  }

  /** The lz4 form (with its size in front), or null to store the payload raw. */
  compress(payload: Buffer): Buffer | null {
    if (!this.#enabled || payload.length < MIN_BYTES || payload.length > MAX_BYTES) return null;
    if (this.#failures >= GIVE_UP_AFTER && ++this.#skipped % PROBE_EVERY !== 0) return null;
    const packed = lz4().compressSync(payload);
    if (packed.length * MIN_RATIO > payload.length) {
      this.#failures++;
      return null;
    }
    this.#failures = 0;
    return packed;
  }
}

/** @throws Error from lz4 for bytes that it did not write. */
export function decompress(packed: Uint8Array): Buffer {
  return lz4().uncompressSync(packed);
}
