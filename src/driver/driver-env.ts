import { randomBytes, randomUUID } from 'node:crypto';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isProxy } from 'node:util/types';
import { AccumulatorRegistry } from '../accumulator/accumulator.ts';
import { type EpochMs, systemClock } from '../base/clock.ts';
import { keepCode } from '../base/code-cache.ts';
import { IskraError } from '../base/errors.ts';
import { redactPairs } from '../base/redaction.ts';
import { seededRandom } from '../base/seeded-random.ts';
import { createStderrLogger, type StderrLogger } from '../base/stderr-logger.ts';
import { BroadcastRegistry } from '../broadcast/broadcast.ts';
import { captureAll, describeClass, mainScriptUrls, remapStack, reviveClass } from '../closure/closure.ts';
import type { ApplicationBackend, BlockUpdated } from '../cluster/application-backend.ts';
import { warnOfOddKeys } from '../config/conf-warnings.ts';
import {
  ARCHIVES,
  CHECKPOINT_DIR,
  FILES,
  FILES_FETCH_TIMEOUT,
  FILES_OVERWRITE,
  LISTENER_BUS_CAPACITY,
  RETAINED_JOBS,
  RETAINED_STAGES,
} from '../config/context-entries.ts';
import { APP_ID, APP_NAME, DRIVER_HOST, EXTRA_LISTENERS, LOCAL_DIR, MASTER } from '../config/core-entries.ts';
import { EVENT_LOG_ENABLED } from '../config/event-log-entries.ts';
import { STORAGE_REPLICATION_PROACTIVE } from '../config/executor-entries.ts';
import { LOG_CONF, LOG_LEVEL, REDACTION_REGEX, STRUCTURED_LOGGING_ENABLED } from '../config/logging-entries.ts';
import { parseMasterUrl } from '../config/master-url.ts';
import { DRIVER_BIND_ADDRESS } from '../config/network-entries.ts';
import { BARRIER_SYNC_TIMEOUT, PROFILE_MERGE_CONFLICTS, TASK_CPUS } from '../config/scheduler-entries.ts';
import { SHUFFLE_SERVICE_FETCH_RDD_ENABLED } from '../config/shuffle-service-entries.ts';
import type { SparkConf } from '../config/spark-conf.ts';
import { submitDefaults } from '../config/submit-defaults.ts';
import type { EventLogWriter, OpenEventLog } from '../event-log/event-log-writer.ts';
import { ListenerBus } from '../events/listener-bus.ts';
import type { ResourceAddresses } from '../protocol/deploy-description.ts';
import type { DriverAnswers } from '../protocol/driver-executor.ts';
import type { ExecutorId, RddId } from '../protocol/ids.ts';
import type { BlockManagerId } from '../protocol/map-output.ts';
import type { SparkListenerEvent } from '../protocol/spark-listener-event.ts';
import { StorageLevel } from '../protocol/storage-level.ts';
import { callSite } from '../rdd/call-site.ts';
import type { FileSettings } from '../rdd/file-sources.ts';
import type { JobHandle, RddSettings, RddStorageInfo, RunJobOptions } from '../rdd/job-runner.ts';
import { RDD } from '../rdd/rdd.ts';
import type { RDDNode } from '../rdd/rdd-node.ts';
import type { SinkSpec } from '../rdd/sink-spec.ts';
import { setSparkFilesRoot } from '../rdd/spark-files.ts';
import type { RpcAddress } from '../rpc/rpc-address.ts';
import { BarrierSyncs } from '../scheduler/barrier-coordinator-loop.ts';
import { Scheduler } from '../scheduler/dag-scheduler-loop.ts';
import type { ExecutorAllocationClient, SchedulerBackend } from '../scheduler/ports.ts';
import { ResourceProfiles } from '../scheduler/resource-profiles.ts';
import { installClassCodec } from '../serializer/serializer.ts';
import { MapOutputTracker } from '../shuffle/map-output-tracker.ts';
import { LocalDirs } from '../storage/local-dirs.ts';
import { Accumulables } from './accumulables.ts';
import { AddedFiles } from './added-files.ts';
import { applicationEvents, userName } from './application-events.ts';
import { ApplicationMetrics } from './application-metrics.ts';
import type { OpenBackend } from './backend-needs.ts';
import { blockUpdatedEvent } from './block-updated-event.ts';
import { CachedBlocks } from './cached-blocks.ts';
import { driverResources } from './driver-resources.ts';
import { DynamicAllocation } from './dynamic-allocation.ts';
import { loadExtraListeners } from './extra-listeners.ts';
import { JobLog } from './job-log.ts';
import { JobStatusStore } from './job-status-store.ts';
import { KeptData } from './kept-data.ts';
import { LiveUi } from './live-ui.ts';
import { withLogUrls } from './log-urls.ts';
import { openBackend } from './open-backend.ts';
import { type OpenProgress, openConsoleProgress } from './open-console-progress.ts';
import { OutputCommits } from './output-commits.ts';
import { ProgramMaker } from './program-maker.ts';
import { RateLimits } from './rate-limits.ts';
import { fileSettings, rddSettings } from './rdd-settings.ts';
import { schedulerSettings } from './scheduler-settings.ts';
import type { SparkExecutorInfo } from './status-tracker.ts';

