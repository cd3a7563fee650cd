import { decodeOne, decodeRecords } from './record-blocks.ts';
import type { SinkSpec } from './sink-spec.ts';

/**
 * What a task of a result stage sends back, sink by sink. "Records": serializer blocks back to back. "Value": one value
 * in the serializer's form. The executor's sinks write it, the driver's actions read it here.
 *
 *   count, sum                           value: a number
 *   collect, take, takeOrdered, bernoulli  records
 *   reduce                               value: [] of an empty partition, else [reduced]
 *   fold                                 value: the folded
 *   iterator                             value: what f returned; nothing with `discard`
 *   reservoir                            value: [how many records there were, the sample]
 *   foreach, saveFiles, checkpoint, drainnothing: zero bytes
 */
export function decodeResult(sink: SinkSpec, bytes: Uint8Array): unknown {
  switch (sink.kind) {
    case 'count':
    case 'sum':
    case 'reduce':
    case 'fold':
    case 'reservoir':
      return decodeOne(bytes);
    case 'collect':
    case 'take':
    case 'takeOrdered':
    case 'bernoulli': {
      const records: unknown[] = [];
      decodeRecords(bytes, records);
      return records;
    }
    case 'iterator':
      return sink.discard ? undefined : decodeOne(bytes);
    case 'foreach':
    case 'saveFiles':
    case 'checkpoint':
    case 'drain':
      return undefined;
  }
}
