import type { ExecutorPackage } from '../app-package/executor-package.ts';
import type { Clock } from '../base/clock.ts';
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
import { SlotHandle, type SlotHandlers } from './slot-handle.ts';
import { SlotPool } from './slot-pool.ts';
import { TaskKiller } from './task-killer.ts';

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

type LaunchTask = Extract<ToExecutor, { type: 'LaunchTask' }>;

const NO_UPDATES: readonly AccumulatorUpdate[] = [];

/** Nobody reads more of them than this. */
const MAX_REMEMBERED_WARNINGS = 100;

/**
 * Runs the tasks it is given, one at a time in each slot: what comes from the driver and from slots, and what both are told of
 * it. Which slot gets which task is decided in SlotPool. What happens in one turn, many short tasks' ends for instance, is told to
 * the driver at once, and what the driver wants thereupon goes to each slot in one message. It lives on the main thread of its
 * process, owns blocks and shuffle files there, and never runs user code: a task that spins stops its slot, not the messages.
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
  /** How tasks ended in this turn. */
  #updates: StatusUpdate[] = [];
  /** More than 0: what is done now ends with #settle(). */
  #nested = 0;
  readonly #pool: SlotPool;
  readonly #killer: TaskKiller;
  readonly #handlers: SlotHandlers;
  readonly #shuffleFiles: ShuffleFiles;
  readonly #memory: MemoryWatch;
  /** Slots that ended without ever having had a task, in a row. */
  #failedStarts = 0;
  readonly #warnedOf = new Set<string>();
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
      () => this.#pool.slots,
      () => blocks.memory.storageUsed,
      options.sharesThread === true ? new URL('memory-lookout.js', options.slotEntry) : null,
      clock,
      this.#log,
    );
    this.#pool = new SlotPool({
      cores: options.cores,
      start: (index) => this.#startSlot(index),
      memory: this.#memory,
      onFailed: (taskId, reason) => this.#report(taskId, { kind: 'Failed', reason, metrics: null }),
      log: this.#log,
    });
    this.#killer = new TaskKiller({
      pool: this.#pool,
      graceMs: options.killGraceMs,
      clock,
      onKilled: (taskId, reason) => this.#reportKilled(taskId, reason),
      catchUp: (slot) => this.#takeResults(slot),
      together: (work) => this.#together(work),
      log: this.#log,
    });
    const answers = { blocks, others, files: options.files, package: options.package, askDriver };
    this.#handlers = {
      onMessage: (slot, message) => this.#together(() => this.#fromSlot(slot, message)),
      onResults: (slot) => this.#together(() => this.#takeResults(slot)),
      onExit: (slot, why) => this.#together(() => this.#slotExited(slot, why)),
      onAsk: (name, request) => answerSlot(answers, name, request),
    };
  }

  /** Starts a slot before the first task needs it. */
  warmUp(): void {
    this.#pool.warmUp();
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
    if (program !== null) this.#pool.learn(program);
    this.#noteShuffle(task);
    this.#pool.launch(task);
  }

  #receive(message: ToExecutor): void {
    switch (message.type) {
      case 'LaunchTask':
        this.#launchTask(message.task, message.program);
        return;
      case 'KillTask':
        this.#killer.kill(message.taskId, message.reason);
        return;
      case 'ForgetProgram':
        this.#pool.forget(message.programKey);
        return;
      case 'RemoveRdd':
        this.#blocks.removeRdd(message.rddId);
        return;
      case 'RemoveBroadcast':
        if (!message.keep) this.#blocks.removeBroadcast(message.broadcastId);
        this.#others?.broadcasts.remove(message.broadcastId);
        for (const slot of this.#pool.slots) slot.forgetBroadcast(message.broadcastId);
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
    const sink = this.#pool.program(programKey)?.sink;
    if (sink?.kind === 'shuffleWrite') this.#shuffleFiles.launched(sink.shuffleId, taskId);
  }

  /** A map output of another executor lies here now. */
  adoptMapOutput(shuffleId: ShuffleId, mapId: TaskId): void {
    this.#shuffleFiles.adopted(shuffleId, mapId);
  }

  get isIdle(): boolean {
    return this.#pool.isIdle;
  }

  /** What its tasks do, from now on. */
  async measure(): Promise<ExecutorSource> {
    const { ExecutorSource: Measuring } = await import('./executor-source.ts');
    this.#source ??= new Measuring(() => ({
      activeTasks: [...this.#pool.slots].filter((slot) => slot.running !== null).length,
      slots: this.#pool.slots.size,
      cores: this.#options.cores,
    }));
    return this.#source;
  }

  /** Tasks that slots are at work on, with what they have done so far. */
  runningTasks(): TaskProgress[] {
    const at = this.#clock.now();
    return [...this.#pool.slots].flatMap((slot) => slot.progress(at) ?? []);
  }

  /** Has slots tell what their tasks have added; they do at their next batch edge. */
  askForAccumulators(): void {
    for (const slot of this.#pool.slots) slot.askForAccumulators();
  }

  /** Ends all slots. Tasks that run are lost without a report: whoever stops an executor does not wait for them. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#memory.close();
    this.#killer.close();
    await this.#pool.stop();
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
      this.#pool.handOut();
    } while (this.#updates.length > 0);
  }

  #startSlot(index: number): SlotHandle {
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
    return new SlotHandle(index, o.slotEntry, settings, { heapBytes: o.memory.slotHeapBytes }, this.#handlers);
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
        this.#pool.noteIfEmpty(slot);
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
    const why = this.#killer.ended(taskId);
    this.#pool.ended(slot, taskId);
    if (why !== undefined && result.kind === 'Failed' && result.reason.kind === 'TaskKilled')
      this.#reportKilled(taskId, why);
    else this.#report(taskId, result);
  }

  #isFirst(about: string): boolean {
    if (this.#warnedOf.has(about) || this.#warnedOf.size >= MAX_REMEMBERED_WARNINGS) return false;
    this.#warnedOf.add(about);
    return true;
  }

  #slotExited(slot: SlotHandle, why: string): void {
    this.#pool.remove(slot);
    if (this.#stopped) return;
    this.#takeResults(slot);
    this.#pool.takeBackUnbegun(slot);
    const lost = slot.tasks.giveUp();
    if (lost.length === 0) {
      this.#log.warn('a slot without a task ended', { slot: slot.index, why });
      if (++this.#failedStarts < MAX_FAILED_STARTS) this.#pool.launchWaiting();
      else for (const waiting of this.#pool.giveUpWaiting()) this.#reportLost(waiting, why);
      return;
    }
    for (const task of lost) {
      this.#log.info(`lost ${task.name}: ${why}`, { slot: slot.index }); // the scheduler decides what it means, and says so
      this.#reportLost(task, why);
    }
    this.#pool.launchWaiting();
  }

  #reportLost(task: TaskDescription, why: string): void {
    this.#report(task.taskId, { kind: 'Failed', reason: { kind: 'SlotLost', message: why }, metrics: null });
  }

  #reportKilled(taskId: TaskId, reason: string): void {
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
