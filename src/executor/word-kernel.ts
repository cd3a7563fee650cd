import { WORD_KERNEL } from './word-kernel-bytes.ts';

interface Value {
  readonly value: number;
}

/** What kernel/word-kernel.ts exports, which says what it means. */
export interface WordKernel {
  readonly memory: { readonly buffer: ArrayBuffer; grow(pages: number): number };
  readonly SHORT: Value;
  readonly MAX_ENTRIES: Value;
  readonly MAX_LETTERS: Value;
  readonly CLASSES: Value;
  readonly ENTRIES: Value;
  readonly LETTERS: Value;
  readonly TEXT: Value;
  readonly BEHIND: Value;
  words(): number;
  empties(): number;
  lettersUsed(): number;
  isWide(): number;
  begin(merging: boolean, trim: boolean): void;
  clear(): void;
  grow(): void;
  lower(length: number): void;
  lines(length: number): number;
  count(from: number, end: number): number;
}

/** As much of it as is used: types of Node have none of it, and those of browsers would bring a browser. */
declare const WebAssembly: {
  validate(bytes: Uint8Array): boolean;
  readonly Module: new (bytes: Uint8Array) => object;
  readonly Instance: new (module: object) => { readonly exports: unknown };
};

/** Undefined: not compiled yet; null: it cannot be. */
let compiled: object | null | undefined;
/** One that nobody uses: its 5 MiB are better used again than collected. */
let spare: WordKernel | null = null;

/** Whether there is a kernel here: all but a processor without vectors, and a Node that may not make code (`--jitless`). */
export function hasKernel(): boolean {
  if (compiled === undefined) {
    const bytes = Buffer.from(WORD_KERNEL, 'base64');
    compiled = typeof WebAssembly === 'object' && WebAssembly.validate(bytes) ? new WebAssembly.Module(bytes) : null;
  }
  return compiled !== null;
}

/** @returns one that nobody else has. Throws where `hasKernel` says that there is none. */
export function takeKernel(): WordKernel {
  const kernel = spare;
  spare = null;
  if (kernel !== null) return kernel;
  if (!hasKernel()) throw new Error('there is no WebAssembly with vectors here');
  return new WebAssembly.Instance(compiled as object).exports as WordKernel; // compiled above; exports are its source's
}

/** @param kernel is not used any more by whoever took it. */
export function giveBackKernel(kernel: WordKernel): void {
  spare = kernel;
}
