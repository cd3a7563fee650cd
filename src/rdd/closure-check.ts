import { checkClosure } from '../closure/closure.ts';

/** Refuses a function, or an object with methods, that captures what cannot travel, at the user's line. */
export function checkShippable(value: unknown, what: string): void {
  checkClosure(value, { what });
}
