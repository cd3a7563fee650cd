import { isAscii } from 'node:buffer';
import { LineDecoder } from '../io/line-decoder.ts';
import type { TextBytes } from '../io/text-bytes.ts';
import { BATCH_SIZE } from './record-iterator.ts';
import type { WordClasses } from './word-classes.ts';
import { WordTally } from './word-tally.ts';

const LF = 10;
/** Text that is not all ASCII is looked at in pieces of about this many bytes. */
const PIECE_BYTES = 2048;
/** Lines that come in larger chunks are long; they are no text that people write. */
const MAX_CHUNK_BYTES = 1 << 20;

/** What a stage does with lines, and with words. */
export interface TallyTarget {
  /** Does all of it with lines that cannot be cut at bytes. */
  onLines(lines: readonly string[]): void;
  /** Does with a word what is done with it, so many times. */
  onWord(word: string, times: number): void;
  /** After each batch of lines or words. */
  endBatch(): void;
  /** So many lines were read. */
  read(lines: number): void;
}

/**
 * Counts the words of text and hands each on with its number, in order of first arrival; lines that have to be decoded before
 * they are cut go their own way.
 */
export class TextTally {
  readonly #classes: WordClasses;
  readonly #target: TallyTarget;
  readonly #tally: WordTally;
  readonly #decoder = new LineDecoder();
  #told = 0;

  constructor(classes: WordClasses, target: TallyTarget) {
    this.#classes = classes;
    this.#target = target;
    this.#tally = new WordTally(classes, (word, times) => {
      target.onWord(word, times);
      if (++this.#told % BATCH_SIZE === 0) target.endBatch();
    });
  }

  /** @param bytes whole lines, the last one without its terminator. */
  add(bytes: Buffer, isWellFormed: boolean): void {
    if (!isWellFormed || bytes.length > MAX_CHUNK_BYTES) this.#decode(bytes);
    else if (!this.#classes.asciiOnly || isAscii(bytes)) this.#target.read(this.#tally.add(bytes));
    else this.#addPieces(bytes);
  }

  finish(): void {
    this.#tally.finish();
    this.#target.endBatch();
  }

  #addPieces(bytes: Buffer): void {
    // Up to and with `length`: a last line may be empty.
    for (let from = 0; from <= bytes.length; ) {
      const lf = bytes.indexOf(LF, from + PIECE_BYTES);
      const to = lf < 0 ? bytes.length : lf;
      const piece = bytes.subarray(from, lf > 0 && bytes[lf - 1] === 13 ? lf - 1 : to);
      if (isAscii(piece)) this.#target.read(this.#tally.add(piece));
      else this.#decode(piece);
      from = to + 1;
    }
  }

  #decode(bytes: Buffer): void {
    const lines = this.#decoder.decode(bytes);
    this.#target.read(lines.length);
    this.#target.onLines(lines);
    this.#target.endBatch();
  }
}

/** Runs all of a text through a tally. @param check called now and then; throws when the task is to end. */
export function tallyText(texts: Iterable<TextBytes>, tally: TextTally, check: () => void): void {
  for (const text of texts)
    try {
      for (let bytes = text.next(); bytes !== null; bytes = text.next()) {
        check();
        tally.add(bytes, text.isWellFormed);
      }
    } finally {
      text.close();
    }
  tally.finish();
}
