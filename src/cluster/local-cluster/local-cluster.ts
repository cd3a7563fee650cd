import { type ChildProcess, spawn } from 'node:child_process';
import { Socket } from 'node:net';
import type { Readable } from 'node:stream';
import { systemClock } from '../../base/clock.ts';
import { lastWords } from '../../base/last-words.ts';
import type { Logger } from '../../base/logger.ts';
import { printTo } from '../../base/standard-streams.ts';
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

/** So many lines, and characters of them, go into an error. */
const LAST_LINES = 10;
const LAST_CHARS = 2000;

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
  readonly sharesStderr = true;
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

  /** All that can be done when this process ends at once: they remove their files, and end within seconds. */
  endAll(): void {
    for (const { process } of this.#running.values()) {
      process.kill('SIGTERM');
      process.kill('SIGCONT'); // one that was stopped would never hear of it
    }
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
    // What tasks print appears where the program's own output does. Only after an executor has ended early we listen to the
    // next one: it would have to wait for a driver that computes whenever it writes much.
    const listens = this.#failuresInARow > 0;
    const child = spawn(process.execPath, [executorEntry, ...args], {
      stdio: ['ignore', 'inherit', listens ? 'pipe' : 'inherit'],
      env: { ...process.env, ...env },
    });
    const said = child.stderr === null ? null : passOn(child.stderr);
    const closed = new Promise<void>((resolve) => child.once('close', () => resolve()));
    const ended = new Promise<void>((resolve) => {
      const end = (message: string): void => {
        if (!this.#running.has(executorId)) return;
        this.#exited(executorId, message, said?.() ?? '');
        resolve();
      };
      child.once('error', (error) => end(`the executor's process could not be started: ${error.message}`));
      child.once('exit', (code, signal) => {
        const how = signal === null ? `Command exited with code ${code}` : `Command was ended by signal ${signal}`;
        if (!listens) {
          end(how);
          return;
        }
        // Its last words may still be on their way; a process of its own that lives on may hold the line open.
        const pipe = { reader: { taken: 0, isWriting: false }, written: closed, letGo() {} };
        child.stderr?.on('data', (text: string) => {
          pipe.reader.taken += text.length;
        });
        void lastWords([pipe], systemClock).then(() => end(how));
      });
    });
    this.#running.set(executorId, { process: child, ended, startedAt: systemClock.now() });
    child.unref(); // jobs keep this process alive, executors do not
    log.debug('executor started', { executorId, pid: child.pid });
  }

  #exited(executorId: ExecutorId, message: string, said: string): void {
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
        `${this.#failuresInARow} executors ended early one after another, the last one so: ${message}`,
        said === '' ? 'see what they wrote on stderr' : `it wrote:\n${said}`,
      );
      return;
    }
    this.#launchMissing();
  }
}

/** Writes what comes to our own stderr. The returned function gives the last lines of it. */
function passOn(stderr: Readable): () => string {
  let tail = '';
  stderr.setEncoding('utf8');
  stderr.on('data', (text: string) => {
    printTo('stderr', text);
    tail = (tail + text).slice(-LAST_CHARS);
  });
  stderr.on('error', () => {}); // the process's end is told apart
  if (stderr instanceof Socket) stderr.unref();
  return () => tail.trimEnd().split('\n').slice(-LAST_LINES).join('\n');
}
