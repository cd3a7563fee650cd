import { MessageChannel, type MessagePort, type Worker } from 'node:worker_threads';
import { type EpochMs, systemClock } from '../base/clock.ts';
import type { FetchedPart } from '../protocol/block-transfer.ts';
import type { TaskProgress } from '../protocol/executor-registration.ts';
import type {
  AskExecutor,
  FromSlot,
  RunTask,
  RunTasks,
  SlotAnswer,
  SlotAsk,
  SlotNews,
  SlotSettings,
  StageFacts,
  StartSlot,
  ToSlot,
} from '../protocol/executor-slot.ts';
import type { TaskId } from '../protocol/ids.ts';
import type { Split, StageProgram } from '../protocol/stage-program.ts';
import type { TaskDescription } from '../protocol/task.ts';
import { slotFlags } from './executor-link.ts';
import { outOfHeap } from './out-of-memory.ts';
import { RESULT_RING_BYTES, ResultReader } from './result-ring.ts';
import { SlotTasks } from './slot-tasks.ts';
import { takeSlotThread } from './slot-thread.ts';

export interface SlotHandlers {
  onMessage(slot: SlotHandle, message: SlotNews): void;
  /** Tasks have ended with small results: takeResults() has them. */
  onResults(slot: SlotHandle): void;
  /** The thread is gone; `why` says how, for the task that ran in it. */
  onExit(slot: SlotHandle, why: string): void;
  /** The answer, or a promise of it; the slot blocks until then. */
  onAsk(name: keyof AskExecutor, request: unknown): unknown;
}

/** A task that could not be sent to its slot; it does not have it. */
export interface UnsentTask {
  readonly task: TaskDescription;
  readonly error: unknown;
}

const NONE: readonly UnsentTask[] = [];

export interface SlotLimits {
  /** What its objects may take. */
  readonly heapBytes: number;
}

/** Ending a thread takes milliseconds; one that is deep in native code, such as zlib or a sort, may take its time. */
const LONGEST_END_MS = 60_000;
/** It is told again after so long, and then after twice as long, and so on, up to the second. */
const END_AGAIN_MS = 2;
/** An array takes 100 ms from one growth to the next, which may be the one that ends the process (long-arrays.ts). */
const LONGEST_END_AGAIN_MS = 8;

/** The executor's end of one slot: a worker thread that lives as long as it can. */
export class SlotHandle {
  readonly index: number;
  readonly tasks: SlotTasks;
  /** What a task of the slot had added when it was last asked. */
  accumulated: Extract<SlotNews, { type: 'Accumulated' }> | null = null;
  readonly #worker: Worker;
  readonly #asks: MessagePort;
  readonly #flags: SharedArrayBuffer;
  readonly #results: ResultReader;
  readonly #known = new Set<string>();
  /** Tasks that were given and not sent yet, all of one program. */
  readonly #outbox: { readonly task: TaskDescription; readonly message: RunTask }[] = [];
  #outboxStage: StageFacts | null = null;
  #exited = false;
  /** Not null: the slot waits for an answer that takes its time. */
  #answerKilled: (() => void) | null = null;
  /** Why the thread ends, if not by itself. */
  #endedFor: string | null = null;
  #cancelEndAgain: (() => void) | null = null;

