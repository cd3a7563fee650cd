import type { Session } from 'node:inspector';
import type { HeldMemory } from '../protocol/executor-slot.ts';
import { lookExpression } from './slot-memory.ts';

interface Waiting {
  readonly sessionId: string;
  readonly resolve: (memory: HeldMemory | null) => void;
}

/** What V8's inspector answers to `Runtime.evaluate`, as far as it counts here. */
interface Evaluated {
  readonly id?: number;
  readonly result?: { readonly result?: { readonly value?: unknown } };
}

/**
 * Asks slots' threads for their memory. V8's inspector is the one way to a thread that is busy: its questions interrupt the
 * code that runs, as soon as that calls a function or goes round a loop. Threads at work in native code, or in a
 * collection, answer after it.
 *
 * Only for the threads that the thread it lives on has started.
 */
export class SlotInspector {
  readonly #session: Session;
  /** Session ids by thread id. */
  readonly #sessions = new Map<number, string>();
  readonly #waiting = new Map<number, Waiting>();
  #nextId = 0;

  private constructor(session: Session) {
    this.#session = session;
    session.on('NodeWorker.attachedToWorker', ({ params }) => {
      const threadId = /^\[worker (\d+)\]/.exec(params.workerInfo.title)?.[1];
      if (threadId !== undefined) this.#sessions.set(Number(threadId), params.sessionId);
    });
    session.on('NodeWorker.detachedFromWorker', ({ params }) => this.#detached(params.sessionId));
    session.on('NodeWorker.receivedMessageFromWorker', ({ params }) => {
      const { id = -1, result } = JSON.parse(params.message) as Evaluated;
      this.#answered(id, readMemory(result?.result?.value));
    });
    session.connect();
    session.post('NodeWorker.enable', { waitForDebuggerOnStart: false });
  }

  /** @throws when this Node has no inspector. */
  static async open(): Promise<SlotInspector> {
    // 2 ms, for those only that come near their memory.
    const { Session: InspectorSession } = await import('node:inspector');
    return new SlotInspector(new InspectorSession());
  }

  /**
   * @param collect after a collection of the thread's garbage.
   * @returns null when the thread is not there yet, or not any more. A thread that is out of heap does not answer.
   */
  measure(threadId: number, collect: boolean): Promise<HeldMemory | null> {
    const sessionId = this.#sessions.get(threadId);
    if (sessionId === undefined) return Promise.resolve(null);
    const id = this.#nextId++;
    const params = { expression: lookExpression(collect), returnByValue: true, silent: true };
    const message = JSON.stringify({ id, method: 'Runtime.evaluate', params });
    return new Promise((resolve) => {
      this.#waiting.set(id, { sessionId, resolve });
      this.#session.post('NodeWorker.sendMessageToWorker', { sessionId, message }, (error) => {
        if (error !== null) this.#answered(id, null);
      });
    });
  }

  /** Threads that were asked and have not answered. */
  get isWaiting(): boolean {
    return this.#waiting.size > 0;
  }

  close(): void {
    this.#session.disconnect();
    for (const id of [...this.#waiting.keys()]) this.#answered(id, null);
  }

  #answered(id: number, memory: HeldMemory | null): void {
    this.#waiting.get(id)?.resolve(memory);
    this.#waiting.delete(id);
  }

  #detached(sessionId: string): void {
    for (const [threadId, session] of this.#sessions) if (session === sessionId) this.#sessions.delete(threadId);
    for (const [id, waiting] of this.#waiting) if (waiting.sessionId === sessionId) this.#answered(id, null);
  }
}

/** Threads that end while they are asked answer with an error's name. */
function readMemory(value: unknown): HeldMemory | null {
  return typeof value === 'string' && value.startsWith('{') ? (JSON.parse(value) as HeldMemory) : null;
}
