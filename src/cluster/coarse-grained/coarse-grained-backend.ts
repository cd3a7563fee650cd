import { systemClock } from '../../base/clock.ts';
import type { Logger } from '../../base/logger.ts';
import type { AskBlocks } from '../../protocol/block-transfer.ts';
import type {
  AskDriver,
  AskExecutorProcess,
  DriverAnswers,
  FromExecutor,
  ToExecutor,
} from '../../protocol/driver-executor.ts';
import {
  type AppConfig,
  type AskScheduler,
  BLOCK_TRANSFER_ENDPOINT,
  EXECUTOR_ENDPOINT,
  type ExecutorNews,
  type RegisterExecutor,
  SCHEDULER_ENDPOINT,
} from '../../protocol/executor-registration.ts';
import type { ExecutorId, TaskId } from '../../protocol/ids.ts';
import type { BlockManagerId, MapStatus } from '../../protocol/map-output.ts';
import type { Split } from '../../protocol/stage-program.ts';
import type { TaskResult } from '../../protocol/task.ts';
import type { AskMessage, RpcCaller } from '../../rpc/rpc-endpoint.ts';
import type { RpcEnv } from '../../rpc/rpc-env.ts';
import { EXECUTOR_KILLED, executorDecommissioned } from '../../scheduler/executor-loss.ts';
import type { BackendListener, ExecutorAllocationClient, ExecutorLoss, Launch } from '../../scheduler/ports.ts';
import type { ApplicationBackend, BlockUpdated, LostReplica } from '../application-backend.ts';
import { DriverBroadcasts } from './driver-broadcasts.ts';
import type { ExecutorProvider } from './executor-provider.ts';
import { ExecutorRequests } from './executor-requests.ts';
import type { GoneExecutors } from './gone-executors.ts';
import { HeartbeatReceiver, type HeartbeatSettings } from './heartbeat-receiver.ts';
import { fetchResult } from './large-result.ts';
import { RegisteredExecutors } from './registered-executors.ts';

export interface CoarseGrainedOptions {
  readonly rpc: RpcEnv;
  readonly provider: ExecutorProvider;
  readonly app: AppConfig;
  readonly answers: DriverAnswers;
  readonly onBlock: (update: BlockUpdated) => void;
  /** Executors that have a cached partition. */
  readonly rddLocations: (rddId: number, partition: number) => readonly ExecutorId[];
  readonly heartbeats: HeartbeatSettings;
  /** When there are executors enough to begin with: so many cores have registered, or so much time has passed. */
  readonly readiness: { readonly cores: number; readonly maxWaitMs: number };
  /** How long an executor that is drained may go on; null: as long as it takes. */
  readonly forceKillTimeoutMs: number | null;
  readonly broadcastPieceBytes: number;
  readonly onMapOutputMoved: (executorId: ExecutorId, shuffleId: number) => void;
  readonly onFailed: (message: string) => void;
  readonly mapOutputs: {
    outputsOn(executorId: ExecutorId): readonly { readonly shuffleId: number; readonly mapId: TaskId }[];
    moveMapOutput(shuffleId: number, mapId: TaskId, location: BlockManagerId): boolean;
  };
  /** Null: files of executors end with them. */
  readonly goneExecutors: GoneExecutors | null;
  readonly log: Logger;
}

type ResultReady = Extract<FromExecutor, { type: 'ResultReady' }>;

/** How long a closed connection waits for its provider to say how the process ended. */
const REASON_WAIT_MS = 1000;

const DISCONNECTED: ExecutorLoss = {
  message: 'Remote RPC client disassociated. Likely due to containers exceeding thresholds, or network issues.',
  exitCausedByApp: true,
  workerLost: false,
};

/**
 * Executors that are processes of their own and are kept for the application's life. Whoever provides them starts the
 * processes; they register here over TCP, and from then on messages are those of a local executor.
 *
 * An executor is lost when its connection closes, when its process ends, or when it is silent for too long; the scheduler
 * hears of it once.
 *
 * Spark: CoarseGrainedSchedulerBackend
 */
export class CoarseGrainedBackend implements ApplicationBackend {
  readonly #options: CoarseGrainedOptions;
  readonly #log: Logger;
  readonly #executors = new RegisteredExecutors();
  /** Executors whose connection is gone and whose end has not been told yet. */
  readonly #leaving = new Map<ExecutorId, () => void>();
  readonly #heartbeats: HeartbeatReceiver;
  readonly #broadcasts: DriverBroadcasts;
  /** Why the last executor ended that could not start. */
  #lastWords: { readonly executorId: ExecutorId; readonly reason: string } | null = null;
  readonly allocation: ExecutorAllocationClient;
  /** See `CoarseGrainedOptions.readiness`. */
  readonly ready: Promise<void>;
  #isReady: () => void = () => {};
  #cancelReady: () => void = () => {};
  #listener: BackendListener | null = null;
  #cancelCheck: () => void = () => {};
  #stopping: Promise<void> | null = null;

