import { Module } from 'node:module';
import { types } from 'node:util';
import type { AnyFunction } from './any-function.ts';
import { codecFor } from './codecs.ts';
import { type Graph, type Step, show } from './graph.ts';
import { NOSHIP, REPLACE, REVIVE, safeGet } from './hooks.ts';
import { builtinOf, globalPathOf } from './known-values.ts';
import { isArrayPrototype, isObjectPrototype } from './plain-data.ts';
import { privateMembersOf } from './private-members.ts';
import { ACCESSOR, DEFAULT_PROTO, HIDDEN, LITERAL, NULL_PROTO, type ObjectKind, type PropertyList } from './wire.ts';

/** Fills the node of an object that is no function. */
export function encodeObject(graph: Graph, value: object, node: number): void {
  if (isRevoked(value))
    graph.fail('a revoked Proxy cannot be copied to another process', 'capture the underlying object');
  if (!types.isProxy(value) && encodeHooked(graph, value, node)) return;
  if (graph.plain.isPlain(value)) {
    graph.nodes[node] = ['raw', value];
    graph.rawSteps.set(node, { step: graph.step, root: graph.root });
    return;
  }
  const path = globalPathOf(value);
  if (path !== undefined) {
    graph.nodes[node] = ['global', path];
    return;
  }
  const builtin = builtinOf(value);
  if (builtin !== undefined) {
    graph.nodes[node] = ['module', graph.module('', builtin.module), builtin.exportName];
    return;
  }
  refuseImpossible(graph, value);
  encodeProperties(graph, value, node);
}

/** Objects that say themselves how they travel. */
function encodeHooked(graph: Graph, value: object, node: number): boolean {
  const noship = safeGet(value, NOSHIP);
  if (noship !== undefined && noship !== null && noship !== false) graph.fail(String(noship));
  const replace = safeGet(value, REPLACE);
  if (typeof replace === 'function') {
    const data: unknown = replace.call(value);
    const ctor = safeGet(value, 'constructor');
    if (typeof ctor === 'function' && typeof safeGet(ctor, REVIVE) === 'function')
      graph.nodes[node] = ['revive', graph.ref(ctor, classLabel(ctor)), graph.ref(data, '[replace]')];
    else {
      const [codec, codecData] = data as readonly [string, unknown]; // the contract of the hook
      graph.nodes[node] = ['codec', codec, graph.ref(codecData, '[replace]')];
    }
    return true;
  }
  const codec = codecFor(value);
  if (codec === undefined) return false;
  graph.nodes[node] = ['codec', codec.name, graph.ref(codec.encode(value), `(as ${codec.name})`)];
  return true;
}

function isRevoked(value: object): boolean {
  if (!types.isProxy(value)) return false;
  try {
    Object.getPrototypeOf(value);
    return false;
  } catch (error) {
    // A trap that throws is another matter, and refused with all other proxies.
    return error instanceof TypeError && error.message.includes('has been revoked');
  }
}

function refuseImpossible(graph: Graph, value: object): void {
  const what = impossibleKind(value);
  if (what !== null) graph.fail(`${what[0]} cannot be copied to another process`, what[1]);
  if (value instanceof Module) graph.fail('the CommonJS `module` object cannot be copied');
  if (types.isModuleNamespaceObject(value))
    graph.fail('a module namespace object that is not a top-level `import * as` of this module', 'use a static import');
}

function impossibleKind(value: object): readonly [what: string, hint?: string] | null {
  if (types.isProxy(value)) return ['a Proxy', 'capture the underlying object'];
  if (types.isPromise(value)) return ['a Promise', 'await it first and capture the result'];
  if (types.isWeakMap(value)) return ['a WeakMap'];
  if (types.isWeakSet(value)) return ['a WeakSet'];
  if (value instanceof WeakRef) return ['a WeakRef'];
  if (types.isGeneratorObject(value)) return ['a generator object', 'turn it into an array first'];
  if (types.isExternal(value)) return ['a native handle'];
  if (types.isSharedArrayBuffer(value) || (ArrayBuffer.isView(value) && types.isSharedArrayBuffer(value.buffer)))
    return ['a SharedArrayBuffer'];
  let tag = '';
  try {
    tag = Object.prototype.toString.call(value);
  } catch {
    // A tag that throws says nothing.
  }
  return tag.endsWith(' Iterator]') ? ['an iterator', 'turn it into an array first'] : null;
}

/** The prototypes that the reviving side gives these kinds anyway. */
const DEFAULT_PROTOTYPES: Partial<Record<ObjectKind, string>> = {
  map: 'Map.prototype',
  set: 'Set.prototype',
  date: 'Date.prototype',
  regexp: 'RegExp.prototype',
  array: 'Array.prototype',
  list: 'Array.prototype',
};

function encodeProperties(graph: Graph, value: object, node: number): void {
  const kind = kindOf(value);
  const proto = encodePrototype(graph, value, kind);
  let data: unknown;
  let properties: PropertyList | null = null;
  const label =
    (text: (item: unknown) => string, item: unknown): Step['label'] =>
    () =>
      text(item);
  switch (kind) {
    case 'map':
      data = Array.from(value as Map<unknown, unknown>).flatMap(([key, item]) => {
        const step = label((k) => `.get(${show(k)})`, key);
        return [graph.ref(key, step), graph.ref(item, step)];
      });
      break;
    case 'set':
      data = Array.from(value as Set<unknown>, (item) => graph.ref(item, '.values()'));
      break;
    case 'list':
      data = (value as readonly unknown[]).map((item, i) =>
        graph.ref(
          item,
          label((n) => `[${n}]`, i),
        ),
      );
      break;
    case 'array':
    case 'arguments':
      data = (value as ArrayLike<unknown>).length;
      break;
    case 'date':
      data = (value as Date).getTime();
      break;
    case 'regexp':
      data = [(value as RegExp).source, (value as RegExp).flags, (value as RegExp).lastIndex];
      break;
    case 'view': {
      const view = value as ArrayBufferView;
      const type = Object.prototype.toString.call(view).slice(8, -1);
      data = [type, view.buffer.slice(view.byteOffset, view.byteOffset + view.byteLength)];
      break;
    }
    case 'error':
    case 'object':
      break;
  }
  if (kind !== 'view' && kind !== 'list') {
    const skipped = kind === 'array' ? 'length' : kind === 'regexp' ? 'lastIndex' : null;
    // `arguments` brings callee, length and its iterator along anyway.
    const keys = kind === 'arguments' ? Object.keys(value) : Reflect.ownKeys(value).filter((key) => key !== skipped);
    if (keys.length > 0) properties = encodePropertyList(graph, value, keys);
  }
  graph.nodes[node] = ['object', kind, proto, data, properties];
}

