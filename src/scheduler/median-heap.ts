/**
 * Numbers that come one by one, and the one in their middle: of an even number of them, the upper one.
 *
 * Two heaps: the lower half with its largest on top, the upper half with its smallest on top. Adding costs O(log n).
 *
 * Spark: PercentileHeap
 */
export class MedianHeap {
  readonly #upper: number[] = [];
  /** Holds the negatives, so that both heaps have their smallest on top. */
  readonly #lower: number[] = [];

  get size(): number {
    return this.#upper.length + this.#lower.length;
  }

  /** NaN when there is none. */
  get median(): number {
    return this.#upper[0] ?? Number.NaN;
  }

  add(value: number): void {
    const upper = this.#upper;
    const lower = this.#lower;
    if (upper.length > 0 && value < this.median) push(lower, -value);
    else push(upper, value);
    // The upper half has as many as the lower one, or one more.
    if (upper.length > lower.length + 1) push(lower, -pop(upper));
    else if (lower.length > upper.length) push(upper, -pop(lower));
  }
}

function push(heap: number[], value: number): void {
  let i = heap.length;
  heap.push(value);
  while (i > 0) {
    const parent = (i - 1) >> 1;
    const above = heap[parent] as number; // parents are within bounds
    if (above <= value) break;
    heap[i] = above;
    i = parent;
  }
  heap[i] = value;
}

/** Takes the smallest; the heap must not be empty. */
function pop(heap: number[]): number {
  const top = heap[0] as number;
  const last = heap.pop() as number;
  const n = heap.length;
  if (n === 0) return top;
  let i = 0;
  for (;;) {
    let child = 2 * i + 1;
    if (child >= n) break;
    if (child + 1 < n && (heap[child + 1] as number) < (heap[child] as number)) child++; // both are within bounds
    if ((heap[child] as number) >= last) break;
    heap[i] = heap[child] as number;
    i = child;
  }
  heap[i] = last;
  return top;
}
