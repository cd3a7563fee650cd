import type { ClassAnalysis, ComputedKey, FunctionAnalysis } from './analyze.ts';
import type { AnyFunction } from './any-function.ts';
import type { CapturedNames } from './capture-encoder.ts';
import { excerptOf, type Graph } from './graph.ts';
import { encodePropertyList, encodeUserPrototype } from './object-encoder.ts';
import { isObjectPrototype } from './plain-data.ts';
import { SUPER_NAME } from './scope-analysis.ts';
import { DEFAULT_PROTO, NULL_PROTO, type PropertyList } from './wire.ts';

/** Adds what a class needs while it is defined: its superclass and its computed method keys. */
export function encodeClassParts(graph: Graph, fn: AnyFunction, analysis: ClassAnalysis, names: CapturedNames): void {
  const early = (name: string, node: number): void => {
    names.early.push(names.params.length);
    names.params.push(name);
    names.env.push(node);
  };
  if (analysis.extends) {
    // V8 does not show names that are used in `extends` only, but the class knows what it extends.
    const parent = Object.getPrototypeOf(fn) as object;
    early(SUPER_NAME, graph.ref(parent === Function.prototype ? null : parent, 'extends'));
  }
  for (const key of analysis.computedKeys) {
    const found = findKey(fn, key);
    if (found === undefined) graph.fail(`the computed key of \`${excerptOf(key.text)}\` cannot be found on the class`);
    early(key.name, graph.ref(found, null));
  }
}

/** Finds a computed key by the text of its method. */
function findKey(fn: AnyFunction, key: ComputedKey): string | symbol | undefined {
  const owner: unknown = key.static ? fn : fn.prototype;
  if ((typeof owner !== 'object' && typeof owner !== 'function') || owner === null) return undefined;
  return Reflect.ownKeys(owner).find((name) => {
    const descriptor = Object.getOwnPropertyDescriptor(owner, name);
    return [descriptor?.value, descriptor?.get, descriptor?.set].some(
      (method) => typeof method === 'function' && Function.prototype.toString.call(method) === key.text,
    );
  });
}

function computedKeysOf(fn: AnyFunction, ofClass: ClassAnalysis | null, isStatic: boolean): Set<string | symbol> {
  const keys = new Set<string | symbol>();
  for (const key of ofClass?.computedKeys ?? []) {
    const found = key.static === isStatic ? findKey(fn, key) : undefined;
    if (found !== undefined) keys.add(found);
  }
  return keys;
}

const STANDARD_KEYS = new Set<string | symbol>(['length', 'name', 'prototype', 'arguments', 'caller']);

export interface OwnParts {
  readonly own: PropertyList | null;
  readonly prototype: readonly [number, PropertyList] | null;
}

/** Encodes what a function holds besides its text: static values, properties put on it or on its prototype later. */
export function encodeOwnParts(graph: Graph, fn: AnyFunction, analysis: FunctionAnalysis): OwnParts {
  const { class: ofClass } = analysis;
  const computed = computedKeysOf(fn, ofClass, true);
  const own = Reflect.ownKeys(fn).filter((key) => {
    if (computed.has(key)) return false;
    if (STANDARD_KEYS.has(key)) return ofClass?.staticFields.get(String(key))?.isFunction === false; // `static name = …`
    if (ofClass === null || typeof key === 'symbol') return true;
    return !ofClass.staticMethods.has(key) && ofClass.staticFields.get(key)?.isFunction !== true;
  });
  return {
    own: own.length === 0 ? null : encodePropertyList(graph, fn, own),
    prototype: encodePrototypeParts(graph, fn, analysis),
  };
}

function encodePrototypeParts(graph: Graph, fn: AnyFunction, analysis: FunctionAnalysis): OwnParts['prototype'] {
  const prototype: unknown = Object.getOwnPropertyDescriptor(fn, 'prototype')?.value;
  if (typeof prototype !== 'object' || prototype === null) return null;
  const { class: ofClass } = analysis;
  const computed = computedKeysOf(fn, ofClass, false);
  const keys = Reflect.ownKeys(prototype).filter(
    (key) =>
      key !== 'constructor' && !computed.has(key) && (typeof key === 'symbol' || ofClass?.methods.has(key) !== true),
  );
  let parent = DEFAULT_PROTO;
  // Only `function` constructors of old inherit by hand; classes and generators have theirs from their text.
  if (ofClass === null && Object.prototype.toString.call(fn) === '[object Function]') {
    const proto = Object.getPrototypeOf(prototype) as object | null;
    if (proto === null) parent = NULL_PROTO;
    else if (!isObjectPrototype(proto)) parent = encodeUserPrototype(graph, proto);
  }
  if (keys.length === 0 && parent === DEFAULT_PROTO) return null;
  return graph.within('.prototype', () => [parent, encodePropertyList(graph, prototype, keys)] as const);
}
