import { types } from 'node:util';
import type { AnyFunction } from './any-function.ts';
import { NOSHIP, REPLACE } from './hooks.ts';

/**
 * Finds out whether a whole object graph is plain data. Then `v8.serialize` carries it as one value, which is many
 * times faster than our own nodes and keeps aliases and cycles.
 */
export class PlainDataScanner {
  /** Objects known to be plain, with all they reach, over all scans of one capture. */
  readonly #plain = new Set<object>();
  /** Objects known to reach something special; without them a long chain would be scanned from each of its links. */
  readonly #special = new Set<object>();
  readonly #leavesOnly: boolean;
  #objects = 0;
  hasViews = false;

  /** @param leavesOnly true to take only single values (Date, Buffer, …) as plain: for data nested very deep. */
  constructor(leavesOnly: boolean) {
    this.#leavesOnly = leavesOnly;
  }

  /** @throws DeepDataError when plain data is nested too deep for `v8.serialize`, which recurses. */
  isPlain(root: object): boolean {
    if (typeof root === 'function' || this.#special.has(root)) return false;
    if (this.#plain.has(root)) return true;
    if (this.#leavesOnly) return shapeOf(root) === 'leaf' && this.#leaf(root);
    const found = new Map<object, object | null>([[root, null]]); // object -> the one that holds it
    const stack: object[] = [root];
    const depths: number[] = [0];
    for (let object = stack.pop(); object !== undefined; object = stack.pop()) {
      const depth = (depths.pop() as number) + 1; // both stacks have the same length
      if (depth > MAX_DEPTH) throw new DeepDataError();
      const holder = object;
      const visit = (value: unknown): boolean => {
        if (typeof value !== 'object') return typeof value !== 'function' && typeof value !== 'symbol';
        if (value === null || found.has(value) || this.#plain.has(value)) return true;
        if (this.#special.has(value)) return false;
        found.set(value, holder);
        stack.push(value);
        depths.push(depth);
        return true;
      };
      if (this.#scan(object, visit)) continue;
      for (let o: object | null | undefined = object; o; o = found.get(o)) this.#special.add(o);
      return false;
    }
    for (const object of found.keys()) this.#plain.add(object);
    return true;
  }

  #leaf(value: object): true {
    if (ArrayBuffer.isView(value)) this.hasViews = true;
    return true;
  }

  #scan(object: object, visit: (value: unknown) => boolean): boolean {
    switch (shapeOf(object)) {
      case 'leaf':
        return this.#leaf(object);
      case 'array': {
        const array = object as readonly unknown[];
        for (let i = 0; i < array.length; i++) {
          const value = array[i];
          if (typeof value !== 'number' && typeof value !== 'string' && !visit(value)) return false;
        }
        return true;
      }
      case 'object':
        return scanObject(object, visit, ++this.#objects > ACCESSOR_LIMIT);
      case 'map':
        for (const [key, value] of object as Map<unknown, unknown>) if (!visit(key) || !visit(value)) return false;
        return true;
      case 'set':
        for (const value of object as Set<unknown>) if (!visit(value)) return false;
        return true;
      case 'special':
        return false;
    }
  }
}

/** Below what `v8.serialize` and `v8.deserialize` survive on the stack of a worker thread, about 3,000. */
const MAX_DEPTH = 1000;

export class DeepDataError extends Error {}

/** Looking for accessors triples the cost of a scan; data of more objects than this is taken to have none. */
const ACCESSOR_LIMIT = 2000;

function scanObject(object: object, visit: (value: unknown) => boolean, fast: boolean): boolean {
  if (fast) {
    for (const key in object) if (!visit((object as Record<string, unknown>)[key])) return false;
    return true;
  }
  for (const key of Object.keys(object)) {
    const descriptor = Object.getOwnPropertyDescriptor(object, key);
    if (descriptor === undefined || !('value' in descriptor) || !visit(descriptor.value)) return false;
  }
  return Object.getOwnPropertySymbols(object).length === 0;
}

type Shape = 'leaf' | 'object' | 'array' | 'map' | 'set' | 'special';

const OBJECT = Object.prototype;
const ARRAY = Array.prototype;

/** True for `Object.prototype`, also that of another vm context. */
export function isObjectPrototype(proto: object | null): boolean {
  if (proto === OBJECT) return true;
  return (
    proto !== null &&
    Object.getPrototypeOf(proto) === null &&
    Object.hasOwn(proto, 'isPrototypeOf') &&
    (proto as { constructor?: AnyFunction }).constructor?.name === 'Object'
  );
}

export function isArrayPrototype(proto: object | null): boolean {
  return proto === ARRAY || (Array.isArray(proto) && isPrototypeOfNamed(proto, 'Array'));
}

function isPrototypeOfNamed(proto: object | null, name: string): boolean {
  const ctor = proto === null ? undefined : (proto as { constructor?: AnyFunction }).constructor;
  return ctor?.name === name && ctor.prototype === proto;
}

function shapeOf(value: object): Shape {
  if (types.isProxy(value)) return 'special';
  const proto = Object.getPrototypeOf(value) as object | null;
  if (proto === OBJECT) return isHooked(value) ? 'special' : 'object';
  if (Array.isArray(value)) return isArrayPrototype(proto) ? 'array' : 'special';
  if (types.isMap(value)) return isPrototypeOfNamed(proto, 'Map') ? 'map' : 'special';
  if (types.isSet(value)) return isPrototypeOfNamed(proto, 'Set') ? 'set' : 'special';
  if (isLeaf(value, proto)) return 'leaf';
  return proto !== null && isObjectPrototype(proto) && !isHooked(value) ? 'object' : 'special';
}

function isHooked(value: object): boolean {
  const hooks = value as { [REPLACE]?: unknown; [NOSHIP]?: unknown };
  return (
    types.isModuleNamespaceObject(value) ||
    types.isArgumentsObject(value) ||
    hooks[REPLACE] !== undefined ||
    hooks[NOSHIP] !== undefined
  );
}

function isLeaf(value: object, proto: object | null): boolean {
  if (types.isDate(value)) return isPrototypeOfNamed(proto, 'Date');
  if (types.isRegExp(value)) return isPrototypeOfNamed(proto, 'RegExp') && value.lastIndex === 0;
  if (ArrayBuffer.isView(value)) {
    if (!types.isArrayBuffer(value.buffer) || isDetached(value.buffer)) return false;
    return Buffer.isBuffer(value) || isPrototypeOfNamed(proto, Object.prototype.toString.call(value).slice(8, -1));
  }
  if (types.isArrayBuffer(value)) return !isDetached(value);
  if (types.isNativeError(value))
    return isPrototypeOfNamed(proto, value.name) && Object.keys(value).length === 0 && value.cause === undefined;
  return types.isBoxedPrimitive(value) && !types.isSymbolObject(value);
}

/** A buffer that was transferred to another thread has no bytes any more and makes structured clone throw. */
function isDetached(buffer: ArrayBuffer): boolean {
  if (buffer.byteLength !== 0) return false;
  try {
    new Uint8Array(buffer);
    return false;
  } catch {
    return true;
  }
}
