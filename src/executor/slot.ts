import { statSync } from 'node:fs';
import type { MessagePort } from 'node:worker_threads';
import { TaskAccumulators } from '../accumulator/accumulator.ts';
import { steadyClock, systemClock } from '../base/clock.ts';
import { keepCode } from '../base/code-cache.ts';
import { type ErrorData, errorToData, IskraError } from '../base/errors.ts';
import type { Logger, LogLevel } from '../base/logger.ts';
import { userErrorData } from '../base/stack-frames.ts';
import {
  describeClass,
  driverText,
  homeHint,
  loadClosures,
  type ModuleHome,
  markMainScript,
  reviveClass,
  setModuleHome,
} from '../closure/closure.ts';
import {
  SHUFFLE_ACCURATE_BLOCK_SKEWED_FACTOR,
  SHUFFLE_ACCURATE_BLOCK_THRESHOLD,
  SHUFFLE_MAX_ACCURATE_SKEWED_BLOCK_NUMBER,
  SHUFFLE_MIN_PARTITIONS_TO_HIGHLY_COMPRESS,
} from '../config/shuffle-entries.ts';
import { SHUFFLE_HOST_LOCAL_DISK_READING_ENABLED, SHUFFLE_SERVICE_ENABLED } from '../config/shuffle-service-entries.ts';
import { SparkConf } from '../config/spark-conf.ts';
import { toBlockSizes } from '../protocol/block-sizes.ts';
import type {
  FromSlot,
  LocalPackage,
  RunTask,
  RunTasks,
  SlotSettings,
  StageFacts,
  ToSlot,
} from '../protocol/executor-slot.ts';
import type { TaskId } from '../protocol/ids.ts';
import type { BlockManagerId, MapOutputs, MapStatus } from '../protocol/map-output.ts';
import type { TaskResult } from '../protocol/task.ts';
import { metricsToNumbers } from '../protocol/task-metrics.ts';
import { setSparkFilesRoot } from '../rdd/spark-files.ts';
import { markSlotThread, setCurrentTask } from '../rdd/task-context.ts';
import { installClassCodec, RecordEncoder } from '../serializer/serializer.ts';
import { nodeFiles } from '../shuffle/file-ops.ts';
import { RemoteBlockSource } from '../shuffle/remote-block-source.ts';
import { SameHostBlockSource } from '../shuffle/same-host-blocks.ts';
import { heapOf, type MemorySource, TaskMemory } from '../shuffle/task-memory.ts';
import { LocalDirs, type LocalDirsData } from '../storage/local-dirs.ts';
import { ExecutorLink } from './executor-link.ts';
import { fetchLine } from './fetch-line.ts';
import { prepareFiles } from './prepare-files.ts';
import { ResultWriter } from './result-ring.ts';
import { RunningBarrierTask } from './running-barrier-task.ts';
import { RunningTask } from './running-task.ts';
import { offerLook, SlotMemory } from './slot-memory.ts';
import { StageSegments } from './stage-segments.ts';
import { installTaskCodecs } from './task-codecs.ts';
import type { TaskEnv } from './task-env.ts';
import { type LoadedStage, runTask } from './task-runner.ts';

/** Who asks for this much wants the engine's part of a stack, too. */
const WHOLE_STACKS: readonly LogLevel[] = ['ALL', 'TRACE', 'DEBUG'];

/**
 * What runs inside a slot's thread: takes RunTasks messages one after another, keeps the stages it was sent, answers with
 * TaskDone. It has no state of the application but caches.
 */
export class Slot {
  readonly #settings: SlotSettings;
  readonly #describeError: (thrown: unknown) => ErrorData;
  readonly #port: MessagePort;
  readonly #link: ExecutorLink;
  readonly #results: ResultWriter;
  readonly #localDirs: LocalDirs;
  readonly #conf: SparkConf;
  readonly #location: BlockManagerId;
  readonly #mapStatus: (mapId: TaskId, sizes: readonly number[]) => MapStatus;
  readonly #remoteBlocks: RemoteBlockSource;
  readonly #sameHostBlocks: SameHostBlockSource | null;
  readonly #log: Logger;
  readonly #encoder = new RecordEncoder({ compression: 'none' });
  readonly #shuffleEncoder: RecordEncoder;
  readonly #stages = new Map<string, Promise<LoadedStage>>();
  readonly #mapOutputs = new Map<string, MapOutputs>();
  readonly #forgetBroadcast: (broadcastId: number) => void;
  /** Added files that are there, by name with their timestamps. */
  readonly #files = new Map<string, number>();
  /** Of the running task. */
  #accumulators: { readonly taskId: TaskId; readonly all: TaskAccumulators } | null = null;
  #tail: Promise<void> = Promise.resolve();