function kindOf(value: object): ObjectKind {
  if (types.isMap(value)) return 'map';
  if (types.isSet(value)) return 'set';
  if (types.isDate(value)) return 'date';
  if (types.isRegExp(value)) return 'regexp';
  if (types.isNativeError(value)) return 'error';
  if (types.isArgumentsObject(value)) return 'arguments';
  if (ArrayBuffer.isView(value)) return 'view';
  if (!Array.isArray(value)) return 'object';
  // A list has no holes and no further properties: its items need no keys.
  return Object.keys(value).length === value.length && Reflect.ownKeys(value).length === value.length + 1
    ? isDense(value)
    : 'array';
}

function isDense(array: readonly unknown[]): ObjectKind {
  for (let i = 0; i < array.length; i++) if (!(i in array)) return 'array';
  return 'list';
}

function encodePrototype(graph: Graph, value: object, kind: ObjectKind): number {
  const proto = Object.getPrototypeOf(value) as object | null;
  if (proto === null) return NULL_PROTO;
  if (isObjectPrototype(proto) && kind !== 'array' && kind !== 'list') return DEFAULT_PROTO;
  if (isArrayPrototype(proto) && (kind === 'array' || kind === 'list')) return DEFAULT_PROTO;
  const path = globalPathOf(proto);
  if (path === undefined) return encodeUserPrototype(graph, proto);
  if (kind === 'object' || kind === 'view')
    graph.fail(`an instance of the built-in ${String(path).replace('.prototype', '')} cannot be copied`);
  return DEFAULT_PROTOTYPES[kind] === path ? DEFAULT_PROTO : graph.ref(proto, '[[Prototype]]');
}

const classLabel = (ctor: AnyFunction): string => `is an instance of class ${ctor.name || '(anonymous)'}`;

/** Gives the node of a prototype object: that of a class goes by its class. */
export function encodeUserPrototype(graph: Graph, proto: object): number {
  const known = graph.idOf(proto);
  if (known !== undefined) return known;
  const ctor: unknown = Object.getOwnPropertyDescriptor(proto, 'constructor')?.value;
  if (typeof ctor !== 'function' || ctor.prototype !== proto) return graph.ref(proto, '[[Prototype]]');
  const classNode = graph.refNow(ctor, classLabel(ctor));
  const filled = graph.nodes[classNode];
  const home =
    filled?.[0] === 'global'
      ? 'built-in'
      : filled?.[0] === 'module' && graph.modules[filled[1]]?.specifier.startsWith('node:')
        ? graph.modules[filled[1]]?.specifier
        : undefined;
  if (home !== undefined)
    graph.fail(
      `an instance of ${ctor.name} (${home}) cannot be copied`,
      'create it inside the function (mapPartitions) or lazily in a module that executors import',
    );
  refusePrivateMembers(graph, ctor);
  const node = graph.add(['prototype', classNode]);
  graph.identify(proto, node);
  return node;
}

/** Nobody outside of a class can read its private members, so its instances cannot be copied. */
function refusePrivateMembers(graph: Graph, ctor: AnyFunction): void {
  const members = privateMembersOf(ctor);
  if (members.length > 0)
    graph.fail(
      `an instance of class ${ctor.name} with private members (${members.join(', ')}); they cannot be read or restored from outside`,
      "give it a [Symbol.for('iskra.replace')]() method, or use TypeScript 'private' / plain fields",
    );
}

const isLiteral = (value: unknown): boolean =>
  value === null || (typeof value !== 'object' && typeof value !== 'function' && typeof value !== 'symbol');

export function encodePropertyList(graph: Graph, owner: object, keys: readonly (string | symbol)[]): PropertyList {
  const out: unknown[] = [];
  for (const key of keys) {
    const descriptor = Object.getOwnPropertyDescriptor(owner, key);
    if (descriptor === undefined) continue;
    const label = (): string =>
      typeof key === 'symbol' ? `[${String(key)}]` : Array.isArray(owner) ? `[${key}]` : `.${key}`;
    const wireKey = typeof key === 'symbol' ? [graph.symbol(key)] : key;
    const flags = descriptor.enumerable ? 0 : HIDDEN;
    // V8 keeps the stack of an error behind accessors of its own.
    const isStack = key === 'stack' && types.isNativeError(owner);
    if ('value' in descriptor || isStack) {
      const value: unknown = isStack ? owner.stack : descriptor.value;
      if (isLiteral(value)) out.push(wireKey, flags | LITERAL, value);
      else out.push(wireKey, flags, graph.ref(value, label));
    } else {
      const half = (fn: AnyFunction | undefined): number => (fn === undefined ? -1 : graph.ref(fn, label));
      out.push(wireKey, flags | ACCESSOR, [half(descriptor.get), half(descriptor.set)]);
    }
  }
  return out;
}
