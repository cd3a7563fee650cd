import v8 from 'node:v8';
import type { AnyFunction } from './any-function.ts';
import type { Wire } from './wire.ts';

/** How classes that this thread got from elsewhere are described when they travel on. */
const origins = new WeakMap<AnyFunction, Wire | (() => Wire)>();

export function rememberOrigin(ctor: AnyFunction, wire: Wire | (() => Wire)): void {
  if (!origins.has(ctor)) origins.set(ctor, wire);
}

export function originOf(ctor: AnyFunction): Uint8Array | undefined {
  const origin = origins.get(ctor);
  if (origin === undefined) return undefined;
  return v8.serialize(typeof origin === 'function' ? origin() : origin);
}
