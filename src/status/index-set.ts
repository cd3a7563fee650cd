/** Logs are anybody's: an index that no stage has does not count. */
const END: number = 2 ** 26;

/** Which of the tasks of a stage: a byte each, since many are counted. */
export class IndexSet {
  #marks: Uint8Array = new Uint8Array(16);
  #size = 0;

  get size(): number {
    return this.#size;
  }

  add(index: number): void {
    if (!Number.isInteger(index) || index < 0 || index >= END) return;
    if (index >= this.#marks.length) {
      const grown = new Uint8Array(Math.max(index + 1, 2 * this.#marks.length));
      grown.set(this.#marks);
      this.#marks = grown;
    }
    if (this.#marks[index] === 1) return;
    this.#marks[index] = 1;
    this.#size++;
  }
}
