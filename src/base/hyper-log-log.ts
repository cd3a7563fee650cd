import { hashValue } from './value-hash.ts';
import { hashValueAgain } from './value-hash-again.ts';

/**
 * What is known of a set of values, as plain data that travels and is stored like any other value.
 *
 *   number[]     few values: one number each, ascending, index × 64 + rank at the precision `sparse`
 *   Uint8Array   many: 2^p registers, each the largest rank that its index has met
 *
 * A value's 64-bit hash gives the index (its first bits) and the rank (how many bits follow up to the first that is set).
 */
export type DistinctSketch = number[] | Uint8Array;

/** A sparse list is searched and shifted with every new value; longer ones cost more than registers. */
const MOST_SPARSE = 2048;
/** A number in a list takes as much as so many registers. */
const BYTES_PER_ENTRY = 8;
const HASH_BITS = 64;

/**
 * HyperLogLog++: estimates how many different values were added, with a relative standard error of about 1.04 / 2^(p/2), in
 * 2^p bytes. Values that are equal by value count once.
 *
 * Small sets are kept as a list at a higher precision and counted almost exactly, as in HyperLogLog++. Where that corrects
 * the bias of middling sets by tables, this takes Ertl's estimator, which has none at any size.
 *
 * Sources: Heule, Nunkesser, Hall, HyperLogLog in Practice (2013); Ertl, New cardinality estimation algorithms for
 * HyperLogLog sketches (2017).
 */
export class HyperLogLog {
  readonly #p: number;
  readonly #sparse: number;
  readonly #mostSparse: number;

  /**
   * @param p 4 to 30: 2^p registers.
   * @param sparse precision of small sets, p to 32; 0: they are kept as registers from the first value on.
   */
  constructor(p: number, sparse: number) {
    this.#p = p;
    this.#sparse = sparse;
    this.#mostSparse = sparse === 0 ? 0 : Math.min(MOST_SPARSE, 2 ** p / BYTES_PER_ENTRY);
  }

  /** Of no values. */
  empty(): DistinctSketch {
    return this.#sparse === 0 ? new Uint8Array(2 ** this.#p) : [];
  }

  /**
   * Adds a value.
   *
   * @returns the sketch to go on with, which may be the same one, changed.
   * @throws UnkeyableError for values without equality by value.
   */
  add(sketch: DistinctSketch, value: unknown): DistinctSketch {
    return this.addHash(sketch, hashValue(value), hashValueAgain(value));
  }

  /** Adds a value by the two halves of its hash. */
  addHash(sketch: DistinctSketch, high: number, low: number): DistinctSketch {
    if (Array.isArray(sketch)) return this.#addEntry(sketch, entryOf(high, low, this.#sparse));
    const entry = entryOf(high, low, this.#p);
    raise(sketch, Math.floor(entry / 64), entry % 64);
    return sketch;
  }

  /** Adds all values of `other`; changes `sketch`, not `other`. */
  merge(sketch: DistinctSketch, other: DistinctSketch): DistinctSketch {
    if (Array.isArray(other)) {
      let merged = sketch;
      for (const entry of other) {
        if (Array.isArray(merged)) merged = this.#addEntry(merged, entry);
        else this.#addToRegisters(merged, entry);
      }
      return merged;
    }
    const registers = Array.isArray(sketch) ? this.#registersOf(sketch) : sketch;
    for (let i = 0; i < other.length; i++) raise(registers, i, other[i] as number);
    return registers;
  }

  /** A whole number. */
  estimate(sketch: DistinctSketch): number {
    if (!Array.isArray(sketch)) return Math.round(ertlEstimate(sketch, HASH_BITS - this.#p));
    const cells = 2 ** this.#sparse;
    // Linear counting: how many values leave so many of the cells empty.
    return sketch.length >= cells ? cells : Math.round(-cells * Math.log1p(-sketch.length / cells));
  }

  #addEntry(list: number[], entry: number): DistinctSketch {
    const index = Math.floor(entry / 64);
    let low = 0;
    let high = list.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (Math.floor((list[middle] as number) / 64) < index) low = middle + 1;
      else high = middle;
    }
    const at = list[low];
    if (at !== undefined && Math.floor(at / 64) === index) {
      if (at < entry) list[low] = entry;
      return list;
    }
    list.splice(low, 0, entry);
    return list.length > this.#mostSparse ? this.#registersOf(list) : list;
  }

  #registersOf(list: readonly number[]): Uint8Array {
    const registers = new Uint8Array(2 ** this.#p);
    for (const entry of list) this.#addToRegisters(registers, entry);
    return registers;
  }

  /** At the lower precision, bits that were of the index come before those of the rank. */
  #addToRegisters(registers: Uint8Array, entry: number): void {
    const index = Math.floor(entry / 64);
    const extra = this.#sparse - this.#p;
    const ahead = index % 2 ** extra;
    const rank = ahead === 0 ? extra + (entry % 64) : extra - Math.floor(Math.log2(ahead));
    raise(registers, Math.floor(index / 2 ** extra), rank);
  }
}

/** The first `precision` bits of the hash as an index, times 64, plus the rank of the others. */
function entryOf(high: number, low: number, precision: number): number {
  const index = precision === 32 ? high >>> 0 : high >>> (32 - precision);
  const rest = precision === 32 ? 0 : high << precision;
  const rank = rest !== 0 ? Math.clz32(rest) + 1 : 33 - precision + Math.clz32(low);
  return index * 64 + rank;
}

function raise(registers: Uint8Array, index: number, rank: number): void {
  if ((registers[index] as number) < rank) registers[index] = rank;
}

/** @param bits those of the hash that the rank counts. Ertl, algorithm 6. */
function ertlEstimate(registers: Uint8Array, bits: number): number {
  const m = registers.length;
  const counts = new Float64Array(bits + 2);
  for (let i = 0; i < m; i++) {
    const rank = registers[i] as number;
    counts[rank] = (counts[rank] as number) + 1;
  }
  let z = m * tau(1 - (counts[bits + 1] as number) / m);
  for (let k = bits; k >= 1; k--) z = (z + (counts[k] as number)) / 2;
  const emptyShare = (counts[0] as number) / m;
  z += m * sigma(emptyShare);
  return (m * m) / (2 * Math.LN2 * z) / (1 + (FEW_REGISTERS / m) * (1 - emptyShare));
}

/**
 * The estimator is exact for infinitely many registers; of m it gives too much by this over m, once none is empty. Flajolet and
 * others, HyperLogLog (2007): alpha_m = 0.7213 / (1 + 1.079 / m).
 */
const FEW_REGISTERS = 1.079;

/** The share of registers that are empty, as if there were ranks below zero. */
function sigma(x: number): number {
  if (x === 1) return Number.POSITIVE_INFINITY;
  let square = x;
  let factor = 1;
  let sum = x;
  for (;;) {
    square *= square;
    const before = sum;
    sum += square * factor;
    factor += factor;
    if (sum === before) return sum;
  }
}

/** The share of registers that are full, as if there were higher ranks. */
function tau(x: number): number {
  if (x === 0 || x === 1) return 0;
  let root = x;
  let factor = 1;
  let sum = 1 - x;
  for (;;) {
    root = Math.sqrt(root);
    const before = sum;
    factor /= 2;
    sum -= (1 - root) ** 2 * factor;
    if (sum === before) return sum / 3;
  }
}
