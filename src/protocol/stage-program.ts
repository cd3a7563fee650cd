import type { SamplerPlan } from '../base/samplers.ts';
import type { AddedFile } from './added-file.ts';
import type { InputFormat, OutputFormat } from './file-formats.ts';
import type { RddId, ShuffleId } from './ids.ts';
import type { RateLimitPlan } from './rate-limit.ts';
import type { StorageLevel } from './storage-level.ts';

/**
 * What the driver ships once per stage attempt and executor: the narrow part of the lineage as data, its functions as one
 * closure graph, and what to do with the records. A slot compiles it into fused loops (executor/stage-compiler.ts).
 *
 *   nodes[root] ── records ──► sink
 *     │ parents are indices into `nodes`; a shuffle parent is not part of the program, only its shuffle id
 */
export interface StageProgram {
  /** `stageId.stageAttemptId`; the slot's cache key, and what makes compiled source unique. */
  readonly key: string;
  readonly nodes: readonly NodePlan[];
  readonly root: number;
  readonly sink: SinkPlan;
  /** Present: words may be counted before they are strings. */
  readonly tally?: TallyPlan;
  /** Files and archives that tasks of this attempt may look for. Absent: there are none. */
  readonly files?: readonly AddedFile[];
  /** What the epoch of map outputs was when the attempt began: knowledge of an older one may be wrong. Absent: 0. */
  readonly mapOutputEpoch?: number;
  /** closure.captureAll() of every function and value a `Ref` points to; empty when there is none. */
  readonly closures: Uint8Array;
  /** Refs that point to functions of the engine's own; null stands for them among the closures. */
  readonly builtIns: readonly BuiltInCall[];
}

/**
 * Of a program that cuts lines of text files into words, makes pairs of words and adds up their values: the functions behind the
 * cutting look at nothing but their word, so they may be called once for many words that are equal (executor/text-tally.ts).
 */
export interface TallyPlan {
  /** The node of the text files, which are not stored. */
  readonly files: number;
  /** What the first operator over it does. */
  readonly split: SplitPlan;
}

/** `line.split(separator)`, perhaps of the line in lower case, or without the blanks around it. */
export interface SplitPlan {
  readonly separator: string | { readonly source: string; readonly flags: string };
  readonly lowerCase: boolean;
  readonly trim: boolean;
}

/** A function that every executor has (rdd/built-in-functions.ts). */
export interface BuiltInCall {
  readonly ref: Ref;
  readonly name: string;
  /** Plain data. */
  readonly data: unknown;
  readonly captured: readonly Ref[];
}

/** Index of a function or value in the program's closure graph. */
export type Ref = number;

/** What a task must know of one partition of one node: plain data only. */
export interface Split {
  /** The partition's index in its node (a union's parent has another index than the union). */
  readonly index: number;
  /** Source nodes: what to read (see each NodePlan). Union: nothing. */
  readonly payload?: unknown;
  /** Nodes with several parents or other parent partitions: their splits; null where the parent is a shuffle. */
  readonly parents?: readonly (Split | null)[];
  /** Present: the partition need not be computed. Counts for that node alone, not for those that hand the split through. */
  readonly checkpoint?: CheckpointedPartition;
}

/** Where a partition of node `rddId` is kept instead of its lineage. `path` null: nowhere but in its cached block. */
export interface CheckpointedPartition {
  readonly rddId: RddId;
  readonly path: string | null;
}

export type NodePlan = NodeSource & {
  readonly rddId: RddId;
  /** Not null: look for block rdd_<rddId>_<split.index> first, else compute and store it. */
  readonly persist: StorageLevel | null;
};