  constructor(settings: SlotSettings, port: MessagePort, asks: MessagePort) {
    this.#settings = settings;
    const describe = WHOLE_STACKS.includes(settings.logLevel) ? errorToData : userErrorData;
    this.#describeError = settings.shipped ? (thrown) => withDriversPaths(describe(thrown)) : describe;
    this.#port = port;
    const memory = new SlotMemory(settings.heapBytes, steadyClock, {
      outOfHeap: (held, longArray) => this.#standStill({ type: 'OutOfHeap', memory: held, longArray }),
      endFor: (why) => this.#standStill({ type: 'EndedFor', why }),
    });
    offerLook(memory);
    this.#link = new ExecutorLink(
      asks,
      settings.flags,
      (message) => this.#send(message),
      () => {
        memory.atBatchEdge();
        this.#tellAccumulators();
      },
    );
    this.#results = new ResultWriter(settings.results);
    this.#conf = new SparkConf(settings.conf);
    const compress =
      this.#conf.getText('spark.shuffle.compress') !== 'false' &&
      this.#conf.getText('spark.io.compression.codec') !== 'none';
    this.#shuffleEncoder = new RecordEncoder({ compression: compress ? 'lz4' : 'none' });
    const { location } = settings;
    this.#location = location;
    const factor = this.#conf.get(SHUFFLE_ACCURATE_BLOCK_SKEWED_FACTOR);
    const limits = {
      highlyCompressAbove: this.#conf.get(SHUFFLE_MIN_PARTITIONS_TO_HIGHLY_COMPRESS),
      accurateFromBytes: this.#conf.get(SHUFFLE_ACCURATE_BLOCK_THRESHOLD),
      skewed: factor > 0 ? { factor, maxBlocks: this.#conf.get(SHUFFLE_MAX_ACCURATE_SKEWED_BLOCK_NUMBER) } : null,
    };
    this.#mapStatus = (mapId, sizes) => ({ location, mapId, sizes: toBlockSizes(sizes, limits) });
    this.#remoteBlocks = new RemoteBlockSource(fetchLine(this.#link));
    this.#log = slotLogger((message) => this.#send(message));
    const readsOthers =
      this.#conf.get(SHUFFLE_SERVICE_ENABLED) && this.#conf.get(SHUFFLE_HOST_LOCAL_DISK_READING_ENABLED);
    this.#sameHostBlocks = readsOthers
      ? new SameHostBlockSource(
          settings.location.host,
          (executorIds) => this.#link.ask('GetHostLocalDirs', { executorIds }).localDirs,
          nodeFiles,
          this.#log,
        )
      : null;
    this.#localDirs = LocalDirs.fromData(settings.localDirs as LocalDirsData, this.#log);
    markSlotThread();
    setSparkFilesRoot(settings.filesDir);
    installClassCodec({ describe: describeClass, revive: reviveClass });
    this.#forgetBroadcast = installTaskCodecs(this.#link);
    for (const url of settings.mainScripts) markMainScript(url);
    if (settings.shipped)
      setModuleHome({
        open: async () => homeOf(await this.#link.askLater('EnsurePackage', null)),
        openSync: () => homeOf(this.#link.ask('EnsurePackage', null)),
      });
  }

  start(): void {
    this.#port.on('message', (message: ToSlot) => this.#receive(message));
    process.on('unhandledRejection', (reason) => this.#unhandled(reason));
    this.#send({ type: 'SlotReady' });
  }

  #receive(message: ToSlot): void {
    if (isRunTasks(message)) {
      const [programKey, stage, tasks] = message;
      if (stage !== null) {
        const loading = load(stage);
        loading.catch(() => {}); // told by the task that needs it
        this.#stages.set(programKey, loading);
      }
      this.#tail = this.#tail.then(() => this.#runAll(programKey, tasks));
      return;
    }
    switch (message.type) {
      case 'ForgetProgram':
        this.#stages.delete(message.programKey);
        this.#mapOutputs.clear();
        return;
      case 'ForgetBroadcast':
        this.#forgetBroadcast(message.broadcastId);
        return;
      case 'TaskKilled':
        this.#link.taskKilled(message.taskId);
        return;
      case 'TellAccumulators':
        this.#tellAccumulators();
        return;
      case 'Answer':
        this.#link.answered(message.askId, message.answer);
        return;
    }
  }

  async #runAll(programKey: string, tasks: readonly RunTask[]): Promise<void> {
    for (const task of tasks) await this.#run(programKey, task);
  }

  async #run(programKey: string, message: RunTask): Promise<void> {
    const [taskId, , , cell] = message;
    if (cell !== null && !this.#link.claim(taskId, cell)) return;
    let result: TaskResult;
    try {
      const stage = await this.#stages.get(programKey);
      if (stage === undefined)
        throw new Error(`slot ${this.#settings.slotIndex} was not sent the program ${programKey}`);
      const isKilled = (): boolean => this.#link.isKilled(taskId);
      const task =
        stage.facts.barrier === null
          ? new RunningTask(message, stage.facts, isKilled)
          : new RunningBarrierTask(message, stage.facts, isKilled, this.#link);
      const accumulators = new TaskAccumulators();
      setCurrentTask(task);
      this.#accumulators = { taskId, all: accumulators };
      this.#link.progress.begin(taskId, task.taskMetrics(), systemClock.now());
      try {
        this.#ensureFiles(stage);
        result = await runTask(
          stage,
          task,
          (codeKey) => this.#env(task, codeKey, stage.facts.program.mapOutputEpoch ?? 0),
          this.#mapStatus,
          accumulators,
          this.#describeError,
        );
      } finally {
        this.#link.progress.end();
        this.#accumulators = null;
        setCurrentTask(null);
      }
    } catch (error) {
      const retriable = error instanceof IskraError && error.code === 'ASK_FAILED';
      result = {
        kind: 'Failed',
        reason: {
          kind: 'ExceptionFailure',
          error: this.#settings.shipped ? withDriversPaths(errorToData(error)) : errorToData(error),
          retriable,
        },
        metrics: null,
      };
    }
    keepCode(); // not after it: a thread whose job is done may be ended at any moment
    this.#reply(taskId, result);
  }

  /** If somebody wants to know. */
  #tellAccumulators(): void {
    if (!this.#link.takeTellRequest() || this.#accumulators === null) return;
    const { taskId, all } = this.#accumulators;
    this.#send({ type: 'Accumulated', taskId, updates: all.progress() });
  }

  /** Blocks until the files that the task may look for are there; asks once a slot and file. */
  #ensureFiles({ facts }: LoadedStage): void {
    const files = facts.program.files?.filter(({ name, timestamp }) => (this.#files.get(name) ?? -1) < timestamp) ?? [];
    if (files.length === 0) return;
    this.#link.ask('EnsureFiles', { files });
    for (const { name, timestamp } of files) this.#files.set(name, timestamp);
  }

  #reply(taskId: TaskId, result: TaskResult): void {
    if (result.kind === 'Failed') {
      this.#send({ type: 'TaskFailed', taskId, result });
      return;
    }
    const updates = result.accumulators.length === 0 ? null : result.accumulators;
    if (result.kind === 'Result' && updates === null && this.#results.put(taskId, result.bytes, result.metrics)) {
      if (this.#results.mustTell()) this.#send({ type: 'Results' });
      return;
    }
    const metrics = metricsToNumbers(result.metrics);
    if (result.kind === 'MapOutput') this.#send([taskId, 1, result.status, updates, metrics]);
    else this.#send([taskId, 0, result.bytes, updates, metrics]);
  }

  #env(task: RunningTask, codeKey: string, mapOutputEpoch: number): TaskEnv {
    return {
      task,
      executorId: this.#location.executorId,
      link: this.#link,
      localDirs: this.#localDirs,
      encoder: this.#encoder,
      malformedText: this.#conf.getText('spark.iskra.text.malformed') === 'error' ? 'error' : 'replace',
      shuffle: {
        programKey: codeKey,
        localDirs: this.#localDirs,
        encoder: this.#shuffleEncoder,
        memory: new TaskMemory(this.#memoryOf(task.taskAttemptId), heapOf(this.#settings.heapBytes)),
        metrics: task.taskMetrics(),
        clock: systemClock,
        logger: this.#log,
        remoteBlocks: this.#remoteBlocks,
        sameHostBlocks: this.#sameHostBlocks,
        files: nodeFiles,
        throwIfKilled: () => this.#link.throwIfKilled(task.taskAttemptId),
      },
      mapOutputs: (shuffleId) => this.#outputsOf(task.programKey, shuffleId, mapOutputEpoch),
      warnOnce: (component, once, message) => this.#send({ type: 'Log', level: 'warn', component, message, once }),
    };
  }

  #memoryOf(taskId: TaskId): MemorySource {
    return {
      acquire: (bytes) => this.#link.ask('AcquireMemory', { taskId, bytes }).granted,
      release: (bytes) => {
        this.#link.ask('ReleaseMemory', { taskId, bytes });
      },
      wantsBack: () => this.#link.takeSpillRequest(),
    };
  }

  /** Asked once a stage attempt: a lost output makes a new attempt, which asks again. */
  #outputsOf(programKey: string, shuffleId: number, epoch: number): MapOutputs {
    const key = `${programKey}/${shuffleId}`;
    let outputs = this.#mapOutputs.get(key);
    if (outputs === undefined) {
      outputs = this.#link.ask('GetMapOutputs', { shuffleId, epoch });
      this.#mapOutputs.set(key, outputs);
    }
    return outputs;
  }

  /**
   * A promise of the user's that nobody awaits, often of a call whose task has failed or ended before: it would end the thread,
   * and the task that runs now is not to blame.
   */
  #unhandled(reason: unknown): void {
    const { stack } = this.#describeError(reason);
    this.#send({
      type: 'Log',
      level: 'warn',
      component: 'Slot',
      message: `a promise was rejected that nobody awaits, in a function of this task or one before; await it, or catch its error: ${stack}`,
      once: `unhandled: ${stack}`,
    });
  }

  /** Stands still until the executor ends the thread: nothing may be added. */
  #standStill(message: FromSlot): void {
    this.#send(message);
    for (;;) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
  }

  #send(message: FromSlot): void {
    this.#port.postMessage(message);
  }
}

