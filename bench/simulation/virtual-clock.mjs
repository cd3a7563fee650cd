// Time that passes as fast as there is nothing to do: a heap of what will happen.

export class VirtualClock {
  #now = 0;
  #heap = [];
  #order = 0;

  now() {
    return this.#now;
  }

  /** As base/clock.ts wants it. */
  after(delayMs, fire) {
    const entry = this.at(this.#now + delayMs, fire);
    return () => {
      entry.what = null;
    };
  }

  /** Things of one time happen in the order in which they were asked for. */
  at(time, what) {
    const entry = { time, order: this.#order++, what };
    const heap = this.#heap;
    let i = heap.length;
    heap.push(entry);
    while (i > 0) {
      const parent = (i - 1) >> 1;
      if (!before(entry, heap[parent])) break;
      heap[i] = heap[parent];
      i = parent;
    }
    heap[i] = entry;
    return entry;
  }

  /** What happens next, with the time set to it; null when nothing will. */
  next() {
    for (;;) {
      const heap = this.#heap;
      if (heap.length === 0) return null;
      const first = heap[0];
      const last = heap.pop();
      if (heap.length > 0) this.#sink(last);
      if (first.what === null) continue;
      this.#now = first.time;
      return first.what;
    }
  }

  #sink(entry) {
    const heap = this.#heap;
    const n = heap.length;
    let i = 0;
    for (;;) {
      let child = 2 * i + 1;
      if (child >= n) break;
      if (child + 1 < n && before(heap[child + 1], heap[child])) child++;
      if (!before(heap[child], entry)) break;
      heap[i] = heap[child];
      i = child;
    }
    heap[i] = entry;
  }
}

function before(a, b) {
  return a.time < b.time || (a.time === b.time && a.order < b.order);
}
