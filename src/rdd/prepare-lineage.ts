import type { JobRunner } from './job-runner.ts';
import type { Partitioner } from './partitioner.ts';
import type { RDDNode } from './rdd-node.ts';

/** On whose behalf something is prepared. */
export interface PrepareOptions {
  readonly callSite: string;
  readonly properties: Readonly<Record<string, string>>;
  /** Aborted: nobody waits any more. */
  readonly signal: AbortSignal;
}

/** Something of a lineage that must look at data, in jobs of its own, before a job can run on what comes after it. */
export interface Preparable {
  readonly isPrepared: boolean;
  prepare(jobs: JobRunner, options: PrepareOptions): Promise<void>;
}

function isPreparable(what: Partitioner | RDDNode): what is (Partitioner | RDDNode) & Preparable {
  return 'isPrepared' in what && 'prepare' in what;
}

/** Nodes with nothing to prepare, neither themselves nor above: lineages only grow at their end. */
const ready = new WeakSet<RDDNode>();

/**
 * Prepares every RangePartitioner in the lineage of `root` that does not know its bounds yet, and every node that has to count
 * before it knows its splits; parents first.
 *
 * @returns null when there is nothing to do, so that a job can start at once.
 */
export function prepareLineage(root: RDDNode, jobs: JobRunner, options: PrepareOptions): Promise<void> | null {
  const pending = unprepared(root);
  return pending.length === 0 ? null : prepareAll(pending, jobs, options);
}

async function prepareAll(pending: readonly Preparable[], jobs: JobRunner, options: PrepareOptions): Promise<void> {
  for (const what of pending) await what.prepare(jobs, options);
}

/** What is not ready, that which is nearer to the sources first. Does not look behind what is ready. */
function unprepared(root: RDDNode): readonly Preparable[] {
  const found = new Set<Preparable>();
  const visited = new Set<RDDNode>();
  const stack: { readonly node: RDDNode; next: number; foundBefore: number }[] = [];
  const enter = (node: RDDNode): void => {
    if (ready.has(node) || visited.has(node)) return;
    visited.add(node);
    stack.push({ node, next: 0, foundBefore: found.size });
  };
  enter(root);
  for (let top = stack.at(-1); top !== undefined; top = stack.at(-1)) {
    const dependency = top.node.dependencies[top.next++];
    if (dependency !== undefined) {
      enter(dependency.rdd);
      continue;
    }
    stack.pop();
    for (const d of top.node.dependencies) {
      if (d.kind === 'Shuffle' && isPreparable(d.partitioner) && !d.partitioner.isPrepared) {
        found.add(d.partitioner);
      }
    }
    if (isPreparable(top.node) && !top.node.isPrepared) found.add(top.node);
    if (found.size === top.foundBefore && top.node.dependencies.every((d) => ready.has(d.rdd))) ready.add(top.node);
  }
  return [...found];
}
