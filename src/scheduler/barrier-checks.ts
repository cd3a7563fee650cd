import { IskraError } from '../base/errors.ts';
import type { ResourceProfile } from '../protocol/resource-profile.ts';
import type { RDDNode } from '../rdd/rdd-node.ts';

/** What the rules for barrier stages look at. */
export interface BarrierLimits {
  /** spark.dynamicAllocation.enabled */
  readonly dynamicAllocation: boolean;
  /** Tasks of the profile that all executors there are could run at the same time. */
  maxConcurrentTasks(profile: ResourceProfile): number;
}

/** There are fewer slots than a barrier stage has tasks; that may change. Spark: BarrierJobSlotsNumberCheckFailed */
export class BarrierSlotsError extends IskraError {
  override readonly name = 'BarrierSlotsError';
  readonly requiredSlots: number;
  readonly availableSlots: number;

  constructor(requiredSlots: number, availableSlots: number) {
    super(
      'BARRIER_SLOTS',
      '[SPARK-24819]: Barrier execution mode does not allow run a barrier stage that requires more slots than the total ' +
        'number of slots in the cluster currently. Please init a new cluster with more resources(e.g. CPU, GPU) or ' +
        'repartition the input RDD(s) to reduce the number of slots required to run this barrier stage.',
      { details: { requiredSlots, availableSlots } },
    );
    this.requiredSlots = requiredSlots;
    this.availableSlots = availableSlots;
  }
}

/**
 * Whether a barrier stage over `pipeline`, the nodes it computes, can run.
 *
 * @throws IskraError when it never can; BarrierSlotsError when there are too few slots now.
 *
 * Spark: DAGScheduler.checkBarrierStageWithDynamicAllocation, …WithNumSlots, …WithRDDChainPattern
 */
export function checkBarrierStage(
  root: RDDNode,
  pipeline: readonly RDDNode[],
  numTasks: number,
  profile: ResourceProfile,
  limits: BarrierLimits,
): void {
  if (limits.dynamicAllocation)
    throw new IskraError(
      'BARRIER_DYNAMIC_ALLOCATION',
      '[SPARK-24942]: Barrier execution mode does not support dynamic resource allocation for now. You can disable ' +
        'dynamic resource allocation by setting Spark conf "spark.dynamicAllocation.enabled" to "false".',
    );
  const slots = limits.maxConcurrentTasks(profile);
  if (root.numPartitions > slots) throw new BarrierSlotsError(root.numPartitions, slots);
  for (const node of pipeline)
    if (node.numPartitions !== numTasks || hasTwoBarrierParents(node))
      throw new IskraError(
        'BARRIER_RDD_CHAIN',
        '[SPARK-24820][SPARK-24821]: Barrier execution mode does not allow the following pattern of RDD chain within a ' +
          'barrier stage:\n1. Ancestor RDDs that have different number of partitions from the resulting RDD (e.g. ' +
          'union()/coalesce()/first()/take()/PartitionPruningRDD). A workaround for first()/take() can be ' +
          'barrierRdd.collect().head (scala) or barrierRdd.collect()[0] (python).\n2. An RDD that depends on multiple ' +
          'barrier RDDs (e.g. barrierRdd1.zip(barrierRdd2)).',
      );
}

function hasTwoBarrierParents(node: RDDNode): boolean {
  if (node.dependencies.length < 2) return false;
  return node.dependencies.filter((dependency) => isBarrier(dependency.rdd)).length > 1;
}

/** Whether the stage that computes this node is a barrier stage. Spark: RDD.isBarrier */
function isBarrier(root: RDDNode): boolean {
  const seen = new Set<RDDNode>([root]);
  const stack = [root];
  for (let node = stack.pop(); node !== undefined; node = stack.pop()) {
    if (node.isFromBarrier) return true;
    for (const dependency of node.dependencies)
      if (dependency.kind !== 'Shuffle' && !seen.has(dependency.rdd)) {
        seen.add(dependency.rdd);
        stack.push(dependency.rdd);
      }
  }
  return false;
}
