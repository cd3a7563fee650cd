import { IllegalArgumentError } from '../base/errors.ts';
import { hashValue } from '../base/value-hash.ts';

/** Which partition a key belongs to. Two partitioners that are `equals` send every key to the same place. Spark: Partitioner */
export interface Partitioner {
  readonly numPartitions: number;
  getPartition(key: unknown): number;
  equals(other: Partitioner): boolean;
}

/** A 32-bit hash as a partition index; never negative. Spark: Utils.nonNegativeMod */
export function partitionOfHash(hash: number, numPartitions: number): number {
  // Without | 0 a result of -0 makes V8 divide doubles: 13 ns more.
  const m = (hash % numPartitions) | 0;
  return m < 0 ? m + numPartitions : m;
}

/** Partitions by the stable hash of the key's value; null goes to partition 0. Spark: HashPartitioner */
export class HashPartitioner implements Partitioner {
  readonly numPartitions: number;

  constructor(numPartitions: number) {
    if (!Number.isInteger(numPartitions) || numPartitions < 0)
      throw new IllegalArgumentError(`Number of partitions (${numPartitions}) cannot be negative.`);
    this.numPartitions = numPartitions;
  }

  getPartition(key: unknown): number {
    return key === null || key === undefined ? 0 : partitionOfHash(hashValue(key), this.numPartitions);
  }

  equals(other: Partitioner): boolean {
    return other instanceof HashPartitioner && other.numPartitions === this.numPartitions;
  }
}

/** The key is the partition: what `repartition` deals its records with. */
export class IdentityPartitioner implements Partitioner {
  readonly numPartitions: number;

  constructor(numPartitions: number) {
    this.numPartitions = numPartitions;
  }

  getPartition(key: unknown): number {
    return key as number; // only Deal makes such keys
  }

  equals(other: Partitioner): boolean {
    return other instanceof IdentityPartitioner && other.numPartitions === this.numPartitions;
  }
}

/** Partitions pairs that are keys themselves, by what another partitioner says of their own keys. */
export class PairPartitioner implements Partitioner {
  readonly inner: Partitioner;

  constructor(inner: Partitioner) {
    this.inner = inner;
  }

  get numPartitions(): number {
    return this.inner.numPartitions;
  }

  getPartition(key: unknown): number {
    return this.inner.getPartition((key as readonly unknown[])[0]); // made for records of an RDD of pairs
  }

  equals(other: Partitioner): boolean {
    return other instanceof PairPartitioner && samePartitioner(this.inner, other.inner);
  }
}

/** True when both exist and send every key to the same place. */
export function samePartitioner(a: Partitioner | null, b: Partitioner | null): boolean {
  return a !== null && b !== null && (a === b || a.equals(b));
}
