import { assertNever } from '../base/assert-never.ts';
import type { BatchIterator } from '../base/batch-iterator.ts';
import { IskraError } from '../base/errors.ts';
import { createSampler } from '../base/samplers.ts';
import type { InputOptions } from '../io/input-options.ts';
import { openFiles } from '../io/open-files.ts';
import { TextBytes } from '../io/text-bytes.ts';
import type { FileSplit, InputFormat } from '../protocol/file-formats.ts';
import type { CoGroupSide, NarrowOp, NodePlan, RangePayload, Split, StageProgram } from '../protocol/stage-program.ts';
import { zeroMaker } from '../shuffle/combiner.ts';
import { GroupRecords } from '../shuffle/group-block.ts';
import {
  type CoGroupInput,
  openCoGroupReader,
  openCombineInPlace,
  openShuffleReader,
  openSortInPlace,
} from '../shuffle/shuffle-reader.ts';
import { CartesianIterator } from './cartesian-iterator.ts';
import { isCheckpointed, openCheckpointed } from './checkpointed-partition.ts';
import { openKeySample } from './key-sample.ts';
import { callOnPartitions, evaluate, type UserFunction } from './partition-calls.ts';
import { openPersisted } from './persisted-block.ts';
import {
  KeyedIterator,
  NumberingIterator,
  OnceIterator,
  SampleIterator,
  ZipIterator,
} from './record-wise-iterators.ts';
import type { BatchSegment, RangeSegment } from './segment-compiler.ts';
import { ConcatIterator, GroupSegmentIterator, RangeSegmentIterator, SegmentIterator } from './segment-iterator.ts';
import type { SinkCode } from './segment-source.ts';
import { BlockBatches, CountedBatches, DealIterator, GlomIterator, RangeBatches } from './source-iterators.ts';
import type { StageSegments } from './stage-segments.ts';
import type { TaskEnv } from './task-env.ts';

/** Longer runs are cut: V8 gives up optimising huge functions, and thousands of nested ifs overflow its parser. */
const MAX_FUSED_OPS = 50;

/** Numbers of a range between two looks whether the task was killed. */
const LONG_STRETCH = 1 << 17;

/**
 * One task's walk over its stage's program: opens nodes as batch iterators, runs of narrow operators as fused segments.
 *
 * Only synchronous nodes are here; a program with async operators is opened through async-run.ts, which resolves those first
 * and hands them in as `resolved`.
 */
export class StageRun {
  readonly program: StageProgram;
  readonly functions: readonly unknown[];
  readonly env: TaskEnv;
  readonly #segments: StageSegments;
  /** Async nodes that were run before, with the split they were run for; each reader gets an iterator of its own. */
  readonly resolved: Map<string, () => BatchIterator> = new Map();
  /** The same of async nodes that are persisted: what is to be stored. */
  readonly awaited: Map<string, () => BatchIterator> = new Map();

  constructor(program: StageProgram, functions: readonly unknown[], segments: StageSegments, env: TaskEnv) {
    this.#segments = segments;
    this.program = program;
    this.functions = functions;
    this.env = env;
  }

  node(index: number): NodePlan {
    const node = this.program.nodes[index];
    if (node === undefined)
      throw new IskraError('BAD_PROGRAM', `stage program ${this.program.key} has no node ${index}`);
    return node;
  }

  /** The run of fusable operators that ends at `index`, first operator first, and the node below it. */
  chain(index: number, split: Split): { readonly ops: readonly NarrowOp[]; readonly base: number } {
    const ops: NarrowOp[] = [];
    let at = index;
    let node = this.node(at);
    // A persisted node ends the run, unless it is where we start: then its block was just found missing.
    while (
      node.kind === 'Narrow' &&
      (at === index || node.persist === null) &&
      !isCheckpointed(node, split) &&
      ops.length < MAX_FUSED_OPS
    ) {
      ops.push(node.op);
      at = node.parent;
      node = this.node(at);
    }
    return { ops: ops.reverse(), base: at };
  }

  /** A fused range, when the base is one that need not be stored. */
  range(index: number, split: Split): RangePayload | null {
    const node = this.node(index);
    return node.kind === 'Range' && node.persist === null && !isCheckpointed(node, split)
      ? (split.payload as RangePayload)
      : null;
  }

  open(index: number, split: Split): BatchIterator {
    const node = this.node(index);
    const done = this.resolved.get(resolvedKey(index, split));
    if (done !== undefined) return done();
    const compute = isCheckpointed(node, split)
      ? () => openCheckpointed(this.env, split)
      : () => this.compute(index, split);
    if (node.persist !== null) return openPersisted(this.env, node.rddId, split.index, node.persist, compute);
    return compute();
  }

