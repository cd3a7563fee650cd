import type { CombinePlan, OrderingPlan, PartitionerPlan, SinkPlan } from '../protocol/stage-program.ts';
import type { Combine, Ordering } from './dependency.ts';
import { HashPartitioner, IdentityPartitioner, PairPartitioner, type Partitioner } from './partitioner.ts';
import { RangePartitioner } from './range-partitioner.ts';
import type { ProgramBuilder } from './rdd-node.ts';
import type { SinkSpec } from './sink-spec.ts';
import { functionPassedTo } from './user-function.ts';

/** Turns functions and values into references to the program's closure graph. */
export function combinePlan(combine: Combine, builder: ProgramBuilder): CombinePlan {
  switch (combine.kind) {
    case 'reduce':
      return { kind: 'reduce', f: builder.ref(combine.f, functionPassedTo(combine.operator)) };
    case 'combine':
      return {
        kind: 'combine',
        create: builder.ref(combine.create, functionPassedTo(combine.operator, 'createCombiner function')),
        mergeValue: builder.ref(combine.mergeValue, functionPassedTo(combine.operator, 'mergeValue function')),
        mergeCombiners: builder.ref(
          combine.mergeCombiners,
          functionPassedTo(combine.operator, 'mergeCombiners function'),
        ),
      };
    case 'aggregate':
      return {
        kind: 'aggregate',
        zero: builder.ref(combine.zero, functionPassedTo(combine.operator, 'zero value')),
        seqOp: builder.ref(combine.seqOp, functionPassedTo(combine.operator)),
        combOp: builder.ref(combine.combOp, functionPassedTo(combine.operator)),
      };
    case 'group':
    case 'first':
    case 'sum':
      return { kind: combine.kind };
  }
}

export function orderingPlan(ordering: Ordering, builder: ProgramBuilder): OrderingPlan {
  return {
    compare:
      ordering.compare === null
        ? null
        : builder.ref(ordering.compare, functionPassedTo(ordering.operator, 'comparator')),
    ascending: ordering.ascending,
  };
}

/** A partitioner of the user's own travels as the object it is. */
export function partitionerPlan(partitioner: Partitioner, builder: ProgramBuilder): PartitionerPlan {
  const { numPartitions } = partitioner;
  if (partitioner instanceof HashPartitioner) return { kind: 'hash', numPartitions };
  if (partitioner instanceof IdentityPartitioner) return { kind: 'identity', numPartitions };
  if (partitioner instanceof RangePartitioner) {
    return {
      kind: 'range',
      numPartitions,
      bounds: builder.ref(partitioner.bounds, 'the bounds of a RangePartitioner'),
      ordering: orderingPlan(partitioner.ordering, builder),
    };
  }
  if (partitioner instanceof PairPartitioner)
    return { kind: 'ofKey', numPartitions, inner: partitionerPlan(partitioner.inner, builder) };
  return { kind: 'custom', numPartitions, partitioner: builder.ref(partitioner, 'the partitioner') };
}

export function sinkPlan(sink: SinkSpec, builder: ProgramBuilder): SinkPlan {
  switch (sink.kind) {
    case 'reduce':
      return { kind: 'reduce', f: builder.ref(sink.f, functionPassedTo(sink.operator)) };
    case 'fold':
      return {
        kind: 'fold',
        zero: builder.ref(sink.zero, functionPassedTo(sink.operator, 'zero value')),
        op: builder.ref(sink.op, functionPassedTo(sink.operator)),
      };
    case 'takeOrdered':
      return { kind: 'takeOrdered', limit: sink.limit, ordering: orderingPlan(sink.ordering, builder) };
    case 'foreach':
      return { kind: 'foreach', f: builder.ref(sink.f, functionPassedTo(sink.operator)) };
    case 'iterator':
      return {
        kind: 'iterator',
        operator: sink.operator,
        f: builder.ref(sink.f, functionPassedTo(sink.operator)),
        discard: sink.discard,
      };
    case 'count':
    case 'collect':
    case 'take':
    case 'sum':
    case 'reservoir':
    case 'bernoulli':
    case 'saveFiles':
    case 'checkpoint':
    case 'drain':
      return sink;
  }
}
