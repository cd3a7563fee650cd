import type { HeldMemory } from '../protocol/executor-slot.ts';
import type { MemoryLimits, MemoryTotals } from './memory-guard.ts';

const WHAT_TO_DO =
  "raise spark.driver.memory (spark.executor.memory on a cluster), use fewer slots or more partitions, or keep less in memory inside the task's functions";

/**
 * Why a slot has ended, for whoever reads why its task has failed.
 *
 * @param held null when V8 has ended it: then nobody knows.
 */
export function outOfHeap(slotHeapBytes: number, held: HeldMemory | null): string {
  const heap = `the task's thread ran out of heap (${mib(slotHeapBytes)} a slot): ${WHAT_TO_DO}`;
  return held === null ? heap : `${heap}. It held ${inWords(held)}`;
}

export function arrayTooLong(elements: number): string {
  return `the task's thread has an array of ${elements} elements, and V8 ends the whole process when it grows much further: use more partitions, or keep less in one array inside the task's functions; from Node 22 on it throws an error instead`;
}

export function outOfMemory(
  { memoryBytes, overheadBytes }: MemoryLimits,
  { slot, all, blockBytes }: MemoryTotals,
): string {
  return (
    `the executor ran out of memory (${mib(memoryBytes)} for objects of all slots and cached blocks, ${mib(memoryBytes + overheadBytes)} with buffers), and the task's thread held most: ` +
    `${WHAT_TO_DO}. It held ${inWords(slot)}; all slots held ${inWords(all)}, beside ${mib(blockBytes)} of cached blocks`
  );
}

function inWords({ heapBytes, bufferBytes }: HeldMemory): string {
  return `${mib(heapBytes)} of objects and ${mib(bufferBytes)} of buffers`;
}

function mib(bytes: number): string {
  return `${Math.round(bytes / (1 << 20))} MiB`;
}