/** Pages ask nobody for a secret: a driver whose executors are on this machine shows them here alone. */
const LOOPBACK = '127.0.0.1';

/**
 * Everything an application owns, built once, in order; nothing in it is ever half made.
 *
 * Spark: SparkEnv, and the constructor of SparkContext
 */
export class DriverEnv {
  readonly conf: SparkConf;
  /** Addresses of custom resources that are the driver's own. */
  readonly resources: ResourceAddresses;
  readonly log: StderrLogger;
  readonly master: string;
  readonly appName: string;
  readonly applicationId: string;
  /** One process has everything: `local[N]`. */
  readonly isLocal: boolean;
  /** Where executors reach it; null: they are here. */
  readonly address: RpcAddress | null;
  readonly startTime: EpochMs;
  readonly rddSettings: RddSettings;
  readonly fileSplits: FileSettings;
  readonly scheduler: Scheduler;
  readonly accumulators: AccumulatorRegistry = new AccumulatorRegistry();
  readonly broadcasts: BroadcastRegistry;
  readonly #jobLog: JobLog;
  readonly listeners: ListenerBus;
  readonly #progress: OpenProgress | undefined;
  readonly #eventLog: EventLogWriter | null;
  readonly #ui: LiveUi | null;
  readonly #metrics: ApplicationMetrics;
  readonly #opened: OpenBackend;
  readonly #backend: ApplicationBackend;
  readonly #localDirs: LocalDirs;
  readonly #cached: CachedBlocks;
  readonly #dynamicAllocation: DynamicAllocation | null;
  readonly #mapOutputs = new MapOutputTracker();
  readonly #commits = new OutputCommits();
  readonly #accumulables: Accumulables;
  readonly #rateLimits = new RateLimits(systemClock);
  readonly jobStatus: JobStatusStore;
  readonly kept: KeptData;
  readonly files: AddedFiles;
  readonly #executors = new Map<ExecutorId, { readonly host: string; readonly cores: number }>();
  readonly #barriers: BarrierSyncs;
  readonly resourceProfiles: ResourceProfiles;
  /** Resolves, with the reason, when the cluster has given the application up. */
  readonly dead: Promise<string>;
  #isDead: (reason: string) => void = () => {};

