import { IllegalArgumentError } from '../base/errors.ts';
import { hashValue } from '../base/value-hash.ts';
import { ValueMap } from '../base/value-map.ts';
import { collectNode } from './actions.ts';
import { choosePartitioner } from './default-partitioner.ts';
import { type ActionOptions, type FutureAction, startAction } from './future-action.ts';
import { allResults, concatenated, everyPartition, resultsInOrder } from './results.ts';
import { onto, type Site } from './site.ts';
import { combined, combinedInPlace, narrow, narrowOp } from './transformations.ts';
import { checkUserFunction } from './user-function.ts';

// Actions of RDDs of [key, value], and those that count.

export function countByKey<K>(at: Site, options?: ActionOptions): FutureAction<Map<K, number>> {
  return counts(onto(at, narrowOp(at, { op: 'pairKeyWithOne' }, true)), options);
}

export function countByValue<T>(at: Site, options?: ActionOptions): FutureAction<Map<T, number>> {
  return counts(onto(at, narrowOp(at, { op: 'pairWithOne' })), options);
}

/** Keys are counted on the executors; only distinct ones travel. */
function counts<K>(at: Site, options: ActionOptions | undefined): FutureAction<Map<K, number>> {
  const summed = combined(at, { kind: 'sum' }, choosePartitioner(at, undefined), true);
  return startAction(at.jobs, at.callSite, options, async (action) => {
    return new Map(await collectNode<[K, number]>(action, summed));
  });
}

/** The last value of each key; keys that are equal by value are one entry, under the first of them. */
export function collectAsMap<K, V>(at: Site, options?: ActionOptions): FutureAction<Map<K, V>> {
  return startAction(at.jobs, at.callSite, options, async (action) => {
    return new ValueMap(await collectNode<[K, V]>(action, at.node)).toMap();
  });
}

/** Merged in the order of partitions. */
export function reduceByKeyLocally<K, V>(
  at: Site,
  f: (a: V, b: V) => V,
  options?: ActionOptions,
): FutureAction<Map<K, V>> {
  checkUserFunction(f, at.operator);
  const reduced = combinedInPlace(at, { kind: 'reduce', operator: at.operator, f });
  return startAction(at.jobs, at.callSite, options, async (action) => {
    const all = new ValueMap<K, V>();
    await resultsInOrder<[K, V][]>(action, reduced, { kind: 'collect' }, everyPartition(reduced), (part) => {
      for (const [key, value] of part) all.set(key, all.has(key) ? f(all.get(key) as V, value) : value);
    });
    return all.toMap();
  });
}

/** All values of one key; with a partitioner only its partition is looked at. */
export function lookup<K, V>(at: Site, key: K, options?: ActionOptions): FutureAction<V[]> {
  hashValue(key); // refuses what equals no key
  const found = narrow(at, false, (parent, builder) => ({
    kind: 'Narrow',
    parent,
    op: { op: 'lookup', key: builder.ref(key, 'the key passed to lookup()') },
  }));
  return startAction(at.jobs, at.callSite, options, async (action) => {
    const { partitioner, numPartitions } = at.node;
    let partitions = everyPartition(at.node);
    if (partitioner !== null) {
      await action.prepare(at.node);
      const partition = partitioner.getPartition(key);
      if (!Number.isInteger(partition) || partition < 0 || partition >= numPartitions) {
        throw new IllegalArgumentError(
          `lookup() cannot look at partition ${partition}, where the partitioner sends the key: there are ${numPartitions} partitions`,
        );
      }
      partitions = [partition];
    }
    return concatenated(await allResults<V[]>(action, found, { kind: 'collect' }, partitions));
  });
}
