import { MessageChannel, type MessagePort, type Worker } from 'node:worker_threads';
import { type EpochMs, systemClock } from '../base/clock.ts';
import type { FetchedPart } from '../protocol/block-transfer.ts';
import type { TaskProgress } from '../protocol/executor-registration.ts';
import type {
  AheadCell,
  AskExecutor,
  FromSlot,
  SlotAnswer,
  SlotAsk,
  SlotNews,
  SlotSettings,
  StageFacts,
  StartSlot,
  ToSlot,
} from '../protocol/executor-slot.ts';
import type { StageProgram } from '../protocol/stage-program.ts';
import type { TaskDescription } from '../protocol/task.ts';
import { slotFlags } from './executor-link.ts';
import { outOfHeap } from './out-of-memory.ts';
import { takeSlotThread } from './slot-thread.ts';

export interface SlotHandlers {
  onMessage(slot: SlotHandle, message: SlotNews): void;
  /** The thread is gone; `why` says how, for the task that ran in it. */
  onExit(slot: SlotHandle, why: string): void;
  /** The answer, or a promise of it; the slot blocks until then. */
  onAsk(name: keyof AskExecutor, request: unknown): unknown;
}

export interface SlotLimits {
  /** What its objects may take. */
  readonly heapBytes: number;
}

/** Ending a thread takes milliseconds; one that is deep in native code, such as zlib or a sort, may take its time. */
const LONGEST_END_MS = 60_000;
/** It is told again after so long, and then after twice as long, and so on. */
const END_AGAIN_MS = 2;

/** The executor's end of one slot: a worker thread that lives as long as it can. */
export class SlotHandle {
  readonly index: number;
  /** The task the slot runs now. */
  running: TaskDescription | null = null;
  /** The task it begins as soon as it has ended that one, so that it need not wait for the executor. */
  ahead: TaskDescription | null = null;
  /** What a task of the slot had added when it was last asked. */
  accumulated: Extract<SlotNews, { type: 'Accumulated' }> | null = null;
  readonly #worker: Worker;
  readonly #asks: MessagePort;
  readonly #flags: SharedArrayBuffer;
  readonly #known = new Set<string>();
  /**
   * Of the running task, if it was sent ahead: the slot may not have claimed it yet. The next one takes the other cell, also
   * after one that was taken back, or it would wipe out that claim and its task be lost.
   */
  #runningCell: AheadCell = 0;
  #exited = false;
  /** Not null: the slot waits for an answer that takes its time. */
  #answerKilled: (() => void) | null = null;
  /** Why the thread ends, if not by itself. */
  #endedFor: string | null = null;
  #cancelEndAgain: (() => void) | null = null;