  /** What executors ask. */
  readonly #answers: DriverAnswers = {
    GetMapOutputs: ({ shuffleId }) =>
      this.#mapOutputs.getMapOutputs(shuffleId) ?? { shuffleId, epoch: this.#mapOutputs.epoch, statuses: [] },
    CanCommit: (attempt) => ({ allowed: this.#commits.canCommit(attempt) }),
    AcquirePermits: (ask) => this.#rateLimits.acquire(ask),
    ReturnPermits: (returned) => {
      this.#rateLimits.giveBack(returned);
      return null;
    },
    BarrierSync: (request) => this.#barriers.sync(request),
  };

  /** @throws IskraError when a setting is missing or bad; nothing is left behind. */
  static async open(conf: SparkConf): Promise<DriverEnv> {
    for (const [key, value] of Object.entries(submitDefaults())) conf.setIfMissing(key, value);
    const missing = (key: string, example: string): IskraError =>
      new IskraError(
        'NOT_CONFIGURED',
        `${key} must be set in your configuration; for example SparkContext.create({ ${example} })`,
      );
    if (conf.get(MASTER) === undefined) throw missing('A master URL', "master: 'local[*]'");
    if (conf.get(APP_NAME) === undefined) throw missing('An application name', "appName: 'my app'");
    conf.checkAll();
    const url = conf.get(MASTER) as string;
    const master = parseMasterUrl(url);
    const log = createStderrLogger('SparkContext', {
      level: conf.get(LOG_LEVEL),
      format: conf.get(STRUCTURED_LOGGING_ENABLED) ? 'json' : 'text',
    });
    const resources = await driverResources(conf);
    const openEventLog = conf.get(EVENT_LOG_ENABLED)
      ? await (await import('../event-log/event-log-writer.ts')).prepareEventLog(conf, log.named('EventLog'))
      : null;
    const ui = LiveUi.of(conf, log);
    const metrics = await ApplicationMetrics.open(conf, log);
    let opened: OpenBackend | null = null;
    try {
      opened = await openBackend(conf, master, url, ui, log);
      return new DriverEnv(conf, opened, resources, ui, metrics, log, openEventLog);
    } catch (error) {
      await Promise.all([ui?.close(), metrics.stop()]);
      await opened?.close();
      throw error;
    }
  }

  private constructor(
    conf: SparkConf,
    opened: OpenBackend,
    resources: ResourceAddresses,
    ui: LiveUi | null,
    metrics: ApplicationMetrics,
    log: StderrLogger,
    openEventLog: OpenEventLog | null,
  ) {
    this.conf = conf;
    this.#ui = ui;
    this.resources = resources;
    this.#metrics = metrics;
    this.log = log;
    this.#opened = opened;
    this.isLocal = opened.isLocal;
    this.address = opened.address;
    warnOfOddKeys(conf, this.log.named('SparkConf'));
    if (conf.get(LOG_CONF)) this.#logConf();
    this.master = conf.get(MASTER) as string; // open() has seen both
    this.appName = conf.get(APP_NAME) as string;
    this.startTime = systemClock.now();
    this.applicationId =
      opened.applicationId ?? conf.get(APP_ID) ?? `${opened.isLocal ? 'local' : 'app'}-${this.startTime}`;
    this.#eventLog = openEventLog?.(this.applicationId, null) ?? null;
    this.rddSettings = rddSettings(conf, () => opened.cores ?? this.#backend.defaultParallelism());
    this.fileSplits = fileSettings(conf);
    installClassCodec({ describe: describeClass, revive: reviveClass });
    const { maxTaskFailures, isLocal, executorNeeds } = opened;
    const settings = schedulerSettings(conf, maxTaskFailures, this.log, isLocal, executorNeeds);
    this.resourceProfiles = new ResourceProfiles({
      hasClusterManager: !opened.isLocal,
      dynamicAllocation: settings.dynamicAllocation === true,
      mergeConflicts: conf.get(PROFILE_MERGE_CONFLICTS),
      cpusPerTask: conf.get(TASK_CPUS),
    });
    this.#cached = new CachedBlocks(
      settings.shuffleServiceEnabled === true && conf.get(SHUFFLE_SERVICE_FETCH_RDD_ENABLED),
      conf.get(STORAGE_REPLICATION_PROACTIVE) ? (lost) => this.#backend.replicateBlock?.(lost) : null,
    );
    this.#barriers = new BarrierSyncs(conf.get(BARRIER_SYNC_TIMEOUT), systemClock);
    this.#accumulables = new Accumulables(this.accumulators);
    this.jobStatus = new JobStatusStore({ jobs: conf.get(RETAINED_JOBS), stages: conf.get(RETAINED_STAGES) });
    this.kept = new KeptData({
      conf,
      isLocal: opened.isLocal,
      log: this.log,
      isStored: (rddId, partition) => this.#cached.isStored(rddId, partition),
      removeRdd: (rddId) => this.#removeRdd(rddId),
      removeShuffle: (shuffleId) => {
        this.#dynamicAllocation?.shuffleCleaned(shuffleId);
        this.scheduler.unregisterShuffle(shuffleId);
      },
      removeBroadcast: (id) => this.#backend.removeBroadcast(id, false),
      forgetAccumulator: (id) => this.accumulators.forget(id),
    });
    this.#localDirs = LocalDirs.open(conf.get(LOCAL_DIR).join(',') || tmpdir(), this.log);
    // In the first local directory, which goes with the application.
    const filesDir = join(this.#localDirs.toData().dirs[0] as string, `userFiles-${randomUUID()}`);
    this.files = new AddedFiles({
      directory: filesDir,
      isLocal: opened.isLocal,
      overwrite: conf.get(FILES_OVERWRITE),
      timeoutMs: conf.get(FILES_FETCH_TIMEOUT),
      log: this.log,
    });
    setSparkFilesRoot(filesDir);
    this.dead = new Promise((resolve) => {
      this.#isDead = resolve;
    });
    this.#backend = opened.make({
      conf,
      applicationId: this.applicationId,
      mainScripts: mainScriptUrls(),
      localDirs: this.#localDirs,
      filesDir,
      addedFile: (name, timestamp) => this.files.sourceOf(name, timestamp),
      answers: this.#answers,
      onBlock: (update) => {
        const isHeard = this.#eventLog !== null || this.#ui !== null || this.listeners.isHeard;
        const event = isHeard ? this.#blockUpdated(update) : null; // before the books change
        this.#cached.update(update);
        this.#dynamicAllocation?.blockUpdated(update);
        if (event !== null) this.#post(event);
      },
      onMapOutputMoved: (executorId, shuffleId) => this.#dynamicAllocation?.shuffleMoved(executorId, shuffleId),
      rddLocations: (rddId, partition) => this.#cached.locations(rddId, partition),
      mapOutputs: this.#mapOutputs,
      resourceProfiles: this.resourceProfiles,
      metricsSettings: metrics.executorSettings,
      onFailed: (message) => this.#clusterFailed(message),
      log,
    });
    this.#jobLog = new JobLog(this.log);
    const logger = this.log.named('ListenerBus');
    this.listeners = new ListenerBus({ logger, capacity: conf.get(LISTENER_BUS_CAPACITY) });
    this.#progress = openConsoleProgress(conf, this.log, process);
    const backend = this.#backend;
    this.broadcasts = new BroadcastRegistry({
      // A broadcast value is meant to be large.
      encode: (value) =>
        captureAll([value], { what: 'the broadcast value', isTask: false, warnBytes: Number.POSITIVE_INFINITY }),
      publish: (id, bytes) => backend.putBroadcast(id, bytes),
      unpersist: (id) => backend.removeBroadcast(id, true),
      remove: (id) => backend.removeBroadcast(id, false),
      isRdd: (value) => !isProxy(value) && value instanceof RDD,
      callSite,
    });
    const programs = new ProgramMaker({
      broadcasts: this.broadcasts,
      trackShuffle: (dependency) => this.kept.trackShuffle(dependency),
      onWarning: (text) => this.log.named('Closure').warn(text),
    });
    this.scheduler = new Scheduler({
      settings,
      backend: this.#backend,
      programs: {
        makeProgram: (work, key) => programs.makeProgram(work, key),
        addedFiles: () => this.files.all,
      },
      mapOutputs: this.#mapOutputs,
      resourceProfiles: this.resourceProfiles,
      cacheLocations: this.#cached,
      clock: systemClock,
      log: this.log.named('Scheduler'),
      random: seededRandom(randomBytes(4).readUInt32LE(0), 0),
      post: (event) => this.#post(event),
      remapStack,
      addToAccumulators: (updates) =>
        this.accumulators.merge(updates, (update, error) =>
          this.log
            .named('Accumulator')
            .error("an accumulator could not take a task's update", { name: update.name, error: String(error) }),
        ),
      onFatal: (error) =>
        this.log.error('the scheduler failed; every job has failed with it', { error: String(error) }),
    });
    const { allocation: allocationPlan, coresPerExecutor } = opened;
    const slots = Math.max(1, Math.floor(coresPerExecutor / conf.get(TASK_CPUS)));
    this.#dynamicAllocation =
      allocationPlan === null || this.allocation === null
        ? null
        : new DynamicAllocation(allocationPlan, () => slots, this.allocation, log);
    this.scheduler.start();
    this.#dynamicAllocation?.start();
    this.kept.start();
  }

