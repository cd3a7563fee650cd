import { checkedCompare } from '../base/checked-compare.ts';
import { IllegalArgumentError, IskraError } from '../base/errors.ts';
import { compareValues } from '../base/value-ordering.ts';
import { type AsyncOptions, asyncOperator } from './async-functions.ts';
import type { AnyFunction } from './dependency.ts';
import { type Action, type ActionOptions, type FutureAction, startAction } from './future-action.ts';
import { type Compare, checkCompare } from './ordered-functions.ts';
import type { RDDNode } from './rdd-node.ts';
import { decodeOne, encodeOne } from './record-blocks.ts';
import { allResults, concatenated, everyPartition, mergeSorted, resultsInOrder } from './results.ts';
import type { SinkSpec } from './sink-spec.ts';
import type { Site } from './site.ts';
import { checkUserFunction, describe } from './user-function.ts';

// Actions of RDDs of anything. Types are rdd.ts's business.

/** An action over nothing that has no answer for it. Spark's text, to the letter. */
export class EmptyCollectionError extends IskraError {
  override readonly name = 'EmptyCollectionError';
  constructor() {
    super('EMPTY_COLLECTION', 'empty collection');
  }
}

function start<T>(at: Site, options: ActionOptions | undefined, body: (action: Action) => Promise<T>): FutureAction<T> {
  return startAction(at.jobs, at.callSite, options, body);
}

export function collect<T>(at: Site, options?: ActionOptions): FutureAction<T[]> {
  return start(at, options, (action) => collectNode<T>(action, at.node));
}

export async function collectNode<T>(action: Action, node: RDDNode): Promise<T[]> {
  return concatenated(await allResults<T[]>(action, node, { kind: 'collect' }, everyPartition(node)));
}

export function count(at: Site, options?: ActionOptions): FutureAction<number> {
  return total(at, { kind: 'count' }, options);
}

export function sum(at: Site, options?: ActionOptions): FutureAction<number> {
  return total(at, { kind: 'sum' }, options);
}

/** In the order of partitions, so that the sum of doubles is the same in every run. */
function total(at: Site, sink: SinkSpec, options: ActionOptions | undefined): FutureAction<number> {
  return start(at, options, async (action) => {
    let all = 0;
    await resultsInOrder<unknown>(action, at.node, sink, everyPartition(at.node), (n) => {
      // Of programs without types: texts would be joined.
      if (typeof n !== 'number')
        throw new IllegalArgumentError(
          `${at.operator}() needs an RDD of numbers, but the records of a partition add up to ${describe(n)}; map() them to numbers before`,
        );
      all += n;
    });
    return all;
  });
}

export function take<T>(at: Site, limit: number, options?: ActionOptions): FutureAction<T[]> {
  checkLimit(at, limit, -Infinity);
  return start(at, options, (action) => takeFrom<T>(action, at, limit));
}

export function first<T>(at: Site, options?: ActionOptions): FutureAction<T> {
  return start(at, options, async (action) => {
    const found = await takeFrom<T>(action, at, 1);
    if (found.length === 0) throw new EmptyCollectionError();
    return found[0] as T; // not empty
  });
}

export function isEmpty(at: Site, options?: ActionOptions): FutureAction<boolean> {
  return start(at, options, async (action) => (await takeFrom(action, at, 1)).length === 0);
}

/**
 * Looks at one partition first; while that is not enough at as many more as the yield so far promises, half as many again,
 * and never more than four times what it has seen.
 *
 * Spark: RDD.take
 */
async function takeFrom<T>(action: Action, at: Site, limit: number): Promise<T[]> {
  const found: T[] = [];
  if (limit <= 0) return found;
  const { limitInitialNumPartitions, limitScaleUpFactor } = at.jobs.settings;
  const { numPartitions } = at.node;
  let scanned = 0;
  while (found.length < limit && scanned < numPartitions) {
    const left = limit - found.length;
    let more = Math.max(1, limitInitialNumPartitions);
    if (scanned > 0) {
      const most = scanned * Math.max(2, limitScaleUpFactor);
      more = found.length === 0 ? most : Math.min(most, Math.ceil((1.5 * left * scanned) / found.length));
    }
    const until = Math.min(scanned + more, numPartitions);
    const partitions = Array.from({ length: until - scanned }, (_, i) => scanned + i);
    for (const part of await allResults<T[]>(action, at.node, { kind: 'take', limit: left }, partitions)) {
      for (let i = 0; i < part.length && found.length < limit; i++) found.push(part[i] as T); // below the length
    }
    scanned = until;
  }
  return found;
}

/** The smallest records, smallest first; with `ascending` false the largest, largest first. */
export function takeOrdered<T>(
  at: Site,
  limit: number,
  compare: Compare | undefined,
  ascending: boolean,
  options?: ActionOptions,
): FutureAction<T[]> {
  checkLimit(at, limit, 0);
  const user = checkCompare(at, compare);
  return start(at, options, (action) => extremes<T>(action, at, limit, user, ascending));
}

/** The first in an order: min, and max with `ascending` false. */
export function extreme<T>(
  at: Site,
  compare: Compare | undefined,
  ascending: boolean,
  options?: ActionOptions,
): FutureAction<T> {
  const user = checkCompare(at, compare);
  return start(at, options, async (action) => {
    const found = await extremes<T>(action, at, 1, user, ascending);
    if (found.length === 0) throw new EmptyCollectionError();
    return found[0] as T; // not empty
  });
}

