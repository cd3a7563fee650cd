import type { EpochMs } from '../base/clock.ts';
import type { BlockUpdated } from '../cluster/application-backend.ts';
import type { BlockManagerId } from '../protocol/map-output.ts';
import type { SparkListenerEvent } from '../protocol/spark-listener-event.ts';
import type { StorageLevel } from '../protocol/storage-level.ts';
import type { BlockStatus } from './cached-blocks.ts';

/**
 * What listeners hear of a cached block: of one that is gone, the bytes that are free again. Null when nothing changes.
 *
 * @param before undefined: it was not there.
 */
export function blockUpdatedEvent(
  { rddId, partition, stored, memoryBytes, diskBytes }: BlockUpdated,
  before: BlockStatus | undefined,
  level: StorageLevel,
  blockManager: BlockManagerId,
  at: EpochMs,
): SparkListenerEvent | null {
  const useMemory = stored && memoryBytes > 0;
  const useDisk = stored && diskBytes > 0;
  const isSame = stored && before?.memoryBytes === memoryBytes && before.diskBytes === diskBytes;
  if (isSame || (!stored && before === undefined)) return null;
  return {
    type: 'SparkListenerBlockUpdated',
    ...{ at, blockManager, rddId, partition },
    storageLevel: { ...level, useMemory, useDisk },
    memoryBytes: useMemory ? memoryBytes : (before?.memoryBytes ?? 0),
    diskBytes: useDisk ? diskBytes : (before?.diskBytes ?? 0),
  };
}