  /** The listeners and files that the settings name, then the first event. */
  async announce(): Promise<void> {
    const names = this.conf.get(EXTRA_LISTENERS);
    if (names.length > 0)
      for (const listener of await loadExtraListeners(names, this.conf)) this.listeners.add(listener);
    const checkpointDir = this.conf.get(CHECKPOINT_DIR);
    if (checkpointDir !== undefined) this.kept.checkpoints.setDir(checkpointDir);
    const { conf, startTime, applicationId, scheduler, listeners } = this;
    // Beside the start of the first slot, where no master had to know of it.
    if (this.#ui?.url === null)
      await this.#ui.listen(
        conf.get(DRIVER_HOST),
        conf.contains(DRIVER_BIND_ADDRESS) ? conf.get(DRIVER_BIND_ADDRESS) : LOOPBACK,
      );
    const { storageBytes } = this.#opened;
    const blocks = { backend: this.#backend, cached: this.#cached, storageBytes, executors: this.#executors };
    await this.#metrics.start({ applicationId, scheduler, listeners, ...blocks });
    for (const path of this.conf.get(FILES)) await this.files.addFile(path, false, startTime);
    for (const path of this.conf.get(ARCHIVES)) await this.files.addArchive(path, startTime);
    await this.#backend.ready;
    for (const event of applicationEvents({ ...this, metrics: this.#metrics, mainScripts: mainScriptUrls() }))
      this.#post(event);
    const { applicationId: id, appName: name } = this;
    this.#ui?.show({ id, name, user: userName(), startTime, scheduler, metrics: () => this.#metrics.pages() });
  }

  /** Where its pages are; null: it has none. */
  get uiWebUrl(): string | null {
    return this.#ui?.url ?? null;
  }

  /** Where the number of executors can be changed by asking; null where it cannot. */
  get allocation(): ExecutorAllocationClient | null {
    const backend: SchedulerBackend = this.#backend;
    return backend.allocation ?? null;
  }

  executorInfos(): SparkExecutorInfo[] {
    return [...this.#executors].map(([executorId, { host }]) => ({
      executorId,
      host,
      port: this.#portOf(executorId),
      cacheSize: this.#cached.bytesOn(executorId),
      numRunningTasks: this.jobStatus.numRunningTasks(executorId),
      totalOnHeapStorageMemory: this.#opened.storageBytes,
      usedOnHeapStorageMemory: this.#cached.memoryUsed(executorId),
      totalOffHeapStorageMemory: 0,
      usedOffHeapStorageMemory: 0,
    }));
  }

  /** 0: it serves none. */
  #portOf(executorId: ExecutorId): number {
    const backend: SchedulerBackend = this.#backend;
    const address = backend.addressOf?.(executorId) ?? '';
    return Number(address.slice(address.lastIndexOf(':') + 1));
  }

  #blockManagerOf(executorId: ExecutorId): BlockManagerId {
    return { executorId, host: this.#executors.get(executorId)?.host ?? '', port: this.#portOf(executorId) };
  }

  #blockUpdated(update: BlockUpdated): SparkListenerEvent | null {
    const { executorId, rddId, partition } = update;
    const before = this.#cached.statusOn(executorId, rddId, partition);
    const level = this.kept.persisted.get(rddId)?.storageLevel ?? StorageLevel.NONE;
    return blockUpdatedEvent(update, before, level, this.#blockManagerOf(executorId), systemClock.now());
  }

  runJob(node: RDDNode, sink: SinkSpec, partitions: readonly number[], options: RunJobOptions): JobHandle {
    const { onResult, callSite, properties } = options;
    return this.scheduler.submitJob({ node, sink, partitions, callSite, properties, onTaskResult: onResult });
  }

  #removeRdd(rddId: RddId): void {
    this.#cached.removeRdd(rddId);
    this.#backend.removeRdd(rddId);
    this.#post({ type: 'SparkListenerUnpersistRDD', at: systemClock.now(), rddId });
  }

