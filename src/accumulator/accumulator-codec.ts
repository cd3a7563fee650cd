import { InvariantError, IskraError } from '../base/errors.ts';
import type { AccumulatorWire, AnyAccumulator } from './accumulator-base.ts';
import { CollectionAccumulator, DoubleAccumulator, LongAccumulator } from './built-in-accumulators.ts';
import { TaskAccumulators } from './task-accumulators.ts';

export type AccumulatorData = AccumulatorWire;

/** How accumulators travel in closures; `closure.registerCodec` takes it. */
export interface AccumulatorCodec {
  readonly name: string;
  test(value: unknown): value is AnyAccumulator;
  encode(value: AnyAccumulator): AccumulatorData;
  decode(data: AccumulatorData, context: unknown): AnyAccumulator;
}

/** Decodes into a zero of the task at hand: the context given to `LoadedClosures.make` has to be its TaskAccumulators. */
export const accumulatorCodec: AccumulatorCodec = {
  name: 'iskra.Accumulator',
  // The class's own hook says what travels; asked here as well, a zero copy would be taken for an accumulator again.
  test: (_value): _value is AnyAccumulator => false,
  encode: (value) => value.toWire()[1],
  decode({ id, name, zero }, context) {
    if (!(context instanceof TaskAccumulators))
      throw new IskraError(
        'ACCUMULATOR_OUTSIDE_TASK',
        `accumulator ${name ?? id} was reached outside of a task's functions, through a broadcast value perhaps; ` +
          'let the function capture the accumulator itself',
      );
    return context.adopt(id, name, () => makeZero(zero));
  },
};

function makeZero(zero: unknown): AnyAccumulator {
  switch (zero) {
    case 'long':
      return new LongAccumulator();
    case 'double':
      return new DoubleAccumulator();
    case 'collection':
      return new CollectionAccumulator<never>();
    default:
      // An own kind; the copy keeps what came with the closure untouched, should several tasks share it. Not `instanceof`:
      // bundles have their own copy of the base class.
      if (typeof zero === 'object' && zero !== null && 'copyAndReset' in zero)
        return (zero as AnyAccumulator).copyAndReset();
      throw new InvariantError('an accumulator came without its zero');
  }
}
