import { assertNever } from '../base/assert-never.ts';
import type { CombinePlan, Ref } from '../protocol/stage-program.ts';
import { decodeValue, encodeValue } from '../serializer/serializer.ts';

type Fn = (...args: unknown[]) => unknown;

/** The three functions of a CombinePlan. Spark: Aggregator */
export interface Combiner {
  readonly kind: CombinePlan['kind'];
  /** The combiner of a key's first value. */
  create(value: unknown): unknown;
  mergeValue(combiner: unknown, value: unknown): unknown;
  mergeCombiners(left: unknown, right: unknown): unknown;
}

/** @param functions the program's decoded closure graph; a `Ref` is an index into it. */
export function resolveCombiner(plan: CombinePlan, functions: readonly unknown[]): Combiner {
  const fn = (ref: Ref): Fn => functions[ref] as Fn;
  switch (plan.kind) {
    case 'reduce': {
      const f = fn(plan.f);
      return { kind: plan.kind, create: (v) => v, mergeValue: f, mergeCombiners: f };
    }
    case 'combine':
      return {
        kind: plan.kind,
        create: fn(plan.create),
        mergeValue: fn(plan.mergeValue),
        mergeCombiners: fn(plan.mergeCombiners),
      };
    case 'aggregate': {
      const seqOp = fn(plan.seqOp);
      const zero = zeroMaker(functions[plan.zero]);
      return {
        kind: plan.kind,
        create: (v) => seqOp(zero(), v),
        mergeValue: seqOp,
        mergeCombiners: fn(plan.combOp),
      };
    }
    case 'group':
      return { kind: plan.kind, create: (v) => [v], mergeValue: pushValue, mergeCombiners: pushAll };
    case 'first':
      return { kind: plan.kind, create: (v) => v, mergeValue: (first) => first, mergeCombiners: (first) => first };
    case 'sum':
      return { kind: plan.kind, create: (v) => v, mergeValue: add, mergeCombiners: add };
    default:
      return assertNever(plan);
  }
}

/** Gives a zero of its own to each use (a key, a partition), because the user's function may change it in place. */
export function zeroMaker(zero: unknown): () => unknown {
  if (typeof zero !== 'object' || zero === null) return () => zero;
  const bytes = encodeValue(zero);
  return () => decodeValue(bytes);
}

function pushValue(group: unknown, value: unknown): unknown {
  (group as unknown[]).push(value);
  return group;
}

function pushAll(left: unknown, right: unknown): unknown {
  const group = left as unknown[];
  const more = right as readonly unknown[];
  // No spread: a group may be larger than the stack.
  for (let i = 0; i < more.length; i++) group.push(more[i]);
  return group;
}

function add(left: unknown, right: unknown): unknown {
  return (left as number) + (right as number);
}
