/** Where and how the blocks of a persisted RDD are kept. Spark: StorageLevel. */
export interface StorageLevel {
  readonly useDisk: boolean;
  readonly useMemory: boolean;
  readonly useOffHeap: boolean;
  readonly deserialized: boolean;
  readonly replication: number;
}

const level = (useDisk: boolean, useMemory: boolean, useOffHeap: boolean, deserialized: boolean, replication = 1) =>
  Object.freeze({ useDisk, useMemory, useOffHeap, deserialized, replication });

/** Spark's levels, by Spark's names. */
export const StorageLevel: {
  readonly NONE: StorageLevel;
  readonly DISK_ONLY: StorageLevel;
  readonly DISK_ONLY_2: StorageLevel;
  readonly DISK_ONLY_3: StorageLevel;
  readonly MEMORY_ONLY: StorageLevel;
  readonly MEMORY_ONLY_2: StorageLevel;
  readonly MEMORY_ONLY_SER: StorageLevel;
  readonly MEMORY_ONLY_SER_2: StorageLevel;
  readonly MEMORY_AND_DISK: StorageLevel;
  readonly MEMORY_AND_DISK_2: StorageLevel;
  readonly MEMORY_AND_DISK_SER: StorageLevel;
  readonly MEMORY_AND_DISK_SER_2: StorageLevel;
  readonly OFF_HEAP: StorageLevel;
} = Object.freeze({
  NONE: level(false, false, false, false),
  DISK_ONLY: level(true, false, false, false),
  DISK_ONLY_2: level(true, false, false, false, 2),
  DISK_ONLY_3: level(true, false, false, false, 3),
  MEMORY_ONLY: level(false, true, false, true),
  MEMORY_ONLY_2: level(false, true, false, true, 2),
  MEMORY_ONLY_SER: level(false, true, false, false),
  MEMORY_ONLY_SER_2: level(false, true, false, false, 2),
  MEMORY_AND_DISK: level(true, true, false, true),
  MEMORY_AND_DISK_2: level(true, true, false, true, 2),
  MEMORY_AND_DISK_SER: level(true, true, false, false),
  MEMORY_AND_DISK_SER_2: level(true, true, false, false, 2),
  OFF_HEAP: level(true, true, true, false),
});

/** Two levels are the same when all their flags are. */
export function sameLevel(a: StorageLevel, b: StorageLevel): boolean {
  return (
    a.useDisk === b.useDisk &&
    a.useMemory === b.useMemory &&
    a.useOffHeap === b.useOffHeap &&
    a.deserialized === b.deserialized &&
    a.replication === b.replication
  );
}

/** Spark's text, e.g. `Disk Memory Deserialized 1x Replicated`. Spark: StorageLevel.description */
export function describeLevel(l: StorageLevel): string {
  const parts: string[] = [];
  if (l.useDisk) parts.push('Disk');
  if (l.useMemory) parts.push(l.useOffHeap ? 'Memory (off heap)' : 'Memory');
  parts.push(l.deserialized ? 'Deserialized' : 'Serialized', `${l.replication}x Replicated`);
  return parts.join(' ');
}
