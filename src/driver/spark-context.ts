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
import type { PortableDataStream } from '../io/formats/portable-data-stream.ts';
import type { RddId, ShuffleId } from '../protocol/ids.ts';
import type { Element, Nullish } from '../rdd/element.ts';
import type { ApproximateEvaluator } from '../rdd/evaluators.ts';
import * as files from '../rdd/file-sources.ts';
import type { ActionOptions, FutureAction } from '../rdd/future-action.ts';
import type { JobHandle, JobRunner, RddSettings, RunJobOptions } from '../rdd/job-runner.ts';
import type { PartialResult } from '../rdd/partial-result.ts';
import { RDD } from '../rdd/rdd.ts';
import type { RDDNode } from '../rdd/rdd-node.ts';
import type { PartitionFunction, ResultHandler } from '../rdd/run-job.ts';
import * as jobs from '../rdd/run-job.ts';
import type { SinkSpec } from '../rdd/sink-spec.ts';
import * as sources from '../rdd/sources.ts';
import { isSlotThread } from '../rdd/task-context.ts';
import { ContextStorage } from './context-storage.ts';
import { DriverEnv } from './driver-env.ts';

/** One live context a process: two would share slots, files and the terminal without knowing of each other. */
let active: SparkContext | null = null;
let creating = false;

declare module '../rdd/job-runner.ts' {
  /** What `rdd.sparkContext` is. */
  interface RDDContext extends SparkContext {}
}

/**
 * The way in: makes RDDs, shared variables, and runs jobs.
 *
 * Spark: SparkContext
 */
export class SparkContext extends ContextStorage implements JobRunner, AsyncDisposable {
  readonly settings: RddSettings;
  readonly #env: DriverEnv;
  readonly #removeHook: () => void;
  #nextRddId = 0;
  #nextShuffleId = 0;
  #stopping: Promise<void> | null = null;
  /** Why the cluster gave the application up; null: it did not. */
  #causeOfDeath: string | null = null;

