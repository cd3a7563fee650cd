import type { Session } from 'node:inspector';
import type { HeldMemory } from '../protocol/executor-slot.ts';
import { endExpression, lookExpression } from './slot-memory.ts';
import { SLOT_THREAD_NAME } from './slot-thread-name.ts';

interface Waiting {
  readonly sessionId: string;
  readonly resolve: (value: unknown) => void;
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
 * All of it goes by way of the main thread, which it interrupts likewise: in code that runs, in a wait, but not in a call of the
 * system that takes its time, such as `execSync`.
 */
export class SlotInspector {
  readonly #session: Session;
  /** Session ids by thread id. */
  readonly #sessions = new Map<number, string>();
  readonly #slotThreads = new Set<number>();
  readonly #waiting = new Map<number, Waiting>();
  #nextId = 0;

  private constructor(session: Session, by: 'own thread' | 'main thread') {
    this.#session = session;
    session.on('NodeWorker.attachedToWorker', ({ params }) => {
      const [, threadId, name] = /^\[worker (\d+)\] ?(.*)$/.exec(params.workerInfo.title) ?? [];
      if (threadId === undefined) return;
      this.#sessions.set(Number(threadId), params.sessionId);
      if (name === SLOT_THREAD_NAME) this.#slotThreads.add(Number(threadId));
    });
    session.on('NodeWorker.detachedFromWorker', ({ params }) => this.#detached(params.sessionId));
    session.on('NodeWorker.receivedMessageFromWorker', ({ params }) => {
      const { id = -1, result } = JSON.parse(params.message) as Evaluated;
      this.#answered(id, result?.result?.value);
    });
    if (by === 'own thread') session.connect();
    else session.connectToMainThread();
    session.post('NodeWorker.enable', { waitForDebuggerOnStart: false });
  }

  /**
   * @param by whose sessions it uses: in another thread than the main one, the main one's.
   * @throws when this Node has no inspector.
   */
  static async open(by: 'own thread' | 'main thread' = 'own thread'): Promise<SlotInspector> {
    // 2 ms, for those only that come near their memory.
    const { Session: InspectorSession } = await import('node:inspector');
    return new SlotInspector(new InspectorSession(), by);
  }

  /** Threads of slots that there are. */
  get slotThreads(): readonly number[] {
    return [...this.#slotThreads];
  }

  /**
   * @param collect after a collection of the thread's garbage.
   * @returns null when the thread is not there yet, or not any more. A thread that is out of heap does not answer.
   */
  async measure(threadId: number, collect: boolean): Promise<HeldMemory | null> {
    return readMemory(await this.#evaluate(threadId, lookExpression(collect)));
  }

  /** The thread stands still from then on, and tells its executor why. */
  end(threadId: number, why: string): void {
    void this.#evaluate(threadId, endExpression(why));
  }

  #evaluate(threadId: number, expression: string): Promise<unknown> {
    const sessionId = this.#sessions.get(threadId);
    if (sessionId === undefined) return Promise.resolve(null);
    const id = this.#nextId++;
    const params = { expression, returnByValue: true, silent: true };
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

  #answered(id: number, value: unknown): void {
    this.#waiting.get(id)?.resolve(value);
    this.#waiting.delete(id);
  }

  #detached(sessionId: string): void {
    for (const [threadId, session] of this.#sessions)
      if (session === sessionId) {
        this.#sessions.delete(threadId);
        this.#slotThreads.delete(threadId);
      }
    for (const [id, waiting] of this.#waiting) if (waiting.sessionId === sessionId) this.#answered(id, null);
  }
}

/** Threads that end while they are asked answer with an error's name. */
function readMemory(value: unknown): HeldMemory | null {
  return typeof value === 'string' && value.startsWith('{') ? (JSON.parse(value) as HeldMemory) : null;
}
