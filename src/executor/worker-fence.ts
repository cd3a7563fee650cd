import { Worker } from 'node:worker_threads';
import type { Logger } from '../base/logger.ts';

export interface FenceOptions {
  /** A pipe or socket whose other end the worker alone holds. */
  readonly lifeline: number;
  /** How long this process may take to end in good order when the worker is gone, in ms. */
  readonly graceMs: number;
  /** What is written to stderr before this process is killed. */
  readonly lastWords: string;
  readonly log: Logger;
}

/**
 * As text: it has to run where the main thread does nothing for it, and a module of the program takes longer to load than it
 * takes. The other end closes however its holder ends. What this process has started is in its group, if it leads one.
 */
const THREAD = `
const { writeSync } = require('node:fs');
const { Socket } = require('node:net');
const { workerData: { lifeline, graceMs, lastWords } } = require('node:worker_threads');
const kill = (pid) => {
  try { process.kill(pid, 'SIGKILL'); } catch {}
};
const end = () => {
  try { writeSync(2, lastWords + '\\n'); } catch {}
  kill(-process.pid);
  kill(process.pid);
};
new Socket({ fd: lifeline }).on('error', () => {}).on('close', () => setTimeout(end, graceMs)).resume();
`;

/**
 * Ends this process when its worker is gone, though its main thread may be in a call that does not return: a thread watches.
 * It does not keep the process alive.
 *
 * Spark: WorkerWatcher has threads of its own.
 */
export function fenceWorker({ lifeline, graceMs, lastWords, log }: FenceOptions): void {
  const thread = new Worker(THREAD, {
    eval: true,
    workerData: { lifeline, graceMs, lastWords },
    // What an application has Node preload, or ask of its threads, is not for this one.
    env: {},
    execArgv: [],
    resourceLimits: { maxOldGenerationSizeMb: 16, maxYoungGenerationSizeMb: 1 },
    name: 'worker fence',
  });
  thread.on('error', (error) => log.warn(`Nothing watches the worker while this program computes: ${error.message}`));
  thread.unref();
}