export type NodeSource =
  /** ParallelCollectionRDD. payload: Uint8Array, serializer blocks back to back; none for an empty partition. */
  | { readonly kind: 'Records' }
  /** RangeRDD. payload: RangePayload. */
  | { readonly kind: 'Range' }
  /** HadoopRDD. payload: FileSplit[], read one after another. */
  | { readonly kind: 'Files'; readonly format: InputFormat }
  /** ShuffledRDD. The reduce partition is split.index. */
  | { readonly kind: 'ShuffleRead'; readonly read: ShuffleReadPlan }
  /** CoGroupedRDD: records are [key, [values of side 0, values of side 1, …]]. Narrow sides read split.parents[i]. */
  | { readonly kind: 'CoGroup'; readonly sides: readonly CoGroupSide[] }
  /** UnionRDD. split.payload: index into `parents`; split.parents[0]: the split there. */
  | { readonly kind: 'Union'; readonly parents: readonly number[] }
  /** CoalescedRDD: the splits in split.parents, one after another. */
  | { readonly kind: 'Coalesce'; readonly parent: number }
  /** PartitionerAwareUnionRDD: split.parents[i] is the split of parents[i]. */
  | { readonly kind: 'UnionAll'; readonly parents: readonly number[] }
  /** A record-wise operator; runs of them are fused. Shares its parent's split. */
  | { readonly kind: 'Narrow'; readonly parent: number; readonly op: NarrowOp }
  /** mapPartitions: f(iterator), or f(index, iterator) with `withIndex`. Shares its parent's split. */
  | { readonly kind: 'MapPartitions'; readonly parent: number; readonly f: Ref; readonly withIndex: boolean }
  /** Combines [key, value] records within the partition, without a shuffle; records are [key, combined]. */
  | { readonly kind: 'CombineInPlace'; readonly parent: number; readonly combine: CombinePlan }
  /** Sorts [key, value] records by key within the partition, without a shuffle. Shares its parent's split. */
  | { readonly kind: 'SortInPlace'; readonly parent: number; readonly ordering: OrderingPlan }
  /** Its lineage was cut, or never was: the split says where its records are. */
  | { readonly kind: 'Checkpoint' }
  /** One array per partition. */
  | { readonly kind: 'Glom'; readonly parent: number }
  /** repartition's first half: [k, record] with k in 0..numPartitions-1 dealt round robin from a start derived from split.index. */
  | { readonly kind: 'Deal'; readonly parent: number; readonly numPartitions: number }
  /** A random part: base/samplers.ts, with the stream of split.index. Shares its parent's split. */
  | { readonly kind: 'Sample'; readonly parent: number; readonly sampler: SamplerPlan; readonly seed: number }
  /**
   * sampleByKeyExact: as many pairs of each key as its quota says, base/stratified-sampling.ts. split.payload: the Quotas in the
   * serializer's form. The parent's split is split.parents[0].
   */
  | {
      readonly kind: 'TakeQuotas';
      readonly parent: number;
      readonly withReplacement: boolean;
      readonly seed: number;
    }
  /** zipWithUniqueId: the k-th record becomes [record, split.index + k * step]. Shares its parent's split. */
  | { readonly kind: 'ZipWithUniqueId'; readonly parent: number; readonly step: number }
  /** ZippedWithIndexRDD: the k-th record becomes [record, split.payload + k]. The parent's split is split.parents[0]. */
  | { readonly kind: 'ZipWithIndex'; readonly parent: number }
  /** zip: [record of one, record of the other], as many on either side. split.parents[i] is the split of parents[i]. */
  | { readonly kind: 'Zip'; readonly parents: readonly number[] }
  /** zipPartitions: f(iterator of each parent). split.parents[i] is the split of parents[i]. */
  | { readonly kind: 'ZipPartitions'; readonly parents: readonly number[]; readonly f: Ref }
  /** mapPartitionsWithEvaluator: factory.createEvaluator().eval(split.index, iterator). Shares its parent's split. */
  | { readonly kind: 'Evaluate'; readonly parent: number; readonly factory: Ref }
  /** zipPartitionsWithEvaluator: the same with an iterator of each parent. split.parents[i] is the split of parents[i]. */
  | { readonly kind: 'ZipEvaluate'; readonly parents: readonly number[]; readonly factory: Ref }
  /** CartesianRDD: every record of split.parents[0] with all of split.parents[1]. */
  | { readonly kind: 'Cartesian'; readonly parents: readonly number[] }
  /** treeAggregate's first half: one record, the folded partition. Shares its parent's split. */
  | { readonly kind: 'FoldPartition'; readonly parent: number; readonly zero: Ref; readonly op: Ref }
  /** treeReduce's first half: the reduced partition, or nothing when it is empty. Shares its parent's split. */
  | { readonly kind: 'ReducePartition'; readonly parent: number; readonly f: Ref }
  /** [split.index % modulus, record]. Shares its parent's split. */
  | { readonly kind: 'KeyByPartition'; readonly parent: number; readonly modulus: number }
  /** Records to a process as lines, its lines as records. Shares its parent's split. */
  | { readonly kind: 'Pipe'; readonly parent: number; readonly pipe: PipePlan }
  | { readonly kind: 'Async'; readonly parent: number; readonly op: AsyncOp };

