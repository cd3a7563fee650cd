import { IllegalArgumentError } from '../base/errors.ts';
import { valuesEqual } from '../base/value-equality.ts';
import { hashValue } from '../base/value-hash.ts';
import { collectNode } from './actions.ts';
import { choosePartitioner } from './default-partitioner.ts';
import { type ActionOptions, type FutureAction, startAction } from './future-action.ts';
import { allResults, concatenated, everyPartition } from './results.ts';
import { onto, type Site } from './site.ts';
import { combined, narrow, narrowOp } from './transformations.ts';

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

export function collectAsMap<K, V>(at: Site, options?: ActionOptions): FutureAction<Map<K, V>> {
  return startAction(at.jobs, at.callSite, options, async (action) => {
    return mapByValue(await collectNode<[K, V]>(action, at.node));
  });
}

/**
 * The last value of each key. Keys that are equal by value become one entry, under the first such key: a Map by itself would
 * keep two arrays or Dates of the same content apart.
 */
export function mapByValue<K, V>(pairs: readonly (readonly [K, V])[]): Map<K, V> {
  const map = new Map<K, V>();
  let objects: Map<number, K[]> | null = null;
  for (const [key, value] of pairs) {
    if (key === null || typeof key !== 'object') {
      map.set(key, value);
      continue;
    }
    objects ??= new Map();
    const hash = hashValue(key);
    const sameHash = objects.get(hash);
    const known = sameHash?.find((k) => valuesEqual(k, key));
    if (known !== undefined) {
      map.set(known, value);
      continue;
    }
    if (sameHash === undefined) objects.set(hash, [key]);
    else sameHash.push(key);
    map.set(key, value);
  }
  return map;
}

/** All values of one key; with a partitioner only its partition is looked at. */
export function lookup<K, V>(at: Site, key: K, options?: ActionOptions): FutureAction<V[]> {
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
