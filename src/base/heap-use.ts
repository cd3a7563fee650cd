import { getHeapSpaceStatistics, getHeapStatistics } from 'node:v8';

function bytesOf(space: string): number {
  return getHeapSpaceStatistics().find(({ space_name }) => space_name === space)?.space_used_size ?? 0;
}

function youngBytes(): number {
  return bytesOf('new_space');
}

/** Bytes of this thread's objects that have pages of their own, of 128 KiB and more, young ones too; garbage included. */
export function largeObjectBytes(): number {
  return bytesOf('large_object_space') + bytesOf('new_large_object_space');
}

/**
 * Bytes of this thread's objects, garbage included, but for the young ones: those have a bound of their own, and a few
 * milliseconds later they are old or gone.
 */
export function oldObjectBytes(): number {
  return Math.max(0, getHeapStatistics().used_heap_size - youngBytes());
}

/** The same, but with the young ones while it is at most `exactFrom`; it is asked for at each batch. */
export function objectBytes(exactFrom: number): number {
  const bytes = getHeapStatistics().used_heap_size;
  return bytes <= exactFrom ? bytes : Math.max(0, bytes - youngBytes());
}