export type NarrowOp =
  | { readonly op: 'map' | 'filter' | 'flatMap' | 'mapValues' | 'flatMapValues' | 'keyBy'; readonly f: Ref }
  | { readonly op: 'keys' | 'values' }
  /** distinct's first half: x becomes [x, null]. */
  | { readonly op: 'pairWithNull' }
  /** countByKey's first half: [k, v] becomes [k, 1]. */
  | { readonly op: 'pairKeyWithOne' }
  /** countByValue's first half: x becomes [x, 1]. */
  | { readonly op: 'pairWithOne' }
  /** After a cogroup of two sides: [k, [vs, ws]] becomes all [k, [v, w]]; a missing side is undefined. */
  | { readonly op: 'joinPairs'; readonly how: 'inner' | 'left' | 'right' | 'full' }
  /** subtractByKey, after a cogroup of two sides: [k, [vs, ws]] becomes all [k, v] when ws is empty, else nothing. */
  | { readonly op: 'subtractPairs' }
  /** intersection's end: [k, how many of the two sides have it] becomes k when both have. */
  | { readonly op: 'keysOfBoth' }
  /** lookup: [k, v] becomes v when k equals the value `key` points to, else nothing. */
  | { readonly op: 'lookup'; readonly key: Ref };

export interface AsyncOp {
  readonly op: 'mapAsync' | 'flatMapAsync' | 'filterAsync' | 'foreachConcurrent' | 'mapPartitionsAsync';
  readonly f: Ref;
  readonly concurrency: number;
  readonly ordered: boolean;
  readonly retry: RetryPlan | null;
  /** Of one call. */
  readonly timeoutMs: number | null;
  /** Null key: the operator's own, shared by its tasks alone. */
  readonly rateLimit: (Omit<RateLimitPlan, 'key'> & { readonly key: string | null }) | null;
  /** `mapAsync at app.ts:12`, for errors. */
  readonly callSite: string;
}

/** How often and when a call that failed is made again. */
export interface RetryPlan {
  readonly times: number;
  /** The first pause, ms; each further one is twice as long, up to `maxDelayMs`. */
  readonly delayMs: number;
  readonly maxDelayMs: number;
  /** Says of an error whether trying again makes sense; null: of every one. */
  readonly retryIf: Ref | null;
}

export interface PipePlan {
  /** The program and its arguments. */
  readonly command: readonly string[];
  /** Beside the executor's own. */
  readonly env: Readonly<Record<string, string>>;
  /** f(print), before the first record. */
  readonly printContext: Ref | null;
  /** f(record, print), instead of the record as text. */
  readonly printElement: Ref | null;
  readonly separateWorkingDir: boolean;
  /** Characters. */
  readonly bufferSize: number;
  readonly encoding: 'utf8' | 'utf16le' | 'latin1';
}

export interface RangePayload {
  readonly start: number;
  readonly step: number;
  readonly count: number;
}

/** Order of keys: natural (base/value-ordering.ts) when `compare` is null. */
export interface OrderingPlan {
  readonly compare: Ref | null;
  readonly ascending: boolean;
}

