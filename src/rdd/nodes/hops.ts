import type { Split } from '../../protocol/stage-program.ts';
import type { RDDNode } from '../rdd-node.ts';

// Programs that map or add to a union in every round nest thousands of nodes: hence loops, not recursion.

/** The split of a node that hops: its source's, wrapped in one more for every union on the way. */
export function splitThroughHops(start: RDDNode, partition: number): Split {
  const unions: { readonly index: number; readonly choice: number }[] = [];
  let node = start;
  let index = partition;
  for (let hop = node.hop(index); hop !== null; hop = node.hop(index)) {
    if (hop.choice !== null) unions.push({ index, choice: hop.choice });
    node = hop.node;
    index = hop.partition;
  }
  let split = node.split(index);
  for (const union of unions.reverse()) split = { index: union.index, payload: union.choice, parents: [split] };
  return split;
}

/** What the first node prefers that does not hop. */
export function locationsThroughHops(start: RDDNode, partition: number): readonly string[] {
  let node = start;
  let index = partition;
  for (let hop = node.hop(index); hop !== null; hop = node.hop(index)) {
    node = hop.node;
    index = hop.partition;
  }
  return node.preferredLocations(index);
}
