import type { BatchIterator } from '../base/batch-iterator.ts';
import { Aggregator } from './aggregator.ts';
import { type FetchPlan, FetchStream } from './fetch-stream.ts';
import { GROUP_CHECK_MASK } from './group-limit.ts';
import type { MergeLoop } from './merge-loops.ts';
import { type PairBlock, PairRecords, type PairStream } from './pair-stream.ts';
import { RecordPairs } from './record-pairs.ts';
import type { ShuffleEnv } from './shuffle-env.ts';
import { specialize } from './specialize.ts';

/** One parent of a cogroup: a shuffle written without combine, or records that are partitioned alike. */
export type CoGroupInput =
  | ({ readonly kind: 'shuffle' } & FetchPlan)
  | { readonly kind: 'narrow'; readonly records: BatchIterator };

type SideLoop = (
  table: Aggregator['table'],
  keys: readonly unknown[],
  values: readonly unknown[],
  side: number,
) => void;

/** Puts values of one side into `[[values of side 0], [values of side 1], …]` of their keys. */
function sideLoop(tag: string, sides: number): SideLoop {
  return specialize(
    tag,
    `return (table, keys, values, side) => {
  const groups = table.values;
  for (let i = 0; i < keys.length; i++) {
    const e = table.upsert(keys[i]);
    if (e === groups.length) groups.push([${Array(sides).fill('[]').join(', ')}]);
    const length = groups[e][side].push(values[i]);
    if ((length & ${GROUP_CHECK_MASK}) === 0) table.groupGrew(e, length);
  }
};`,
  );
}

/** Joins groups of the same key, side by side. */
function groupsLoop(tag: string, sides: number): MergeLoop {
  return specialize(
    tag,
    `return (table, keys, values) => {
  const groups = table.values;
  for (let i = 0; i < keys.length; i++) {
    const e = table.upsert(keys[i]);
    if (e === groups.length) groups.push(values[i]);
    else for (let side = 0; side < ${sides}; side++) {
      const group = groups[e][side];
      const more = values[i][side];
      for (let j = 0; j < more.length; j++) group.push(more[j]);
    }
  }
};`,
  );
}

/**
 * Groups the values of several parents by key: records are `[key, [values of side 0, values of side 1, …]]`, with an
 * empty array where a side has no such key. Work begins with the first `next`. Spark: CoGroupedRDD.compute
 *
 * `next` throws FetchFailedError when a map output cannot be read.
 */
export function openCoGroupReader(env: ShuffleEnv, inputs: readonly CoGroupInput[]): BatchIterator<[unknown, unknown]> {
  const tag = `${env.programKey} cogroup`;
  const add = sideLoop(tag, inputs.length);
  const aggregator = new Aggregator(env, groupsLoop(tag, inputs.length), 'cogroup');
  const sources = inputs.map(
    (input): PairStream =>
      input.kind === 'narrow' ? new RecordPairs(input.records, 'cogroup') : new FetchStream(env, input),
  );
  let result: PairStream | null = null;
  return new PairRecords({
    next() {
      if (result === null) {
        for (const [side, source] of sources.entries()) {
          for (let block: PairBlock | null = source.next(); block !== null; block = source.next()) {
            add(aggregator.table, block.keys, block.values, side);
            aggregator.endBatch();
          }
          source.close();
        }
        result = aggregator.finish();
      }
      return result.next();
    },
    close() {
      for (const source of sources) source.close();
      result?.close();
      aggregator.close();
    },
  });
}
