import type { Session } from 'node:inspector';
import type { Clock } from '../base/clock.ts';
import { collectGarbage } from '../base/collect-garbage.ts';
import { largeObjectBytes } from '../base/heap-use.ts';

/** Before the V8 of Node 22 an array that would have more slots ends the process; since then it throws a RangeError. */
const MOST_SLOTS = 2 ** 27;
const SLOT_BYTES = 8;
const THROWS_SINCE_V8 = 12;
/** An array that is full gets half as many slots more. */
const GROWTH = 1.5;
/** After a search a thread works four times as long before the next. */
const WORK_PER_SEARCH = 4;
const SAMPLES = 64;

/** What is there to be seen, for tests. */
export interface Heap {
  largeObjectBytes(): number;
  collectGarbage(): void;
  /** The elements of the longest array of this thread that has no holes. It takes several times as long as a collection. */
  longestArray(): number;
}

const OWN_HEAP: Heap = { largeObjectBytes, collectGarbage, longestArray };

function longestArray(): number {
  const inspector = process.getBuiltinModule('node:inspector');
  const session = new inspector.Session();
  session.connect();
  try {
    const prototypeObjectId = objectIn(ask(session, 'Runtime.evaluate', { expression: 'Array.prototype' }), 'result');
    const objectId = objectIn(ask(session, 'Runtime.queryObjects', { prototypeObjectId }), 'objects');
    const longest = `function () {
      let most = 0;
      for (const { length } of this) if (length > most) most = length;
      const isFull = (a) => Array.from({ length: ${SAMPLES} }, (_, i) => Math.floor(((a.length - 1) * i) / ${SAMPLES})).every((i) => i in a);
      return this.some((a) => a.length === most && isFull(a)) ? most : 0;
    }`;
    const params = { functionDeclaration: longest, objectId, returnByValue: true };
    const { value } = (ask(session, 'Runtime.callFunctionOn', params) as { result: { value?: unknown } }).result;
    return typeof value === 'number' ? value : 0;
  } finally {
    session.disconnect();
  }
}

/** A session of this thread's own answers before `post` returns. */
function ask(session: Session, method: string, params: object): unknown {
  let answer: unknown = null;
  session.post(method, params, (error, result) => {
    if (error !== null) throw new Error(`${method}: ${error.message}`);
    answer = result;
  });
  return answer;
}

/** The id of what an answer refers to. */
function objectIn(answer: unknown, field: string): string {
  return (answer as Record<string, { objectId: string }>)[field]?.objectId ?? '';
}

/** Whether this Node needs LongArrays, and can have it. */
export const arraysEndProcess: boolean =
  Number.parseInt(process.versions.v8, 10) < THROWS_SINCE_V8 && process.features.inspector;

/** Below it there is no array whose next growth V8 refuses. */
export const LEAST_FULL_BYTES: number = (SLOT_BYTES * MOST_SLOTS) / GROWTH;

/**
 * Finds an array before V8 refuses to grow it, which nobody can catch and no limit of a heap prevents.
 *
 *   slots   … 50M ── ×1.5 ──► 75M ── ×1.5 ──► 113M ── ×1.5 ──► 169M: more than 2^27, the process ends
 *
 * What an array has room for is not to be seen, but that large objects have become so many bytes more is, and costs microseconds.
 * Only when they have, without garbage, all arrays are looked at.
 */
export class LongArrays {
  readonly #clock: Clock;
  readonly #heap: Heap;
  readonly #mostSlots: number;
  /** Bytes of large objects at the last search that found nothing, or less since. */
  #searchedBytes = 0;
  #lastBytes = 0;
  #searchFrom = 0;

  constructor(clock: Clock, heap: Heap = OWN_HEAP, mostSlots: number = MOST_SLOTS) {
    this.#clock = clock;
    this.#heap = heap;
    this.#mostSlots = mostSlots;
  }

  /** @returns the elements of an array whose next growth, or the one after it, V8 refuses; null: there is none. */
  look(): number | null {
    const fullBytes = (SLOT_BYTES * this.#mostSlots) / GROWTH;
    // An array that gets so large frees two thirds of what it takes.
    const leastGrowth = fullBytes * (1 - 1 / GROWTH);
    const bytes = this.#heap.largeObjectBytes();
    const sinceLast = bytes - this.#lastBytes;
    this.#lastBytes = bytes;
    this.#searchedBytes = Math.min(this.#searchedBytes, bytes);
    if (bytes < fullBytes || bytes - this.#searchedBytes < leastGrowth) return null;
    const begun = this.#clock.now();
    // Many smaller ones do not come at once.
    if (sinceLast < leastGrowth && begun < this.#searchFrom) return null;
    this.#heap.collectGarbage();
    const left = this.#heap.largeObjectBytes();
    const mayBeFull = left >= fullBytes && left - this.#searchedBytes >= leastGrowth;
    const longest = mayBeFull ? this.#heap.longestArray() : 0;
    const ended = this.#clock.now();
    this.#searchFrom = ended + WORK_PER_SEARCH * (ended - begun);
    this.#lastBytes = left;
    if (mayBeFull) this.#searchedBytes = left;
    return longest > this.#mostSlots / GROWTH ** 2 ? longest : null;
  }
}