  constructor(
    index: number,
    entry: URL,
    settings: Omit<SlotSettings, 'flags' | 'slotIndex'>,
    limits: SlotLimits,
    handlers: SlotHandlers,
  ) {
    this.index = index;
    this.#flags = slotFlags.make();
    const { port1, port2 } = new MessageChannel();
    this.#asks = port1;
    const { worker, environment } = takeSlotThread(entry, limits.heapBytes);
    this.#worker = worker;
    worker.setMaxListeners(0); // one for each time it is told to end
    const slotSettings: SlotSettings = { ...settings, slotIndex: index, flags: this.#flags };
    const start: StartSlot = { settings: slotSettings, asks: port2, environment };
    this.#worker.postMessage(start, [port2]);
    this.#worker.on('message', (message: FromSlot) => {
      // Said before it was terminated: it is nobody's slot any more.
      if (this.#exited) return;
      if ('type' in message && message.type === 'AskLater') {
        const { askId, name, request } = message;
        const send = (answer: SlotAnswer): void => this.#post({ type: 'Answer', askId, answer });
        this.#answerWith(() => handlers.onAsk(name, request), send, false);
      } else handlers.onMessage(this, message);
    });
    this.#worker.on('error', (error: Error & { code?: string }) => {
      this.#endedFor ??=
        error.code === 'ERR_WORKER_OUT_OF_MEMORY'
          ? outOfHeap(limits.heapBytes, null)
          : `the task's thread died of an uncaught error: ${error.stack ?? error.message}`;
    });
    this.#worker.on('exit', (code) => {
      if (this.#exited) return;
      this.#exited = true;
      this.#cancelEndAgain?.();
      this.#asks.close();
      handlers.onExit(
        this,
        this.#endedFor ??
          `the task's thread was ended by process.exit(${code}) in a function of the task; throw an error there instead`,
      );
    });
    this.#asks.on('message', (ask: SlotAsk) =>
      this.#answerWith(
        () => handlers.onAsk(ask.name, ask.request),
        (answer) => {
          this.#asks.postMessage(answer, answer.ok === true ? transferable(answer.reply) : []);
          slotFlags.answer(this.#flags);
        },
        true,
      ),
    );
    this.unref();
  }

  run(task: TaskDescription, program: StageProgram): void {
    this.running = task;
    this.#send(task, program, null);
  }

  /** Gives a slot at work its next task. */
  sendAhead(task: TaskDescription, program: StageProgram): void {
    this.ahead = task;
    slotFlags.sendAhead(this.#flags, task.taskId, this.#aheadCell);
    this.#send(task, program, this.#aheadCell);
  }

  /** The task that was sent ahead, if the slot has not begun it; it will not then. */
  takeBack(): TaskDescription | null {
    const task = this.ahead;
    if (task === null || !slotFlags.takeBack(this.#flags, task.taskId, this.#aheadCell)) return null;
    this.ahead = null;
    return task;
  }

  /** The running task has ended: what was sent ahead runs now. */
  advance(): void {
    if (this.ahead !== null) this.#runningCell = this.#aheadCell;
    this.running = this.ahead;
    this.ahead = null;
  }

  /** What the running task has done so far; null: there is none. */
  progress(at: EpochMs): TaskProgress | null {
    if (this.running === null) return null;
    const { taskId } = this.running;
    return {
      taskId,
      metrics: slotFlags.progressOf(this.#flags, taskId, at),
      accumulators: this.accumulated?.taskId === taskId ? this.accumulated.updates : [],
    };
  }

  askForAccumulators(): void {
    if (this.running === null) return;
    slotFlags.askToTell(this.#flags);
    this.#post({ type: 'TellAccumulators' });
  }

  get #aheadCell(): AheadCell {
    return this.#runningCell === 0 ? 1 : 0;
  }

  #send(task: TaskDescription, program: StageProgram, cell: AheadCell | null): void {
    const { taskId, attemptNumber, partition, programKey, split, resources } = task;
    let stage: StageFacts | null = null;
    if (!this.#known.has(programKey)) {
      this.#known.add(programKey);
      const { stageId, stageAttemptId, numPartitions, cpus, localProperties, barrier } = task;
      stage = { program, stageId, stageAttemptId, numPartitions, cpus, localProperties, barrier };
    }
    this.#post([taskId, attemptNumber, partition, cell, programKey, split, stage, resources]);
  }

  forget(programKey: string): void {
    if (this.#known.delete(programKey)) this.#post({ type: 'ForgetProgram', programKey });
  }

  forgetBroadcast(broadcastId: number): void {
    this.#post({ type: 'ForgetBroadcast', broadcastId });
  }

  knows(programKey: string): boolean {
    return this.#known.has(programKey);
  }

  kill(taskId: number): void {
    slotFlags.kill(this.#flags, taskId);
    this.#post({ type: 'TaskKilled', taskId });
    // Running, or claimed by the slot without our having heard of it: either way it is the one that waits.
    this.#answerKilled?.();
  }

  get isBusy(): boolean {
    return this.running !== null;
  }

  get threadId(): number {
    return this.#worker.threadId;
  }

  askToSpill(): void {
    slotFlags.askToSpill(this.#flags);
  }

  /** Ends the thread wherever it is, as if it had died of `why`. */
  endFor(why: string): void {
    this.#endedFor ??= why;
    void this.#end();
  }

  /** When the process exits: it waits for its threads, and nobody could tell them again. */
  endNow(): void {
    void this.#worker.terminate();
  }

  /** Keeps the process alive while a task runs; an idle slot does not. */
  ref(): void {
    this.#worker.ref();
    this.#asks.ref();
  }

  unref(): void {
    this.#worker.unref();
    this.#asks.unref();
  }

  /** Ends the thread wherever it is; nothing more is heard of it, nor is `onExit` called. */
  async terminate(): Promise<void> {
    this.#exited = true;
    this.#asks.close();
    // A thread that is just ending holds the process no more, although its end has not been told.
    const letGo = systemClock.after(LONGEST_END_MS, () => {});
    try {
      await this.#end();
    } finally {
      this.#cancelEndAgain?.();
      letGo();
    }
  }

  /**
   * A thread that is just looking at its memory because the inspector made it (slot-inspector.ts) drops that look, and goes on
   * with what it did before: it has to be told again.
   */
  #end(again = END_AGAIN_MS): Promise<unknown> {
    this.#cancelEndAgain?.();
    this.#cancelEndAgain = systemClock.after(again, () => void this.#end(2 * again), true);
    return this.#worker.terminate();
  }

  /** @param blocks the slot's thread stands still until it has the answer. */
  #answerWith(make: () => unknown, send: (answer: SlotAnswer) => void, blocks: boolean): void {
    const answer = (a: SlotAnswer): void => {
      if (!this.#exited) send(a);
    };
    const fail = (error: unknown): void =>
      answer({ ok: false, message: error instanceof Error ? error.message : String(error) });
    try {
      const reply = make();
      if (!(reply instanceof Promise)) answer({ ok: true, reply });
      else if (blocks) this.#unblockLater(reply, answer, fail);
      else reply.then((r: unknown) => answer({ ok: true, reply: r }), fail);
    } catch (error) {
      fail(error);
    }
  }

  /** A task that is killed meanwhile does not wait for the answer. */
  #unblockLater(reply: Promise<unknown>, answer: (a: SlotAnswer) => void, fail: (error: unknown) => void): void {
    let isOpen = true;
    const once = (send: () => void): void => {
      if (!isOpen) return;
      isOpen = false;
      this.#answerKilled = null;
      send();
    };
    this.#answerKilled = () => once(() => answer({ ok: 'killed' }));
    reply.then(
      (r) => once(() => answer({ ok: true, reply: r })),
      (error: unknown) => once(() => fail(error)),
    );
    for (const task of [this.running, this.ahead])
      if (task !== null && slotFlags.isKilled(this.#flags, task.taskId)) this.#answerKilled?.();
  }

  #post(message: ToSlot): void {
    this.#worker.postMessage(message);
  }
}

/** Buffers of fetched parts: they change owner instead of being copied. */
function transferable(reply: unknown): ArrayBuffer[] {
  if (!Array.isArray(reply)) return [];
  return (reply as readonly FetchedPart[]).map((part) => part.bytes.buffer as ArrayBuffer);
}
