import { InvariantError } from '../base/errors.ts';
import type { BuiltInCall, NodePlan, Ref, SinkPlan, Split, StageProgram } from '../protocol/stage-program.ts';
import { StorageLevel, sameLevel } from '../protocol/storage-level.ts';
import { builtInOf } from './built-in-functions.ts';
import type { ShuffleDependency } from './dependency.ts';
import { combinePlan, partitionerPlan, sinkPlan } from './plans.ts';
import type { ProgramBuilder, RDDNode } from './rdd-node.ts';
import type { SinkSpec } from './sink-spec.ts';
import { tallyPlan } from './tally-plan.ts';

export interface StageProgramRequest {
  /** `stageId.stageAttemptId` */
  readonly key: string;
  /** The stage's last node. For a shuffle map stage: the shuffle's parent. */
  readonly node: RDDNode;
  readonly sink: SinkSpec | ShuffleDependency;
  /** closure/'s captureAll: all roots in one graph; `whats[i]` names roots[i] in an error. Called at most once. */
  readonly capture: (roots: readonly unknown[], whats: readonly string[]) => Uint8Array;
}

/**
 * Turns the narrow part of a lineage, from `node` up to the nearest shuffles and sources, into what executors run.
 * Values that functions capture are read here: what they are now is what tasks see.
 *
 * @throws ClosureError when a function captures what cannot travel.
 */
export function buildStageProgram(request: StageProgramRequest): StageProgram {
  const roots: unknown[] = [];
  const whats: string[] = [];
  const builtIns: BuiltInCall[] = [];
  const refs = new Map<unknown, Ref>();
  const nodes: NodePlan[] = [];
  const indices = new Map<RDDNode, number>();

  const builder: ProgramBuilder = {
    ref(value, what) {
      // Only things with an identity are shared: 0 and -0 are one key of a Map.
      const shared = typeof value === 'function' || (typeof value === 'object' && value !== null);
      const known = shared ? refs.get(value) : undefined;
      if (known !== undefined) return known;
      const ref = roots.length;
      const own = builtInOf(value);
      roots.push(own === undefined ? value : null);
      whats.push(what);
      if (shared) refs.set(value, ref);
      if (own !== undefined) {
        const captured = own.captured.map(([needed, name]) => builder.ref(needed, name));
        builtIns.push({ ref, name: own.name, data: own.data, captured });
      }
      return ref;
    },
    node(node) {
      const index = indices.get(node);
      if (index === undefined)
        throw new InvariantError(`${node.className}[${node.id}] is not a narrow parent of its child`);
      return index;
    },
  };

  for (const node of parentsFirst(request.node)) {
    const source = node.plan(builder);
    const persist = sameLevel(node.storageLevel, StorageLevel.NONE) ? null : node.storageLevel;
    indices.set(node, nodes.length);
    nodes.push({ ...source, rddId: node.id, persist });
  }
  const sink = toPlan(request.sink, builder);
  const root = builder.node(request.node);
  const tally = tallyPlan({ nodes, root, sink }, roots);
  return {
    key: request.key,
    nodes,
    root,
    sink,
    ...(tally === null ? {} : { tally }),
    closures: roots.length === builtIns.length ? new Uint8Array(0) : request.capture(roots, whats),
    builtIns,
  };
}

/** What a task must know of one partition of its stage's last node. */
export function splitFor(node: RDDNode, partition: number): Split {
  return node.split(partition);
}

function toPlan(sink: SinkSpec | ShuffleDependency, builder: ProgramBuilder): SinkPlan {
  if (sink.kind !== 'Shuffle') return sinkPlan(sink, builder);
  return {
    kind: 'shuffleWrite',
    shuffleId: sink.shuffleId,
    partitioner: partitionerPlan(sink.partitioner, builder),
    combine: sink.mapSideCombine && sink.combine !== null ? combinePlan(sink.combine, builder) : null,
  };
}

/** The nodes of one stage, each after its narrow parents. With a stack of its own: lineages get thousands deep. */
function parentsFirst(root: RDDNode): readonly RDDNode[] {
  const order: RDDNode[] = [];
  const seen = new Set<RDDNode>([root]);
  const stack: { readonly node: RDDNode; next: number }[] = [{ node: root, next: 0 }];
  for (let top = stack.at(-1); top !== undefined; top = stack.at(-1)) {
    const dependency = top.node.dependencies[top.next++];
    if (dependency === undefined) {
      order.push(top.node);
      stack.pop();
    } else if (dependency.kind !== 'Shuffle' && !seen.has(dependency.rdd)) {
      seen.add(dependency.rdd);
      stack.push({ node: dependency.rdd, next: 0 });
    }
  }
  return order;
}