  private constructor(env: DriverEnv) {
    super(env);
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
    void env.dead.then((reason) => this.#died(reason));
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
      try {
        await env.announce();
      } catch (error) {
        await env.close();
        throw error;
      }
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

  /** Its jobs have failed by now. Spark: StandaloneSchedulerBackend.dead */
  #died(reason: string): void {
    if (this.#stopping !== null) return;
    this.#causeOfDeath = reason;
    void this.stop();
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

  /** @internal The files of a reliable checkpoint, of this application or another one. */
  checkpointFile<T>(directory: string): RDD<T> {
    return sources.checkpointFile<T>(this, directory);
  }

  /** [path, content] of each text file; small files share a partition. */
  wholeTextFiles(path: string, minPartitions: number = this.defaultMinPartitions): RDD<[string, string]> {
    return files.wholeTextFiles(this, path, minPartitions);
  }

  /** [path, stream] of each file; a stream is read by `toArray()` or `open()`, in a task or here. */
  binaryFiles(path: string, minPartitions: number = this.defaultMinPartitions): RDD<[string, PortableDataStream]> {
    return files.binaryFiles(this, path, minPartitions, this.#env.fileSplits);
  }

  /** Records of `recordLength` bytes each. */
  binaryRecords(path: string, recordLength: number): RDD<Buffer> {
    return files.binaryRecords(this, path, recordLength, undefined, this.#env.fileSplits);
  }

  /** What saveAsObjectFile wrote. */
  objectFile<T>(path: string, minPartitions: number = this.defaultMinPartitions): RDD<T> {
    return files.objectFile(this, path, minPartitions, this.#env.fileSplits);
  }

  /** [key, value] of Hadoop's sequence files. */
  sequenceFile<K, V>(path: string, options?: number | files.LongsOptions): RDD<[K, V]> {
    return files.sequenceFile(this, path, options, this.#env.fileSplits);
  }

  /** A JSON value from each line. */
  jsonFile<T>(path: string, options: files.ParseOptions = {}): RDD<T> {
    return files.jsonFile(this, path, options, this.#env.fileSplits);
  }

  /** Rows as objects of texts and nulls, with `inferSchema` of numbers, booleans and dates too; options as of Spark's reader. */
  csvFile<T = Record<string, string | null>>(path: string, options: files.CsvFileOptions = {}): RDD<T> {
    return files.csvFile(this, path, options, this.#env.fileSplits);
  }

  /** Rows as plain objects. Needs the packages hyparquet and hyparquet-compressors. */
  parquetFile<T = Record<string, unknown>>(path: string, options: files.ParquetFileOptions = {}): RDD<T> {
    return files.parquetFile(this, path, options, this.#env.fileSplits);
  }

  emptyRDD<T>(): RDD<T> {
    return sources.emptyRDD<T>(this);
  }

  union<T>(rdds: readonly RDD<T>[]): RDD<T> {
    return sources.unionAll(this, rdds);
  }

  /** The RDDs that are persisted now, by id. */
  getPersistentRDDs(): Map<RddId, RDD<unknown>> {
    this.assertNotStopped();
    return new Map(this.#env.kept.persisted.all().map((node) => [node.id, new RDD<unknown>(this, node)]));
  }

  // --- shared variables

  /** Sends a value to every executor once, instead of with every task. It must not change afterwards. */
  broadcast<T>(value: T): Broadcast<T> {
    this.assertNotStopped();
    const broadcast = this.#env.broadcasts.create(value);
    this.#env.kept.trackBroadcast(broadcast);
    return broadcast;
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
    this.#env.kept.trackAccumulator(accumulator);
    return accumulator;
  }

  // --- jobs

  /**
   * Calls a function once for each partition, in tasks, and collects what it returns.
   *
   * @param partitions which ones; all when it is left out.
   */
  runJob<T, U>(
    rdd: RDD<T>,
    f: PartitionFunction<T, U>,
    partitions?: readonly number[],
    options?: ActionOptions,
  ): FutureAction<U[]>;
  /** The same, but hands each result over as its task ends. */
  runJob<T, U>(
    rdd: RDD<T>,
    f: PartitionFunction<T, U>,
    partitions: readonly number[],
    resultHandler: ResultHandler<U>,
    options?: ActionOptions,
  ): FutureAction<void>;
  runJob<T, U>(
    rdd: RDD<T>,
    f: PartitionFunction<T, U>,
    resultHandler: ResultHandler<U>,
    options?: ActionOptions,
  ): FutureAction<void>;
  runJob<T>(
    rdd: RDD<T>,
    f: PartitionFunction<T, unknown>,
    ...rest: readonly unknown[]
  ): FutureAction<unknown[]> | FutureAction<void> {
    return jobs.runJob(this, rdd, f, rest);
  }

  /** As runJob with a handler; `resultFunc` makes the result when all of them were handed over. */
  submitJob<T, U, R>(
    rdd: RDD<T>,
    f: PartitionFunction<T, U>,
    partitions: readonly number[],
    resultHandler: ResultHandler<U>,
    resultFunc: () => R,
    options?: ActionOptions,
  ): FutureAction<R> {
    return jobs.submitJob(this, rdd, f, partitions, resultHandler, resultFunc, options);
  }

  /** Answers after `timeoutMs` with what the evaluator makes of the tasks that have ended by then; the job goes on. */
  runApproximateJob<T, U, R>(
    rdd: RDD<T>,
    f: PartitionFunction<T, U>,
    evaluator: ApproximateEvaluator<U, R>,
    timeoutMs: number,
    options?: ActionOptions,
  ): FutureAction<PartialResult<R>> {
    return jobs.runApproximateJob(this, rdd, f, evaluator, timeoutMs, options);
  }

  addSparkListener(listener: SparkListener): void {
    if (typeof listener !== 'object' || listener === null)
      throw new IllegalArgumentError(
        `addSparkListener() needs an object with methods such as onJobStart, or onEvent, but was given ${listener}`,
      );
    this.#env.listeners.add(listener);
  }

  removeSparkListener(listener: SparkListener): void {
    this.#env.listeners.remove(listener);
  }

  /** ALL, DEBUG, INFO, WARN, ERROR, FATAL, OFF or TRACE, in any case. */
  setLogLevel(level: string): void {
    const upper = String(level).toUpperCase() as LogLevel; // of a program without types perhaps no text
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
        `Cannot call methods on a stopped SparkContext: SparkContext has been shutdown${
          this.#causeOfDeath === null ? '' : `, because the cluster gave it up: ${this.#causeOfDeath}`
        }`,
      );
  }

  /** @internal runJob is the user's. */
  startJob(node: RDDNode, sink: SinkSpec, partitions: readonly number[], options: RunJobOptions): JobHandle {
    this.assertNotStopped();
    return this.#env.runJob(node, sink, partitions, options);
  }
}