export type PartitionerPlan =
  | { readonly kind: 'hash'; readonly numPartitions: number }
  /** The key is the partition; after Deal. */
  | { readonly kind: 'identity'; readonly numPartitions: number }
  /** `bounds`: a captured array of numPartitions - 1 keys or fewer, ascending in `ordering` taken as ascending. */
  | {
      readonly kind: 'range';
      readonly numPartitions: number;
      readonly bounds: Ref;
      readonly ordering: OrderingPlan;
    }
  /** For records that are pairs: where `inner` puts the pair's key. */
  | { readonly kind: 'ofKey'; readonly numPartitions: number; readonly inner: PartitionerPlan }
  | { readonly kind: 'custom'; readonly numPartitions: number; readonly partitioner: Ref };

/** How values of one key are brought together. Spark: Aggregator */
export type CombinePlan =
  | { readonly kind: 'reduce'; readonly f: Ref }
  | { readonly kind: 'combine'; readonly create: Ref; readonly mergeValue: Ref; readonly mergeCombiners: Ref }
  /** `zero` is cloned for every key. */
  | { readonly kind: 'aggregate'; readonly zero: Ref; readonly seqOp: Ref; readonly combOp: Ref }
  /** All values of a key in an array. */
  | { readonly kind: 'group' }
  /** The first value of a key; for distinct. */
  | { readonly kind: 'first' }
  /** Adds numbers; for counts. */
  | { readonly kind: 'sum' };

export interface ShuffleReadPlan {
  readonly shuffleId: ShuffleId;
  readonly combine: CombinePlan | null;
  /** True: the blocks hold combiners already (map-side combine). */
  readonly mapSideCombine: boolean;
  /** Not null: records leave sorted by key. */
  readonly ordering: OrderingPlan | null;
}

export type CoGroupSide =
  | { readonly kind: 'shuffle'; readonly shuffleId: ShuffleId }
  | { readonly kind: 'narrow'; readonly parent: number };

/** What happens to the records of the root. All but shuffleWrite belong to result stages. */
export type SinkPlan =
  | {
      readonly kind: 'shuffleWrite';
      readonly shuffleId: ShuffleId;
      readonly partitioner: PartitionerPlan;
      readonly combine: CombinePlan | null;
    }
  | { readonly kind: 'count' }
  | { readonly kind: 'collect' }
  /** The first `limit` records; stops as soon as it has them. */
  | { readonly kind: 'take'; readonly limit: number }
  /** Result: [] for an empty partition, else [value]. */
  | { readonly kind: 'reduce'; readonly f: Ref }
  | { readonly kind: 'fold'; readonly zero: Ref; readonly op: Ref }
  | { readonly kind: 'sum' }
  /** The `limit` smallest by ordering, ascending. */
  | { readonly kind: 'takeOrdered'; readonly limit: number; readonly ordering: OrderingPlan }
  | { readonly kind: 'foreach'; readonly f: Ref }
  /** f(iterator, taskContext): its return value is the result, unless `discard`. */
  | { readonly kind: 'iterator'; readonly operator: string; readonly f: Ref; readonly discard: boolean }
  /** Uniform sample of at most `limit` records (base/reservoir.ts, seeded with `seed` and split.index). */
  | { readonly kind: 'reservoir'; readonly limit: number; readonly seed: number }
  /** Each record with probability `fraction` (base/reservoir.ts). */
  | { readonly kind: 'bernoulli'; readonly fraction: number; readonly seed: number }
  /** To <path>/part-NNNNN through the commit protocol. */
  | {
      readonly kind: 'saveFiles';
      readonly path: string;
      readonly format: OutputFormat;
      readonly jobUuid: string;
    }
  /** Serializer blocks to <dir>/part-NNNNN (io/checkpoint-files.ts). */
  | { readonly kind: 'checkpoint'; readonly dir: string; readonly compress: boolean }
  /** Computes everything, keeps nothing; for async operators that are actions. */
  | { readonly kind: 'drain' };
