/** Cuts a stream of text into lines, which end in LF, CR or CR LF. */
export class LineSplitter {
  /** The line that has not ended yet. */
  #open = '';
  /** A CR at the end: whether an LF belongs to it is not known yet. */
  #cr = false;

  /** Lines that end in this piece. */
  add(piece: string): string[] {
    let text = this.#cr ? `\r${piece}` : piece;
    this.#cr = text.endsWith('\r');
    if (this.#cr) text = text.slice(0, -1);
    const hasCr = text.includes('\r');
    if (!hasCr && !text.includes('\n')) {
      this.#open += text;
      return [];
    }
    const lines = text.split(hasCr ? /\r\n|\n|\r/ : '\n');
    lines[0] = this.#open + lines[0];
    this.#open = lines.pop() as string; // split gives one at least
    return lines;
  }

  /** The last line, when it has no end; at most one. */
  end(): string[] {
    const last = this.#open;
    const ended = this.#cr;
    this.#open = '';
    this.#cr = false;
    return last !== '' || ended ? [last] : [];
  }
}
