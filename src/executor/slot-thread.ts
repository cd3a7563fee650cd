import { Worker } from 'node:worker_threads';
import { processWide } from '../base/process-wide.ts';

/**
 * 192 MiB of young generation gives V8 semi-spaces of 64 MiB. With the default of 16, allocation-site pretenuring turns
 * batch stages from 20 into 150 ns a record in about one run of three.
 */
const YOUNG_GENERATION_MIB = 192;

interface Prepared {
  thread: { readonly worker: Worker; readonly entry: string; readonly heapMiB: number } | null;
}

const prepared = processWide<Prepared>('executor.preparedSlot', () => ({ thread: null }));

/** A thread that waits for its StartSlot message. */
function startThread(entry: URL, heapMiB: number): Worker {
  const worker = new Worker(entry, {
    resourceLimits: { maxOldGenerationSizeMb: heapMiB, maxYoungGenerationSizeMb: YOUNG_GENERATION_MIB },
    // The driver's loaders and inspector flags are not for slots.
    execArgv: [],
    name: 'iskra slot',
  });
  worker.unref();
  return worker;
}

/**
 * Starts the first slot's thread while the application is still being loaded: the two need some 100 ms each, and then need
 * them together. A context that wants other limits does not use it.
 */
export function prepareSlotThread(entry: URL, heapMiB: number): void {
  if (prepared.thread === null) prepared.thread = { worker: startThread(entry, heapMiB), entry: entry.href, heapMiB };
}

/** A thread for a new slot: the prepared one if it is as wanted. */
export function takeSlotThread(entry: URL, heapMiB: number): Worker {
  const { thread } = prepared;
  prepared.thread = null;
  if (thread !== null) {
    if (thread.entry === entry.href && thread.heapMiB === heapMiB && thread.worker.threadId > 0) return thread.worker;
    void thread.worker.terminate();
  }
  return startThread(entry, heapMiB);
}
