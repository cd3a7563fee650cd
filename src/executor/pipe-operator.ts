import type { ChildProcess } from 'node:child_process';
import { mkdirSync, readdirSync, rmSync, symlinkSync } from 'node:fs';
import { constants } from 'node:os';
import { join } from 'node:path';
import type { Readable, Writable } from 'node:stream';
import { StringDecoder } from 'node:string_decoder';
import { IskraError } from '../base/errors.ts';
import { recordText } from '../base/record-text.ts';
import type { PipePlan } from '../protocol/stage-program.ts';
import type { AsyncBatchIterator } from './async-batches.ts';
import type { AsyncTask } from './async-task.ts';
import { LineSplitter } from './line-splitter.ts';
import type { TaskEnv } from './task-env.ts';

/** A process that has not ended so long after it was asked to is killed. */
const KILL_GRACE_MS = 2000;

type Print = (line: string) => void;

/**
 * Records go to a process as lines, its lines come out as records. Both at the same time, and neither faster than the other
 * end takes them: what is in flight are some buffers.
 *
 *   source ─► feed() ─► stdin │ process │ stdout ─► next()
 *                             └ stderr ─► log
 *
 * A process that ends well without having read everything is fine (Spark: broken pipe).
 *
 * Spark: PipedRDD
 */
export class PipeOperator implements AsyncBatchIterator {
  readonly #plan: PipePlan;
  readonly #env: TaskEnv;
  readonly #source: AsyncBatchIterator;
  readonly #print: { readonly context: unknown; readonly element: unknown };
  readonly #child: ChildProcess;
  readonly #stdout: Readable;
  readonly #decoder: StringDecoder;
  readonly #lines = new LineSplitter();
  readonly #workingDir: string | null;
  readonly #stopListening: () => void;
  #failure: { readonly error: unknown } | null = null;
  #outputEnded = false;
  #exit: { readonly code: number | null; readonly signal: NodeJS.Signals | null } | null = null;
  #closed = false;
  #finished = false;
  #wake: (() => void) | null = null;

