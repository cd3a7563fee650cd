import type { ExecutorPackage } from '../app-package/executor-package.ts';
import type { Clock } from '../base/clock.ts';
import { errorToData } from '../base/errors.ts';
import type { Logger, LogLevel } from '../base/logger.ts';
import type { AnswerExecutor, FromExecutor, StatusUpdate, ToExecutor } from '../protocol/driver-executor.ts';
import type { TaskProgress } from '../protocol/executor-registration.ts';
import type { SlotNews, SlotSettings, TaskDone } from '../protocol/executor-slot.ts';
import type { ShuffleId, TaskId } from '../protocol/ids.ts';
import type { BlockManagerId, MapStatus } from '../protocol/map-output.ts';
import type { StageProgram } from '../protocol/stage-program.ts';
import type { AccumulatorUpdate, TaskDescription, TaskResult } from '../protocol/task.ts';
import { metricsFromNumbers } from '../protocol/task-metrics.ts';
import type { BlockManager } from '../storage/block-manager.ts';
import { LocalDirs, type LocalDirsData } from '../storage/local-dirs.ts';
import { answerSlot } from './answer-slot.ts';
import type { ExecutorSource } from './executor-source.ts';
import type { FileFetcher } from './file-fetcher.ts';
import type { MemoryLimits } from './memory-guard.ts';
import { MemoryWatch } from './memory-watch.ts';
import type { OtherExecutors } from './other-executors.ts';
import { arrayTooLong, outOfHeap } from './out-of-memory.ts';
import { ShuffleFiles } from './shuffle-files.ts';
import { SlotHandle, type SlotHandlers, type UnsentTask } from './slot-handle.ts';
import { slotWithFewestTasks, takeFromBusiest } from './task-sharing.ts';

export interface ExecutorOptions {
  /** Who it is, and where others fetch its map outputs. */
  readonly location: BlockManagerId;
  /** Number of slots. */
  readonly cores: number;
  /** The compiled src/main/task-slot.ts. */
  readonly slotEntry: URL;
  readonly memory: MemoryLimits;
  /** The user's program runs on this thread, too, and may compute for long. */
  readonly sharesThread?: boolean;
  /** How long a killed task may go on before its slot is ended, ms. */
  readonly killGraceMs: number;
  readonly conf: Readonly<Record<string, string>>;
  readonly mainScripts: readonly string[];
  readonly localDirs: unknown;
  /** Where slots look for added files. */
  readonly filesDir: string;
  /** Brings them there; absent where the driver does. */
  readonly files?: FileFetcher;
  /** The application's modules where the driver's cannot be seen. */
  readonly package?: ExecutorPackage;
  readonly logLevel: LogLevel;
}

/** After so many slots that ended before they had begun anything, tasks fail instead of waiting for the next one. */
const MAX_FAILED_STARTS = 4;

/** Tasks a slot gets of those that wait here, its running one included; others may get free before. */
const TASKS_AT_HAND = 2;

type LaunchTask = Extract<ToExecutor, { type: 'LaunchTask' }>;

const NO_UPDATES: readonly AccumulatorUpdate[] = [];

/** Nobody reads more of them than this. */
const MAX_REMEMBERED_WARNINGS = 100;

/**
 * Runs the tasks it is given, one at a time in each slot; a slot at work may have its next ones already, which another slot
 * takes if it gets free first. What happens in one turn, many short tasks' ends for instance, is told to the driver at once, and
 * what the driver wants thereupon goes to each slot in one message. It lives on the main thread of its process, owns blocks and
 * shuffle files there, and never runs user code: a task that spins stops its slot, not the messages.
 *
 * A slot that dies under a task, or does not end a killed one within `killGraceMs`, is replaced.
 *
 * Spark: Executor, CoarseGrainedExecutorBackend
 */
