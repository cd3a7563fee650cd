import { IllegalArgumentError } from '../base/errors.ts';
import { checkShippable } from './closure-check.ts';

/** The operator for functions that return promises, where there is one. */
const ASYNC_TWIN: Readonly<Record<string, string>> = {
  map: 'mapAsync(f, { concurrency })',
  mapValues: 'mapAsync(f, { concurrency })',
  keyBy: 'mapAsync(f, { concurrency })',
  groupBy: 'mapAsync(f, { concurrency })',
  flatMap: 'flatMapAsync(f, { concurrency })',
  flatMapValues: 'flatMapAsync(f, { concurrency })',
  filter: 'filterAsync(f, { concurrency })',
  mapPartitions: 'mapPartitionsAsync(f)',
  mapPartitionsWithIndex: 'mapPartitionsAsync(f)',
  foreach: 'foreachConcurrent(f, { concurrency })',
  foreachPartition: 'foreachConcurrent(f, { concurrency })',
};

/** How errors call a function: `the function passed to map()`. */
export function functionPassedTo(operator: string, role = 'function'): string {
  return `the ${role} passed to ${operator}()`;
}

/**
 * Checks a user's function where the user passed it, so that the error points at that line.
 *
 * @param role what it is to the operator, for the message: `function`, `comparator`, `seqOp`.
 * @throws IllegalArgumentError when it is not a function, or an async one: a promise is not a record.
 * @throws ClosureError when it captures something that cannot travel.
 */
export function checkUserFunction(value: unknown, operator: string, role = 'function'): void {
  if (typeof value !== 'function') {
    throw new IllegalArgumentError(`${operator}() needs a ${role}, but was given ${describe(value)}`);
  }
  const tag = Object.prototype.toString.call(value);
  if (tag === '[object AsyncFunction]' || tag === '[object AsyncGeneratorFunction]') {
    throw new IllegalArgumentError(
      `${operator}() was given an async function${nameOf(value)}, but a promise is not a record; ${adviceFor(operator)}`,
    );
  }
  checkShippable(value, functionPassedTo(operator, role));
}

/** The same for operators that await: async functions are welcome. */
export function checkAsyncUserFunction(value: unknown, operator: string): void {
  if (typeof value !== 'function') {
    throw new IllegalArgumentError(`${operator}() needs a function, but was given ${describe(value)}`);
  }
  checkShippable(value, functionPassedTo(operator));
}

function adviceFor(operator: string): string {
  const twin = ASYNC_TWIN[operator];
  return twin === undefined
    ? `do the asynchronous part in a mapAsync(f, { concurrency }) before ${operator}()`
    : `use ${twin}`;
}

function nameOf(value: { readonly name?: unknown }): string {
  return typeof value.name === 'string' && value.name !== '' ? ` (${value.name})` : '';
}

/** A value in an error: short, and never a failure of its own. */
export function describe(value: unknown): string {
  if (value === null || value === undefined || typeof value === 'boolean' || typeof value === 'number')
    return `${value}`;
  if (typeof value === 'bigint') return `${value}n`;
  if (typeof value === 'string') return JSON.stringify(value.length > 60 ? `${value.slice(0, 60)}…` : value);
  if (typeof value === 'symbol') return 'a symbol';
  if (typeof value === 'function') return 'a function';
  if (Array.isArray(value)) return `an array of ${value.length}`;
  const name: unknown = Object.getPrototypeOf(value)?.constructor?.name;
  return typeof name === 'string' && name !== '' && name !== 'Object' ? `an instance of ${name}` : 'an object';
}