  constructor(
    plan: PipePlan,
    functions: readonly unknown[],
    source: AsyncBatchIterator,
    task: AsyncTask,
    env: TaskEnv,
  ) {
    this.#plan = plan;
    this.#env = env;
    this.#source = source;
    const functionOf = (ref: number | null): unknown => (ref === null ? null : functions[ref]);
    this.#print = { context: functionOf(plan.printContext), element: functionOf(plan.printElement) };
    this.#decoder = new StringDecoder(plan.encoding);
    this.#workingDir = plan.separateWorkingDir ? linkedDirectory(env) : null;
    this.#child = this.#start();
    const { stdin, stdout, stderr } = this.#child as ChildProcess & {
      stdin: Writable;
      stdout: Readable;
      stderr: Readable;
    };
    this.#stdout = stdout;
    this.#stopListening = task.onKilled((error) => this.#fail(error));
    this.#listen(stdin, stdout, stderr);
    this.#feed(stdin).catch((error: unknown) => this.#fail(error));
  }

  async next(): Promise<readonly unknown[] | null> {
    for (;;) {
      this.#env.shuffle.throwIfKilled();
      if (this.#failure !== null) throw this.#failure.error;
      const chunk = this.#stdout.read() as Buffer | null;
      if (chunk !== null) {
        const lines = this.#lines.add(this.#decoder.write(chunk));
        if (lines.length > 0) return lines;
        continue;
      }
      if (this.#outputEnded && this.#exit !== null) return this.#end(this.#exit);
      await this.#wait();
    }
  }

  close(): Promise<void> | void {
    if (this.#closed) return;
    this.#closed = true;
    this.#stopListening();
    if (this.#exit === null) {
      this.#child.kill('SIGTERM');
      const killer = setTimeout(() => this.#child.kill('SIGKILL'), KILL_GRACE_MS);
      killer.unref();
      this.#child.once('exit', () => clearTimeout(killer));
    }
    this.#child.stdin?.destroy();
    this.#stdout.destroy();
    this.#wake?.();
    this.#removeWorkingDir();
    return this.#source.close();
  }

  #start(): ChildProcess {
    const [program = '', ...args] = this.#plan.command;
    try {
      // Not imported above: slots that need it not start sooner.
      return process.getBuiltinModule('node:child_process').spawn(program, args, {
        env: { ...process.env, ...this.#plan.env },
        stdio: ['pipe', 'pipe', 'pipe'],
        ...(this.#workingDir === null ? {} : { cwd: this.#workingDir }),
      });
    } catch (cause) {
      this.#removeWorkingDir();
      void this.#source.close();
      throw notStarted(program, cause as Error); // spawn throws Errors
    }
  }

  #listen(stdin: Writable, stdout: Readable, stderr: Readable): void {
    this.#child.on('error', (cause: Error) => {
      // Others than a failed start are of kill(), whose process is gone.
      if (this.#child.pid === undefined) this.#fail(notStarted(this.#plan.command[0] ?? '', cause));
    });
    this.#child.on('exit', (code, signal) => {
      this.#exit = { code, signal };
      if (this.#closed) this.#removeWorkingDir();
      this.#wake?.();
    });
    // A process may end before it has read everything; whether that is an error its exit code says.
    stdin.on('error', () => {});
    stdout.on('readable', () => this.#wake?.());
    stdout.on('error', (error) => this.#fail(error));
    stdout.on('end', () => {
      this.#outputEnded = true;
      this.#wake?.();
    });
    const log = this.#env.shuffle.logger.named('PipedRDD');
    const decoder = new StringDecoder(this.#plan.encoding);
    const errors = new LineSplitter();
    stderr.on('data', (chunk: Buffer) => {
      for (const line of errors.add(decoder.write(chunk))) log.warn(line);
    });
    stderr.on('error', () => {});
    stderr.on('end', () => {
      for (const line of errors.end()) log.warn(line);
    });
  }

  async #feed(stdin: Writable): Promise<void> {
    const { bufferSize, encoding } = this.#plan;
    const element = this.#print.element as ((record: unknown, print: Print) => void) | null;
    let text = '';
    const print: Print = (line) => {
      text += `${line}\n`;
    };
    (this.#print.context as ((print: Print) => void) | null)?.(print);
    for (let batch = await this.#source.next(); batch !== null; batch = await this.#source.next()) {
      this.#env.shuffle.throwIfKilled();
      for (let i = 0; i < batch.length; i++) {
        const record = batch[i];
        if (element !== null) element(record, print);
        else text += typeof record === 'string' ? `${record}\n` : `${recordText(record)}\n`;
        if (text.length < bufferSize) continue;
        if (!stdin.writable) return;
        const full = !stdin.write(text, encoding);
        text = '';
        if (full) await drained(stdin);
      }
      if (!stdin.writable) return;
    }
    if (stdin.writable) stdin.end(text, encoding);
  }

  #fail(error: unknown): void {
    this.#failure ??= { error };
    this.#wake?.();
  }

  /** Until something has happened. */
  #wait(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = () => {
        this.#wake = null;
        resolve();
      };
    });
  }

  #end(exit: { readonly code: number | null; readonly signal: NodeJS.Signals | null }): readonly unknown[] | null {
    const status = exit.code ?? 128 + (exit.signal === null ? 0 : constants.signals[exit.signal]);
    if (status !== 0) {
      const { command } = this.#plan;
      throw new IskraError(
        'PIPE_FAILED',
        `Subprocess exited with status ${status}. Command ran: ${command.join(' ')}`,
        { details: { status, command } },
      );
    }
    if (this.#finished) return null;
    this.#finished = true;
    const last = [...this.#lines.add(this.#decoder.end()), ...this.#lines.end()];
    return last.length > 0 ? last : null;
  }

  #removeWorkingDir(): void {
    if (this.#workingDir !== null) rmSync(this.#workingDir, { recursive: true, force: true });
  }
}

function notStarted(program: string, cause: Error): IskraError {
  return new IskraError('PIPE_NOT_STARTED', `Cannot run program "${program}": ${cause.message}`, { cause });
}

/** Resolves when a stream takes more, or never will. */
function drained(stream: Writable): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      stream.off('drain', done);
      stream.off('close', done);
      resolve();
    };
    stream.on('drain', done);
    stream.on('close', done);
  });
}

/** A new directory with a link to each thing in this one, so that a command finds its files and leaves none. */
function linkedDirectory(env: TaskEnv): string {
  // Not imported above: slots and commands that need it not start 3 ms sooner.
  const directory = env.localDirs.file(`pipe_${process.getBuiltinModule('node:crypto').randomUUID()}`);
  mkdirSync(directory, { mode: 0o700 });
  const here = process.cwd();
  for (const name of readdirSync(here)) symlinkSync(join(here, name), join(directory, name));
  return directory;
}
