import { WORD, type WordClasses } from './word-classes.ts';
import { giveBackKernel, takeKernel, type WordKernel } from './word-kernel.ts';

const LF = 10;
const CR = 13;
const PAGE = 1 << 16;
/** Fields of an entry in 32 bits each, behind the first bytes of its word. */
const FIELDS = 8;
const LENGTH = 4;
const TIMES = 5;
const PLACE = 6;
/** V8 copies parts of strings that are shorter; longer ones would keep the whole. */
const COPIED = 13;
/** Words of more could not be counted in 32 bits. */
const MAX_BYTES = 1 << 30;

/** Words that came so many times. */
export type OnWord = (word: string, times: number) => void;

/**
 * Counts words of text before they are strings: one that came before costs no object, and is not decoded again. Its loop is
 * WebAssembly (kernel/word-kernel.ts).
 */
export class WordTally {
  readonly #classes: WordClasses;
  readonly #onWord: OnWord;
  #kernel: WordKernel | null = null;
  /** Since the last flush: there are fewer words. */
  #bytes = 0;

  /** @param onWord is told what was counted, the first to come first, when there is no room for more and by `flush`. */
  constructor(classes: WordClasses, onWord: OnWord) {
    this.#classes = classes;
    this.#onWord = onWord;
  }

  /**
   * Counts the words of whole lines.
   *
   * @param lines at most a MiB, without the terminator of the last one; ASCII where the classes ask for it, UTF-8 else.
   * @returns how many lines they are.
   */
  add(lines: Uint8Array): number {
    const kernel = this.#begun();
    const end = this.#take(kernel, lines);
    if (this.#bytes > MAX_BYTES) this.flush();
    for (let at = kernel.count(0, end); at < end; at = kernel.count(at, end))
      if (this.#isFull(kernel)) this.flush();
      else kernel.grow();
    this.#bytes += end;
    return kernel.lines(end);
  }

  /** Tells all that was counted, and begins anew. */
  flush(): void {
    const kernel = this.#begun();
    const { memory, SHORT, ENTRIES, LETTERS } = kernel;
    const size = kernel.words();
    const entries = new Int32Array(memory.buffer, ENTRIES.value, size * FIELDS);
    const bytes = Buffer.from(memory.buffer, ENTRIES.value, size * FIELDS * 4);
    const letters = Buffer.from(memory.buffer, LETTERS.value, kernel.lettersUsed());
    const isWide = kernel.isWide() !== 0;
    // One string of all entries, of which words are parts, takes a quarter of the time of decoding each by itself.
    const text = isWide ? '' : bytes.toString('latin1');
    const short = SHORT.value;
    if (kernel.empties() > 0) this.#onWord('', kernel.empties());
    for (let at = 0; at < entries.length; at += FIELDS) {
      const length = entries[at + LENGTH] as number; // at < entries.length
      const start = at * 4;
      const place = entries[at + PLACE] as number;
      let word: string;
      if (length < COPIED && !isWide) word = text.substring(start, start + length);
      else if (length <= short) word = bytes.toString('utf8', start, start + length);
      else word = letters.toString('utf8', place, place + length);
      this.#onWord(word, entries[at + TIMES] as number);
    }
    kernel.clear();
    this.#bytes = 0;
  }

  /** Tells all that was counted, and is not used any more. */
  finish(): void {
    if (this.#kernel === null) return;
    this.flush();
    giveBackKernel(this.#kernel);
    this.#kernel = null;
  }

  #begun(): WordKernel {
    if (this.#kernel !== null) return this.#kernel;
    const kernel = takeKernel();
    const { ofByte, merging, trim } = this.#classes;
    const tables = new Uint8Array(kernel.memory.buffer, kernel.CLASSES.value, 32).fill(0);
    for (let half = 0; half < 8; half++) tables[16 + half] = 1 << half;
    // Bytes beyond ASCII are parts of words.
    for (let byte = 0; byte < 0x80; byte++)
      if (ofByte[byte] !== WORD) tables[byte & 15] = (tables[byte & 15] as number) | (1 << (byte >> 4)); // byte & 15 < 32
    kernel.begin(merging, trim);
    this.#kernel = kernel;
    return kernel;
  }

  #isFull(kernel: WordKernel): boolean {
    return kernel.words() === kernel.MAX_ENTRIES.value || kernel.lettersUsed() > kernel.MAX_LETTERS.value / 2;
  }

  /** Copies lines to where the kernel looks for them. Returns where they end, behind an LF. */
  #take(kernel: WordKernel, lines: Uint8Array): number {
    const { memory, TEXT, BEHIND } = kernel;
    const missing = TEXT.value + lines.length + 1 + BEHIND.value - memory.buffer.byteLength;
    if (missing > 0) memory.grow(Math.ceil(missing / PAGE));
    const text = new Uint8Array(memory.buffer, TEXT.value);
    let end = lines.length;
    if (lines.includes(CR)) {
      end = 0;
      for (let i = 0; i < lines.length; i++) {
        const byte = lines[i] as number; // i < lines.length
        if (byte === LF && i > 0 && lines[i - 1] === CR) continue; // the CR became an LF
        text[end++] = byte === CR ? LF : byte;
      }
    } else text.set(lines);
    text[end++] = LF;
    if (this.#classes.lowerCase) kernel.lower(end);
    return end;
  }
}