  constructor(options: CoarseGrainedOptions) {
    this.#options = options;
    this.#log = options.log.named('CoarseGrainedSchedulerBackend');
    this.#heartbeats = new HeartbeatReceiver(options.heartbeats);
    this.#broadcasts = new DriverBroadcasts(options.broadcastPieceBytes, options.log);
    this.allocation = new ExecutorRequests(this.#executors, options.provider, this.#log);
    this.ready = new Promise((resolve) => {
      this.#isReady = resolve;
    });
  }

  start(listener: BackendListener): void {
    this.#listener = listener;
    const { rpc, provider, onFailed } = this.#options;
    rpc.register<FromExecutor | ExecutorNews, AskScheduler>(SCHEDULER_ENDPOINT, {
      receive: (message) => this.#receive(message),
      receiveAndReply: (ask, from) => this.#reply(ask, from),
      onDisconnected: (caller) => this.#disconnected(caller),
    });
    rpc.register<never, AskBlocks>(BLOCK_TRANSFER_ENDPOINT, {
      receive: () => {},
      receiveAndReply: (ask) => this.#serveBlocks(ask),
    });
    if (rpc.address === null) throw new Error('the driver of a cluster has to serve a port');
    provider.start(rpc.address, {
      exited: (executorId, loss) => this.#lost(executorId, loss),
      draining: (executorId, message, workerHost) => this.#drain(executorId, message, workerHost),
      workerRemoved: (workerId, host, message) => {
        this.#hostLost(host);
        this.#listener?.workerRemoved(workerId, host, message);
      },
      failed: (message, wrote) => {
        this.#isReady();
        onFailed(this.#withLastWords(message, wrote));
      },
    });
    this.#check();
    this.#waitForExecutors();
    // Jobs keep the process alive, executors do not.
    rpc.setKeepAlive(false);
  }

  launch(executorId: ExecutorId, launches: readonly Launch[]): void {
    const executor = this.#executors.get(executorId);
    if (executor === undefined) return; // its tasks are reported when its loss is
    for (const { task, program } of launches) {
      const bytes = payloadBytes(task.split);
      if (bytes > 0 && this.#listener?.taskSerialized(task.taskId, bytes) === false) continue;
      executor.tasks.add(task.taskId);
      executor.ref.send({ type: 'LaunchTask', task, program });
    }
  }

  kill(taskId: TaskId, executorId: ExecutorId, interrupt: boolean, reason: string): void {
    this.#executors.get(executorId)?.ref.send({ type: 'KillTask', taskId, interrupt, reason });
  }

  forgetProgram(executorId: ExecutorId, programKey: string): void {
    this.#executors.get(executorId)?.ref.send({ type: 'ForgetProgram', programKey });
  }

  removeRdd(rddId: number): void {
    this.#executors.tellAll({ type: 'RemoveRdd', rddId });
    this.#options.goneExecutors?.removeRdd(rddId);
  }

  logUrlsOf(executorId: ExecutorId): Readonly<Record<string, string>> | undefined {
    return this.#options.provider.logUrlsOf?.(executorId);
  }

  /** Spark: BlockManagerMasterEndpoint.removeBlockManager, with spark.storage.replication.proactive */
  replicateBlock({ rddId, partition, holders: all }: LostReplica): void {
    const holders = all.filter((id) => this.#executors.has(id));
    // Not all from the same one.
    const giver = holders[(rddId + partition) % holders.length];
    if (giver === undefined) return;
    const others = holders.filter((id) => id !== giver);
    const replicas = holders.length + 1;
    this.#executors.get(giver)?.ref.send({ type: 'ReplicateBlock', rddId, partition, holders: others, replicas });
  }

  addressOf(executorId: ExecutorId): string | null {
    const location = this.#executors.get(executorId)?.location;
    return location === undefined ? null : `${location.host}:${location.port}`;
  }

  removeShuffle(shuffleId: number, outputs: readonly MapStatus[]): void {
    this.#executors.tellAll({ type: 'RemoveShuffle', shuffleId });
    this.#options.goneExecutors?.removeShuffle(shuffleId, outputs, (id) => this.#executors.has(id));
  }

  putBroadcast(broadcastId: number, bytes: Uint8Array): void {
    this.#broadcasts.put(broadcastId, bytes);
  }

  removeBroadcast(broadcastId: number, keep: boolean): void {
    this.#broadcasts.remove(broadcastId, keep);
    this.#executors.tellAll({ type: 'RemoveBroadcast', broadcastId, keep });
  }

  /** Spark: max(total cores, 2) */
  defaultParallelism(): number {
    const { expectedCores } = this.#options.provider;
    return Math.max(expectedCores ?? this.#executors.totalCores, 2);
  }

  maxNumConcurrentTasks(cpusPerTask: number): number {
    let tasks = 0;
    for (const { cores } of this.#executors.values()) tasks += Math.floor(cores / cpusPerTask);
    return tasks;
  }

  stop(): void {
    this.#stopping ??= this.#stop();
  }

  get stopped(): Promise<void> {
    return this.#stopping ?? Promise.resolve();
  }

  async #stop(): Promise<void> {
    this.#cancelCheck();
    this.#cancelReady();
    this.#isReady();
    this.#listener = null;
    this.#executors.tellAll({ type: 'StopExecutor' });
    for (const tell of this.#leaving.values()) tell();
    await this.#options.goneExecutors?.close();
    await this.#options.provider.stop();
    await this.#options.rpc.stop();
  }

  #receive(message: FromExecutor | ExecutorNews): void {
    switch (message.type) {
      case 'StatusUpdate':
        this.#executors.get(message.executorId)?.tasks.delete(message.taskId);
        this.#listener?.statusUpdate(message.taskId, message.result);
        return;
      case 'StatusUpdates': {
        const executor = this.#executors.get(message.executorId);
        for (const { taskId } of message.updates) executor?.tasks.delete(taskId);
        this.#listener?.statusUpdates(message.updates);
        return;
      }
      case 'TasksStarted':
        this.#listener?.tasksStarted(message.taskIds);
        return;
      case 'ResultReady':
        this.#executors.get(message.executorId)?.tasks.delete(message.taskId);
        this.#resultReady(message);
        return;
      case 'BlockUpdated':
        if (!this.#executors.has(message.executorId)) return;
        this.#options.goneExecutors?.blockUpdated(message);
        this.#options.onBlock(message);
        return;
      case 'BroadcastPieceStored':
        if (this.#executors.has(message.executorId))
          this.#broadcasts.stored(message.broadcastId, message.piece, message.executorId);
        return;
      case 'ExecutorExiting':
        this.#exiting(message.executorId, message.reason);
        return;
      case 'ExecutorDecommissioning':
        this.#decommissioning(message.executorId, null);
    }
  }

  #exiting(executorId: ExecutorId, reason: string): void {
    if (this.#executors.has(executorId))
      this.#lost(executorId, { message: reason, exitCausedByApp: true, workerLost: false });
    else {
      this.#lastWords = { executorId, reason };
      if (this.#options.provider.sharesStderr !== true)
        this.#log.error(`Executor ${executorId} could not start: ${reason}`);
    }
  }

  /** How its process ended says little about why. */
  #withLastWords(message: string, wrote?: string): string {
    if (this.#lastWords === null) return wrote === undefined ? message : `${message}; ${wrote}`;
    const { executorId, reason } = this.#lastWords;
    return `${message}. Executor ${executorId} said: ${reason}`;
  }

  #resultReady(message: ResultReady): void {
    const { executorId, taskId, bytes } = message;
    const executor = this.#executors.get(executorId);
    if (executor === undefined || this.#listener === null) return;
    const ended = (result: TaskResult): void => {
      executor.ref.send({ type: 'DropResult', taskId });
      this.#listener?.statusUpdate(taskId, result);
    };
    if (!this.#listener.resultArriving(taskId, bytes)) {
      const reason = { kind: 'TaskKilled', reason: 'Tasks result size has exceeded maxResultSize' } as const;
      ended({ kind: 'Failed', reason, metrics: message.metrics });
      return;
    }
    fetchResult(executor.ref, taskId, bytes).then(
      (whole) => ended({ kind: 'Result', bytes: whole, accumulators: message.accumulators, metrics: message.metrics }),
      (error: unknown) => {
        this.#log.warn(`the result of task ${taskId} was lost`, { executorId, error: String(error) });
        ended({ kind: 'Failed', reason: { kind: 'TaskResultLost' }, metrics: message.metrics });
      },
    );
  }

  #reply(ask: AskMessage<AskScheduler>, from: RpcCaller): unknown {
    switch (ask.type) {
      case 'RetrieveSparkAppConfig':
        return this.#options.app;
      case 'RegisterExecutor':
        return { refused: this.#register(ask.request, from) };
      case 'Heartbeat': {
        const { executorId, running } = ask.request;
        const at = systemClock.now();
        if (this.#executors.has(executorId)) this.#listener?.executorHeartbeat(executorId, running);
        this.#heartbeats.handle({ type: 'Heartbeat', at, executorId });
        return { known: this.#heartbeats.knows(executorId) };
      }
      case 'GetRddBlockLocations': {
        const { rddId, partition, executorId } = ask.request;
        const holders = this.#options.rddLocations(rddId, partition).filter((id) => id !== executorId);
        const served = this.#options.goneExecutors?.locations(rddId, partition) ?? [];
        return { locations: [...this.#executors.locations(holders), ...served] };
      }
      case 'GetPeers':
        return { peers: this.#executors.peersOf(ask.request.executorId) };
      case 'GetBroadcastInfo':
        return this.#broadcasts.info(ask.request.broadcastId);
      case 'GetBroadcastPieceLocations': {
        const { broadcastId, piece, executorId, insist } = ask.request;
        const holders = this.#broadcasts.holders(broadcastId, piece).filter((id) => id !== executorId);
        if (holders.length === 0 && this.#broadcasts.isLeaving(broadcastId, piece) && !insist) return { locations: [] };
        const address = this.#options.rpc.address;
        const driver = { executorId: 'driver', host: address?.host ?? '', port: address?.port ?? 0 };
        return { locations: [...this.#executors.locations(holders), driver] };
      }
      case 'GetMapOutputsOn':
        return { outputs: this.#options.mapOutputs.outputsOn(ask.request.executorId) };
      case 'MapOutputMoved': {
        const { shuffleId, mapId, location } = ask.request;
        // Who took it may be gone by now.
        const known = this.#executors.has(location.executorId);
        const moved = known && this.#options.mapOutputs.moveMapOutput(shuffleId, mapId, location);
        if (moved) this.#options.onMapOutputMoved(location.executorId, shuffleId);
        return { known: moved };
      }
      case 'IsExecutorAlive':
        return { alive: this.#executors.has(ask.request.executorId) };
      default:
        return this.#answer(ask);
    }
  }

  #answer<K extends keyof AskDriver>(ask: { readonly type: K; readonly request: AskDriver[K][0] }): unknown {
    return this.#options.answers[ask.type](ask.request);
  }

  #serveBlocks(ask: AskMessage<AskBlocks>): unknown {
    if (ask.type !== 'FetchBroadcastPiece') throw new Error(`the driver of a cluster has no blocks for ${ask.type}`);
    return { bytes: this.#broadcasts.piece(ask.request.broadcastId, ask.request.piece) };
  }

  /** Its provider says so. */
  #drain(executorId: ExecutorId, message: string, workerHost: string | null): void {
    this.#log.info(`Asking executor ${executorId} to decommission: ${message}`);
    this.#executors.get(executorId)?.ref.send({ type: 'DecommissionExecutor' });
    this.#decommissioning(executorId, workerHost);
  }

  /** @param workerHost not null when all of the host goes. */
  #decommissioning(executorId: ExecutorId, workerHost: string | null): void {
    if (!this.#executors.drain(executorId, workerHost)) return;
    this.#log.info('Decommissioning executor', { executorId });
    this.#listener?.executorDecommissioned(executorId, workerHost);
    const timeoutMs = this.#options.forceKillTimeoutMs;
    const executor = this.#executors.get(executorId);
    if (timeoutMs === null || executor === undefined) return;
    const forceKill = (): void => {
      if (this.#stopping !== null || this.#executors.get(executorId) !== executor) return;
      const message = `it was still there ${timeoutMs} ms after it was asked to decommission (spark.executor.decommission.forceKillTimeout)`;
      this.#log.warn(`Executor ${executorId} is killed: ${message}`);
      this.#lost(executorId, { message, exitCausedByApp: false, workerLost: false });
      this.#options.provider.kill(executorId);
    };
    systemClock.after(timeoutMs, forceKill, true);
  }

  /** Spark: CoarseGrainedSchedulerBackend.isReady */
  #waitForExecutors(): void {
    const { cores, maxWaitMs } = this.#options.readiness;
    if (this.#executors.totalCores >= cores) {
      this.#isReady();
      return;
    }
    this.#cancelReady = systemClock.after(maxWaitMs, () => {
      this.#log.info(
        `SchedulerBackend is ready for scheduling beginning after waiting maxRegisteredResourcesWaitingTime: ${maxWaitMs}(ms)`,
      );
      this.#isReady();
    });
  }

  /** @returns why it is refused; null when it is not. */
  #register(registration: RegisterExecutor, caller: RpcCaller): string | null {
    const { executorId, host, port, cores, pid, resourceProfileId, resources } = registration;
    if (this.#stopping !== null) {
      // Nothing is wrong with an executor that comes late: it ends as all others do.
      caller.ref<ToExecutor, AskExecutorProcess>(EXECUTOR_ENDPOINT).send({ type: 'StopExecutor' });
      return null;
    }
    if (this.#executors.has(executorId) || this.#leaving.has(executorId)) return `Duplicate executor ID: ${executorId}`;
    if (!Number.isSafeInteger(cores) || cores < 1) return `executor ${executorId} claims ${cores} cores`;
    const location = { executorId, host, port };
    const ref = caller.ref<ToExecutor, AskExecutorProcess>(EXECUTOR_ENDPOINT);
    this.#executors.add({ location, cores, resourceProfileId, caller, ref, tasks: new Set() });
    this.#lastWords = null;
    this.#heartbeats.handle({ type: 'Registered', at: systemClock.now(), executorId });
    this.#log.info('Registered executor', { executorId, host, port, cores, pid });
    // Not now: the reply has to be the first that the executor gets.
    queueMicrotask(() => {
      if (!this.#executors.has(executorId)) return;
      this.#listener?.executorAdded(executorId, host, cores, 0, { resourceProfileId, resources });
      if (this.#executors.totalCores < this.#options.readiness.cores) return;
      this.#cancelReady();
      this.#isReady();
    });
    return null;
  }

  #disconnected(caller: RpcCaller): void {
    const executorId = this.#executors.idOf(caller);
    if (executorId === undefined || !this.#executors.has(executorId) || this.#leaving.has(executorId)) return;
    if (this.#executors.isBeingKilled(executorId)) {
      this.#lost(executorId, EXECUTOR_KILLED);
      return;
    }
    // The process may end because the connection closed, or the other way round: its provider knows more in a moment.
    const cancel = systemClock.after(REASON_WAIT_MS, () => this.#lost(executorId, DISCONNECTED));
    this.#leaving.set(executorId, cancel);
  }

  #lost(executorId: ExecutorId, loss: ExecutorLoss): void {
    const executor = this.#executors.get(executorId);
    if (executor === undefined) return;
    this.#leaving.get(executorId)?.();
    this.#leaving.delete(executorId);
    const was = this.#executors.remove(executorId);
    this.#broadcasts.executorLost(executorId);
    this.#heartbeats.handle({ type: 'Removed', executorId });
    executor.caller.close();
    if (loss.workerLost) this.#hostLost(executor.location.host);
    else this.#options.goneExecutors?.executorLost(executor.location);
    if (this.#listener === null) return;
    const drained = was?.drained ?? null;
    if (was?.killed === true || drained !== null) this.#log.info(`Executor ${executorId} is gone as it was asked to`);
    else this.#log.error(`Lost executor ${executorId} on ${executor.location.host}: ${this.#shown(loss.message)}`);
    if (was?.killed === true) this.#listener.executorLost(executorId, EXECUTOR_KILLED);
    else if (drained === null) this.#listener.executorLost(executorId, loss);
    else this.#listener.executorLost(executorId, executorDecommissioned(loss.message, drained.host !== null));
  }

  /** Where the executor's own lines are to be read, the first one tells which is meant. */
  #shown(message: string): string {
    return this.#options.provider.sharesStderr === true ? (message.split('\n', 1)[0] as string) : message;
  }

  /** What a shuffle service there served. */
  #hostLost(host: string): void {
    for (const update of this.#options.goneExecutors?.hostLost(host) ?? []) this.#options.onBlock(update);
  }

  #check(): void {
    const look = (): void => {
      for (const { executorId, silentMs } of this.#heartbeats.handle({ type: 'Check', at: systemClock.now() })) {
        const message = `Executor heartbeat timed out after ${silentMs} ms`;
        this.#lost(executorId, { message, exitCausedByApp: true, workerLost: false });
        this.#options.provider.kill(executorId);
      }
      this.#check();
    };
    this.#cancelCheck = systemClock.after(this.#options.heartbeats.checkIntervalMs, look, true);
  }
}

/** What the records that travel with a task take; the rest of it is small. */
function payloadBytes(split: Split): number {
  let bytes = split.payload instanceof Uint8Array ? split.payload.byteLength : 0;
  for (const parent of split.parents ?? []) if (parent !== null) bytes += payloadBytes(parent);
  return bytes;
}