  storageInfo(rddId: RddId): RddStorageInfo | null {
    return this.#cached.info(rddId);
  }

  /** Pending jobs fail, slots end, files go. */
  async close(): Promise<void> {
    await this.#metrics.stop(); // while there is something to be measured
    this.#dynamicAllocation?.stop();
    this.kept.stop();
    this.scheduler.stop();
    this.#barriers.close();
    this.#post({ type: 'SparkListenerApplicationEnd', at: systemClock.now() });
    this.#progress?.close();
    this.listeners.drain();
    this.#rateLimits.close();
    await this.#ui?.close();
    await this.#backend.stopped;
    await this.#eventLog?.close();
    setSparkFilesRoot(null);
    this.removeFiles();
  }

  /** All that can be done when the process ends at once. */
  removeFiles(): void {
    this.#eventLog?.hear({ type: 'SparkListenerApplicationEnd', at: systemClock.now() });
    this.#eventLog?.closeNow();
    this.#opened.endNow();
    this.#localDirs.removeAll();
  }

  /** No executor will come any more: waiting for one would be for ever. */
  #clusterFailed(message: string): void {
    const says = `the application has no executors left and gets none: ${message}`;
    if (this.scheduler.numActiveJobs === 0) this.log.error(says);
    else this.log.info(says); // jobs fail with it
    this.scheduler.cancelAll(`because the cluster gave the application up: ${message}`);
    this.#isDead(message);
  }

  #logConf(): void {
    const shown = redactPairs(this.conf.get(REDACTION_REGEX), this.conf.getAll());
    this.log.info(`Spark configuration:\n${shown.map(([key, value]) => `${key}=${value}`).join('\n')}`);
  }

  #post(bare: SparkListenerEvent): void {
    const event = withLogUrls(this.#accumulables.complete(bare), this.#backend);
    this.jobStatus.onEvent(event);
    this.#commits.onEvent(event);
    this.#barriers.onEvent(event);
    this.#progress?.onEvent(event);
    this.#dynamicAllocation?.hear(event);
    this.#jobLog.hear(event);
    this.#eventLog?.hear(event);
    this.#ui?.hear(event);
    this.listeners.post(event);
    switch (event.type) {
      case 'SparkListenerExecutorAdded': {
        const { executorId, host, cores, at } = event;
        this.#executors.set(executorId, { host, cores });
        const blockManager = this.#blockManagerOf(executorId);
        const { storageBytes: maxBytes } = this.#opened;
        this.#post({ type: 'SparkListenerBlockManagerAdded', at, blockManager, maxBytes });
        break;
      }
      case 'SparkListenerExecutorRemoved': {
        const { executorId, at } = event;
        if (!this.#executors.has(executorId)) break;
        const blockManager = this.#blockManagerOf(executorId);
        this.#executors.delete(executorId);
        this.#post({ type: 'SparkListenerBlockManagerRemoved', at, blockManager });
        break;
      }
      case 'SparkListenerTaskEnd':
        this.#rateLimits.taskEnded(event.task.taskId);
        break;
      case 'SparkListenerJobEnd':
        keepCode();
        break;
      default:
    }
  }
}
