import { isBuiltin } from 'node:module';
import type { AnyFunction } from './any-function.ts';

/**
 * Values that every thread has by itself: the standard globals with their members, and Node's own modules.
 *
 * A path is `Math.max`, or a list where a key may hold a dot, or `%Name%` for what has no global name.
 */
export type GlobalPath = string | readonly string[];

const globals = new Map<object, GlobalPath>();
const seenRealms = new WeakSet<object>();
let completed = false;

/** Standard globals that Node defines as enumerable, so that they look like the user's own. */
const ENUMERABLE_OF_NODE = [
  ...['global', 'clearImmediate', 'setImmediate', 'clearInterval', 'clearTimeout', 'setInterval', 'setTimeout'],
  ...['queueMicrotask', 'structuredClone', 'atob', 'btoa', 'performance', 'fetch', 'navigator', 'crypto'],
];

/** Taken when this module is loaded: what is added later, or is enumerable as assignments are, is the user's. */
const standardNames: ReadonlySet<string> = new Set([
  ...Object.entries(Object.getOwnPropertyDescriptors(globalThis))
    .filter(([, descriptor]) => descriptor.enumerable === false)
    .map(([name]) => name),
  ...ENUMERABLE_OF_NODE,
]);

export function isStandardGlobal(name: string): boolean {
  return standardNames.has(name);
}

/** Reading them warns, or is another name for what is there already. */
const SKIPPED = new Set(['globalThis', 'global', 'navigator', 'localStorage', 'sessionStorage']);
/** Accessors on the global object that cost nothing to read. Others load a part of Node (`fetch`: 12 ms). */
const CHEAP_ACCESSORS = new Set(['process', 'Buffer', 'performance']);

const isReference = (value: unknown): value is object =>
  (typeof value === 'object' && value !== null) || typeof value === 'function';

function add(value: unknown, path: GlobalPath): boolean {
  if (!isReference(value) || globals.has(value)) return false;
  globals.set(value, path);
  return true;
}

/** Gives the path of a value that is, or belongs to, a standard global. */
export function globalPathOf(value: object): GlobalPath | undefined {
  if (globals.size === 0) {
    addRealm(globalThis);
    addHidden();
  }
  return globals.get(value);
}

/** As `globalPathOf`, also for the globals that Node loads lazily: asked only before giving up on a value. */
export function lazyGlobalPathOf(value: object): GlobalPath | undefined {
  if (!completed) {
    completed = true;
    addRealm(globalThis, true);
  }
  return globals.get(value);
}

/** Adds the globals of a vm context (REPL, test runners): there they stand for our own of the same name. */
export function addRealm(realm: object, lazyOnes = false): void {
  if (seenRealms.has(realm) && !lazyOnes) return;
  seenRealms.add(realm);
  if (!lazyOnes) add(realm, 'globalThis');
  for (const name of standardNames) {
    if (SKIPPED.has(name)) continue;
    const descriptor = Object.getOwnPropertyDescriptor(realm, name);
    if (descriptor === undefined || (!('value' in descriptor) && !lazyOnes && !CHEAP_ACCESSORS.has(name))) continue;
    let value: unknown;
    try {
      value = (realm as Record<string, unknown>)[name];
    } catch {
      continue;
    }
    const isNew = add(value, name);
    if ((isNew || lazyOnes) && isReference(value)) addMembers(value, name);
  }
}

function addMembers(owner: object, name: string): void {
  for (const key of Object.getOwnPropertyNames(owner)) {
    const member: unknown = Object.getOwnPropertyDescriptor(owner, key)?.value;
    if (typeof member === 'function' || key === 'prototype') add(member, `${name}.${key}`);
    if (key !== 'prototype' || typeof member !== 'object' || member === null) continue;
    for (const method of Object.getOwnPropertyNames(member)) {
      const value: unknown = Object.getOwnPropertyDescriptor(member, method)?.value;
      if (typeof value === 'function') add(value, [name, 'prototype', method]);
    }
  }
}

const HIDDEN_CONSTRUCTORS: Readonly<Record<string, AnyFunction>> = {
  TypedArray: Object.getPrototypeOf(Uint8Array) as AnyFunction,
  AsyncFunction: (async () => {}).constructor,
  GeneratorFunction: function* () {}.constructor,
  AsyncGeneratorFunction: async function* () {}.constructor,
};

function addHidden(): void {
  for (const [name, ctor] of Object.entries(HIDDEN_CONSTRUCTORS)) {
    add(ctor, `%${name}%`);
    add(ctor.prototype, `%${name}.prototype%`);
  }
}

export function resolveGlobal(path: GlobalPath): unknown {
  if (typeof path === 'string' && path.startsWith('%')) {
    const [name = '', member] = path.slice(1, -1).split('.');
    const ctor = HIDDEN_CONSTRUCTORS[name];
    return member === undefined ? ctor : ctor?.prototype;
  }
  const keys = typeof path === 'string' ? path.split('.') : path;
  return keys.reduce<unknown>((owner, key) => (owner as Record<string, unknown>)[key], globalThis);
}

export interface BuiltinRef {
  readonly module: string;
  readonly exportName: string;
}

const builtins = new Map<unknown, BuiltinRef>();
let modulesSeen = 0;

/** Finds a module of Node, or a member of one. Only modules that are loaded are looked at: others cannot be held. */
export function builtinOf(value: unknown): BuiltinRef | undefined {
  const found = builtins.get(value);
  if (found !== undefined) return found;
  // process.moduleLoadList is old and untyped; it grows only, so its length tells whether to look again.
  const loaded = (process as unknown as { moduleLoadList: readonly string[] }).moduleLoadList ?? [];
  if (loaded.length === modulesSeen) return undefined;
  modulesSeen = loaded.length;
  for (const entry of loaded) {
    const name = /^NativeModule (?!internal|_|sys$|punycode$)(.*)$/.exec(entry)?.[1];
    if (name === undefined || !isBuiltin(`node:${name}`)) continue;
    const module: unknown = process.getBuiltinModule(`node:${name}`);
    const put = (member: unknown, exportName: string): void => {
      if (isReference(member) && !builtins.has(member)) builtins.set(member, { module: `node:${name}`, exportName });
    };
    put(module, '*');
    if (!isReference(module)) continue;
    for (const key of Object.keys(module)) put(Object.getOwnPropertyDescriptor(module, key)?.value, key);
  }
  return builtins.get(value);
}
