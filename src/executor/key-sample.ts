import type { BatchIterator } from '../base/batch-iterator.ts';
import { type Quotas, sampleByQuotas } from '../base/stratified-sampling.ts';
import type { NodePlan } from '../protocol/stage-program.ts';
import { decodeOne } from '../rdd/record-blocks.ts';
import { IterableBatches, RecordIterator } from './record-iterator.ts';

/** What sampleByKeyExact takes of one partition. `payload`: the split's. */
export function openKeySample(
  source: BatchIterator,
  plan: Extract<NodePlan, { kind: 'TakeQuotas' }>,
  payload: Uint8Array,
  partition: number,
): BatchIterator {
  const quotas = decodeOne(payload) as Quotas;
  const pairs = new RecordIterator(source as BatchIterator<[unknown, unknown]>); // the type of the user's RDD says so
  return new IterableBatches(sampleByQuotas(quotas, plan.withReplacement, plan.seed, partition, pairs), source);
}
