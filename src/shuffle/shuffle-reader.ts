import type { BatchIterator } from '../base/batch-iterator.ts';
import type { ExecutorId } from '../protocol/ids.ts';
import type { MapOutputs } from '../protocol/map-output.ts';
import type { CombinePlan, OrderingPlan, ShuffleReadPlan } from '../protocol/stage-program.ts';
import { Aggregator } from './aggregator.ts';
import { groupByKey } from './cogroup-reader.ts';
import { resolveCombiner } from './combiner.ts';
import { ExternalSorter } from './external-sorter.ts';
import { FetchStream } from './fetch-stream.ts';
import { GroupRecords } from './group-block.ts';
import { type MergeLoop, mergeLoop } from './merge-loops.ts';
import { type PairBlock, PairRecords, type PairStream } from './pair-stream.ts';
import { RecordPairs } from './record-pairs.ts';
import type { ShuffleEnv } from './shuffle-env.ts';
import { resolveOrdering } from './sorter.ts';

export { type CoGroupInput, openCoGroupReader } from './cogroup-reader.ts';
export { FetchFailedError, type FetchFailure } from './errors.ts';

export interface ShuffleReaderOptions {
  readonly read: ShuffleReadPlan;
  readonly reduceId: number;
  readonly outputs: MapOutputs;
  /** The program's decoded closure graph. */
  readonly functions: readonly unknown[];
  /** Whose map outputs lie in `env.localDirs`. */
  readonly localExecutorId: ExecutorId;
}

/**
 * Reads one reduce partition of a shuffle, combined and sorted as the plan says. Work begins with the first `next`.
 *
 * `next` throws FetchFailedError when a map output cannot be read.
 */
export function openShuffleReader(env: ShuffleEnv, options: ShuffleReaderOptions): BatchIterator<[unknown, unknown]> {
  const { read, reduceId, outputs, functions, localExecutorId } = options;
  let stream: PairStream = new FetchStream(env, { shuffleId: read.shuffleId, reduceId, outputs, localExecutorId });
  if (read.combine?.kind === 'group' && !read.mapSideCombine && read.ordering === null) {
    const tag = `${env.programKey} group ${read.shuffleId}`;
    return new GroupRecords(tag, groupByKey(env, tag, [stream]), 1);
  }
  if (read.combine !== null)
    stream = combined(env, stream, `read ${read.shuffleId}`, read.combine, read.mapSideCombine, functions);
  if (read.ordering !== null) stream = sorted(env, stream, read.ordering, functions);
  return new PairRecords(stream);
}

/** Sorts `[key, value]` records of one partition by key where they are, without a shuffle. */
export function openSortInPlace(
  env: ShuffleEnv,
  options: {
    readonly records: BatchIterator;
    readonly ordering: OrderingPlan;
    readonly functions: readonly unknown[];
  },
): BatchIterator<[unknown, unknown]> {
  const pairs = new RecordPairs(options.records, 'repartitionAndSortWithinPartitions');
  return new PairRecords(sorted(env, pairs, options.ordering, options.functions));
}

function sorted(
  env: ShuffleEnv,
  source: PairStream,
  ordering: OrderingPlan,
  functions: readonly unknown[],
): PairStream {
  const sorter = new ExternalSorter(env, resolveOrdering(ordering, functions, env.programKey));
  return new Collected(source, sorter, (block) => sorter.add(block));
}

/**
 * Combines `[key, value]` records of one partition where they are, without a shuffle; for data that is partitioned by
 * key already.
 */
export function openCombineInPlace(
  env: ShuffleEnv,
  options: {
    readonly records: BatchIterator;
    readonly combine: CombinePlan;
    readonly functions: readonly unknown[];
  },
): BatchIterator<[unknown, unknown]> {
  const { records, combine, functions } = options;
  const pairs = new RecordPairs(records, 'combineByKey');
  if (combine.kind === 'group') {
    const tag = `${env.programKey} group in place`;
    return new GroupRecords(tag, groupByKey(env, tag, [pairs]), 1);
  }
  return new PairRecords(combined(env, pairs, 'in place', combine, false, functions));
}

function combined(
  env: ShuffleEnv,
  source: PairStream,
  name: string,
  plan: CombinePlan,
  combinersCome: boolean,
  functions: readonly unknown[],
): PairStream {
  const combiner = resolveCombiner(plan, functions);
  const tag = `${env.programKey} ${name}`;
  const mergeCombiners: MergeLoop = mergeLoop(tag, combiner, true);
  const merge = combinersCome ? mergeCombiners : mergeLoop(tag, combiner, false);
  const aggregator = new Aggregator(env, mergeCombiners, combiner.kind === 'group' ? 'group' : 'combiner');
  return new Collected(source, aggregator, (block) => {
    merge(aggregator.table, block.keys, block.values);
    aggregator.endBatch();
  });
}

/** What takes in all of a stream before it gives anything. */
interface Collector {
  finish(): PairStream;
  close(): void;
}

/** Feeds a collector from a stream at the first `next`, then gives what the collector has. */
class Collected implements PairStream {
  readonly #source: PairStream;
  readonly #collector: Collector;
  readonly #add: (block: PairBlock) => void;
  #result: PairStream | null = null;

  constructor(source: PairStream, collector: Collector, add: (block: PairBlock) => void) {
    this.#source = source;
    this.#collector = collector;
    this.#add = add;
  }

  next(): PairBlock | null {
    if (this.#result === null) {
      for (let block = this.#source.next(); block !== null; block = this.#source.next()) this.#add(block);
      this.#source.close();
      this.#result = this.#collector.finish();
    }
    return this.#result.next();
  }

  close(): void {
    this.#source.close();
    this.#result?.close();
    this.#collector.close();
  }
}
