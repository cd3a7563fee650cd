import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync } from 'node:fs';
import type { Socket } from 'node:net';
import { constants } from 'node:os';
import type { Clock } from '../../base/clock.ts';
import { type FollowedPipe, lastWords } from '../../base/last-words.ts';
import type { Logger } from '../../base/logger.ts';
import { LIFELINE, LIFELINE_VARIABLE } from '../../protocol/worker-process.ts';
import { SECRET_ENVIRONMENT_VARIABLE } from '../../rpc/security.ts';
import type { LogRolling } from './log-rolling.ts';
import { GROUPS, signalGroup } from './process-group.ts';
import { LOG_FILES, openLogs } from './process-logs.ts';
import type { ProcessPlan } from './process-plan.ts';
import { RollingLog } from './rolling-log.ts';
import { SpareHost, type SpareListener } from './spare-host.ts';
import type { ProcessKey, SpareId } from './worker-events.ts';

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

export interface ProcessHostOptions {
  /** What runs the plans' arguments. */
  readonly program: string;
  /** Of this process. */
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Where spares wait. */
  readonly workDir: string;
  readonly listener: ProcessListener;
  readonly spareListener: SpareListener;
  /** How what processes print is rolled; null: they write their files themselves. */
  readonly rolling: LogRolling | null;
  readonly clock: Clock;
  readonly log: Logger;
}

/**
 * Starts processes and ends them; each leads a group, which ends with it. When this process ends, however it does so by
 * itself, they are killed.
 */
export class ProcessHost {
  readonly #program: string;
  /** What processes get of that of this one. */
  readonly #environment: Readonly<Record<string, string>>;
  readonly #spares: SpareHost;
  readonly #listener: ProcessListener;
  readonly #log: Logger;
  readonly #rolling: LogRolling | null;
  readonly #clock: Clock;
  readonly #running = new Map<ProcessKey, ChildProcess>();
  readonly #killAll = (): void => this.killAll();

  constructor(options: ProcessHostOptions) {
    const { program, environment, workDir, listener, spareListener, rolling, clock, log } = options;
    this.#program = program;
    this.#environment = Object.fromEntries(
      Object.entries(environment).filter((each): each is [string, string] => isPublic(...each)),
    );
    this.#listener = listener;
    this.#log = log;
    this.#rolling = rolling;
    this.#clock = clock;
    this.#spares = new SpareHost(program, this.#environment, workDir, rolling !== null, spareListener, clock);
    process.on('exit', this.#killAll);
  }

  /**
   * @param access set over the plan's environment.
   * @param spare becomes it, if it is there still and takes the order; else, or null: it is a new one.
   */
  start(key: ProcessKey, plan: ProcessPlan, access: Readonly<Record<string, string>>, spare: SpareId | null): void {
    const environment = { ...this.#environment, ...plan.environment, ...access };
    if (spare === null || plan.toSpare === null) {
      this.#startNew(key, plan, environment);
      return;
    }
    const title = [this.#program, ...plan.args].join(' ');
    const order = { arguments: plan.toSpare, environment, directory: plan.directory, title };
    this.#spares.use(spare, order, plan, (child) => {
      if (child === null) this.#startNew(key, plan, environment);
      else {
        this.#running.set(key, child);
        this.#follow(key, plan, child);
        this.#listener.started(key);
      }
    });
  }

  startSpare(id: SpareId, args: readonly string[]): void {
    this.#spares.start(id, args);
  }

  endSpare(id: SpareId): void {
    this.#spares.end(id);
  }

  /** Does nothing when it has ended. */
  signal(key: ProcessKey, signal: NodeJS.Signals): void {
    const child = this.#running.get(key);
    if (child !== undefined) signalGroup(child, signal);
  }

  /** At once, and all they have started. */
  killAll(): void {
    for (const child of this.#running.values()) signalGroup(child, 'SIGKILL');
    this.#spares.killAll();
  }

  /** No process of its own is left to care for; those that could not be ended are tried a last time. */
  close(): void {
    this.killAll();
    this.#spares.close();
    process.off('exit', this.#killAll);
  }

  #startNew(key: ProcessKey, plan: ProcessPlan, environment: Readonly<Record<string, string>>): void {
    let child: ChildProcess;
    try {
      child = this.#spawn(plan, environment);
    } catch (error) {
      queueMicrotask(() => this.#listener.failed(key, this.#cannotRun(plan, error)));
      return;
    }
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
    this.#follow(key, plan, child);
  }

  /** What it prints, and its end. */
  #follow(key: ProcessKey, plan: ProcessPlan, child: ChildProcess): void {
    const logs = this.#rolling === null ? null : this.#roll(child, plan.directory, this.#rolling);
    child.once('exit', (code, signal) => {
      signalGroup(child, 'SIGKILL'); // what it started and left
      if (this.#running.get(key) === child) this.#running.delete(key);
      const exitCode = code ?? 128 + (signal === null ? 0 : constants.signals[signal]);
      if (logs === null) this.#listener.exited(key, exitCode);
      else void lastWords(logs, this.#clock).then(() => this.#listener.exited(key, exitCode));
    });
  }

  #spawn(plan: ProcessPlan, environment: Readonly<Record<string, string>>): ChildProcess {
    const files = openLogs(plan);
    const logs = this.#rolling === null ? files : (['pipe', 'pipe'] as const);
    try {
      const child = spawn(this.#program, plan.args, {
        cwd: plan.directory,
        detached: GROUPS,
        stdio: ['ignore', ...logs, ...(plan.lifeline ? (['pipe'] as const) : [])],
        env: plan.lifeline ? { ...environment, [LIFELINE_VARIABLE]: `${LIFELINE}` } : environment,
      });
      if (plan.lifeline) holdLifeline(child);
      return child;
    } finally {
      for (const file of files) closeSync(file);
    }
  }

  #roll(child: ChildProcess, directory: string, rolling: LogRolling): readonly FollowedPipe[] {
    return LOG_FILES.flatMap((name) => {
      const stream = child[name];
      if (stream === null) return [];
      const log = new RollingLog(directory, name, rolling, this.#clock, this.#log);
      return [{ reader: log, written: log.follow(stream), letGo: () => stream.destroy() }];
    });
  }

  #cannotRun({ directory }: ProcessPlan, error: unknown): string {
    const why = error instanceof Error ? error.message : String(error);
    return `Cannot run program "${this.#program}" (in directory "${directory}"): ${why}`;
  }
}

/** Nothing comes from it, and it is closed with this process, or when the other one has ended. */
function holdLifeline(child: ChildProcess): void {
  const held = child.stdio[LIFELINE] as Socket | undefined; // undefined when the process could not be spawned
  held?.on('error', () => {});
  held?.unref();
}

function isPublic(name: string, value: string | undefined): boolean {
  return value !== undefined && !PRIVATE.includes(name);
}
