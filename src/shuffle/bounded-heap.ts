import type { Comparator } from './sorter.ts';

/** Keeps the `limit` smallest of all values it is given, for takeOrdered and top. Spark: BoundedPriorityQueue */
export class BoundedHeap<T> {
  readonly #limit: number;
  readonly #compare: Comparator;
  /** The largest first: a heap, by the order turned round. */
  readonly #heap: T[] = [];

  /** @param limit an integer of 0 or more. */
  constructor(limit: number, compare: Comparator) {
    this.#limit = limit;
    this.#compare = compare;
  }

  add(value: T): void {
    const heap = this.#heap;
    if (heap.length < this.#limit) {
      heap.push(value);
      this.#up(heap.length - 1);
    } else if (heap.length > 0 && this.#compare(value, heap[0]) < 0) {
      heap[0] = value;
      this.#down(0);
    }
  }

  /** The values kept, smallest first. */
  sorted(): T[] {
    return this.#heap.slice().sort(this.#compare);
  }

  #up(start: number): void {
    const heap = this.#heap;
    const value = heap[start] as T;
    let i = start;
    while (i > 0) {
      const parent = (i - 1) >> 1;
      if (this.#compare(heap[parent], value) >= 0) break;
      heap[i] = heap[parent] as T;
      i = parent;
    }
    heap[i] = value;
  }

  #down(start: number): void {
    const heap = this.#heap;
    const n = heap.length;
    const value = heap[start] as T;
    let i = start;
    for (;;) {
      let child = 2 * i + 1;
      if (child >= n) break;
      if (child + 1 < n && this.#compare(heap[child + 1], heap[child]) > 0) child++;
      if (this.#compare(heap[child], value) <= 0) break;
      heap[i] = heap[child] as T;
      i = child;
    }
    heap[i] = value;
  }
}
