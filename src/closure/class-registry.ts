import type { AnyFunction } from './any-function.ts';
import { captureBytes } from './capture.ts';
import { originOf } from './class-origins.ts';
import { ClosureError, reviveError } from './errors.ts';
import { REVIVE, safeGet } from './hooks.ts';
import { ownerOf } from './identity.ts';
import { loadClosuresSync, parseWire } from './loaded-closures.ts';
import { LruMap } from './lru-map.ts';
import { privateMembersOf } from './private-members.ts';

const described = new WeakMap<AnyFunction, Uint8Array>();
const revived = new LruMap<string, AnyFunction>(2048);

/**
 * Describes the class of an instance in a record, so that another thread can make instances of the same class: by
 * import when a module exports it, else by its text.
 *
 * @returns the same bytes each time in one thread.
 * @throws ClosureError when the class cannot be copied, or its instances cannot because of `#private` members.
 */
export function describeClass(ctor: AnyFunction): Uint8Array {
  let bytes = described.get(ctor);
  if (bytes === undefined) {
    if (typeof safeGet(ctor, REVIVE) !== 'function') refusePrivate(ctor);
    bytes =
      originOf(ctor) ??
      captureBytes([ctor], { what: `class ${ctor.name || '(anonymous)'}`, warnBytes: Number.POSITIVE_INFINITY }, false);
    described.set(ctor, bytes);
  }
  return bytes;
}

function refusePrivate(ctor: AnyFunction): void {
  const members = privateMembersOf(ctor);
  if (members.length === 0) return;
  const why = `an instance of class ${ctor.name} with private members (${members.join(', ')}); they cannot be read or restored from outside`;
  const hint = `give it a [Symbol.for('iskra.replace')]() method, or use TypeScript 'private' / plain fields`;
  throw new ClosureError(`cannot copy a record\n  → ${why}\n  hint: ${hint}`, { where: '', path: [], why });
}

/**
 * Gives the class for bytes of `describeClass`: the same one each time in a thread, the one that closures of this
 * thread see, and in the thread that described it the original.
 *
 * @throws ClosureError when the module of the class cannot be imported synchronously.
 */
export function reviveClass(bytes: Uint8Array): AnyFunction {
  const key = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1');
  let ctor = revived.get(key);
  if (ctor === undefined) {
    const made = original(bytes) ?? loadClosuresSync(bytes).make()[0];
    if (typeof made !== 'function') throw reviveError('the bytes describe no class');
    ctor = made;
    revived.set(key, ctor);
    if (!described.has(ctor)) described.set(ctor, bytes.slice());
  }
  return ctor;
}

/** The class itself, when it comes from this very thread. */
function original(bytes: Uint8Array): AnyFunction | undefined {
  const wire = parseWire(bytes);
  const root = wire.nodes[wire.roots[0] ?? -1];
  if (root?.[0] !== 'function' || root[5] === null) return undefined;
  const owner = ownerOf(root[5]);
  return typeof owner === 'function' ? owner : undefined;
}
