// Array reads in the hot loops say `as T`: the indices come from the table itself, so the slot is always there.
import { valuesEqual } from '../base/value-equality.ts';
import { hashNumber, hashString, hashValue } from '../base/value-hash.ts';
import { GroupTooLargeError, MAX_GROUP_VALUES } from './group-limit.ts';
import { estimateBytes } from './size-estimator.ts';

/** V8 makes substrings from this length on slices that keep the whole string they were cut from alive. */
const SLICED_STRING_MIN = 13;
const MIN_SLOTS = 1024;
/** More sampled entries would cost more than a batch edge may; fewer would guess worse than the 15 % we have. */
const SAMPLES = 64;
/** What an entry costs beside key and value: two array slots, its hash, and two to four slots of two words. */
const BYTES_PER_ENTRY = 44;

/** From here on an entry is measured, not guessed. */
const LARGE_BYTES = 64 * 1024;

const scratch: Buffer = Buffer.allocUnsafeSlow(4096);

/**
 * A hash table of keys by value, with one value per key, in the order of insertion.
 *
 *   const e = table.upsert(key);
 *   if (e === values.length) values.push(create(v));
 *   else values[e] = merge(values[e], v);
 *
 *   slots   [hash, entry + 1] pairs, open addressing, linear; entry 0 means free
 *   hashes  hash of entry 0, 1, 2, …
 *   keys, values   entry 0, 1, 2, …
 *
 * Unlike a Map it has no limit of 2^24 entries, compares by value, and knows its hashes.
 */
export class AggregationTable {
  readonly keys: unknown[] = [];
  readonly values: unknown[] = [];
  #slots: Int32Array = new Int32Array(2 * MIN_SLOTS);
  /** 32 - log2(slots): where the slot's bits begin after the multiplication. */
  #shift: number = 32 - Math.log2(MIN_SLOTS);
  #hashes: Int32Array = new Int32Array(MIN_SLOTS);
  #size = 0;
  /** Entries whose groups are long: each is measured, because samples miss the one hot key among millions. */
  readonly #long = new Set<number>();
  /** The entry of the last upsert. */
  #last = 0;

  get size(): number {
    return this.#size;
  }

  /** Hashes of the entries; only the first `size` of them count. */
  get hashes(): Int32Array {
    return this.#hashes;
  }

  /** The entry of a key. When it equals the size before the call the key is new, and the caller has to push its value. */
  upsert(key: unknown): number {
    if (typeof key === 'string') return this.#upsertString(key, hashString(key));
    if (typeof key === 'number' && !Number.isNaN(key)) return this.#upsertNumber(key, hashNumber(key));
    return this.#upsertByValue(key, hashValue(key));
  }

  /** The entries of a block's keys; the values of new ones, if there are any, the caller keeps elsewhere. */
  upsertAll(keys: readonly unknown[], entries: Int32Array): void {
    for (let i = 0; i < keys.length; i++) entries[i] = this.upsert(keys[i]);
  }

