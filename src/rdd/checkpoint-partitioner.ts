import { captureAll, loadClosuresSync } from '../closure/closure.ts';
import { HashPartitioner, IdentityPartitioner, type Partitioner } from './partitioner.ts';
import { RangePartitioner } from './range-partitioner.ts';
import { decodeOne, encodeOne } from './record-blocks.ts';

/** What stands in a checkpoint's `_partitioner`. `closure`: comparators and own partitioners, as closures travel. */
type Stored =
  | { readonly kind: 'hash' | 'identity'; readonly numPartitions: number }
  | {
      readonly kind: 'range';
      readonly numPartitions: number;
      readonly bounds: readonly unknown[];
      readonly ascending: boolean;
      readonly compare: Uint8Array | null;
    }
  | { readonly kind: 'custom'; readonly closure: Uint8Array };

/** @throws ClosureError for one that cannot travel. */
export function encodePartitioner(partitioner: Partitioner): Uint8Array {
  return encodeOne(toStored(partitioner));
}

/** @throws whatever is wrong with the bytes. */
export function decodePartitioner(bytes: Uint8Array): Partitioner {
  const stored = decodeOne(bytes) as Stored;
  switch (stored.kind) {
    case 'hash':
      return new HashPartitioner(stored.numPartitions);
    case 'identity':
      return new IdentityPartitioner(stored.numPartitions);
    case 'range': {
      const { numPartitions, bounds, ascending, compare } = stored;
      const order = compare === null ? null : (only(compare) as (a: unknown, b: unknown) => number);
      return RangePartitioner.withBounds(numPartitions, bounds, ascending, order);
    }
    case 'custom':
      return only(stored.closure) as Partitioner;
    default:
      throw new Error('it is not the partitioner of a checkpoint');
  }
}

function toStored(partitioner: Partitioner): Stored {
  const { numPartitions } = partitioner;
  if (partitioner instanceof HashPartitioner) return { kind: 'hash', numPartitions };
  if (partitioner instanceof IdentityPartitioner) return { kind: 'identity', numPartitions };
  if (partitioner instanceof RangePartitioner) {
    const { compare, ascending } = partitioner.ordering;
    const captured = compare === null ? null : captureAll([compare]);
    return { kind: 'range', numPartitions, bounds: partitioner.bounds, ascending, compare: captured };
  }
  return { kind: 'custom', closure: captureAll([partitioner]) };
}

function only(closure: Uint8Array): unknown {
  return loadClosuresSync(closure).make()[0];
}