export class Executor {
  readonly #options: ExecutorOptions;
  readonly #blocks: BlockManager;
  readonly #others: OtherExecutors | null;
  readonly #send: (message: FromExecutor) => void;
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #idle: SlotHandle[] = [];
  readonly #slots = new Set<SlotHandle>();
  readonly #queue: TaskDescription[] = [];
  readonly #programs = new Map<string, StageProgram>();
  /** How tasks ended in this turn. */
  #updates: StatusUpdate[] = [];
  /** Slots without a task that are not idle yet: the driver may have more for them. */
  readonly #emptied = new Set<SlotHandle>();
  /** More than 0: what is done now ends with #settle(). */
  #nested = 0;
  readonly #killed = new Map<TaskId, { reason: string; cancelTimer: () => void }>();
  readonly #handlers: SlotHandlers;
  readonly #shuffleFiles: ShuffleFiles;
  readonly #memory: MemoryWatch;
  /** Slots that ended without ever having had a task, in a row. */
  #failedStarts = 0;
  readonly #warnedOf = new Set<string>();
  #nextSlot = 0;
  #stopped = false;
  /** Null: nobody wants to know. */
  #source: ExecutorSource | null = null;

  constructor(
    options: ExecutorOptions,
    blocks: BlockManager,
    askDriver: AnswerExecutor,
    others: OtherExecutors | null,
    send: (message: FromExecutor) => void,
    clock: Clock,
    log: Logger,
  ) {
    this.#options = options;
    this.#blocks = blocks;
    this.#others = others;
    this.#send = send;
    this.#clock = clock;
    this.#log = log.named('Executor');
    // Whoever made the options made the data, too.
    this.#shuffleFiles = new ShuffleFiles(LocalDirs.fromData(options.localDirs as LocalDirsData, this.#log), this.#log);
    this.#memory = new MemoryWatch(
      options.memory,
      () => this.#slots,
      () => blocks.memory.storageUsed,
      options.sharesThread === true ? new URL('memory-lookout.js', options.slotEntry) : null,
      clock,
      this.#log,
    );
    const answers = { blocks, others, files: options.files, package: options.package, askDriver };
    this.#handlers = {
      onMessage: (slot, message) => this.#together(() => this.#fromSlot(slot, message)),
      onResults: (slot) => this.#together(() => this.#takeResults(slot)),
      onExit: (slot, why) => this.#together(() => this.#slotExited(slot, why)),
      onAsk: (name, request) => answerSlot(answers, name, request),
    };
  }

  /** Starts a slot before the first task needs it: threads take 20 ms, which then overlap with the driver's own start. */
  warmUp(): void {
    if (this.#slots.size === 0) this.#idle.push(this.#newSlot());
  }

  receive(message: ToExecutor): void {
    this.#together(() => this.#receive(message));
  }

  /** The same as receiving each of them, in fewer messages to slots. */
  receiveAll(messages: readonly ToExecutor[]): void {
    this.#together(() => {
      for (const message of messages) this.#receive(message);
    });
  }

  /** The same as receiving LaunchTask for each of them, in fewer messages to slots. */
  launch(tasks: readonly Pick<LaunchTask, 'task' | 'program'>[]): void {
    this.#together(() => {
      for (const { task, program } of tasks) this.#launchTask(task, program);
    });
  }

  #launchTask(task: TaskDescription, program: StageProgram | null): void {
    if (program !== null) this.#programs.set(program.key, program);
    this.#noteShuffle(task);
    this.#launch(task);
  }

  #receive(message: ToExecutor): void {
    switch (message.type) {
      case 'LaunchTask':
        this.#launchTask(message.task, message.program);
        return;
      case 'KillTask':
        this.#kill(message.taskId, message.reason);
        return;
      case 'ForgetProgram':
        this.#programs.delete(message.programKey);
        for (const slot of this.#slots) slot.forget(message.programKey);
        return;
      case 'RemoveRdd':
        this.#blocks.removeRdd(message.rddId);
        return;
      case 'RemoveBroadcast':
        if (!message.keep) this.#blocks.removeBroadcast(message.broadcastId);
        this.#others?.broadcasts.remove(message.broadcastId);
        for (const slot of this.#slots) slot.forgetBroadcast(message.broadcastId);
        return;
      case 'RemoveShuffle':
        this.#others?.mapOutputs.forget(message.shuffleId);
        void this.#shuffleFiles.remove(message.shuffleId);
        return;
      case 'DecommissionExecutor':
      case 'DropResult':
      case 'ReplicateBlock':
        return; // the affair of the process that the executor lives in
      case 'StopExecutor':
        void this.stop();
        return;
    }
  }

  #noteShuffle({ programKey, taskId }: TaskDescription): void {
    const sink = this.#programs.get(programKey)?.sink;
    if (sink?.kind === 'shuffleWrite') this.#shuffleFiles.launched(sink.shuffleId, taskId);
  }

  /** A map output of another executor lies here now. */
  adoptMapOutput(shuffleId: ShuffleId, mapId: TaskId): void {
    this.#shuffleFiles.adopted(shuffleId, mapId);
  }

  get isIdle(): boolean {
    return this.#queue.length === 0 && [...this.#slots].every((slot) => slot.running === null);
  }

  /** What its tasks do, from now on. */
  async measure(): Promise<ExecutorSource> {
    const { ExecutorSource: Measuring } = await import('./executor-source.ts');
    this.#source ??= new Measuring(() => ({
      activeTasks: [...this.#slots].filter((slot) => slot.running !== null).length,
      slots: this.#slots.size,
      cores: this.#options.cores,
    }));
    return this.#source;
  }

  /** Tasks that slots are at work on, with what they have done so far. */
  runningTasks(): TaskProgress[] {
    const at = this.#clock.now();
    return [...this.#slots].flatMap((slot) => slot.progress(at) ?? []);
  }

  /** Has slots tell what their tasks have added; they do at their next batch edge. */
  askForAccumulators(): void {
    for (const slot of this.#slots) slot.askForAccumulators();
  }

  /** Ends all slots. Tasks that run are lost without a report: whoever stops an executor does not wait for them. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#memory.close();
    for (const kill of this.#killed.values()) kill.cancelTimer();
    this.#killed.clear();
    this.#queue.length = 0;
    const slots = [...this.#slots];
    this.#slots.clear();
    this.#idle.length = 0;
    await Promise.all(slots.map((slot) => slot.terminate()));
  }

  /**
   * Does something of which tasks may end or be given out. All that tells the driver or slots waits for the end of the outermost
   * call: the driver's answers come from within.
   */
  #together(body: () => void): void {
    this.#nested++;
    try {
      body();
      if (this.#nested === 1) this.#settle();
    } finally {
      this.#nested--;
    }
  }

  /** The driver first: what it launches now keeps slots from taking each other's tasks. */
  #settle(): void {
    do {
      while (this.#updates.length > 0) {
        const updates = this.#updates;
        this.#updates = [];
        const { executorId } = this.#options.location;
        const [only] = updates;
        if (updates.length === 1 && only !== undefined) this.#send({ type: 'StatusUpdate', executorId, ...only });
        else this.#send({ type: 'StatusUpdates', executorId, updates });
      }
      for (const slot of this.#emptied) this.#becameFree(slot);
      this.#emptied.clear();
      for (const slot of this.#slots) this.#unsent(slot, slot.flush());
    } while (this.#updates.length > 0);
  }

  #launch(task: TaskDescription): void {
    const slot = this.#freeSlot(task.programKey);
    if (slot !== null) {
      this.#run(slot, task);
      return;
    }
    // A thread needs some 100 ms to start, and short tasks are done by then: it takes what still waits when it is ready.
    if (this.#slots.size < this.#options.cores) this.#newSlot().ref();
    this.#sendAhead(task);
  }

  /** No slot is idle: the one with the fewest tasks gets it as its last, or it waits here. */
  #sendAhead(task: TaskDescription): void {
    const slot = slotWithFewestTasks(this.#slots, (empty) => this.#emptied.has(empty));
    if (slot === null) this.#queue.push(task);
    else this.#give(slot, task);
  }

  /** An idle slot, best one that has the program. */
  #freeSlot(programKey: string): SlotHandle | null {
    const idle = this.#idle;
    for (let i = idle.length - 1; i >= 0; i--) {
      const slot = idle[i] as SlotHandle;
      if (slot.knows(programKey)) {
        idle.splice(i, 1);
        return slot;
      }
    }
    return idle.pop() ?? null;
  }

  #newSlot(): SlotHandle {
    const o = this.#options;
    const settings: Omit<SlotSettings, 'flags' | 'results' | 'slotIndex'> = {
      location: o.location,
      mainScripts: o.mainScripts,
      conf: o.conf,
      logLevel: o.logLevel,
      localDirs: o.localDirs,
      filesDir: o.filesDir,
      shipped: o.package !== undefined,
      heapBytes: o.memory.slotHeapBytes,
    };
    const slot = new SlotHandle(
      this.#nextSlot++,
      o.slotEntry,
      settings,
      { heapBytes: o.memory.slotHeapBytes },
      this.#handlers,
    );
    this.#slots.add(slot);
    return slot;
  }

  #run(slot: SlotHandle, task: TaskDescription): void {
    slot.ref();
    this.#memory.wake();
    this.#give(slot, task);
  }

  #give(slot: SlotHandle, task: TaskDescription): void {
    const program = this.#programs.get(task.programKey);
    if (program !== undefined) {
      this.#unsent(slot, slot.give(task, program));
      return;
    }
    // Its stage was given up between launch and now.
    this.#report(task.taskId, {
      kind: 'Failed',
      reason: { kind: 'TaskKilled', reason: 'stage is over' },
      metrics: null,
    });
    this.#noteIfEmpty(slot);
  }

  #unsent(slot: SlotHandle, tasks: readonly UnsentTask[]): void {
    for (const { task, error } of tasks) {
      this.#log.error('a task could not be sent to its slot', { task: task.name, error: String(error) });
      const reason = { kind: 'ExceptionFailure', error: errorToData(error), retriable: false } as const;
      this.#report(task.taskId, { kind: 'Failed', reason, metrics: null });
      this.#noteIfEmpty(slot);
    }
  }

  #noteIfEmpty(slot: SlotHandle): void {
    if (slot.tasks.size === 0 && this.#slots.has(slot)) this.#emptied.add(slot);
  }

  /** A slot without a task takes what waits longest: here, or behind the tasks of another slot. */
  #becameFree(slot: SlotHandle): void {
    if (slot.tasks.size > 0 || !this.#slots.has(slot) || this.#idle.includes(slot)) return;
    const next = this.#queue.splice(0, TASKS_AT_HAND);
    for (const task of next.length > 0 ? next : takeFromBusiest(this.#slots)) this.#run(slot, task);
    if (slot.tasks.size > 0) return;
    slot.unref();
    this.#idle.push(slot);
  }

  #takeResults(slot: SlotHandle): void {
    slot.takeResults((taskId, bytes, metrics) =>
      this.#ended(slot, taskId, { kind: 'Result', bytes, accumulators: NO_UPDATES, metrics }),
    );
  }

  #fromSlot(slot: SlotHandle, message: SlotNews): void {
    if (isTaskDone(message)) {
      const [taskId, kind, value, updates, numbers] = message;
      const accumulators = updates ?? NO_UPDATES;
      const metrics = metricsFromNumbers(numbers);
      this.#ended(
        slot,
        taskId,
        kind === 0
          ? { kind: 'Result', bytes: value as Uint8Array, accumulators, metrics }
          : { kind: 'MapOutput', status: value as MapStatus, accumulators, metrics },
      );
      return;
    }
    switch (message.type) {
      case 'SlotReady':
        this.#failedStarts = 0;
        // The first slot is given its task before it is ready.
        this.#noteIfEmpty(slot);
        return;
      case 'OutOfHeap':
        this.#memory.forget(slot);
        slot.endFor(
          message.longArray === null
            ? outOfHeap(this.#options.memory.slotHeapBytes, message.memory)
            : arrayTooLong(message.longArray),
        );
        return;
      case 'EndedFor':
        this.#memory.forget(slot);
        slot.endFor(message.why);
        return;
      case 'Accumulated':
        slot.accumulated = message;
        return;
      case 'TaskFailed':
        this.#ended(slot, message.taskId, message.result);
        return;
      case 'Log':
        if (message.once !== null && !this.#isFirst(message.once)) return;
        this.#log.named(message.component)[message.level](message.message);
        return;
    }
  }

  #ended(slot: SlotHandle, taskId: TaskId, result: TaskResult): void {
    slot.tasks.remove(taskId);
    const killed = this.#killed.get(taskId);
    if (killed !== undefined) {
      killed.cancelTimer();
      this.#killed.delete(taskId);
    }
    // A slot that has just died tells the last of it.
    while (this.#queue.length > 0 && this.#slots.has(slot) && slot.tasks.size < TASKS_AT_HAND)
      this.#give(slot, this.#queue.shift() as TaskDescription);
    this.#noteIfEmpty(slot);
    const reason = result.kind === 'Failed' && result.reason.kind === 'TaskKilled' ? killed?.reason : undefined;
    this.#report(
      taskId,
      reason === undefined ? result : { kind: 'Failed', reason: { kind: 'TaskKilled', reason }, metrics: null },
    );
  }

  #isFirst(about: string): boolean {
    if (this.#warnedOf.has(about) || this.#warnedOf.size >= MAX_REMEMBERED_WARNINGS) return false;
    this.#warnedOf.add(about);
    return true;
  }

  #slotExited(slot: SlotHandle, why: string): void {
    this.#slots.delete(slot);
    this.#memory.forget(slot);
    const at = this.#idle.indexOf(slot);
    if (at >= 0) this.#idle.splice(at, 1);
    if (this.#stopped) return;
    this.#takeResults(slot);
    this.#queue.unshift(...slot.tasks.takeBackLast(slot.tasks.size));
    const lost = slot.tasks.giveUp();
    if (lost.length === 0) {
      this.#log.warn('a slot without a task ended', { slot: slot.index, why });
      if (++this.#failedStarts < MAX_FAILED_STARTS) this.#launchQueued();
      else for (const waiting of this.#queue.splice(0)) this.#reportLost(waiting, why);
      return;
    }
    for (const task of lost) {
      this.#log.info(`lost ${task.name}: ${why}`, { slot: slot.index }); // the scheduler decides what it means, and says so
      this.#reportLost(task, why);
    }
    this.#launchQueued();
  }

  #reportLost(task: TaskDescription, why: string): void {
    this.#report(task.taskId, { kind: 'Failed', reason: { kind: 'SlotLost', message: why }, metrics: null });
  }

  /** After a slot is gone: tasks must not wait for it. */
  #launchQueued(): void {
    for (const task of this.#queue.splice(0)) this.#launch(task);
  }

  #kill(taskId: TaskId, reason: string): void {
    const report = (): void =>
      this.#report(taskId, { kind: 'Failed', reason: { kind: 'TaskKilled', reason }, metrics: null });
    const queued = this.#queue.findIndex((t) => t.taskId === taskId);
    if (queued >= 0) {
      this.#queue.splice(queued, 1);
      report();
      return;
    }
    for (const slot of this.#slots) {
      if (!slot.tasks.has(taskId)) continue;
      if (slot.tasks.takeBack(taskId)) {
        this.#noteIfEmpty(slot);
        report();
        return;
      }
      if (this.#killed.has(taskId)) return;
      slot.kill(taskId);
      this.#giveGrace(slot, taskId, reason);
      return;
    }
  }

  #giveGrace(slot: SlotHandle, taskId: TaskId, reason: string): void {
    const cancelTimer = this.#clock.after(this.#options.killGraceMs, () =>
      this.#together(() => this.#endStubborn(slot, taskId, reason)),
    );
    this.#killed.set(taskId, { reason, cancelTimer });
  }

  /** The task looks at its flag between batches; user code that never comes back is ended with its thread. */
  #endStubborn(slot: SlotHandle, taskId: TaskId, reason: string): void {
    const { tasks } = slot;
    this.#takeResults(slot);
    if (!tasks.has(taskId)) {
      this.#killed.delete(taskId);
      return;
    }
    this.#queue.unshift(...tasks.takeBackLast(tasks.size));
    if (tasks.size > 1) {
      // It has begun its next task, so those before have ended: the messages that say so are under way.
      if (tasks.running?.taskId !== taskId) this.#giveGrace(slot, taskId, reason);
      return;
    }
    this.#killed.delete(taskId);
    this.#log.warn(
      `${tasks.running?.name} did not end within ${this.#options.killGraceMs} ms of being killed; its slot is replaced`,
    );
    this.#slots.delete(slot);
    this.#memory.forget(slot);
    tasks.giveUp();
    void slot.terminate();
    this.#launchQueued();
    this.#report(taskId, { kind: 'Failed', reason: { kind: 'TaskKilled', reason }, metrics: null });
  }

  #report(taskId: TaskId, result: TaskResult): void {
    this.#blocks.taskEnded(taskId);
    if (this.#stopped) return;
    if (result.kind === 'Failed' && result.reason.kind === 'FetchFailed')
      this.#others?.mapOutputs.forget(result.reason.shuffleId);
    void this.#shuffleFiles.ended(taskId);
    this.#source?.taskEnded(result);
    this.#updates.push({ taskId, result });
  }
}

function isTaskDone(message: SlotNews): message is TaskDone {
  return Array.isArray(message);
}
