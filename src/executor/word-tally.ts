import { isAscii } from 'node:buffer';
import { END_OF_LINE, SEPARATOR, WORD, type WordClasses } from './word-classes.ts';

const LF = 10;
const CR = 13;

/** Fields of an entry, beside its first eight bytes, which are the first two. */
const FIELDS = 8;
const LENGTH = 2;
const COUNT = 3;
const PLACE = 4;
const HASH = 5;
const MIN_ENTRIES = 1 << 11;
/** With their slots, which are twice as many, 4 MiB: caches of most machines have no room for more. */
const MAX_ENTRIES = 1 << 16;
const MIN_LETTERS = 1 << 14;
const MAX_LETTERS = 1 << 21;
/** Words of more could not be counted in 32 bits. */
const MAX_BYTES = 1 << 30;

/** Words that came so many times. */
export type OnWord = (word: string, times: number) => void;

/**
 * Counts words of text before they are strings: one that came before costs no object, and is not decoded again.
 *
 *   slots    [bytes 0-3, bytes 4-7, length, count, place of its bytes in `letters`, hash, -, -] of each word, open addressing, linear
 *   order    slots in the order in which their words came first
 *
 * Words of up to eight bytes are compared as two integers; only longer ones have their letters looked at.
 */
export class WordTally {
  readonly #classes: WordClasses;
  readonly #onWord: OnWord;
  /** Bytes above are all parts of words: most of them, where blanks separate, and to be told without a look into a table. */
  readonly #last: number;
  #slots = new Int32Array(2 * MIN_ENTRIES * FIELDS);
  #order = new Int32Array(MIN_ENTRIES);
  #size = 0;
  #letters: Buffer = Buffer.allocUnsafeSlow(MIN_LETTERS);
  #lettersUsed = 0;
  #empty = 0;
  /** Since the last flush: there are fewer words. */
  #bytes = 0;
  #lines = 0;
  /** Lines as they are counted: each with an LF behind it, and in lower case if that is asked for. */
  #text: Uint8Array = new Uint8Array(0);

  /** @param onWord is told what was counted, the first to come first, when there is no room for more and by `flush`. */
  constructor(classes: WordClasses, onWord: OnWord) {
    this.#classes = classes;
    this.#onWord = onWord;
    this.#last = classes.ofByte.findLastIndex((kind) => kind !== WORD);
  }

