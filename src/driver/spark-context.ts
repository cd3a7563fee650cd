import {
  type Accumulator,
  CollectionAccumulator,
  DoubleAccumulator,
  LongAccumulator,
} from '../accumulator/accumulator.ts';
import { IllegalArgumentError, IskraError } from '../base/errors.ts';
import type { LogLevel } from '../base/logger.ts';
import { addShutdownHook } from '../base/shutdown-hooks.ts';
import { LOG_LEVELS } from '../base/stderr-logger.ts';
import type { Broadcast } from '../broadcast/broadcast.ts';
import { NOSHIP } from '../closure/closure.ts';
import { type ConfValues, SparkConf } from '../config/spark-conf.ts';
import type { SparkListener } from '../events/listener-bus.ts';
import type { RddId, ShuffleId } from '../protocol/ids.ts';
import type { Element, Nullish } from '../rdd/element.ts';
import * as files from '../rdd/file-sources.ts';
import type { JobHandle, JobRunner, RddSettings, RddStorageInfo, RunJobOptions } from '../rdd/job-runner.ts';
import type { RDD } from '../rdd/rdd.ts';
import type { RDDNode } from '../rdd/rdd-node.ts';
import type { SinkSpec } from '../rdd/sink-spec.ts';
import * as sources from '../rdd/sources.ts';
import { isSlotThread } from '../rdd/task-context.ts';
import { DriverEnv } from './driver-env.ts';
import { LocalPropertyScope } from './local-properties.ts';

/** One live context a process: two would share slots, files and the terminal without knowing of each other. */
let active: SparkContext | null = null;
let creating = false;

/**
 * The way in: makes RDDs, shared variables, and runs jobs.
 *
 * Spark: SparkContext
 */
export class SparkContext implements JobRunner, AsyncDisposable {
  readonly settings: RddSettings;
  readonly #env: DriverEnv;
  readonly #properties = new LocalPropertyScope();
  readonly #removeHook: () => void;
  readonly #persisted = new Map<RddId, RDDNode>();
  #nextRddId = 0;
  #nextShuffleId = 0;
  #stopping: Promise<void> | null = null;

