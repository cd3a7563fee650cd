import type { AggregationTable } from './aggregation-table.ts';
import type { Combiner } from './combiner.ts';
import { GROUP_CHECK_MASK } from './group-limit.ts';
import { specialize } from './specialize.ts';

/** Merges a block's columns into a table. */
export type MergeLoop = (table: AggregationTable, keys: readonly unknown[], values: readonly unknown[]) => void;

/** What a new key starts with, and what a known one becomes; `c` is the combiner, `v` the value that comes. */
function statements(kind: Combiner['kind'], combinersCome: boolean): { readonly first: string; readonly more: string } {
  switch (kind) {
    case 'sum':
      return { first: 'v', more: 'combiners[e] += v;' };
    case 'first':
      return { first: 'v', more: '' };
    case 'reduce':
      return { first: 'v', more: 'combiners[e] = merge(combiners[e], v);' };
    case 'group':
      return combinersCome
        ? { first: 'v', more: 'const c = combiners[e]; for (let j = 0; j < v.length; j++) c.push(v[j]);' }
        : {
            first: '[v]',
            more: `const length = combiners[e].push(v); if ((length & ${GROUP_CHECK_MASK}) === 0) table.groupGrew(e, length);`,
          };
    case 'combine':
    case 'aggregate':
      return { first: combinersCome ? 'v' : 'create(v)', more: 'combiners[e] = merge(combiners[e], v);' };
  }
}

/**
 * The loop that brings records of a shuffle into a table, compiled for one stage.
 *
 * @param combinersCome true: the values are combiners already (map-side combine, spilled runs).
 */
export function mergeLoop(tag: string, combiner: Combiner, combinersCome: boolean): MergeLoop {
  const { first, more } = statements(combiner.kind, combinersCome);
  const make = specialize<(create: Combiner['create'], merge: Combiner['mergeValue']) => MergeLoop>(
    tag,
    `return (create, merge) => (table, keys, values) => {
  const combiners = table.values;
  for (let i = 0; i < keys.length; i++) {
    const v = values[i];
    const e = table.upsert(keys[i]);
    if (e === combiners.length) combiners.push(${first});
    else { ${more} }
  }
};`,
  );
  return make(combiner.create, combinersCome ? combiner.mergeCombiners : combiner.mergeValue);
}
