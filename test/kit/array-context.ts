import { randomUUID } from 'node:crypto';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { describeClass, reviveClass } from '../../src/closure/closure.ts';
import type { SparkContext } from '../../src/driver/spark-context.ts';
import type { PortableDataStream } from '../../src/io/formats/portable-data-stream.ts';
import type { Element, Nullish } from '../../src/rdd/element.ts';
import * as files from '../../src/rdd/file-sources.ts';
import type { RDD } from '../../src/rdd/rdd.ts';
import * as jobs from '../../src/rdd/run-job.ts';
import { checkpointFile, emptyRDD, parallelize, parallelizeWithHosts, range, unionAll } from '../../src/rdd/sources.ts';
import { installClassCodec } from '../../src/serializer/serializer.ts';
import { ArrayEngine } from './array-engine.ts';

installClassCodec({ describe: describeClass, revive: reviveClass });

/** An accumulator where tasks and driver are one thread. */
class Counter {
  value = 0;

  add(n: number): void {
    this.value += n;
  }
}

/** A SparkContext's face on an ArrayEngine. */
export class ArrayContext {
  readonly engine: ArrayEngine = new ArrayEngine();

  parallelize<T extends Element<N>, N extends Nullish = Nullish>(
    collection: ArrayLike<T> | Iterable<T>,
    numSlices?: number,
  ): RDD<T> {
    return parallelize(this.engine, collection, numSlices);
  }

  makeRDD<T extends Element<N>, N extends Nullish = Nullish>(
    collection: ArrayLike<T> | Iterable<T>,
    numSlices?: number,
  ): RDD<T> {
    return parallelize(this.engine, collection, numSlices, 'makeRDD');
  }

  makeRDDWithHosts<T extends Element<N>, N extends Nullish = Nullish>(
    records: readonly (readonly [T, readonly string[]])[],
  ): RDD<T> {
    return parallelizeWithHosts(this.engine, records);
  }

  range(start: number, end?: number, step?: number, numSlices?: number): RDD<number> {
    return range(this.engine, start, end, step, numSlices);
  }

  textFile(path: string, minPartitions?: number): RDD<string> {
    return files.textFile(this.engine, path, minPartitions);
  }

  wholeTextFiles(path: string, minPartitions?: number): RDD<[string, string]> {
    return files.wholeTextFiles(this.engine, path, minPartitions);
  }

  binaryFiles(path: string, minPartitions?: number): RDD<[string, PortableDataStream]> {
    return files.binaryFiles(this.engine, path, minPartitions);
  }

  binaryRecords(path: string, recordLength: number): RDD<Buffer> {
    return files.binaryRecords(this.engine, path, recordLength);
  }

  objectFile<T>(path: string, minPartitions?: number): RDD<T> {
    return files.objectFile(this.engine, path, minPartitions);
  }

  sequenceFile<K, V>(path: string, options?: number | files.LongsOptions): RDD<[K, V]> {
    return files.sequenceFile(this.engine, path, options);
  }

  jsonFile<T>(path: string, options?: files.ParseOptions): RDD<T> {
    return files.jsonFile(this.engine, path, options);
  }

  csvFile<T = Record<string, string | null>>(path: string, options?: files.CsvFileOptions): RDD<T> {
    return files.csvFile(this.engine, path, options);
  }

  parquetFile<T = Record<string, unknown>>(path: string, options?: files.ParquetFileOptions): RDD<T> {
    return files.parquetFile(this.engine, path, options);
  }

  emptyRDD<T = never>(): RDD<T> {
    return emptyRDD<T>(this.engine);
  }

  union<T>(rdds: readonly RDD<T>[]): RDD<T> {
    return unionAll(this.engine, rdds);
  }

  broadcast<T>(value: T): { readonly value: T } {
    return { value };
  }

  longAccumulator(_name?: string): Counter {
    return new Counter();
  }

  setCheckpointDir(dir: string | null): void {
    const own = dir === null ? null : join(dir, randomUUID());
    if (own !== null) mkdirSync(own);
    this.engine.checkpoints.dir = own;
  }

  checkpointFile<T>(dir: string): RDD<T> {
    return checkpointFile(this.engine, dir);
  }

  withLocalProperties<R>(properties: Readonly<Record<string, string | null>>, body: () => R): R {
    return this.engine.properties.run(properties, body);
  }

  readonly runJob = ((rdd: RDD<unknown>, f: () => unknown, ...rest: unknown[]) =>
    jobs.runJob(this.engine, rdd, f, rest)) as SparkContext['runJob'];

  readonly submitJob = ((...[rdd, f, ...rest]: Parameters<SparkContext['submitJob']>) =>
    jobs.submitJob(this.engine, rdd, f, ...rest)) as SparkContext['submitJob'];

  readonly runApproximateJob = ((...[rdd, f, ...rest]: Parameters<SparkContext['runApproximateJob']>) =>
    jobs.runApproximateJob(this.engine, rdd, f, ...rest)) as SparkContext['runApproximateJob'];

  stop(): Promise<void> {
    this.engine.stopped = true;
    return Promise.resolve();
  }
}