  private constructor(env: DriverEnv) {
    // Closures that reach a context are refused with this text; Spark's code for it makes it easy to search for.
    Object.defineProperty(this, NOSHIP, {
      value:
        'a SparkContext exists only on the driver; RDD transformations and actions cannot be invoked inside of other transformations (SPARK-5063)',
    });
    this.#env = env;
    this.settings = env.rddSettings;
    this.#removeHook = addShutdownHook(() => this.stop(), {
      name: `the SparkContext of ${env.appName}`,
      exitNow: () => env.removeFiles(),
    });
  }

  /**
   * Starts an application. What `conf` leaves out comes from the command line of `iskra submit`, then from
   * spark-defaults.conf.
   *
   * @throws IskraError when another context is active, when master or app name are missing, or a setting is bad; nothing is
   * left behind then.
   */
  static async create(conf: SparkConf | ConfValues = {}): Promise<SparkContext> {
    if (isSlotThread())
      throw new IskraError(
        'CONTEXT_IN_TASK',
        'SparkContext should only be created and accessed on the driver, but this is a slot, where tasks run. A module that functions import must not create one.',
      );
    if (active !== null || creating)
      throw new IskraError(
        'CONTEXT_EXISTS',
        'Only one SparkContext should be running in this process (see SPARK-2243). Stop the other one first, or use SparkContext.getOrCreate().',
      );
    creating = true;
    try {
      const env = await DriverEnv.open(conf instanceof SparkConf ? conf.clone() : new SparkConf(conf));
      active = new SparkContext(env);
      return active;
    } finally {
      creating = false;
    }
  }

  /** The running context, whose own settings stay; else a new one. */
  static async getOrCreate(conf: SparkConf | ConfValues = {}): Promise<SparkContext> {
    return active ?? SparkContext.create(conf);
  }

  // --- about the application

  /** A copy of the settings. */
  get conf(): SparkConf {
    return this.#env.conf.clone();
  }

  get appName(): string {
    return this.#env.appName;
  }

  get applicationId(): string {
    return this.#env.applicationId;
  }

  get master(): string {
    return this.#env.master;
  }

  /** Epoch ms. */
  get startTime(): number {
    return this.#env.startTime;
  }

  get isLocal(): boolean {
    return true;
  }

  get isStopped(): boolean {
    return this.#stopping !== null;
  }

  get defaultParallelism(): number {
    return this.settings.defaultParallelism;
  }

  get defaultMinPartitions(): number {
    return this.settings.defaultMinPartitions;
  }

  // --- RDDs

  /** Distributes an array (any array-like); it is not copied before the first action. */
  parallelize<T extends Element<N>, N extends Nullish = Nullish>(
    records: ArrayLike<T> | Iterable<T>,
    numSlices: number = this.defaultParallelism,
  ): RDD<T> {
    return sources.parallelize(this, records, numSlices);
  }

  /** parallelize by its other name. */
  makeRDD<T extends Element<N>, N extends Nullish = Nullish>(
    records: ArrayLike<T> | Iterable<T>,
    numSlices: number = this.defaultParallelism,
  ): RDD<T> {
    return sources.parallelize(this, records, numSlices, 'makeRDD');
  }

  /** One partition for each record, with the hosts where it is best computed. */
  makeRDDWithHosts<T extends Element<N>, N extends Nullish = Nullish>(
    records: readonly (readonly [record: T, hosts: readonly string[]])[],
  ): RDD<T> {
    return sources.parallelizeWithHosts(this, records);
  }

  /** Whole numbers from `start` up to, not including, `end`; with one argument from 0 up to it. */
  range(start: number, end?: number, step = 1, numSlices: number = this.defaultParallelism): RDD<number> {
    return sources.range(this, start, end, step, numSlices);
  }

  /**
   * Lines of text files: a path, a directory, a glob, several with commas between them. Files whose names end in
   * .gz, .bz2, .zst, .deflate, .lz4 or .snappy are unpacked.
   */
  textFile(path: string, minPartitions: number = this.defaultMinPartitions): RDD<string> {
    return files.textFile(this, path, minPartitions, this.#env.fileSplits);
  }

  emptyRDD<T>(): RDD<T> {
    return sources.emptyRDD<T>(this);
  }

  union<T>(rdds: readonly RDD<T>[]): RDD<T> {
    return sources.unionAll(this, rdds);
  }

  // --- shared variables

  /** Sends a value to every executor once, instead of with every task. It must not change afterwards. */
  broadcast<T>(value: T): Broadcast<T> {
    this.assertNotStopped();
    return this.#env.broadcasts.create(value);
  }

  longAccumulator(name?: string): LongAccumulator {
    return this.register(new LongAccumulator(), name);
  }

  doubleAccumulator(name?: string): DoubleAccumulator {
    return this.register(new DoubleAccumulator(), name);
  }

  collectionAccumulator<T>(name?: string): CollectionAccumulator<T> {
    return this.register(new CollectionAccumulator<T>(), name);
  }

  register<A extends Accumulator<never, unknown>>(accumulator: A, name?: string): A {
    this.assertNotStopped();
    this.#env.accumulators.register(accumulator, name ?? null);
    return accumulator;
  }

  // --- jobs

  /** Null removes it. Seen by the jobs of this async function and of what it calls; see LocalPropertyScope. */
  setLocalProperty(key: string, value: string | null): void {
    this.#properties.set(key, value);
  }

  getLocalProperty(key: string): string | null {
    return this.#properties.all[key] ?? null;
  }

  setJobGroup(groupId: string, description: string, interruptOnCancel = false): void {
    this.setLocalProperty('spark.jobGroup.id', groupId);
    this.setLocalProperty('spark.job.description', description);
    this.setLocalProperty('spark.job.interruptOnCancel', String(interruptOnCancel));
  }

  clearJobGroup(): void {
    for (const key of ['spark.jobGroup.id', 'spark.job.description', 'spark.job.interruptOnCancel'])
      this.setLocalProperty(key, null);
  }

  setJobDescription(description: string | null): void {
    this.setLocalProperty('spark.job.description', description);
  }

  cancelJob(jobId: number, reason?: string): void {
    this.#env.scheduler.cancelJob(jobId, reason ?? null);
  }

  cancelJobGroup(groupId: string, reason?: string): void {
    this.#env.scheduler.cancelJobGroup(groupId, reason ?? null);
  }

  cancelAllJobs(): void {
    this.#env.scheduler.cancelAll();
  }

  addSparkListener(listener: SparkListener): void {
    this.#env.listeners.add(listener);
  }

  removeSparkListener(listener: SparkListener): void {
    this.#env.listeners.remove(listener);
  }

  /** ALL, DEBUG, INFO, WARN, ERROR, FATAL, OFF or TRACE, in any case. */
  setLogLevel(level: string): void {
    const upper = level.toUpperCase() as LogLevel;
    if (!LOG_LEVELS.includes(upper))
      throw new IllegalArgumentError(`Supplied level ${level} did not match one of: ${LOG_LEVELS.join(',')}`);
    this.#env.log.setLevel(upper);
  }

  /**
   * Ends the application: pending jobs fail, slots end, files go. Twice is fine.
   *
   * Spark: SparkContext.stop
   */
  stop(): Promise<void> {
    this.#stopping ??= this.#stop();
    return this.#stopping;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }

  async #stop(): Promise<void> {
    try {
      await this.#env.close();
    } finally {
      // Not before: a process that ends meanwhile waits for this, or takes the files away itself.
      this.#removeHook();
      if (active === this) active = null;
    }
  }

  // --- JobRunner: what RDDs need of their context

  newRddId(): RddId {
    return this.#nextRddId++;
  }

  newShuffleId(): ShuffleId {
    return this.#nextShuffleId++;
  }

  assertNotStopped(): void {
    if (this.#stopping !== null)
      throw new IskraError(
        'CONTEXT_STOPPED',
        'Cannot call methods on a stopped SparkContext: SparkContext has been shutdown',
      );
  }

  localProperties(): Readonly<Record<string, string>> {
    return this.#properties.all;
  }

  runJob(node: RDDNode, sink: SinkSpec, partitions: readonly number[], options: RunJobOptions): JobHandle {
    this.assertNotStopped();
    return this.#env.runJob(node, sink, partitions, options);
  }

  persistRDD(node: RDDNode): void {
    this.#persisted.set(node.id, node);
  }

  async unpersistRDD(node: RDDNode): Promise<void> {
    this.#persisted.delete(node.id);
    this.#env.removeRdd(node.id);
  }

  storageInfo(rddId: RddId): RddStorageInfo | null {
    return this.#env.storageInfo(rddId);
  }
}
