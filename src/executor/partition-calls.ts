import type { BatchIterator } from '../base/batch-iterator.ts';
import { IskraError } from '../base/errors.ts';
import { shortInspect } from '../base/value-errors.ts';
import { IterableBatches, RecordIterator } from './record-iterator.ts';

export type UserFunction = (...args: unknown[]) => unknown;

/** Calls a user's function once, with an iterator of each source, and reads what it returns. */
export function callOnPartitions(
  sources: readonly BatchIterator[],
  operator: string,
  call: (...records: RecordIterator[]) => unknown,
): BatchIterator {
  const result = call(...sources.map((source) => new RecordIterator(source)));
  if (result === null || typeof result !== 'object' || !(Symbol.iterator in result)) {
    const hint =
      result !== null && typeof result === 'object' && ('then' in result || Symbol.asyncIterator in result)
        ? ' Use mapPartitionsAsync() for async functions and generators.'
        : '';
    throw new IskraError(
      'NOT_ITERABLE',
      `the function passed to ${operator}() must return an iterable, but it returned ${shortInspect(result)}.${hint}`,
    );
  }
  const [first, ...others] = sources;
  return new IterableBatches(result as Iterable<unknown>, {
    next: () => null,
    close() {
      first?.close();
      for (const other of others) other.close();
    },
  });
}

/** Makes an evaluator for this partition and has it read the sources. Spark: PartitionEvaluatorFactory */
export function evaluate(
  sources: readonly BatchIterator[],
  operator: string,
  factory: unknown,
  partition: number,
): BatchIterator {
  const evaluator = (factory as { createEvaluator(): unknown }).createEvaluator() as { eval?: unknown } | null;
  if (evaluator === null || typeof evaluator !== 'object' || typeof evaluator.eval !== 'function')
    throw new IskraError(
      'NOT_AN_EVALUATOR',
      `createEvaluator() of the factory passed to ${operator}() must return an object with eval(partitionIndex, …iterators), but it returned ${shortInspect(evaluator)}`,
    );
  const { eval: run } = evaluator;
  return callOnPartitions(sources, operator, (...records) => run.call(evaluator, partition, ...records));
}
