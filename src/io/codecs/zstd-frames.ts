const MAGIC = 0xfd2fb528;
const SKIPPABLE = 0x184d2a50;
const DICTIONARY_BYTES = [0, 1, 2, 4] as const;
const SIZE_BYTES = [0, 2, 4, 8] as const;

type State = 'start' | 'skippableSize' | 'block' | 'end';

/**
 * Finds where the frames of a zstd file end, without unpacking them: Node's own stream stops after the first.
 *
 *   | magic 4 | descriptor 1 | rest of header | block header 3 | block | … | checksum 4, if the descriptor says so |
 */
export class ZstdFrames {
  #state: State = 'start';
  /** The header that is being collected, and bytes of content to pass before the next. */
  #head: number[] = [];
  #pass = 0;
  #checksum = false;
  #skippableLow = 0;

  /** True between two frames. */
  get atEnd(): boolean {
    return this.#state === 'start' && this.#head.length === 0 && this.#pass === 0;
  }

  /** How many of the bytes, from `from` on, belong to the current frame; `atEnd` tells whether it ends there. */
  scan(bytes: Buffer, from: number): number {
    let at = from;
    for (;;) {
      const n = Math.min(this.#pass, bytes.length - at);
      at += n;
      this.#pass -= n;
      if (this.#pass > 0) return at - from;
      if (this.#state === 'end') {
        this.#state = 'start';
        return at - from;
      }
      // Of a skippable frame the fifth byte is the first of its size.
      const wanted = this.#state === 'start' ? 5 : 3;
      while (this.#head.length < wanted) {
        if (at === bytes.length) return at - from;
        this.#head.push(bytes[at++] as number); // at < length
      }
      this.#step(this.#head);
      this.#head = [];
    }
  }

  #step(head: readonly number[]): void {
    const [a = 0, b = 0, c = 0, d = 0, e = 0] = head;
    if (this.#state === 'block') {
      const header = a | (b << 8) | (c << 16);
      this.#pass = ((header >> 1) & 3) === 1 ? 1 : header >> 3;
      if ((header & 1) === 0) return;
      this.#state = 'end';
      if (this.#checksum) this.#pass += 4;
      return;
    }
    if (this.#state === 'skippableSize') {
      this.#pass = this.#skippableLow + (a << 8) + (b << 16) + c * 2 ** 24;
      this.#state = 'end';
      return;
    }
    const magic = (a | (b << 8) | (c << 16) | (d << 24)) >>> 0;
    if ((magic & 0xfffffff0) >>> 0 === SKIPPABLE) {
      this.#skippableLow = e;
      this.#state = 'skippableSize';
      return;
    }
    if (magic !== MAGIC) throw new RangeError('no zstd frame begins here');
    const single = (e >> 5) & 1;
    const sizeFlag = e >> 6;
    this.#checksum = (e & 4) !== 0;
    this.#pass =
      (single === 1 ? 0 : 1) +
      (DICTIONARY_BYTES[e & 3] as number) +
      (sizeFlag === 0 ? single : (SIZE_BYTES[sizeFlag] as number));
    this.#state = 'block';
  }
}
