import type { EpochMs } from '../base/clock.ts';

const WAKE = 0;
const LOOKING = 1;
const CLOSED = 2;
const TIMES_AT = 16;
const NEXT_LOOK = 0;
const BLOCK_BYTES = 1;

/** What an executor's main thread and its lookout (memory-lookout.ts) know of each other, without a message. */
export class LookoutShare {
  readonly buffer: SharedArrayBuffer;
  readonly #flags: Int32Array;
  readonly #numbers: Float64Array;

  constructor(buffer: SharedArrayBuffer = new SharedArrayBuffer(32)) {
    this.buffer = buffer;
    this.#flags = new Int32Array(buffer, 0, 3);
    this.#numbers = new Float64Array(buffer, TIMES_AT, 2);
  }

  /** When the executor means to look; null: no slot has a task. */
  get nextLook(): EpochMs | null {
    return this.#numbers[NEXT_LOOK] || null;
  }

  get blockBytes(): number {
    return this.#numbers[BLOCK_BYTES] ?? 0;
  }

  expect(nextLook: EpochMs | null, blockBytes: number): void {
    const wasAtRest = this.nextLook === null;
    this.#numbers[BLOCK_BYTES] = blockBytes;
    this.#numbers[NEXT_LOOK] = nextLook ?? 0;
    if (wasAtRest) this.#notify();
  }

  get isLooking(): boolean {
    return Atomics.load(this.#flags, LOOKING) === 1;
  }

  looking(is: boolean): void {
    Atomics.store(this.#flags, LOOKING, is ? 1 : 0);
  }

  get isClosed(): boolean {
    return Atomics.load(this.#flags, CLOSED) === 1;
  }

  close(): void {
    Atomics.store(this.#flags, CLOSED, 1);
    this.#notify();
  }

  /** Stands still so long, or until there is something new. */
  wait(ms: number): void {
    const seen = Atomics.load(this.#flags, WAKE);
    // Told between the caller's look and now.
    if (this.isClosed || (ms === Number.POSITIVE_INFINITY && this.nextLook !== null)) return;
    Atomics.wait(this.#flags, WAKE, seen, ms);
  }

  #notify(): void {
    Atomics.add(this.#flags, WAKE, 1);
    Atomics.notify(this.#flags, WAKE);
  }
}
