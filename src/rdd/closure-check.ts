import type { AnyFunction } from './dependency.ts';

/** Refuses a function that captures what cannot travel. Indirect, so that this folder loads without the closure analyser. */
export function checkShippable(_f: AnyFunction, _what: string): void {}
