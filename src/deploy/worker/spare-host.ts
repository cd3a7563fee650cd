import { type ChildProcess, spawn } from 'node:child_process';
import {
  closeSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import type { Duplex } from 'node:stream';
import type { Clock } from '../../base/clock.ts';
import { SPARE_ORDERS, type SpareOrder } from '../../protocol/worker-process.ts';
import { ownAsWorker } from '../../storage/dir-owner.ts';
import { GROUPS, signalGroup } from './process-group.ts';
import { LOG_FILES, makeLogs, type ProcessLogs } from './process-logs.ts';
import { SPARES_PREFIX } from './work-dirs.ts';
import type { SpareId } from './worker-events.ts';

/** What happens to spares. Never called from within a call of the host. */
export interface SpareListener {
  used(id: SpareId): void;
  ended(id: SpareId, why: string): void;
}

/** One that has been started a moment ago, on a machine that does much else, is no sooner there than a new process. */
const LONGEST_ANSWER_MS = 30_000;

/** A process can show no longer command line than it was started with: room for what an executor is told. */
const ROOM_FOR_TITLE: string = ' '.repeat(1024);

interface Spare {
  readonly child: ChildProcess;
  /** Its `stdout` and `stderr` until it is somebody's; null: pipes. */
  readonly files: readonly string[] | null;
  /** It is waited for no more; called once at the most. */
  failed: (why: string) => void;
}

/**
 * Processes that wait to be told what they are for. What they print goes to files that become their executor's by a new name, so
 * that nothing has to be opened again, and no worker has to live for it.
 */
export class SpareHost {
  readonly #program: string;
  readonly #environment: Readonly<Record<string, string>>;
  readonly #workDir: string;
  readonly #pipes: boolean;
  readonly #listener: SpareListener;
  readonly #clock: Clock;
  readonly #spares = new Map<SpareId, Spare>();
  /** Those that have been told what they are for, and have not answered. */
  readonly #told = new Set<ChildProcess>();
  /** For `files`; made with the first spare. */
  #directory: string | null = null;

  /**
   * @param environment theirs, until they are told another one.
   * @param pipes the worker reads what its processes print.
   */
  constructor(
    program: string,
    environment: Readonly<Record<string, string>>,
    workDir: string,
    pipes: boolean,
    listener: SpareListener,
    clock: Clock,
  ) {
    this.#program = program;
    this.#environment = environment;
    this.#workDir = workDir;
    this.#pipes = pipes;
    this.#listener = listener;
    this.#clock = clock;
  }

  start(id: SpareId, args: readonly string[]): void {
    const failed = (why: string): void => {
      if (!this.#spares.delete(id)) return;
      this.#listener.ended(id, why);
    };
    let spare: Spare;
    try {
      spare = this.#spawn(id, args, failed);
    } catch (error) {
      queueMicrotask(() => this.#listener.ended(id, (error as Error).message));
      return;
    }
    const { child } = spare;
    this.#spares.set(id, spare);
    child.on('error', (error) => spare.failed(error.message));
    child.once('exit', (code, signal) => {
      removeFiles(spare);
      spare.failed(signal === null ? `it exited with ${code}` : `${signal} ended it`);
    });
    // A spare that has gone away says so by its end.
    ordersOf(child)?.on('error', () => {});
  }

  /** Nothing more is heard of it. */
  end(id: SpareId): void {
    const spare = this.#spares.get(id);
    if (spare === undefined) return;
    this.#spares.delete(id);
    signalGroup(spare.child, 'SIGKILL');
  }

  /**
   * Makes a spare the process that an order describes.
   *
   * @param done gets the process, which leads a group; null when there is none that took the order: nothing is left of it then.
   */
  use(id: SpareId, order: SpareOrder, logs: ProcessLogs, done: (child: ChildProcess | null) => void): void {
    const spare = this.#spares.get(id);
    if (spare === undefined) {
      queueMicrotask(() => done(null));
      return;
    }
    const { child } = spare;
    const orders = ordersOf(child);
    this.#spares.delete(id);
    this.#told.add(child);
    let over = false;
    const end = (why: string | null): void => {
      if (over) return;
      over = true;
      cancel();
      this.#told.delete(child);
      orders?.destroy();
      if (why === null) this.#listener.used(id);
      else {
        signalGroup(child, 'SIGKILL');
        for (const name of LOG_FILES) rmSync(join(logs.directory, name), { force: true });
        this.#listener.ended(id, why);
      }
      done(why === null ? child : null);
    };
    const cancel = this.#clock.after(LONGEST_ANSWER_MS, () => end(`no answer within ${LONGEST_ANSWER_MS} ms`));
    spare.failed = end;
    try {
      this.#giveFiles(spare, logs);
      orders?.once('data', () => end(null));
      orders?.write(`${JSON.stringify(order)}\n`);
    } catch (error) {
      queueMicrotask(() => end((error as Error).message));
    }
  }

  /** At once. */
  killAll(): void {
    for (const { child } of this.#spares.values()) signalGroup(child, 'SIGKILL');
    for (const child of this.#told) signalGroup(child, 'SIGKILL');
  }

  close(): void {
    this.killAll();
    this.#spares.clear();
    if (this.#directory !== null) rmSync(this.#directory, { recursive: true, force: true });
    this.#directory = null;
  }

  #spawn(id: SpareId, args: readonly string[], failed: (why: string) => void): Spare {
    const files = this.#pipes ? null : LOG_FILES.map((name) => join(this.#ownDirectory(), `${id}-${name}`));
    const opened: number[] = [];
    try {
      for (const file of files ?? []) opened.push(openSync(file, 'a'));
      const child = spawn(this.#program, [...args, ROOM_FOR_TITLE], {
        cwd: this.#workDir,
        detached: GROUPS,
        stdio: ['ignore', opened[0] ?? 'pipe', opened[1] ?? 'pipe', 'pipe'],
        env: this.#environment,
      });
      return { child, files, failed };
    } finally {
      for (const file of opened) closeSync(file);
    }
  }

  #ownDirectory(): string {
    if (this.#directory === null || !existsSync(this.#directory)) {
      mkdirSync(this.#workDir, { recursive: true });
      this.#directory = mkdtempSync(join(this.#workDir, SPARES_PREFIX));
      ownAsWorker(this.#directory);
    }
    return this.#directory;
  }

  /** @throws the error of a disk that is full, say. */
  #giveFiles({ files }: Spare, logs: ProcessLogs): void {
    if (files === null) {
      makeLogs(logs);
      return;
    }
    const [stdout, stderr] = files as [string, string]; // one for each of LOG_FILES
    writeFileSync(stderr, Buffer.concat([Buffer.from(logs.stderrHeader), readFileSync(stderr)]));
    renameSync(stdout, join(logs.directory, 'stdout'));
    renameSync(stderr, join(logs.directory, 'stderr'));
  }
}

function ordersOf(child: ChildProcess): Duplex | undefined {
  return child.stdio[SPARE_ORDERS] as Duplex | undefined; // a pipe; undefined when the process could not be spawned
}

function removeFiles({ files }: Spare): void {
  for (const file of files ?? []) rmSync(file, { force: true });
}
