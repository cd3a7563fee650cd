import type { BatchIterator } from '../base/batch-iterator.ts';
import { type FetchPlan, FetchStream } from './fetch-stream.ts';
import { type GroupBlock, GroupRecords, type GroupStream } from './group-block.ts';
import { GroupTable } from './group-table.ts';
import type { PairStream } from './pair-stream.ts';
import { RecordPairs } from './record-pairs.ts';
import type { ShuffleEnv } from './shuffle-env.ts';
import { SpillingTable } from './spilling-table.ts';

/** One parent of a cogroup: a shuffle written without combine, or records that are partitioned alike. */
export type CoGroupInput =
  | ({ readonly kind: 'shuffle' } & FetchPlan)
  | { readonly kind: 'narrow'; readonly records: BatchIterator };

/**
 * Groups the values of several parents by key: records are `[key, [values of side 0, values of side 1, …]]`, with an
 * empty array where a side has no such key. Work begins with the first `next`. Spark: CoGroupedRDD.compute
 *
 * `next` throws FetchFailedError when a map output cannot be read.
 */
export function openCoGroupReader(env: ShuffleEnv, inputs: readonly CoGroupInput[]): GroupRecords {
  const sources = inputs.map(
    (input): PairStream =>
      input.kind === 'narrow' ? new RecordPairs(input.records, 'cogroup') : new FetchStream(env, input),
  );
  const tag = `${env.programKey} cogroup`;
  return new GroupRecords(tag, groupByKey(env, tag, sources), sources.length);
}

/** Groups the values of each source by key. It takes in all of them at the first `next`, one source after another. */
export function groupByKey(env: ShuffleEnv, tag: string, sources: readonly PairStream[]): GroupStream {
  const groups = new SpillingTable<GroupTable, GroupBlock>(env, () => new GroupTable(env.memory, tag, sources.length));
  let result: GroupStream | null = null;
  return {
    next() {
      if (result === null) {
        for (const [side, source] of sources.entries()) {
          for (let block = source.next(); block !== null; block = source.next()) {
            groups.table.add(side, block);
            groups.endBatch();
          }
          source.close();
        }
        result = groups.finish();
      }
      return result.next();
    },
    close() {
      for (const source of sources) source.close();
      result?.close();
      groups.close();
    },
  };
}
