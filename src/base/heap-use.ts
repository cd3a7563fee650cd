import { getHeapSpaceStatistics, getHeapStatistics } from 'node:v8';

function youngBytes(): number {
  return getHeapSpaceStatistics().find((space) => space.space_name === 'new_space')?.space_used_size ?? 0;
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
