import { valuesEqual } from './value-equality.ts';
import { hashValue } from './value-hash.ts';

/**
 * A Map whose keys are the same key when they are equal by value: a Map by itself would keep two arrays or Dates of the same
 * content apart. An entry stays under the first such key.
 *
 * @throws UnkeyableError for object keys without equality by value.
 */
export class ValueMap<K, V> {
  readonly #map = new Map<K, V>();
  /** Keys that are objects, by hash; most maps have none. */
  #objects: Map<number, K[]> | null = null;

  constructor(entries: Iterable<readonly [K, V]> = []) {
    for (const [key, value] of entries) this.set(key, value);
  }

  get size(): number {
    return this.#map.size;
  }

  get(key: K): V | undefined {
    return this.#map.get(this.#known(key));
  }

  has(key: K): boolean {
    return this.#map.has(this.#known(key));
  }

  set(key: K, value: V): void {
    const known = this.#known(key);
    if (known === key && key !== null && typeof key === 'object' && !this.#map.has(key)) {
      this.#objects ??= new Map();
      const hash = hashValue(key);
      const sameHash = this.#objects.get(hash);
      if (sameHash === undefined) this.#objects.set(hash, [key]);
      else sameHash.push(key);
    }
    this.#map.set(known, value);
  }

  entries(): IterableIterator<[K, V]> {
    return this.#map.entries();
  }

  /** The entries as a plain Map, which this map goes on with: not a copy. */
  toMap(): Map<K, V> {
    return this.#map;
  }

  /** The key under which an equal one stands, else the key itself. */
  #known(key: K): K {
    if (key === null || typeof key !== 'object') return key;
    return this.#objects?.get(hashValue(key))?.find((k) => valuesEqual(k, key)) ?? key;
  }
}