  constructor(
    index: number,
    entry: URL,
    settings: Omit<SlotSettings, 'flags' | 'results' | 'slotIndex'>,
    limits: SlotLimits,
    handlers: SlotHandlers,
  ) {
    this.index = index;
    this.#flags = slotFlags.make();
    this.tasks = new SlotTasks(this.#flags);
    const results = new SharedArrayBuffer(RESULT_RING_BYTES);
    this.#results = new ResultReader(results);
    const { port1, port2 } = new MessageChannel();
    this.#asks = port1;
    const { worker, environment } = takeSlotThread(entry, limits.heapBytes);
    this.#worker = worker;
    worker.setMaxListeners(0); // one for each time it is told to end
    const slotSettings: SlotSettings = { ...settings, slotIndex: index, flags: this.#flags, results };
    const start: StartSlot = { settings: slotSettings, asks: port2, environment };
    this.#worker.postMessage(start, [port2]);
    this.#worker.on('message', (message: FromSlot) => {
      // Said before it was terminated: it is nobody's slot any more.
      if (this.#exited) return;
      if ('type' in message && message.type === 'Results') handlers.onResults(this);
      else if ('type' in message && message.type === 'AskLater') {
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

  /** The task the slot runs now. */
  get running(): TaskDescription | null {
    return this.tasks.running;
  }

  /**
   * Gives the slot a task; flush() sends it.
   *
   * @returns what flush() returns, which comes first when the slot has tasks of another stage to be sent.
   */
  give(task: TaskDescription, program: StageProgram): readonly UnsentTask[] {
    const { taskId, attemptNumber, partition, programKey, split, resources } = task;
    const other = this.#outbox[0]?.task.programKey;
    const unsent = other === undefined || other === programKey ? NONE : this.flush();
    const cell = this.tasks.add(task);
    if (!this.#known.has(programKey)) {
      this.#known.add(programKey);
      const { stageId, stageAttemptId, numPartitions, cpus, localProperties, barrier } = task;
      this.#outboxStage = { program, stageId, stageAttemptId, numPartitions, cpus, localProperties, barrier };
    }
    const message: RunTask = [
      taskId,
      attemptNumber,
      partition,
      cell,
      isPlain(split, partition) ? null : split,
      resources,
    ];
    this.#outbox.push({ task, message });
    return unsent;
  }

  /** Sends what was given. @returns the tasks that cannot be sent, for instance for what is in their splits. */
  flush(): readonly UnsentTask[] {
    const [first] = this.#outbox;
    if (first === undefined) return NONE;
    const { programKey } = first.task;
    const all = this.#outbox.splice(0);
    const stage = this.#outboxStage;
    this.#outboxStage = null;
    try {
      this.#post([programKey, stage, all.map(({ message }) => message)]);
      return NONE;
    } catch {
      return this.#flushEach(programKey, stage, all);
    }
  }

  #flushEach(
    programKey: string,
    stage: StageFacts | null,
    all: readonly { readonly task: TaskDescription; readonly message: RunTask }[],
  ): UnsentTask[] {
    const unsent: UnsentTask[] = [];
    for (const { task, message } of all)
      try {
        this.#post([programKey, stage, [message]] satisfies RunTasks);
        stage = null;
      } catch (error) {
        this.tasks.remove(task.taskId);
        unsent.push({ task, error });
      }
    // The next task of the stage takes it along.
    if (stage !== null) this.#known.delete(programKey);
    return unsent;
  }

  /** Small results of tasks that have ended, also after the thread has. */
  takeResults(each: Parameters<ResultReader['drain']>[0]): void {
    this.#results.drain(each);
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

  forget(programKey: string): void {
    if (!this.#known.delete(programKey)) return;
    if (this.#outbox[0]?.task.programKey === programKey) {
      // All were taken back: nobody else may forget a stage.
      this.#outbox.length = 0;
      this.#outboxStage = null;
    }
    this.#post({ type: 'ForgetProgram', programKey });
  }

  forgetBroadcast(broadcastId: number): void {
    this.#post({ type: 'ForgetBroadcast', broadcastId });
  }

  knows(programKey: string): boolean {
    return this.#known.has(programKey);
  }

  kill(taskId: TaskId): void {
    slotFlags.kill(this.#flags, taskId);
    this.#post({ type: 'TaskKilled', taskId });
    // Running, or claimed by the slot without our having heard of it: either way it is the one that waits.
    this.#answerKilled?.();
  }

  get isBusy(): boolean {
    return this.running !== null;
  }

  get isEnding(): boolean {
    return this.#endedFor !== null;
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
    this.#cancelEndAgain = systemClock.after(
      again,
      () => void this.#end(Math.min(2 * again, LONGEST_END_AGAIN_MS)),
      true,
    );
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
    if (this.tasks.some((taskId) => slotFlags.isKilled(this.#flags, taskId))) this.#answerKilled?.();
  }

  #post(message: ToSlot): void {
    this.#worker.postMessage(message);
  }
}

/** The split says nothing but which partition it is. */
function isPlain(split: Split, partition: number): boolean {
  const { index, payload, parents, checkpoint } = split;
  return index === partition && payload === undefined && parents === undefined && checkpoint === undefined;
}

/** Buffers of fetched parts: they change owner instead of being copied. */
function transferable(reply: unknown): ArrayBuffer[] {
  if (!Array.isArray(reply)) return [];
  return (reply as readonly FetchedPart[]).map((part) => part.bytes.buffer as ArrayBuffer);
}
