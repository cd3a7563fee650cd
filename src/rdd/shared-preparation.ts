import type { JobRunner } from './job-runner.ts';
import type { PrepareOptions } from './prepare-lineage.ts';
import type { RDDNode } from './rdd-node.ts';
import { decodeResult } from './sink-results.ts';
import type { SinkSpec } from './sink-spec.ts';

interface Running {
  readonly stop: AbortController;
  waiting: number;
  done: Promise<void>;
}

/**
 * Work that several actions may need at the same time: they share one run of it. When it fails, or when nobody waits for it
 * any more, the next to come starts another.
 */
export class SharedPreparation {
  #running: Running | null = null;

  /** Waits for the run, which begins if there is none. The last one to lose interest stops it. */
  join(signal: AbortSignal, start: (signal: AbortSignal) => Promise<void>): Promise<void> {
    this.#running ??= this.#start(start);
    return waitFor(this.#running, signal);
  }

  #start(start: (signal: AbortSignal) => Promise<void>): Running {
    const stop = new AbortController();
    const running: Running = { stop, waiting: 0, done: Promise.resolve() };
    const forget = (): void => {
      if (this.#running === running) this.#running = null;
    };
    running.done = start(stop.signal).finally(forget);
    stop.signal.addEventListener('abort', forget);
    return running;
  }
}

function waitFor(running: Running, signal: AbortSignal): Promise<void> {
  running.waiting++;
  return new Promise((resolve, reject) => {
    const leave = (): void => {
      reject(signal.reason);
      if (--running.waiting === 0) running.stop.abort(signal.reason);
    };
    signal.addEventListener('abort', leave, { once: true });
    running.done.then(resolve, reject).finally(() => signal.removeEventListener('abort', leave));
  });
}

/** Runs one job of a preparation and gives the partitions' results in the order of `partitions`. */
export async function runPreparingJob(
  jobs: JobRunner,
  node: RDDNode,
  sink: SinkSpec,
  partitions: readonly number[],
  options: PrepareOptions,
): Promise<readonly unknown[]> {
  options.signal.throwIfAborted();
  const results: unknown[] = new Array(partitions.length);
  const { callSite, properties, signal } = options;
  const onResult = (index: number, bytes: Uint8Array): void => {
    results[index] = decodeResult(sink, bytes);
  };
  const handle = jobs.startJob(node, sink, partitions, { callSite, properties, onResult });
  const cancel = (): void => handle.cancel('nobody waits for it any more');
  signal.addEventListener('abort', cancel, { once: true });
  try {
    await handle.done;
  } finally {
    signal.removeEventListener('abort', cancel);
  }
  return results;
}
