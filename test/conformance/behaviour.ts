import { randomUUID } from 'node:crypto';
import { existsSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { SparkContext } from '../../src/driver/spark-context.ts';
import type { PortableDataStream } from '../../src/io/formats/portable-data-stream.ts';
import type { Element, Nullish } from '../../src/rdd/element.ts';
import type { CsvFileOptions, LongsOptions, ParquetFileOptions, ParseOptions } from '../../src/rdd/file-sources.ts';
import type { RDD } from '../../src/rdd/rdd.ts';

/** What the suite needs of a SparkContext. */
export interface ContextLike extends Pick<SparkContext, 'runJob' | 'submitJob' | 'runApproximateJob'> {
  parallelize<T extends Element<N>, N extends Nullish = Nullish>(collection: readonly T[], numSlices?: number): RDD<T>;
  makeRDD<T extends Element<N>, N extends Nullish = Nullish>(collection: readonly T[], numSlices?: number): RDD<T>;
  range(start: number, end?: number, step?: number, numSlices?: number): RDD<number>;
  textFile(path: string, minPartitions?: number): RDD<string>;
  wholeTextFiles(path: string, minPartitions?: number): RDD<[string, string]>;
  binaryFiles(path: string, minPartitions?: number): RDD<[string, PortableDataStream]>;
  binaryRecords(path: string, recordLength: number): RDD<Buffer>;
  objectFile<T>(path: string, minPartitions?: number): RDD<T>;
  sequenceFile<K, V>(path: string, options?: number | LongsOptions): RDD<[K, V]>;
  jsonFile<T>(path: string, options?: ParseOptions): RDD<T>;
  csvFile<T = Record<string, string | null>>(path: string, options?: CsvFileOptions): RDD<T>;
  parquetFile<T = Record<string, unknown>>(path: string, options?: ParquetFileOptions): RDD<T>;
  emptyRDD<T = never>(): RDD<T>;
  union<T>(rdds: readonly RDD<T>[]): RDD<T>;
  broadcast<T>(value: T): { readonly value: T };
  longAccumulator(name?: string): { add(n: number): void; readonly value: number | bigint };
  setCheckpointDir(dir: string | null): void;
  checkpointFile<T>(dir: string): RDD<T>;
  withLocalProperties<R>(properties: Readonly<Record<string, string | null>>, body: () => R): R;
  stop(): Promise<void>;
}

/** A sentence about the engine, and its proof. */
export type Behaviour = readonly [title: string, prove: (sc: ContextLike) => Promise<void>];

/** Holds up tasks, wherever they run, until it is opened; it is a file that they look for. */
export interface Gate {
  /** The same records, once the gate is open. */
  hold<T>(rdd: RDD<T>): RDD<T>;
  open(): void;
}

export function newGate(): Gate {
  const path = join(tmpdir(), `iskra-gate-${randomUUID()}`);
  return {
    hold: <T>(rdd: RDD<T>) =>
      rdd.mapPartitionsAsync(async (records: AsyncIterable<T>) => {
        while (!existsSync(path)) await new Promise((again) => setTimeout(again, 2));
        const all: T[] = [];
        for await (const record of records) all.push(record);
        return all as (T & NonNullable<unknown>)[];
      }) as RDD<T>,
    open() {
      writeFileSync(path, '');
      process.once('exit', () => rmSync(path, { force: true }));
    },
  };
}

/** In an order that depends on the records alone: for results whose order nobody promises. */
export function sorted<T>(records: Iterable<T>): T[] {
  return [...records].sort((a, b) => {
    const [x, y] = [JSON.stringify(a) ?? '', JSON.stringify(b) ?? ''];
    return x < y ? -1 : x > y ? 1 : 0;
  });
}

/** Pairs by key, and the values of each list in order. */
export function sortedGroups<K, V>(groups: Iterable<readonly [K, readonly V[]]>): [K, V[]][] {
  return sorted([...groups].map(([k, vs]): [K, V[]] => [k, sorted(vs)]));
}

export function numbers(n: number): number[] {
  return Array.from({ length: n }, (_, i) => i);
}
