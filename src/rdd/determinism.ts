import type { Dependency } from './dependency.ts';
import { samePartitioner } from './partitioner.ts';
import type { RDDNode } from './rdd-node.ts';

/**
 * What is known of a partition that is computed again. Spark: DeterministicLevel
 *
 *   DETERMINATE     the same records in the same order
 *   UNORDERED       the same records, maybe in another order: what comes out of a shuffle
 *   INDETERMINATE   maybe other records: an operator that looks at the order of records whose order is open
 */
export type DeterministicLevel = 'DETERMINATE' | 'UNORDERED' | 'INDETERMINATE';

/** Nodes that are DETERMINATE stay so: lineages only grow at their end, and a checkpoint can but make them firmer. */
const determinate = new WeakSet<RDDNode>();

/**
 * The level of a node's output. With a stack of its own: lineages get thousands deep.
 *
 * Spark: RDD.outputDeterministicLevel
 */
export function outputDeterministicLevel(root: RDDNode): DeterministicLevel {
  const levels = new Map<RDDNode, DeterministicLevel>();
  const known = (node: RDDNode): DeterministicLevel | undefined =>
    determinate.has(node) ? 'DETERMINATE' : levels.get(node);
  const stack: { readonly node: RDDNode; next: number }[] = [{ node: root, next: 0 }];
  for (let top = stack.at(-1); top !== undefined; top = stack.at(-1)) {
    const { node } = top;
    const dependency = known(node) === undefined ? node.dependencies[top.next++] : undefined;
    if (dependency !== undefined) {
      if (known(dependency.rdd) === undefined) stack.push({ node: dependency.rdd, next: 0 });
      continue;
    }
    stack.pop();
    // Parents were left before, so theirs is known.
    const level = known(node) ?? levelOf(node, (parent) => known(parent) as DeterministicLevel);
    if (level === 'DETERMINATE') determinate.add(node);
    else levels.set(node, level);
  }
  return known(root) as DeterministicLevel; // the walk ends with the root
}

function levelOf(node: RDDNode, levelOfParent: (parent: RDDNode) => DeterministicLevel): DeterministicLevel {
  let level: DeterministicLevel = 'DETERMINATE';
  for (const dependency of node.dependencies) {
    const through = throughDependency(dependency, levelOfParent(dependency.rdd));
    if (through === 'INDETERMINATE') return through;
    if (through === 'UNORDERED') level = through;
  }
  if (level === 'UNORDERED') return node.isOrderSensitive ? 'INDETERMINATE' : level;
  return node.losesOrder ? 'UNORDERED' : level;
}

/** Spark: RDD.getOutputDeterministicLevel */
function throughDependency(dependency: Dependency, parent: DeterministicLevel): DeterministicLevel {
  if (dependency.kind !== 'Shuffle') return parent;
  // Partitioned so already: nothing moves.
  if (samePartitioner(dependency.rdd.partitioner, dependency.partitioner)) return parent;
  if (parent === 'INDETERMINATE') return parent;
  // Keys that are combined are there once; in order, they are in one order only.
  if (dependency.ordering !== null && dependency.combine !== null) return 'DETERMINATE';
  return 'UNORDERED';
}
