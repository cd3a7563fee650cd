import { IllegalArgumentError } from '../base/errors.ts';
import { StorageLevel } from '../protocol/storage-level.ts';
import { describe } from './user-function.ts';

const FLAGS = ['useDisk', 'useMemory', 'useOffHeap', 'deserialized'] as const;

/**
 * A level as users may write it: one of StorageLevel, or a plain object of the same form.
 *
 * @throws IllegalArgumentError Spark: StorageLevel
 */
export function checkStorageLevel(level: unknown): StorageLevel {
  if (typeof level !== 'object' || level === null) {
    const isName = typeof level === 'string' && Object.hasOwn(StorageLevel, level);
    const hint = isName ? `; StorageLevel.${level} is one` : ', such as StorageLevel.MEMORY_AND_DISK';
    throw new IllegalArgumentError(`persist() needs a storage level, but is given ${describe(level)}${hint}`);
  }
  const { replication, ...flags } = level as Partial<StorageLevel>;
  const wrong = FLAGS.find((flag) => typeof flags[flag] !== 'boolean');
  if (wrong !== undefined)
    throw new IllegalArgumentError(
      `${wrong} of a storage level must be true or false, but is ${describe(flags[wrong])}; such as StorageLevel.MEMORY_AND_DISK`,
    );
  if (typeof replication !== 'number' || !Number.isInteger(replication) || replication < 1)
    throw new IllegalArgumentError(
      `replication of a storage level must be a whole number of 1 or more, but is ${describe(replication)}`,
    );
  if (replication >= 40)
    throw new IllegalArgumentError(
      `Replication restricted to be less than 40 for calculating hash codes, but is ${replication}`,
    );
  if (flags.useOffHeap === true && flags.deserialized === true)
    throw new IllegalArgumentError('Off-heap storage level does not support deserialized storage');
  return level as StorageLevel; // all of it was looked at
}
