import { analyze, PRIVATE_METHOD } from './analyze.ts';
import type { AnyFunction } from './any-function.ts';

const known = new WeakMap<AnyFunction, readonly string[]>();

/** Gives the private instance members (`#count`) of a class and of those it extends. */
export function privateMembersOf(ctor: AnyFunction): readonly string[] {
  for (let c: unknown = ctor; typeof c === 'function' && c !== Function.prototype; c = Object.getPrototypeOf(c)) {
    const members = ownPrivateMembers(c);
    if (members.length > 0) return members;
  }
  return [];
}

function ownPrivateMembers(ctor: AnyFunction): readonly string[] {
  let members = known.get(ctor);
  if (members === undefined) {
    members = [];
    const text = Function.prototype.toString.call(ctor);
    if (text.startsWith('class') && text.includes('#'))
      try {
        const analysis = analyze(text, true);
        if (analysis !== PRIVATE_METHOD) members = analysis.class?.privateMembers ?? [];
      } catch {
        // Text that cannot be parsed is refused where the class itself is encoded.
      }
    known.set(ctor, members);
  }
  return members;
}
