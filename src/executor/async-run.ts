import type { BatchIterator } from '../base/batch-iterator.ts';
import type { NodePlan, Split, StageProgram } from '../protocol/stage-program.ts';
import type { RetryIf, UserFunction } from './async-attempts.ts';
import { type AsyncBatchIterator, asAsync, firstOf } from './async-batches.ts';
import { AsyncOperator } from './async-operator.ts';
import { AsyncPartition, type PartitionFunction } from './async-partition.ts';
import { type AsyncTask, wholeLimit } from './async-task.ts';
import { isCheckpointed } from './checkpointed-partition.ts';
import { CollectedRecords } from './collected-records.ts';
import { PipeOperator } from './pipe-operator.ts';
import { resolvedKey, type StageRun } from './stage-run.ts';

function isAsync(node: NodePlan): boolean {
  return node.kind === 'Async' || node.kind === 'Pipe';
}

/** True when a program has an async operator: only then does a task await anything. */
export function hasAsync(program: StageProgram): boolean {
  return program.nodes.some(isAsync);
}

/**
 * Opens a node of a program that has async operators.
 *
 * Async operators stream while everything between them and the reader is record-wise. Readers that need a synchronous
 * parent (mapPartitions, cogroup, caches …) get theirs collected first.
 */
export async function openAsync(
  run: StageRun,
  task: AsyncTask,
  index: number,
  split: Split,
): Promise<AsyncBatchIterator> {
  const node = run.node(index);
  if (isCheckpointed(node, split) || !reaches(run, index)) return asAsync(run.open(index, split));
  if (node.persist !== null) {
    // A stored block spares the calls; ask for it before making them.
    const block = run.env.link.ask('GetRddBlock', { rddId: node.rddId, partition: split.index });
    if (block === null) {
      if (isAsync(node))
        run.awaited.set(resolvedKey(index, split), await collected(run, await openNode(run, task, index, split)));
      else await resolveParents(run, task, index, split);
    }
    return asAsync(run.open(index, split));
  }
  return openNode(run, task, index, split);
}

/** The node's records, computed: its own block is not looked for. */
async function openNode(run: StageRun, task: AsyncTask, index: number, split: Split): Promise<AsyncBatchIterator> {
  const node = run.node(index);
  switch (node.kind) {
    case 'Pipe':
      return new PipeOperator(node.pipe, run.functions, await openAsync(run, task, node.parent, split), task, run.env);
    case 'Async': {
      const { op } = node;
      let source = await openAsync(run, task, node.parent, split);
      const f = run.functions[op.f];
      const permits = op.rateLimit === null ? null : task.permits(wholeLimit(op.rateLimit, node.rddId));
      if (op.op === 'mapPartitionsAsync') return new AsyncPartition(f as PartitionFunction, source, task, permits);
      const { sink, root } = run.program;
      // One result a record: no call is made for results that nobody takes.
      if (sink.kind === 'take' && index === root && node.persist === null && op.op === 'mapAsync')
        source = firstOf(source, sink.limit);
      const retryRef = op.retry?.retryIf ?? null;
      const retryIf = retryRef === null ? null : (run.functions[retryRef] as RetryIf);
      return new AsyncOperator(op, f as UserFunction, source, task, { retryIf, permits });
    }
    case 'Narrow': {
      const { ops, base } = run.chain(index, split);
      const segment = run.batchSegment(ops, { kind: 'push' });
      const source = await openAsync(run, task, base, split);
      return {
        async next() {
          for (;;) {
            const batch = await source.next();
            if (batch === null) return null;
            const out: unknown[] = [];
            segment(batch, 0, batch.length, { out });
            if (out.length > 0) return out;
          }
        },
        close: () => source.close(),
      };
    }
    case 'Union':
      return openAsync(run, task, node.parents[split.payload as number] as number, split.parents?.[0] as Split);
    default:
      await resolveParents(run, task, index, split);
      return asAsync(run.compute(index, split));
  }
}

/** Collects every async parent of a node that reads synchronously. */
async function resolveParents(run: StageRun, task: AsyncTask, index: number, split: Split): Promise<void> {
  for (const [parent, parentSplit] of parentsOf(run, index, split)) {
    // A zip or join of an RDD with itself reads one partition twice.
    if (!reaches(run, parent) || run.resolved.has(resolvedKey(parent, parentSplit))) continue;
    const source = await openAsync(run, task, parent, parentSplit);
    run.resolved.set(resolvedKey(parent, parentSplit), await collected(run, source));
  }
}

/** All that comes, for readers that cannot await. */
async function collected({ env }: StageRun, source: AsyncBatchIterator): Promise<() => BatchIterator> {
  const records = new CollectedRecords(env);
  try {
    await records.addAll(source);
  } finally {
    await source.close();
  }
  return () => records.open();
}

function parentsOf(run: StageRun, index: number, split: Split): readonly (readonly [number, Split])[] {
  const node = run.node(index);
  switch (node.kind) {
    case 'Narrow':
      // The segment reads the node below the whole run.
      return [[run.chain(index, split).base, split]];
    case 'MapPartitions':
    case 'Glom':
    case 'Deal':
    case 'CombineInPlace':
    case 'Sample':
    case 'ZipWithUniqueId':
    case 'Evaluate':
    case 'FoldPartition':
    case 'ReducePartition':
    case 'KeyByPartition':
    case 'SortInPlace':
    case 'Pipe':
    case 'Async':
      return [[node.parent, split]];
    case 'ZipWithIndex':
    case 'TakeQuotas':
      return [[node.parent, split.parents?.[0] as Split]];
    case 'Coalesce':
      return (split.parents ?? []).map((s) => [node.parent, s as Split] as const);
    case 'Union':
      return [[node.parents[split.payload as number] as number, split.parents?.[0] as Split]];
    case 'UnionAll':
    case 'Zip':
    case 'ZipPartitions':
    case 'ZipEvaluate':
    case 'Cartesian':
      return node.parents.map((p, i) => [p, split.parents?.[i] as Split] as const);
    case 'CoGroup':
      return node.sides.flatMap((side, i) =>
        side.kind === 'narrow' ? [[side.parent, split.parents?.[i] as Split] as const] : [],
      );
    case 'Records':
    case 'Range':
    case 'Files':
    case 'ShuffleRead':
    case 'Checkpoint':
      return [];
  }
}

/** Whether an async operator lies at or below a node, within the program. */
function reaches(run: StageRun, index: number): boolean {
  const seen = new Set<number>();
  const stack = [index];
  for (let at = stack.pop(); at !== undefined; at = stack.pop()) {
    if (seen.has(at)) continue;
    seen.add(at);
    const node = run.node(at);
    if (isAsync(node)) return true;
    if ('parent' in node) stack.push(node.parent);
    else if ('parents' in node) stack.push(...node.parents);
    else if (node.kind === 'CoGroup')
      for (const side of node.sides) if (side.kind === 'narrow') stack.push(side.parent);
  }
  return false;
}
