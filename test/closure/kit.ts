import { type ChildProcess, fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import v8 from 'node:v8';
import { Worker } from 'node:worker_threads';

/** Fixtures run as they are written, from the source tree: tsc does not see them. */
export const FIXTURES: URL = new URL('../../../test/closure/fixtures/', import.meta.url);

interface Reply {
  readonly id: number;
  readonly ok: boolean;
  readonly out: Uint8Array;
  readonly message: string;
  readonly stack: string;
  readonly name: string;
}

interface Request {
  readonly op?: 'call' | 'again' | 'reviveClass';
  readonly bytes: Uint8Array | readonly Uint8Array[];
  readonly args?: readonly unknown[];
  readonly sync?: boolean;
}

/** A worker thread and a forked process that run shipped functions. */
export class Executors {
  readonly #worker: Worker;
  readonly #child: ChildProcess;
  readonly #waiting = new Map<number, (reply: Reply) => void>();
  #next = 0;

  constructor() {
    const executor = new URL('executor.mjs', FIXTURES);
    this.#worker = new Worker(executor);
    this.#child = fork(fileURLToPath(executor), [], { serialization: 'advanced', execArgv: [] });
    const onReply = (reply: Reply): void => {
      this.#waiting.get(reply.id)?.(reply);
      this.#waiting.delete(reply.id);
    };
    this.#worker.on('message', onReply);
    this.#child.on('message', (message) => onReply(message as Reply));
  }

  async #ask(send: (message: object) => void, request: Request): Promise<unknown> {
    const id = this.#next++;
    const reply = await new Promise<Reply>((resolve) => {
      this.#waiting.set(id, resolve);
      send({ op: 'call', args: [], sync: false, ...request, id });
    });
    if (!reply.ok) throw Object.assign(new Error(reply.message), { name: reply.name, stack: reply.stack });
    return v8.deserialize(reply.out);
  }

  inWorker(request: Request): Promise<unknown> {
    return this.#ask((message) => this.#worker.postMessage(message), request);
  }

  inProcess(request: Request): Promise<unknown> {
    return this.#ask((message) => this.#child.send(message), request);
  }

  /** Runs the same in both: [result of the thread, result of the process]. */
  inBoth(request: Request): Promise<[unknown, unknown]> {
    return Promise.all([this.inWorker(request), this.inProcess(request)]);
  }

  async close(): Promise<void> {
    this.#child.kill();
    await this.#worker.terminate();
  }
}
