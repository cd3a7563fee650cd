import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, openSync, writeSync } from 'node:fs';
import { constants } from 'node:os';
import { join } from 'node:path';
import type { Clock } from '../../base/clock.ts';
import type { Logger } from '../../base/logger.ts';
import { SECRET_ENVIRONMENT_VARIABLE } from '../../rpc/security.ts';
import type { LogRolling } from './log-rolling.ts';
import type { ProcessPlan } from './process-plan.ts';
import { RollingLog } from './rolling-log.ts';
import type { ProcessKey } from './worker-events.ts';

/** What happens to processes. Never called from within a call of the host. */
export interface ProcessListener {
  started(key: ProcessKey): void;
  failed(key: ProcessKey, message: string): void;
  exited(key: ProcessKey, exitCode: number): void;
}

/**
 * What of the worker's own environment its processes do not get: its secret, settings of daemons, among which that may be as
 * well, and what belongs to its own parent.
 */
const PRIVATE: readonly string[] = [
  SECRET_ENVIRONMENT_VARIABLE,
  ...['DAEMON_JAVA_OPTS', 'MASTER_OPTS', 'WORKER_OPTS', 'SHUFFLE_OPTS', 'HISTORY_OPTS'].flatMap((name) => [
    `ISKRA_${name}`,
    `SPARK_${name}`,
  ]),
  ...['NODE_CHANNEL_FD', 'NODE_CHANNEL_SERIALIZATION_MODE', 'NODE_UNIQUE_ID'],
];

/** What a process printed before it ended is written, unless something that it has started goes on to hold its pipes. */
const LAST_WORDS_MS = 1000;
const LOGS = ['stdout', 'stderr'] as const;

/** Processes lead groups of their own, so that a signal reaches what they have started as well. */
const GROUPS: boolean = process.platform !== 'win32';

/**
 * Starts processes and ends them; each leads a group, which ends with it. When this process ends, however it does so by
 * itself, they are killed.
 */
export class ProcessHost {
  readonly #program: string;
  readonly #environment: Readonly<Record<string, string | undefined>>;
  readonly #listener: ProcessListener;
  readonly #log: Logger;
  readonly #rolling: LogRolling | null;
  readonly #clock: Clock;
  readonly #running = new Map<ProcessKey, ChildProcess>();
  readonly #killAll = (): void => this.killAll();

  /**
   * @param program what runs the plans' arguments.
   * @param environment of this process.
   * @param rolling how what processes print is rolled; null: they write their files themselves.
   */
  constructor(
    program: string,
    environment: Readonly<Record<string, string | undefined>>,
    listener: ProcessListener,
    rolling: LogRolling | null,
    clock: Clock,
    log: Logger,
  ) {
    this.#program = program;
    this.#environment = environment;
    this.#listener = listener;
    this.#rolling = rolling;
    this.#clock = clock;
    this.#log = log;
    process.on('exit', this.#killAll);
  }

  /** @param access set over the plan's environment. */
  start(key: ProcessKey, plan: ProcessPlan, access: Readonly<Record<string, string>>): void {
    let child: ChildProcess;
    try {
      child = this.#spawn(plan, access);
    } catch (error) {
      queueMicrotask(() => this.#listener.failed(key, this.#cannotRun(plan, error)));
      return;
    }
    const logs = this.#rolling === null ? null : this.#roll(child, plan.directory, this.#rolling);
    let spawned = false;
    if (child.pid !== undefined) this.#running.set(key, child); // it runs, also if this process ends before it hears of it
    child.once('spawn', () => {
      spawned = true;
      this.#listener.started(key);
    });
    child.on('error', (error) => {
      if (spawned) this.#log.warn(`process of ${key}: ${error.message}`, { pid: child.pid });
      else this.#listener.failed(key, this.#cannotRun(plan, error));
    });
    child.once('exit', (code, signal) => {
      this.#signal(child, 'SIGKILL'); // what it started and left
      if (this.#running.get(key) === child) this.#running.delete(key);
      const exitCode = code ?? 128 + (signal === null ? 0 : constants.signals[signal]);
      if (logs === null) this.#listener.exited(key, exitCode);
      else void this.#lastWords(child, logs).then(() => this.#listener.exited(key, exitCode));
    });
  }

  /** Does nothing when it has ended. */
  signal(key: ProcessKey, signal: NodeJS.Signals): void {
    const child = this.#running.get(key);
    if (child !== undefined) this.#signal(child, signal);
  }

  /** At once, and all they have started. */
  killAll(): void {
    for (const child of this.#running.values()) this.#signal(child, 'SIGKILL');
  }

  /** No process of its own is left to care for; those that could not be ended are tried a last time. */
  close(): void {
    this.killAll();
    process.off('exit', this.#killAll);
  }

  #spawn(plan: ProcessPlan, access: Readonly<Record<string, string>>): ChildProcess {
    const environment: Record<string, string | undefined> = { ...this.#environment };
    for (const name of PRIVATE) delete environment[name];
    const files: number[] = [];
    try {
      for (const name of LOGS) files.push(openSync(join(plan.directory, name), 'a'));
      writeSync(files[1] as number, plan.stderrHeader); // opened just now
      return spawn(this.#program, plan.args, {
        cwd: plan.directory,
        detached: GROUPS,
        stdio: this.#rolling === null ? ['ignore', ...files] : ['ignore', 'pipe', 'pipe'],
        env: { ...environment, ...plan.environment, ...access },
      });
    } finally {
      for (const file of files) closeSync(file);
    }
  }

  #roll(child: ChildProcess, directory: string, rolling: LogRolling): Promise<unknown> {
    const follow = (name: (typeof LOGS)[number]): Promise<void> | undefined => {
      const stream = child[name];
      if (stream === null) return undefined;
      return new RollingLog(directory, name, rolling, this.#clock, this.#log).follow(stream);
    };
    return Promise.all(LOGS.map(follow));
  }

  #lastWords(child: ChildProcess, logs: Promise<unknown>): Promise<void> {
    return new Promise((resolve) => {
      const cancel = this.#clock.after(LAST_WORDS_MS, () => {
        for (const name of LOGS) child[name]?.destroy();
        resolve();
      });
      void logs.then(() => {
        cancel();
        resolve();
      });
    });
  }

  #signal(child: ChildProcess, signal: NodeJS.Signals): void {
    if (child.pid === undefined) return;
    try {
      process.kill(GROUPS ? -child.pid : child.pid, signal);
    } catch {
      // It has ended, or belongs to somebody else by now.
    }
  }

  #cannotRun({ directory }: ProcessPlan, error: unknown): string {
    const why = error instanceof Error ? error.message : String(error);
    return `Cannot run program "${this.#program}" (in directory "${directory}"): ${why}`;
  }
}
