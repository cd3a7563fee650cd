import type { ExecutorPackage } from '../app-package/executor-package.ts';
import type { Clock } from '../base/clock.ts';
import { errorToData } from '../base/errors.ts';
import type { Logger, LogLevel } from '../base/logger.ts';
import type { AnswerExecutor, FromExecutor, ToExecutor } from '../protocol/driver-executor.ts';
import type { TaskProgress } from '../protocol/executor-registration.ts';
import type { SlotNews, SlotSettings, TaskDone } from '../protocol/executor-slot.ts';
import type { ShuffleId, TaskId } from '../protocol/ids.ts';
import type { BlockManagerId, MapStatus } from '../protocol/map-output.ts';
import type { StageProgram } from '../protocol/stage-program.ts';
import type { TaskDescription, TaskResult } from '../protocol/task.ts';
import type { TaskFailedReason } from '../protocol/task-end-reason.ts';
import { metricsFromNumbers } from '../protocol/task-metrics.ts';
import type { BlockManager } from '../storage/block-manager.ts';
import { LocalDirs, type LocalDirsData } from '../storage/local-dirs.ts';
import { answerSlot } from './answer-slot.ts';
import type { FileFetcher } from './file-fetcher.ts';
import type { MemoryLimits } from './memory-guard.ts';
import { MemoryWatch } from './memory-watch.ts';
import type { OtherExecutors } from './other-executors.ts';
import { outOfHeap } from './out-of-memory.ts';
import { ShuffleFiles } from './shuffle-files.ts';
import { SlotHandle, type SlotHandlers } from './slot-handle.ts';