async function load(facts: StageFacts): Promise<LoadedStage> {
  const bytes = facts.program.closures;
  const closures = bytes.byteLength === 0 ? null : await loadClosures(bytes);
  const files = prepareFiles(facts.program);
  if (files !== null) await files;
  return { facts, closures, segments: new StageSegments(closures?.stateless ?? true), codeKey: null };
}

function homeOf({ folders, ...home }: LocalPackage): ModuleHome {
  return {
    ...home,
    has: (path) => {
      const stat = statSync(path, { throwIfNoEntry: false });
      if (stat === undefined || stat.isFile()) return stat !== undefined;
      const inTree = path.slice(home.to.length);
      return folders.some((folder) => inTree === folder || inTree.startsWith(`${folder}/`));
    },
  };
}

function withDriversPaths(error: ErrorData): ErrorData {
  const { code, message, stack, cause } = error;
  // Loaders of native add-ons have errors of their own when there is none for this machine.
  const hint = code === 'ERR_DLOPEN_FAILED' || /\bnative\b|\.node\b/.test(message) ? homeHint() : '';
  return {
    ...error,
    message: driverText(message) + hint,
    stack: hint === '' ? driverText(stack) : driverText(stack).replace(driverText(message), (text) => text + hint),
    cause: cause === null ? null : withDriversPaths(cause),
  };
}

function isRunTasks(message: ToSlot): message is RunTasks {
  return Array.isArray(message);
}

/** Warnings and errors of the engine inside a slot go to the executor's log. */
function slotLogger(send: (message: FromSlot) => void, component = 'Slot'): Logger {
  return {
    debug() {},
    info() {},
    warn: (message) => send({ type: 'Log', level: 'warn', component, message, once: null }),
    error: (message) => send({ type: 'Log', level: 'error', component, message, once: null }),
    enabled: (level) => level === 'WARN' || level === 'ERROR' || level === 'FATAL',
    named: (name) => slotLogger(send, name),
  };
}