  /** The node's records, computed: its own block is not looked for. */
  compute(index: number, split: Split): BatchIterator {
    const node = this.node(index);
    switch (node.kind) {
      case 'Narrow':
        return this.#segment(index, split);
      case 'Records':
        return new BlockBatches(split.payload === undefined ? [] : [split.payload as Uint8Array]);
      case 'Range':
        return new RangeBatches(split.payload as RangePayload);
      case 'Files':
        return this.#files(node.format, split.payload as readonly FileSplit[]);
      case 'ShuffleRead':
        return openShuffleReader(this.env.shuffle, {
          read: node.read,
          reduceId: split.index,
          outputs: this.env.mapOutputs(node.read.shuffleId),
          functions: this.functions,
          localExecutorId: this.env.executorId,
        });
      case 'CoGroup':
        return openCoGroupReader(
          this.env.shuffle,
          node.sides.map((side, i) => this.#side(side, split, i)),
        );
      case 'Union':
        return this.open(node.parents[split.payload as number] as number, parentSplit(split, 0));
      case 'UnionAll':
        return new ConcatIterator(node.parents.map((parent, i) => () => this.open(parent, parentSplit(split, i))));
      case 'Coalesce':
        return new ConcatIterator(
          (split.parents ?? []).map((_, i) => () => this.open(node.parent, parentSplit(split, i))),
        );
      case 'MapPartitions':
        return this.#mapPartitions(node.parent, node.f, node.withIndex, split);
      case 'CombineInPlace':
        return openCombineInPlace(this.env.shuffle, {
          records: this.open(node.parent, split),
          combine: node.combine,
          functions: this.functions,
        });
      case 'SortInPlace':
        return openSortInPlace(this.env.shuffle, {
          records: this.open(node.parent, split),
          ordering: node.ordering,
          functions: this.functions,
        });
      case 'Checkpoint':
        throw new IskraError('BAD_PROGRAM', `RDD ${node.rddId} was checkpointed, but its split does not say where`);
      case 'Glom':
        return new GlomIterator(this.open(node.parent, split));
      case 'Deal':
        return new DealIterator(this.open(node.parent, split), split.index, node.numPartitions);
      case 'Sample':
        return new SampleIterator(this.open(node.parent, split), createSampler(node.sampler, node.seed, split.index));
      case 'ZipWithUniqueId':
        return new NumberingIterator(this.open(node.parent, split), split.index, node.step);
      case 'TakeQuotas':
        return openKeySample(
          this.open(node.parent, parentSplit(split, 0)),
          node,
          split.payload as Uint8Array,
          split.index,
        );
      case 'ZipWithIndex':
        return new NumberingIterator(this.open(node.parent, parentSplit(split, 0)), split.payload as number, 1);
      case 'KeyByPartition':
        return new KeyedIterator(this.open(node.parent, split), split.index % node.modulus);
      case 'Zip': {
        const [left, right] = this.#sources(node.parents, split);
        return new ZipIterator(left as BatchIterator, right as BatchIterator); // there are two
      }
      case 'ZipPartitions':
      case 'ZipEvaluate':
        return this.#zip(node, split);
      case 'Evaluate':
        return evaluate(
          [this.open(node.parent, split)],
          'mapPartitionsWithEvaluator',
          this.functions[node.factory],
          split.index,
        );
      case 'Cartesian':
        return this.#cartesian(node.parents, split);
      case 'FoldPartition': {
        const state = { acc: zeroMaker(this.functions[node.zero])() };
        return this.#merged(node.parent, split, { kind: 'fold', f: node.op }, state, () => [state.acc]);
      }
      case 'ReducePartition': {
        const state = { has: false, acc: undefined as unknown };
        return this.#merged(node.parent, split, { kind: 'reduce', f: node.f }, state, () =>
          state.has ? [state.acc] : [],
        );
      }
      case 'Async':
      case 'Pipe': {
        const awaited = this.awaited.get(resolvedKey(index, split));
        if (awaited !== undefined) return awaited();
        throw new IskraError(
          'BAD_PROGRAM',
          `async operator ${node.kind} of RDD ${node.rddId} was read before it was run`,
        );
      }
      default:
        return assertNever(node);
    }
  }

  batchSegment(ops: readonly NarrowOp[], sink: SinkCode): BatchSegment {
    return this.#segments.batch(ops, sink, this.functions);
  }

  rangeSegment(ops: readonly NarrowOp[], sink: SinkCode): RangeSegment {
    return this.#segments.range(ops, sink, this.functions);
  }

  /** Runs operators and a sink over a base in one fused loop, to its end or until the sink wants no more. */
  run(ops: readonly NarrowOp[], sink: SinkCode, base: number, split: Split, state: object, endBatch: () => void): void {
    const { link, task } = this.env;
    const source = this.open(base, split);
    try {
      if (source instanceof GroupRecords) {
        const segment = this.#segments.groups(ops, sink, source.sides, this.functions);
        const { groups } = source;
        for (let block = groups.next(); block !== null; block = groups.next()) {
          link.throwIfKilled(task.taskAttemptId);
          const more = segment(block, 0, block.keys.length, state);
          endBatch();
          if (!more) break;
        }
        return;
      }
      const segment = this.batchSegment(ops, sink);
      for (let batch = source.next(); batch !== null; batch = source.next()) {
        link.throwIfKilled(task.taskAttemptId);
        const more = segment(batch, 0, batch.length, state);
        endBatch();
        if (!more) break;
      }
    } finally {
      source.close();
    }
  }