export interface ExecutorOptions {
  /** Who it is, and where others fetch its map outputs. */
  readonly location: BlockManagerId;
  /** Number of slots. */
  readonly cores: number;
  /** The compiled src/main/task-slot.ts. */
  readonly slotEntry: URL;
  readonly memory: MemoryLimits;
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

/** Nobody reads more of them than this. */
const MAX_REMEMBERED_WARNINGS = 100;

/**
 * Runs the tasks it is given, one at a time in each slot; a slot at work may have its next one already, which another slot
 * takes if it gets free first. It lives on the main thread of its process, owns blocks and
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
  readonly #killed = new Map<TaskId, { reason: string; cancelTimer: () => void }>();
  readonly #handlers: SlotHandlers;
  readonly #shuffleFiles: ShuffleFiles;
  readonly #memory: MemoryWatch;
  /** Slots that ended without ever having had a task, in a row. */
  #failedStarts = 0;
  readonly #warnedOf = new Set<string>();
  #nextSlot = 0;
  #stopped = false;

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
      clock,
      this.#log,
    );
    const answers = { blocks, others, files: options.files, package: options.package, askDriver };
    this.#handlers = {
      onMessage: (slot, message) => this.#fromSlot(slot, message),
      onExit: (slot, why) => this.#slotExited(slot, why),
      onAsk: (name, request) => answerSlot(answers, name, request),
    };
  }

  /** Starts a slot before the first task needs it: threads take 20 ms, which then overlap with the driver's own start. */
  warmUp(): void {
    if (this.#slots.size === 0) this.#idle.push(this.#newSlot());
  }

  receive(message: ToExecutor): void {
    switch (message.type) {
      case 'LaunchTask':
        if (message.program !== null) this.#programs.set(message.program.key, message.program);
        this.#noteShuffle(message.task);
        this.#launch(message.task);
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

  /** All slots are at work: one of them gets the task as its next, or it waits here. */
  #sendAhead(task: TaskDescription): void {
    for (const slot of this.#slots) {
      if (slot.running === null || slot.ahead !== null) continue;
      this.#give(slot, task, true);
      return;
    }
    this.#queue.push(task);
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
    const settings: Omit<SlotSettings, 'flags' | 'slotIndex'> = {
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
    if (!this.#give(slot, task, false)) this.#becameFree(slot);
  }

  /** @returns false when the task could not be sent; its end is reported then. */
  #give(slot: SlotHandle, task: TaskDescription, ahead: boolean): boolean {
    const program = this.#programs.get(task.programKey);
    let reason: TaskFailedReason;
    if (program === undefined) {
      // Its stage was given up between launch and now.
      reason = { kind: 'TaskKilled', reason: 'stage is over' };
    } else {
      try {
        if (ahead) slot.sendAhead(task, program);
        else slot.run(task, program);
        return true;
      } catch (error) {
        this.#log.error('a task could not be sent to its slot', { task: task.name, error: String(error) });
        reason = { kind: 'ExceptionFailure', error: errorToData(error), retriable: false };
      }
    }
    if (ahead) slot.ahead = null;
    else slot.running = null;
    this.#report(task.taskId, { kind: 'Failed', reason, metrics: null });
    return false;
  }

  /** A slot without a task takes what waits longest: here, or behind the task of another slot. */
  #becameFree(slot: SlotHandle): void {
    let next = this.#queue.shift();
    if (next === undefined)
      for (const other of this.#slots) {
        const taken = other === slot ? null : other.takeBack();
        if (taken === null) continue;
        next = taken;
        break;
      }
    if (next !== undefined) {
      this.#run(slot, next);
      return;
    }
    slot.unref();
    this.#idle.push(slot);
  }

  #fromSlot(slot: SlotHandle, message: SlotNews): void {
    if (isTaskDone(message)) {
      const [taskId, kind, value, updates, numbers] = message;
      const accumulators = updates ?? [];
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
        if (slot.running === null && !this.#idle.includes(slot)) this.#becameFree(slot);
        return;
      case 'OutOfHeap':
        slot.endFor(outOfHeap(this.#options.memory.slotHeapBytes, message.memory));
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
    slot.advance();
    const killed = this.#killed.get(taskId);
    killed?.cancelTimer();
    this.#killed.delete(taskId);
    if (slot.running === null) this.#becameFree(slot);
    else {
      const next = this.#queue.shift();
      if (next !== undefined) this.#sendAhead(next);
    }
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
    const task = slot.running;
    if (task === null) {
      this.#log.warn('a slot without a task ended', { slot: slot.index, why });
      if (++this.#failedStarts < MAX_FAILED_STARTS) this.#replace(slot);
      else for (const waiting of this.#queue.splice(0)) this.#reportLost(waiting, why);
      return;
    }
    this.#log.info(`lost ${task.name}: ${why}`, { slot: slot.index }); // the scheduler decides what it means, and says so
    const begun = this.#replace(slot);
    for (const lost of begun === null ? [task] : [task, begun]) this.#reportLost(lost, why);
  }

  #reportLost(task: TaskDescription, why: string): void {
    this.#report(task.taskId, { kind: 'Failed', reason: { kind: 'SlotLost', message: why }, metrics: null });
  }

  /**
   * After a slot is gone: tasks must not wait for it.
   *
   * @returns the task sent ahead, if the slot had begun it.
   */
  #replace(slot: SlotHandle): TaskDescription | null {
    const back = slot.takeBack();
    if (back !== null) this.#queue.unshift(back);
    const next = this.#queue.shift();
    if (next !== undefined) this.#launch(next);
    return slot.ahead;
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
      if (slot.ahead?.taskId === taskId && slot.takeBack() !== null) {
        report();
        return;
      }
      const mine = slot.running?.taskId === taskId || slot.ahead?.taskId === taskId;
      if (!mine || this.#killed.has(taskId)) continue;
      slot.kill(taskId);
      this.#giveGrace(slot, taskId, reason);
      return;
    }
  }

  #giveGrace(slot: SlotHandle, taskId: TaskId, reason: string): void {
    const cancelTimer = this.#clock.after(this.#options.killGraceMs, () => this.#endStubborn(slot, taskId, reason));
    this.#killed.set(taskId, { reason, cancelTimer });
  }

  /** The task looks at its flag between batches; user code that never comes back is ended with its thread. */
  #endStubborn(slot: SlotHandle, taskId: TaskId, reason: string): void {
    const isNext = slot.ahead?.taskId === taskId;
    if (!isNext && slot.running?.taskId !== taskId) {
      this.#killed.delete(taskId);
      return;
    }
    const back = slot.takeBack();
    if (back !== null) this.#queue.unshift(back);
    if (slot.ahead !== null) {
      // It has begun its next task, so the one before has ended: the message that says so is under way.
      if (isNext) this.#giveGrace(slot, taskId, reason);
      return;
    }
    this.#killed.delete(taskId);
    this.#log.warn(
      `${slot.running?.name} did not end within ${this.#options.killGraceMs} ms of being killed; its slot is replaced`,
    );
    this.#slots.delete(slot);
    this.#memory.forget(slot);
    slot.running = null;
    void slot.terminate();
    const next = this.#queue.shift();
    if (next !== undefined) this.#launch(next);
    this.#report(taskId, { kind: 'Failed', reason: { kind: 'TaskKilled', reason }, metrics: null });
  }

  #report(taskId: TaskId, result: TaskResult): void {
    this.#blocks.taskEnded(taskId);
    if (this.#stopped) return;
    if (result.kind === 'Failed' && result.reason.kind === 'FetchFailed')
      this.#others?.mapOutputs.forget(result.reason.shuffleId);
    void this.#shuffleFiles.ended(taskId);
    this.#send({ type: 'StatusUpdate', executorId: this.#options.location.executorId, taskId, result });
  }
}

function isTaskDone(message: SlotNews): message is TaskDone {
  return Array.isArray(message);
}
