import { Worker } from 'node:worker_threads';
import { processWide } from '../base/process-wide.ts';
import { outlive } from '../base/standard-streams.ts';
import { SLOT_THREAD_NAME } from './slot-thread-name.ts';

/**
 * 192 MiB of young generation gives V8 semi-spaces of 64 MiB. With the default of 16, allocation-site pretenuring turns
 * batch stages from 20 into 150 ns a record in about one run of three.
 */
const YOUNG_GENERATION_MIB = 192;

/**
 * V8's limit stands so far above what a slot may have, which its executor sees to (memory-guard.ts). A thread that reaches V8's
 * limit ends alone if it grows by small objects; one large array or table more, or survivors of the young generation, and V8
 * ends the process. The largest single one is an array of 2^27 slots, 1 GiB, beside the one it grows from; the rest is for what
 * is added until somebody has looked. It costs address space only. Few different limits, so that a prepared thread fits.
 */
const ABOVE_LIMIT_MIB = 3072;
const LIMIT_STEP_MIB = 4096;

interface SlotThread {
  readonly worker: Worker;
  readonly entry: string;
  readonly limitMiB: number;
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

/** V8's limit of a thread whose objects may take so much. */
function limitFor(heapBytes: number): number {
  const heapMiB = Math.floor(heapBytes / (1 << 20));
  // Without it nobody else holds threads to their memory.
  if (!process.features.inspector) return heapMiB;
  return Math.ceil((heapMiB + ABOVE_LIMIT_MIB) / LIMIT_STEP_MIB) * LIMIT_STEP_MIB;
}

/** A thread that waits for its StartSlot message. */
function startThread(entry: URL, limitMiB: number): Worker {
  const worker = new Worker(entry, {
    resourceLimits: { maxOldGenerationSizeMb: limitMiB, maxYoungGenerationSizeMb: YOUNG_GENERATION_MIB },
    // The driver's loaders and inspector flags are not for slots.
    execArgv: [],
    name: SLOT_THREAD_NAME,
  });
  // What tasks print: the thread has made the streams, and no job fails for it.
  outlive('stdout');
  outlive('stderr');
  worker.unref();
  return worker;
}

/**
 * Starts the first slot's thread while the application is still being loaded: the two need some 100 ms each, and then need
 * them together. A context that wants other limits does not use it. Another one than was prepared takes its place.
 *
 * @param isEarly the environment of the process will be another one when the thread is taken.
 */
export function prepareSlotThread(entry: URL, heapBytes: number, isEarly = false): void {
  const { thread } = prepared;
  const limitMiB = limitFor(heapBytes);
  if (thread !== null) {
    if (isAsWanted(thread, entry, limitMiB)) return;
    void thread.worker.terminate();
  }
  prepared.thread = { worker: startThread(entry, limitMiB), entry: entry.href, limitMiB, isOld: isEarly };
}

/** A thread for a new slot: the prepared one if it is as wanted. */
export function takeSlotThread(entry: URL, heapBytes: number): TakenThread {
  const { thread } = prepared;
  prepared.thread = null;
  const limitMiB = limitFor(heapBytes);
  if (thread !== null) {
    const { worker, isOld } = thread;
    if (isAsWanted(thread, entry, limitMiB)) return { worker, environment: isOld ? { ...process.env } : null };
    void worker.terminate();
  }
  return { worker: startThread(entry, limitMiB), environment: null };
}

function isAsWanted(thread: SlotThread, entry: URL, limitMiB: number): boolean {
  return thread.entry === entry.href && thread.limitMiB === limitMiB && thread.worker.threadId > 0;
}
