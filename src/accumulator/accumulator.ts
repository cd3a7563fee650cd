/** The door of the folder: variables that tasks add to and the driver reads. */

export { Accumulator, type AnyAccumulator } from './accumulator-base.ts';
export { type AccumulatorCodec, type AccumulatorData, accumulatorCodec } from './accumulator-codec.ts';
export { AccumulatorRegistry } from './accumulator-registry.ts';
export { CollectionAccumulator, DoubleAccumulator, LongAccumulator } from './built-in-accumulators.ts';
export { TaskAccumulators } from './task-accumulators.ts';