  /** The entry of a key, or -1. */
  find(key: unknown): number {
    const hash = hashValue(key);
    const slots = this.#slots;
    const mask = slots.length - 1;
    let i = (Math.imul(hash, 0x9e3779b1) >>> this.#shift) << 1;
    for (;;) {
      const entry = (slots[i + 1] as number) - 1;
      if (entry < 0) return -1;
      if (slots[i] === hash && valuesEqual(this.keys[entry], key)) return entry;
      i = (i + 2) & mask;
    }
  }

  /** Forgets all entries. `keys` and `values` stay the same arrays. */
  clear(): void {
    this.keys.length = 0;
    this.values.length = 0;
    this.#size = 0;
    this.#long.clear();
    this.#slots = new Int32Array(2 * MIN_SLOTS);
    this.#shift = 32 - Math.log2(MIN_SLOTS);
    this.#hashes = new Int32Array(MIN_SLOTS);
  }

  /**
   * To be called now and then, while the values of an entry become many (see GROUP_CHECK_MASK).
   *
   * @throws GroupTooLargeError when an array cannot hold more.
   */
  groupGrew(entry: number, length: number): void {
    this.#long.add(entry);
    if (length > MAX_GROUP_VALUES) throw GroupTooLargeError.arrayFull(this.keys[entry], length);
  }

  /**
   * To be called at batch edges: the key that most records have is likely to be the one that came last, and its combiner may be
   * most of the table.
   */
  noticeLarge(): void {
    if (this.#last < this.#size && !this.#long.has(this.#last) && estimateBytes(this.values[this.#last]) > LARGE_BYTES)
      this.#long.add(this.#last);
  }

  /** Bytes the table holds, extrapolated from some sixty entries spread over it; within some 15 % for even data. */
  estimatedBytes(): number {
    const size = this.#size;
    const step = Math.max(1, Math.floor(size / SAMPLES));
    let sampled = 0;
    let bytes = 0;
    for (let i = size - 1; i >= 0; i -= step) {
      if (this.#long.has(i)) continue;
      bytes += estimateBytes(this.keys[i]) + estimateBytes(this.values[i]);
      sampled++;
    }
    let long = 0;
    for (const entry of this.#long) long += estimateBytes(this.values[entry]);
    return size * BYTES_PER_ENTRY + (sampled === 0 ? 0 : Math.round((bytes / sampled) * size)) + long;
  }

  // Three times the same loop: V8 knows what === compares only when each loop compares one type.
  #upsertString(key: string, hash: number): number {
    const slots = this.#slots;
    const mask = slots.length - 1;
    const keys = this.keys;
    // The multiplication spreads hashes that share their low bits, as all keys of one reduce partition of 2^n do.
    let i = (Math.imul(hash, 0x9e3779b1) >>> this.#shift) << 1;
    for (;;) {
      const entry = (slots[i + 1] as number) - 1;
      if (entry < 0) return this.#insert(i, detached(key), hash);
      if (slots[i] === hash && keys[entry] === key) {
        this.#last = entry;
        return entry;
      }
      i = (i + 2) & mask;
    }
  }

  #upsertNumber(key: number, hash: number): number {
    const slots = this.#slots;
    const mask = slots.length - 1;
    const keys = this.keys;
    let i = (Math.imul(hash, 0x9e3779b1) >>> this.#shift) << 1;
    for (;;) {
      const entry = (slots[i + 1] as number) - 1;
      if (entry < 0) return this.#insert(i, key, hash);
      if (slots[i] === hash && keys[entry] === key) {
        this.#last = entry;
        return entry;
      }
      i = (i + 2) & mask;
    }
  }

  #upsertByValue(key: unknown, hash: number): number {
    const slots = this.#slots;
    const mask = slots.length - 1;
    const keys = this.keys;
    let i = (Math.imul(hash, 0x9e3779b1) >>> this.#shift) << 1;
    for (;;) {
      const entry = (slots[i + 1] as number) - 1;
      if (entry < 0) return this.#insert(i, key, hash);
      if (slots[i] === hash && valuesEqual(keys[entry], key)) {
        this.#last = entry;
        return entry;
      }
      i = (i + 2) & mask;
    }
  }

  #insert(slot: number, key: unknown, hash: number): number {
    const entry = this.#size++;
    this.keys.push(key);
    this.#hashes[entry] = hash;
    this.#slots[slot] = hash;
    this.#slots[slot + 1] = entry + 1;
    if (entry + 1 === this.#hashes.length) this.#grow();
    return entry;
  }

  // Half full at most: slots.length / 2 slots for slots.length / 4 hashes.
  #grow(): void {
    const hashes = new Int32Array(this.#hashes.length * 2);
    hashes.set(this.#hashes);
    this.#hashes = hashes;
    const slots = new Int32Array(hashes.length * 4);
    const mask = slots.length - 1;
    const shift = 32 - Math.log2(slots.length / 2);
    for (let entry = 0; entry < this.#size; entry++) {
      const hash = hashes[entry] as number;
      let i = (Math.imul(hash, 0x9e3779b1) >>> shift) << 1;
      while (slots[i + 1] !== 0) i = (i + 2) & mask;
      slots[i] = hash;
      slots[i + 1] = entry + 1;
    }
    this.#slots = slots;
    this.#shift = shift;
  }
}

/** The same text in memory of its own, so that a word does not keep the 64 KB it was split from. */
export function detached(text: string): string {
  const length = text.length;
  if (length < SLICED_STRING_MIN) return text;
  if (length <= scratch.length) {
    scratch.write(text, 0, length, 'latin1');
    const copy = scratch.toString('latin1', 0, length);
    if (copy === text) return copy;
  }
  const wide = Buffer.from(text, 'utf16le');
  return wide.toString('utf16le');
}