  #segment(index: number, split: Split): BatchIterator {
    const { ops, base } = this.chain(index, split);
    const range = this.range(base, split);
    if (range !== null) return new RangeSegmentIterator(range, this.rangeSegment(ops, { kind: 'push' }));
    const source = this.open(base, split);
    const sink: SinkCode = { kind: 'push' };
    if (source instanceof GroupRecords)
      return new GroupSegmentIterator(source.groups, this.#segments.groups(ops, sink, source.sides, this.functions));
    return new SegmentIterator(source, this.batchSegment(ops, sink));
  }

  /** The text files of a split, one after another, before they are cut into lines. */
  *texts(split: Split): Iterable<TextBytes> {
    for (const file of split.payload as readonly FileSplit[]) yield new TextBytes(file, this.#inputOptions());
  }

  #files(format: InputFormat, splits: readonly FileSplit[]): BatchIterator {
    return new CountedBatches(openFiles(format, splits, this.#inputOptions()), this.env.task.taskMetrics());
  }

  #inputOptions(): InputOptions {
    const metrics = this.env.task.taskMetrics();
    return {
      onBytes: (bytes) => {
        metrics.inputBytesRead += bytes;
      },
      onMalformed: ({ path, offset }) =>
        this.env.warnOnce(
          'TextInput',
          `not UTF-8: ${path}`,
          `${path} is not UTF-8 at byte ${offset}; U+FFFD stands for what cannot be read (spark.iskra.text.malformed=error refuses it)`,
        ),
      malformed: this.env.malformedText,
    };
  }

  #side(side: CoGroupSide, split: Split, i: number): CoGroupInput {
    if (side.kind === 'narrow') return { kind: 'narrow', records: this.open(side.parent, parentSplit(split, i)) };
    return {
      kind: 'shuffle',
      shuffleId: side.shuffleId,
      reduceId: split.index,
      outputs: this.env.mapOutputs(side.shuffleId),
      localExecutorId: this.env.executorId,
    };
  }

  #mapPartitions(parent: number, f: number, withIndex: boolean, split: Split): BatchIterator {
    const source = this.open(parent, split);
    const user = this.functions[f] as UserFunction;
    const name = withIndex ? 'mapPartitionsWithIndex' : 'mapPartitions';
    return callOnPartitions([source], name, (records) => (withIndex ? user(split.index, records) : user(records)));
  }

  #zip(node: Extract<NodePlan, { kind: 'ZipPartitions' | 'ZipEvaluate' }>, split: Split): BatchIterator {
    const sources = this.#sources(node.parents, split);
    if (node.kind === 'ZipEvaluate')
      return evaluate(sources, 'zipPartitionsWithEvaluator', this.functions[node.factory], split.index);
    const user = this.functions[node.f] as UserFunction;
    return callOnPartitions(sources, 'zipPartitions', (...records) => user(...records));
  }

  #sources(parents: readonly number[], split: Split): BatchIterator[] {
    return parents.map((parent, i) => this.open(parent, parentSplit(split, i)));
  }

  #cartesian([left, right]: readonly number[], split: Split): BatchIterator {
    const open = (parent: number | undefined, i: number): BatchIterator =>
      this.open(parent as number, parentSplit(split, i)); // there are two
    return new CartesianIterator(open(left, 0), () => open(right, 1), this.env);
  }

  /** The one record that a whole partition becomes: its operators and the merging are one fused loop. */
  #merged(
    parent: number,
    split: Split,
    code: SinkCode,
    state: object,
    result: () => readonly unknown[],
  ): BatchIterator {
    const isOpen = this.node(parent).persist !== null || this.resolved.has(resolvedKey(parent, split));
    const { ops, base } = isOpen ? { ops: [], base: parent } : this.chain(parent, split);
    return new OnceIterator(() => {
      const range = this.range(base, split);
      if (range !== null) {
        const segment = this.rangeSegment(ops, code);
        for (let done = 0; done < range.count; done += LONG_STRETCH) {
          this.env.link.throwIfKilled(this.env.task.taskAttemptId);
          const n = Math.min(LONG_STRETCH, range.count - done);
          segment(range.start + done * range.step, range.step, n, state);
        }
        return result();
      }
      this.run(ops, code, base, split, state, () => {});
      return result();
    });
  }
}

export function resolvedKey(index: number, split: Split): string {
  return `${index}/${split.index}`;
}

function parentSplit(split: Split, i: number): Split {
  const parent = split.parents?.[i];
  if (parent === undefined || parent === null)
    throw new IskraError('BAD_PROGRAM', `split ${split.index} has no parent ${i}`);
  return parent;
}