async function extremes<T>(
  action: Action,
  at: Site,
  limit: number,
  user: AnyFunction | null,
  ascending: boolean,
): Promise<T[]> {
  if (limit === 0 || at.node.numPartitions === 0) return [];
  const order = user === null ? compareValues : checkedCompare(user as (a: unknown, b: unknown) => number);
  const compare = ascending ? order : (a: unknown, b: unknown) => order(b, a);
  const ordering = { compare: user, ascending, operator: at.operator };
  let best: T[] = [];
  const sink: SinkSpec = { kind: 'takeOrdered', limit, ordering };
  await resultsInOrder<T[]>(action, at.node, sink, everyPartition(at.node), (part) => {
    best = mergeSorted(best, part, limit, compare);
  });
  return best;
}

export function reduce<T>(at: Site, f: (a: T, b: T) => T, options?: ActionOptions): FutureAction<T> {
  checkUserFunction(f, at.operator);
  return start(at, options, async (action) => {
    let found = false;
    let reduced: T | undefined;
    const sink: SinkSpec = { kind: 'reduce', operator: at.operator, f };
    await resultsInOrder<T[]>(action, at.node, sink, everyPartition(at.node), (part) => {
      if (part.length === 0) return;
      reduced = found ? f(reduced as T, part[0] as T) : part[0];
      found = true;
    });
    if (!found) throw new EmptyCollectionError();
    return reduced as T; // found
  });
}

/** The zero value begins each partition and, once more, the merge; every time a copy of its own. */
export function aggregate<T, U>(
  at: Site,
  zero: U,
  seqOp: (accumulated: U, record: T) => U,
  combOp: (a: U, b: U) => U,
  options?: ActionOptions,
): FutureAction<U> {
  checkUserFunction(seqOp, at.operator, seqOp === (combOp as unknown) ? 'function' : 'seqOp');
  checkUserFunction(combOp, at.operator, seqOp === (combOp as unknown) ? 'function' : 'combOp');
  let merged = copyOf(zero);
  return start(at, options, async (action) => {
    const sink: SinkSpec = { kind: 'fold', operator: at.operator, zero, op: seqOp };
    await resultsInOrder<U>(action, at.node, sink, everyPartition(at.node), (part) => {
      merged = combOp(merged, part);
    });
    return merged;
  });
}

/** What arrives in a task: made by the serializer, as the zero values there. */
function copyOf<U>(value: U): U {
  return value !== null && typeof value === 'object' ? (decodeOne(encodeOne(value)) as U) : value;
}

export function foreach(at: Site, f: AnyFunction, options?: ActionOptions): FutureAction<void> {
  checkUserFunction(f, at.operator);
  return runAll(at, at.node, { kind: 'foreach', operator: at.operator, f }, options);
}

export function foreachPartition(at: Site, f: AnyFunction, options?: ActionOptions): FutureAction<void> {
  checkUserFunction(f, at.operator);
  return runAll(at, at.node, { kind: 'iterator', operator: at.operator, f, discard: true }, options);
}

export function foreachConcurrent(
  at: Site,
  f: AnyFunction,
  settings: (AsyncOptions & ActionOptions) | undefined,
): FutureAction<void> {
  const node = asyncOperator(at, 'foreachConcurrent', f, settings, false);
  return runAll(at, node, { kind: 'drain' }, settings);
}

function runAll(at: Site, node: RDDNode, sink: SinkSpec, options: ActionOptions | undefined): FutureAction<void> {
  return start(at, options, (action) => action.run(node, sink, everyPartition(node), () => {}));
}

export interface LocalIteratorOptions extends ActionOptions {
  /** The job of the next partition runs while the caller works on this one; false unless told. */
  readonly prefetchPartitions?: boolean;
}

/** One job a partition, each when the caller asks for its first record, or one earlier. */
export async function* toLocalIterator<T>(
  at: Site,
  options: LocalIteratorOptions = {},
): AsyncGenerator<T, void, undefined> {
  const { numPartitions } = at.node;
  const run = (partition: number): FutureAction<readonly T[][]> => {
    const job = start(at, options, (action) => allResults<T[]>(action, at.node, { kind: 'collect' }, [partition]));
    job.catch(() => {}); // told when its turn comes
    return job;
  };
  let ahead: FutureAction<readonly T[][]> | null = null;
  try {
    for (let partition = 0; partition < numPartitions; partition++) {
      const [records = []] = await (ahead ?? run(partition));
      ahead = options.prefetchPartitions === true && partition + 1 < numPartitions ? run(partition + 1) : null;
      yield* records;
    }
  } finally {
    ahead?.cancel('nobody reads on');
  }
}

function checkLimit(at: Site, limit: number, least: number): void {
  if (
    typeof limit === 'number' &&
    !Number.isNaN(limit) &&
    limit >= least &&
    (Number.isInteger(limit) || limit === Infinity)
  )
    return;
  throw new IllegalArgumentError(
    `${at.operator}(n) needs a whole number${least === 0 ? ' of at least 0' : ''}, but was given ${describe(limit)}`,
  );
}