  /**
   * Counts the words of whole lines.
   *
   * @param lines without the terminator of the last one; ASCII where the classes ask for it, UTF-8 else.
   * @returns how many lines they are.
   */
  add(lines: Uint8Array): number {
    this.#lines = 0;
    const end = this.#take(lines);
    if (this.#bytes > MAX_BYTES) this.flush();
    for (let at = 0; at < end; ) {
      at = this.#count(at, end);
      if (at < end) this.#makeRoom(at, end);
    }
    this.#bytes += end;
    return this.#lines;
  }

  /** Tells all that was counted, and begins anew. */
  flush(): void {
    const slots = this.#slots;
    const text = this.#letters.subarray(0, this.#lettersUsed);
    const encoding = isAscii(text) ? 'latin1' : 'utf8';
    const size = this.#size;
    const order = this.#order;
    if (this.#empty > 0) this.#onWord('', this.#empty);
    for (let i = 0; i < size; i++) {
      const slot = order[i] as number; // i < size
      const place = slots[slot + PLACE] as number;
      this.#onWord(
        text.toString(encoding, place, place + (slots[slot + LENGTH] as number)),
        slots[slot + COUNT] as number,
      );
    }
    slots.fill(0);
    this.#size = 0;
    this.#lettersUsed = 0;
    this.#empty = 0;
    this.#bytes = 0;
  }

  /** Copies lines into `text`. Returns where they end, behind an LF. */
  #take(lines: Uint8Array): number {
    if (this.#text.length <= lines.length) this.#text = new Uint8Array(lines.length + 1);
    const text = this.#text;
    text.set(lines);
    let end = lines.length;
    if (lines.includes(CR)) {
      end = 0;
      for (let i = 0; i < lines.length; i++) {
        const byte = lines[i] as number;
        if (byte === LF && i > 0 && lines[i - 1] === CR) continue; // the CR became an LF
        text[end++] = byte === CR ? LF : byte;
      }
    }
    if (this.#classes.lowerCase)
      for (let i = 0; i < end; i++) {
        const byte = text[i] as number;
        if (byte >= 65 && byte <= 90) text[i] = byte | 32;
      }
    text[end++] = LF;
    return end;
  }

  /** Counts from a word's start on. Returns the end, or the start of a word for which there is no room. */
  #count(from: number, end: number): number {
    const text = this.#text;
    const { ofByte, merging, trim } = this.#classes;
    const last = this.#last;
    const slots = this.#slots;
    const order = this.#order;
    const letters = this.#letters;
    const mask = slots.length - 1;
    let size = this.#size;
    let used = this.#lettersUsed;
    let lines = 0;
    let empty = 0;
    let at = from;
    while (at < end) {
      const start = at;
      let low = 0;
      let high = 0;
      let byte = text[at] as number; // an LF ends the text
      // Straight code for eight bytes: a loop over them takes a third more time.
      if (byte > last || ofByte[byte] === WORD) {
        low = byte;
        byte = text[++at] as number;
        if (byte > last || ofByte[byte] === WORD) {
          low |= byte << 8;
          byte = text[++at] as number;
          if (byte > last || ofByte[byte] === WORD) {
            low |= byte << 16;
            byte = text[++at] as number;
            if (byte > last || ofByte[byte] === WORD) {
              low |= byte << 24;
              byte = text[++at] as number;
              if (byte > last || ofByte[byte] === WORD) {
                high = byte;
                byte = text[++at] as number;
                if (byte > last || ofByte[byte] === WORD) {
                  high |= byte << 8;
                  byte = text[++at] as number;
                  if (byte > last || ofByte[byte] === WORD) {
                    high |= byte << 16;
                    byte = text[++at] as number;
                    if (byte > last || ofByte[byte] === WORD) {
                      high |= byte << 24;
                      byte = text[++at] as number;
                      while (byte > last || ofByte[byte] === WORD) byte = text[++at] as number;
                    }
                  }
                }
              }
            }
          }
        }
      }
      const length = at - start;
      at++;
      if (length === 0) {
        if (!merging || this.#isEmptyWord(start, byte, trim)) empty++;
        if (byte === LF) lines++;
        continue;
      }
      let hash = Math.imul(low, 0x9e3779b1) ^ Math.imul(high, 0x85ebca6b);
      if (length > 8)
        hash = Math.imul(
          hash ^ ((text[at - 2] as number) | ((text[at - 3] as number) << 8) | (length << 16)),
          0x2c1b3c6d,
        );
      hash ^= hash >>> 15;
      let slot = Math.imul(hash, FIELDS) & mask;
      for (;;) {
        const found = slots[slot + LENGTH] as number;
        if (found === length) {
          if (slots[slot] === low && slots[slot + 1] === high) {
            let same = 8;
            if (length > 8) {
              const place = slots[slot + PLACE] as number;
              while (same < length && letters[place + same] === text[start + same]) same++;
            }
            if (same >= length) {
              slots[slot + COUNT] = (slots[slot + COUNT] as number) + 1;
              break;
            }
          }
        } else if (found === 0) {
          if (size === order.length || used + length > letters.length) {
            at = start;
            break;
          }
          slots[slot] = low;
          slots[slot + 1] = high;
          slots[slot + LENGTH] = length;
          slots[slot + COUNT] = 1;
          slots[slot + PLACE] = used;
          slots[slot + HASH] = hash;
          for (let i = 0; i < length; i++) letters[used + i] = text[start + i] as number;
          used += length;
          order[size++] = slot;
          break;
        }
        slot = (slot + FIELDS) & mask;
      }
      if (at === start) break;
      if (byte === LF) lines++;
    }
    this.#size = size;
    this.#lettersUsed = used;
    this.#empty += empty;
    this.#lines += lines;
    return at;
  }

  /** Whether there is an empty word before this byte, where separators merge: at both ends of a line only. */
  #isEmptyWord(at: number, byte: number, trim: boolean): boolean {
    const text = this.#text;
    const { ofByte } = this.#classes;
    const isStart = at === 0 || text[at - 1] === LF;
    if (!trim) return isStart || byte === LF;
    // A line of blanks is one empty word; others have none.
    if (byte !== LF) return false;
    let i = at - 1;
    while (i >= 0 && ofByte[text[i] as number] === SEPARATOR) i--;
    return i < 0 || ofByte[text[i] as number] === END_OF_LINE;
  }

  /** For the word at `at`, which is new: a larger table, or an empty one. */
  #makeRoom(at: number, end: number): void {
    let length = 0;
    while (at + length < end && this.#classes.ofByte[this.#text[at + length] as number] === WORD) length++;
    const needed = this.#lettersUsed + length;
    if (this.#size === MAX_ENTRIES || (needed > MAX_LETTERS && this.#size > 0)) {
      this.flush();
      if (length <= this.#letters.length) return;
    }
    if (this.#size === this.#order.length) this.#rehash();
    if (this.#lettersUsed + length > this.#letters.length) {
      const letters = Buffer.allocUnsafeSlow(Math.max(2 * this.#letters.length, this.#lettersUsed + length));
      this.#letters.copy(letters, 0, 0, this.#lettersUsed);
      this.#letters = letters;
    }
  }

  #rehash(): void {
    const old = this.#slots;
    const slots = new Int32Array(2 * old.length);
    const order = new Int32Array(2 * this.#order.length);
    const mask = slots.length - 1;
    for (let i = 0; i < this.#size; i++) {
      const from = this.#order[i] as number; // i < size
      let slot = Math.imul(old[from + HASH] as number, FIELDS) & mask;
      while (slots[slot + LENGTH] !== 0) slot = (slot + FIELDS) & mask;
      for (let field = 0; field <= HASH; field++) slots[slot + field] = old[from + field] as number;
      order[i] = slot;
    }
    this.#slots = slots;
    this.#order = order;
  }
}
