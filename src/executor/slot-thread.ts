import { Worker } from 'node:worker_threads';
import { processWide } from '../base/process-wide.ts';

/**
 * 192 MiB of young generation gives V8 semi-spaces of 64 MiB. With the default of 16, allocation-site pretenuring turns
 * batch stages from 20 into 150 ns a record in about one run of three.
 */
const YOUNG_GENERATION_MIB = 192;

interface SlotThread {
  readonly worker: Worker;
  readonly entry: string;
  readonly heapMiB: number;
  /** Its environment is not that of the process: it is as old as the thread. */
  readonly isOld: boolean;
}

interface Prepared {
  thread: SlotThread | null;
}

export interface TakenThread {
  readonly worker: Worker;
  /** What it has to take for its environment; null: it has it. */
  readonly environment: Readonly<Record<string, string | undefined>> | null;
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
 * them together. A context that wants other limits does not use it. Another one than was prepared takes its place.
 *
 * @param isEarly the environment of the process will be another one when the thread is taken.
 */
export function prepareSlotThread(entry: URL, heapMiB: number, isEarly = false): void {
  const { thread } = prepared;
  if (thread !== null) {
    if (isAsWanted(thread, entry, heapMiB)) return;
    void thread.worker.terminate();
  }
  prepared.thread = { worker: startThread(entry, heapMiB), entry: entry.href, heapMiB, isOld: isEarly };
}

/** A thread for a new slot: the prepared one if it is as wanted. */
export function takeSlotThread(entry: URL, heapMiB: number): TakenThread {
  const { thread } = prepared;
  prepared.thread = null;
  if (thread !== null) {
    const { worker, isOld } = thread;
    if (isAsWanted(thread, entry, heapMiB)) return { worker, environment: isOld ? { ...process.env } : null };
    void worker.terminate();
  }
  return { worker: startThread(entry, heapMiB), environment: null };
}

function isAsWanted(thread: SlotThread, entry: URL, heapMiB: number): boolean {
  return thread.entry === entry.href && thread.heapMiB === heapMiB && thread.worker.threadId > 0;
}
