import { type ChildProcess, spawn } from 'node:child_process';
import { systemClock } from '../../base/clock.ts';
import type { Logger } from '../../base/logger.ts';
import type { ExecutorId } from '../../protocol/ids.ts';
import type { RpcAddress } from '../../rpc/rpc-address.ts';
import type { ShuffleService } from '../../shuffle-service/shuffle-service.ts';
import type { ExecutorProvider, ProviderListener } from '../coarse-grained/executor-provider.ts';
import type { ExecutorLayout } from './executor-layout.ts';

export interface LocalClusterOptions extends ExecutorLayout {
  /** The compiled src/main/executor-process.ts. */
  readonly executorEntry: string;
  /** Serves their files, and ends with them; null: nobody does. */
  readonly shuffleService: ShuffleService | null;
  /** spark.storage.cleanupFilesAfterExecutorExit */
  readonly cleanupFilesAfterExecutorExit: boolean;
  /** How many of them there are at first. */
  readonly initialExecutors: number;
  readonly applicationId: string;
  /** Added to the environment of executors: secrets go there, never into arguments. */
  readonly env: Readonly<Record<string, string>>;
  /** spark.deploy.maxExecutorRetries; negative: no limit. */
  readonly maxRetries: number;
  /** How long executors may take to end, ms. */
  readonly stopGraceMs: number;
  readonly log: Logger;
}

interface Running {
  readonly process: ChildProcess;
  readonly ended: Promise<void>;
  readonly startedAt: number;
}

/** An executor that lived for so long was a good one: the next one's end is not counted on top of its own. */
const GOOD_LIFE_MS = 10_000;

/**
 * `local-cluster[W,C,M]`: executors as child processes on this host, for tests and for work that wants processes of its
 * own. One that ends is replaced, until too many in a row have ended early.
 *
 * Spark: LocalSparkCluster
 */
export class LocalCluster implements ExecutorProvider {
  readonly expectedCores: number;
  #target: number;
  readonly #options: LocalClusterOptions;
  readonly #running = new Map<ExecutorId, Running>();
  #driver: RpcAddress | null = null;
  #listener: ProviderListener | null = null;
  #nextId = 0;
  #failuresInARow = 0;

  constructor(options: LocalClusterOptions) {
    this.#options = options;
    this.#target = Math.min(options.initialExecutors, options.executors);
    this.expectedCores = options.executors * options.coresPerExecutor;
  }

  start(driver: RpcAddress, listener: ProviderListener): void {
    this.#driver = driver;
    this.#listener = listener;
    this.#launchMissing();
  }

  /** All profiles get the same executors. */
  totalOf(): number {
    return this.#target;
  }

  async requestTotals(totals: ReadonlyMap<number, number>): Promise<boolean> {
    const wanted = [...totals.values()].reduce((sum, total) => sum + total, 0);
    this.#target = Math.min(wanted, this.#options.executors);
    this.#launchMissing();
    return true;
  }

  kill(executorId: ExecutorId): void {
    this.#running.get(executorId)?.process.kill('SIGKILL');
  }

  async stop(): Promise<void> {
    this.#listener = null;
    const all = [...this.#running.values()];
    const cancel = systemClock.after(this.#options.stopGraceMs, () => {
      for (const { process } of all) process.kill('SIGKILL');
    });
    for (const { process } of all) process.ref();
    await Promise.all(all.map(({ ended }) => ended));
    cancel();
    await this.#options.shuffleService?.stop();
  }

  /** All that can be done when this process ends at once. */
  killAll(): void {
    for (const { process } of this.#running.values()) process.kill('SIGKILL');
  }

  #launchMissing(): void {
    while (this.#driver !== null && this.#listener !== null && this.#running.size < this.#target)
      this.#launch(this.#driver);
  }

  #launch(driver: RpcAddress): void {
    const { executorEntry, coresPerExecutor, applicationId, env, log } = this.#options;
    const executorId = String(this.#nextId++);
    const args = [
      ...['--driver-url', `spark://CoarseGrainedScheduler@${driver.host}:${driver.port}`],
      ...['--executor-id', executorId, '--hostname', '127.0.0.1', '--cores', String(coresPerExecutor)],
      ...['--app-id', applicationId],
    ];
    const child = spawn(process.execPath, [executorEntry, ...args], {
      // What tasks print appears where the program's own output does.
      stdio: ['ignore', 'inherit', 'inherit'],
      env: { ...process.env, ...env },
    });
    const ended = new Promise<void>((resolve) => {
      const end = (message: string): void => {
        if (!this.#running.has(executorId)) return;
        this.#exited(executorId, message);
        resolve();
      };
      child.once('error', (error) => end(`the executor's process could not be started: ${error.message}`));
      child.once('exit', (code, signal) =>
        end(signal === null ? `Command exited with code ${code}` : `Command was ended by signal ${signal}`),
      );
    });
    this.#running.set(executorId, { process: child, ended, startedAt: systemClock.now() });
    child.unref(); // jobs keep this process alive, executors do not
    log.debug('executor started', { executorId, pid: child.pid });
  }

  #exited(executorId: ExecutorId, message: string): void {
    const { startedAt } = this.#running.get(executorId) as Running;
    this.#running.delete(executorId);
    const { shuffleService, cleanupFilesAfterExecutorExit, applicationId } = this.#options;
    if (cleanupFilesAfterExecutorExit) shuffleService?.executorRemoved(applicationId, executorId);
    if (this.#listener === null || this.#driver === null) return;
    this.#listener.exited(executorId, { message, exitCausedByApp: true, workerLost: false });
    this.#failuresInARow = systemClock.now() - startedAt >= GOOD_LIFE_MS ? 1 : this.#failuresInARow + 1;
    const { maxRetries } = this.#options;
    if (maxRetries >= 0 && this.#failuresInARow > maxRetries && this.#running.size === 0) {
      this.#listener.failed(
        `${this.#failuresInARow} executors ended early one after another, the last one so: ${message}; see what they wrote on stderr`,
      );
      return;
    }
    this.#launchMissing();
  }
}
