import type { AnyFunction } from './any-function.ts';

const captured = new WeakMap<AnyFunction, Readonly<Record<string, unknown>>>();

/**
 * Names what a function captures by hand, for runtimes that do not show it (Bun, `node --permission`). The names must
 * be those in the function's text.
 *
 * @returns the same function.
 */
export function ship<F extends AnyFunction>(fn: F, captures: Readonly<Record<string, unknown>>): F {
  captured.set(fn, captures);
  return fn;
}

export function explicitCaptures(fn: AnyFunction): Readonly<Record<string, unknown>> | undefined {
  return captured.get(fn);
}
