import { systemClock } from '../../base/clock.ts';
import type { Logger } from '../../base/logger.ts';
import { Executor, type ExecutorOptions } from '../../executor/executor.ts';
import { nextHeartbeat } from '../../executor/heartbeat-timer.ts';
import type { MemoryPlan } from '../../executor/memory-plan.ts';
import type { AnswerExecutor, FromExecutor } from '../../protocol/driver-executor.ts';
import type { ExecutorId, TaskId } from '../../protocol/ids.ts';
import type { BackendListener, Launch } from '../../scheduler/ports.ts';
import { BlockManager } from '../../storage/block-manager.ts';
import { LocalDirs, type LocalDirsData } from '../../storage/local-dirs.ts';
import { MemoryManager } from '../../storage/memory-manager.ts';
import type { ApplicationBackend, BlockUpdated, OwnMeasures } from '../application-backend.ts';

/** The id of the executor that lives in the driver's process. Spark: SparkContext.DRIVER_IDENTIFIER */
const DRIVER_EXECUTOR_ID: ExecutorId = 'driver';

/**
 * Of each slot: so many that this thread is done with a few while the slot still has some. More do not make them faster.
 */
const SHORT_TASKS_AHEAD = 16;

export interface LocalBackendOptions extends Omit<ExecutorOptions, 'location' | 'localDirs' | 'cores' | 'memory'> {
  readonly numSlots: number;
  readonly localDirs: LocalDirsData;
  readonly memory: MemoryPlan;
  readonly heartbeatIntervalMs: number;
  readonly answer: AnswerExecutor;
  readonly onBlock: (update: BlockUpdated) => void;
  readonly log: Logger;
}

/**
 * `local[N]`: one executor with N slots inside the driver's process. It speaks the same messages as one behind a socket.
 *
 * Spark: LocalSchedulerBackend
 */
export class LocalBackend implements ApplicationBackend {
  readonly #options: LocalBackendOptions;
  readonly #blocks: BlockManager;
  readonly #executor: Executor;
  #listener: BackendListener | null = null;
  #cancelHeartbeat: () => void = () => {};
  #stopping: Promise<void> = Promise.resolve();

  constructor(options: LocalBackendOptions) {
    this.#options = options;
    const { numSlots, memory, heartbeatIntervalMs: _, answer, onBlock, log, ...rest } = options;
    const executorId = DRIVER_EXECUTOR_ID;
    this.#blocks = new BlockManager(
      executorId,
      new MemoryManager({ ...memory, slots: numSlots }),
      LocalDirs.fromData(options.localDirs, log),
      (update) => onBlock({ type: 'BlockUpdated', executorId, ...update }),
    );
    this.#executor = new Executor(
      {
        ...rest,
        memory,
        sharesThread: true,
        location: { executorId, host: 'localhost', port: 0 },
        cores: numSlots,
      },
      this.#blocks,
      answer,
      null,
      (message) => this.#receive(message),
      systemClock,
      log,
    );
  }

  start(listener: BackendListener): void {
    this.#listener = listener;
    this.#executor.warmUp();
    const { numSlots } = this.#options;
    // One more a slot: it begins it without waiting for this thread.
    listener.executorAdded(DRIVER_EXECUTOR_ID, 'localhost', numSlots, numSlots, {
      resourceProfileId: 0,
      resources: {},
      queuedShortTasks: SHORT_TASKS_AHEAD * numSlots,
    });
    this.#beat();
  }

  /** Nobody watches whether it lives; listeners hear how far tasks are. */
  #beat(): void {
    this.#cancelHeartbeat = nextHeartbeat(this.#executor, systemClock, this.#options.heartbeatIntervalMs, (running) => {
      this.#listener?.executorHeartbeat(DRIVER_EXECUTOR_ID, running);
      this.#beat();
    });
  }

  launch(_executorId: ExecutorId, launches: readonly Launch[]): void {
    this.#executor.launch(launches);
  }

  kill(taskId: TaskId, _executorId: ExecutorId, interrupt: boolean, reason: string): void {
    this.#executor.receive({ type: 'KillTask', taskId, interrupt, reason });
  }

  forgetProgram(_executorId: ExecutorId, programKey: string): void {
    this.#executor.receive({ type: 'ForgetProgram', programKey });
  }

  removeRdd(rddId: number): void {
    this.#executor.receive({ type: 'RemoveRdd', rddId });
  }

  removeShuffle(shuffleId: number): void {
    this.#executor.receive({ type: 'RemoveShuffle', shuffleId });
  }

  /** The driver's own process is where slots look: one copy, which all of them read. */
  putBroadcast(broadcastId: number, bytes: Uint8Array): void {
    this.#blocks.putBroadcast(broadcastId, bytes);
  }

  /** @param keep slots drop their decoded copies, the bytes stay. */
  removeBroadcast(broadcastId: number, keep: boolean): void {
    this.#executor.receive({ type: 'RemoveBroadcast', broadcastId, keep });
  }

  async measureOwn(): Promise<OwnMeasures> {
    return { source: await this.#executor.measure(), memory: this.#blocks.memory };
  }

  defaultParallelism(): number {
    return this.#options.numSlots;
  }

  stop(): void {
    this.#cancelHeartbeat();
    this.#stopping = this.#executor.stop();
  }

  /** Resolves when the slots' threads are gone, after `stop`. */
  get stopped(): Promise<void> {
    return this.#stopping;
  }

  #receive(message: FromExecutor): void {
    switch (message.type) {
      case 'StatusUpdate':
        this.#listener?.statusUpdate(message.taskId, message.result);
        return;
      case 'StatusUpdates':
        this.#listener?.statusUpdates(message.updates);
        return;
      case 'TasksStarted':
      case 'ResultReady':
        return; // only executors of other processes are lost, or keep results
      case 'BlockUpdated':
        this.#options.onBlock(message);
    }
  }
}
