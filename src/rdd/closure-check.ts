import { checkClosure } from '../closure/closure.ts';
import type { AnyFunction } from './dependency.ts';

/** Refuses a function that captures what cannot travel, at the user's line. */
export function checkShippable(f: AnyFunction, what: string): void {
  checkClosure(f, { what });
}
