import { createRequire, isBuiltin } from 'node:module';
import { dirname } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import type { AnyFunction } from './any-function.ts';
import { codecNamed } from './codecs.ts';
import { reviveError } from './errors.ts';
import { factoryFor } from './factory.ts';
import { REVIVE } from './hooks.ts';
import { ownerOf } from './identity.ts';
import { resolveGlobal } from './known-values.ts';
import { LruMap } from './lru-map.ts';
import { localUrl } from './module-home.ts';
import { exportFrom } from './module-loader.ts';
import {
  ACCESSOR,
  allRefs,
  type Code,
  type FunctionNode,
  HIDDEN,
  LITERAL,
  NULL_PROTO,
  type ObjectNode,
  type PropertyList,
  type Wire,
  type WireNode,
} from './wire.ts';

const NEW = 0;
const BUILDING = 1;
/** The value exists; an object may still be empty. */
const BUILT = 2;
const FILLED = 3;

/** Unique symbols of the driver, each the same for all stages. */
const uniqueSymbols = new LruMap<string, symbol>(4096);

/**
 * Builds the values of a wire graph, once.
 *
 * Objects come into being empty and are filled from a queue, so neither depth nor cycles matter. Functions need what
 * they capture first; what points back at them is assigned after. Indexes into `nodes` come from the graph itself, so
 * reads by them are never out of range.
 */
export class Builder {
  readonly values: unknown[];
  readonly #wire: Wire;
  readonly #context: unknown;
  readonly #state: Uint8Array;
  readonly #waiting = new Map<number, ((value: unknown) => void)[]>();
  readonly #unfilled: number[] = [];
  readonly #last: (() => void)[] = [];

  /** @param known values of nodes that exist already. */
  constructor(wire: Wire, context: unknown, known: ReadonlyMap<number, unknown>) {
    this.#wire = wire;
    this.#context = context;
    this.values = new Array(wire.nodes.length);
    this.#state = new Uint8Array(wire.nodes.length);
    for (const [node, value] of known) {
      this.values[node] = value;
      this.#state[node] = FILLED;
    }
  }

  /** Builds nodes with all that they reach. */
  build(nodes: readonly number[]): unknown[] {
    const out = nodes.map((node) => this.#get(node));
    this.#drain();
    return out;
  }

  isBuilt(node: number): boolean {
    return (this.#state[node] as number) >= BUILT;
  }

  /** Sets the static properties of a class that exists already to those of this graph. */
  refreshStatics(node: number): void {
    const [, , , own] = this.#wire.nodes[node] as FunctionNode;
    if (own !== null) this.#assign(this.values[node] as object, own);
    this.#drain();
  }

  #drain(): void {
    for (let node = this.#unfilled.pop(); node !== undefined; node = this.#unfilled.pop()) this.#fill(node);
    for (const finish of this.#last.splice(0)) finish();
  }

  #get(node: number): unknown {
    if (this.#state[node] === NEW) this.#construct(node);
    else if (this.#state[node] === BUILDING)
      throw reviveError(`node ${node} (${this.#wire.nodes[node]?.[0]}) needs itself to be built`);
    return this.values[node];
  }

  /** Hands over the value of a node, later if the node is being built right now. */
  #when(node: number, use: (value: unknown) => void): void {
    if (this.#state[node] === NEW) this.#construct(node);
    if (this.isBuilt(node)) {
      use(this.values[node]);
      return;
    }
    const list = this.#waiting.get(node);
    if (list === undefined) this.#waiting.set(node, [use]);
    else list.push(use);
  }

  #done(node: number, value: unknown, state: typeof BUILT | typeof FILLED = FILLED): void {
    this.values[node] = value;
    this.#state[node] = state;
    const list = this.#waiting.get(node);
    if (list === undefined) return;
    this.#waiting.delete(node);
    for (const use of list) use(value);
  }

  /** Fills everything that a node reaches: user code is about to look at it. */
  #complete(node: number): void {
    const seen = new Set([node]);
    const stack = [node];
    for (let index = stack.pop(); index !== undefined; index = stack.pop()) {
      this.#when(index, () => {});
      if (this.#state[index] === BUILT) this.#fill(index);
      for (const next of allRefs(this.#wire.nodes[index] as WireNode))
        if (!seen.has(next)) {
          seen.add(next);
          stack.push(next);
        }
    }
  }

  #construct(index: number): void {
    const node = this.#wire.nodes[index] as WireNode;
    this.#state[index] = BUILDING;
    switch (node[0]) {
      case 'raw':
        this.#done(index, node[1]);
        return;
      case 'global':
        this.#done(index, resolveGlobal(node[1]));
        return;
      case 'symbol':
        this.#done(index, makeSymbol(node[1], node[2], node[3]));
        return;
      case 'meta':
        this.#done(index, makeMeta(localUrl(node[1])));
        return;
      case 'require':
        this.#done(index, createRequire(localUrl(node[1])));
        return;
      case 'module': {
        const ref = this.#wire.modules[node[1]];
        if (ref === undefined) throw reviveError(`module ${node[1]} is not in the graph`);
        this.#done(index, exportFrom(ref, node[2]));
        return;
      }
      case 'codec': {
        const codec = codecNamed(node[1]);
        if (codec === undefined)
          throw reviveError(`no codec '${node[1]}' on this executor; register it in a module that executors import`);
        this.#complete(node[2]);
        this.#done(index, codec.decode(this.#get(node[2]), this.#context));
        return;
      }
      case 'revive': {
        const ctor = this.#get(node[1]) as Record<typeof REVIVE, (data: unknown, context: unknown) => unknown>;
        this.#complete(node[2]);
        this.#done(index, ctor[REVIVE](this.#get(node[2]), this.#context));
        return;
      }
      case 'get':
        this.#when(node[1], (object) => this.#done(index, (object as Record<string, unknown>)[node[2]]));
        return;
      case 'prototype':
        this.#when(node[1], (ctor) => this.#done(index, (ctor as AnyFunction).prototype));
        return;
      case 'bound': {
        const parts = [node[1], node[2], ...node[3]];
        let missing = parts.length;
        const onPart = (): void => {
          if (--missing > 0) return;
          const [target, self, ...args] = parts.map((part) => this.values[part]);
          this.#done(index, Function.prototype.bind.call(target as AnyFunction, self, ...args));
        };
        for (const part of parts) this.#when(part, onPart);
        return;
      }
      case 'function':
        this.#constructFunction(index, node);
        return;
      case 'object':
        this.#constructObject(index, node);
        return;
    }
  }

  #constructFunction(index: number, node: FunctionNode): void {
    const [, codeIndex, env, own, prototype] = node;
    const code = this.#wire.codes[codeIndex] as Code;
    const { components } = this.#wire;
    const late: string[] = [];
    const lateNodes: number[] = [];
    const captured = env.map((target, k) => {
      const name = code.params[k] as string; // params and env have the same length
      const isEarly = code.early.includes(k);
      if (isEarly && !name.startsWith('__iskra_')) this.#complete(target);
      if (this.isBuilt(target)) return this.values[target];
      if (isEarly || components === null || components[target] !== components[index]) return this.#get(target);
      late.push(name);
      lateNodes.push(target);
      return undefined;
    });
    if (this.isBuilt(index)) return; // one of the captured values needed this one, and built it
    const [made, setter] = factoryFor(code, late)(...captured);
    const fn = code.form === 'method' ? methodOf(made) : made;
    if (code.name !== '' && fn.name !== code.name)
      Object.defineProperty(fn, 'name', { value: code.name, configurable: true });
    this.#done(index, fn);
    lateNodes.forEach((target, k) => {
      this.#when(target, (value) => setter(late[k] as string, value));
    });
    if (prototype !== null) {
      const [parent, properties] = prototype;
      if (parent === NULL_PROTO) Object.setPrototypeOf(fn.prototype, null);
      else if (parent >= 0) this.#when(parent, (proto) => Object.setPrototypeOf(fn.prototype, proto as object));
      this.#assign(fn.prototype, properties);
    }
    if (own !== null) this.#assign(fn, own);
  }

  #constructObject(index: number, node: ObjectNode): void {
    const [, kind, proto, data] = node;
    let object: object;
    if (kind === 'object' && proto >= 0) {
      if (this.#state[proto] === NEW) this.#construct(proto);
      // Created with its prototype, which is faster later on than one that got it afterwards.
      object = this.isBuilt(proto) ? (Object.create(this.values[proto] as object) as object) : {};
      if (this.isBuilt(index)) return;
      if (!this.isBuilt(proto)) this.#when(proto, (value) => Object.setPrototypeOf(object, value as object));
    } else {
      object = emptyObject(kind, proto, data);
      if (proto >= 0) this.#when(proto, (value) => Object.setPrototypeOf(object, value as object));
    }
    this.#done(index, object, BUILT);
    this.#unfilled.push(index);
  }

  #fill(index: number): void {
    if (this.#state[index] !== BUILT) return;
    this.#state[index] = FILLED;
    const [, kind, , data, properties] = this.#wire.nodes[index] as ObjectNode; // only objects wait to be filled
    const object = this.values[index];
    if (kind === 'list') {
      const list = object as unknown[];
      (data as readonly number[]).forEach((item, i) => {
        this.#when(item, (value) => {
          list[i] = value;
        });
      });
    } else if (kind === 'map' || kind === 'set') {
      const items = data as readonly number[];
      for (const item of items) if (this.#state[item] === NEW) this.#construct(item);
      const insert = (): void => {
        if (kind === 'set') for (const item of items) (object as Set<unknown>).add(this.values[item]);
        else
          for (let k = 0; k < items.length; k += 2)
            (object as Map<unknown, unknown>).set(this.values[items[k] as number], this.values[items[k + 1] as number]);
      };
      // Entries keep their order, so all wait for the one that is being built.
      if (items.every((item) => this.isBuilt(item))) insert();
      else this.#last.push(insert);
    }
    if (properties !== null) this.#assign(object as object, properties);
  }

  #assign(object: object, properties: PropertyList): void {
    for (let k = 0; k < properties.length; k += 3) {
      const wireKey = properties[k];
      const key = (Array.isArray(wireKey) ? this.#get(wireKey[0] as number) : wireKey) as string | symbol;
      const flags = properties[k + 1] as number;
      const value = properties[k + 2];
      if ((flags & ACCESSOR) !== 0) {
        const [getter = -1, setter = -1] = value as readonly number[];
        const accessor: PropertyDescriptor = { enumerable: (flags & HIDDEN) === 0, configurable: true };
        if (getter >= 0) accessor.get = this.#get(getter) as () => unknown;
        if (setter >= 0) accessor.set = this.#get(setter) as (value: unknown) => void;
        Object.defineProperty(object, key, accessor);
      } else if ((flags & LITERAL) !== 0) setProperty(object, key, flags, value);
      else this.#when(value as number, (built) => setProperty(object, key, flags, built));
    }
  }
}

function setProperty(object: object, key: string | symbol, flags: number, value: unknown): void {
  // An inherited name may be a setter, `__proto__` is one: an own property must not go through it.
  if ((flags & HIDDEN) === 0 && !(key in object)) (object as Record<string | symbol, unknown>)[key] = value;
  else
    Object.defineProperty(object, key, {
      value,
      enumerable: (flags & HIDDEN) === 0,
      writable: true,
      configurable: true,
    });
}

function emptyObject(kind: ObjectNode[1], proto: number, data: unknown): object {
  switch (kind) {
    case 'map':
      return new Map();
    case 'set':
      return new Set();
    case 'date':
      return new Date(data as number);
    case 'regexp': {
      const [source, flags, lastIndex] = data as readonly [string, string, number];
      const regexp = new RegExp(source, flags);
      regexp.lastIndex = lastIndex;
      return regexp;
    }
    case 'error': {
      const error = new Error();
      delete error.stack; // the original's comes with its properties
      return error;
    }
    case 'list':
      return [];
    case 'array':
      return new Array(data as number);
    case 'arguments':
      return argumentsOf(...new Array(data as number));
    case 'view': {
      const [type, buffer] = data as readonly [string, ArrayBuffer];
      const View = (globalThis as unknown as Record<string, new (buffer: ArrayBuffer) => object>)[type];
      if (View === undefined) throw reviveError(`this runtime has no ${type}`);
      return new View(buffer);
    }
    case 'object':
      return proto === NULL_PROTO ? (Object.create(null) as object) : {};
  }
}

function argumentsOf(..._values: unknown[]): object {
  // biome-ignore lint/complexity/noArguments: an arguments object is what is wanted
  return arguments;
}

/** The method of an object literal with just that method. */
function methodOf(holder: object): AnyFunction {
  const key = Reflect.ownKeys(holder)[0] ?? '';
  const descriptor = Object.getOwnPropertyDescriptor(holder, key);
  return (descriptor?.value ?? descriptor?.get ?? descriptor?.set) as AnyFunction;
}

function makeSymbol(type: 'well-known' | 'registered' | 'unique', description: string | undefined, id: string): symbol {
  if (type === 'well-known') return (Symbol as unknown as Record<string, symbol>)[description ?? ''] as symbol;
  if (type === 'registered') return Symbol.for(description ?? '');
  const owner = ownerOf(id);
  let symbol = typeof owner === 'symbol' ? owner : uniqueSymbols.get(id);
  if (symbol === undefined) {
    symbol = Symbol(description);
    uniqueSymbols.set(id, symbol);
  }
  return symbol;
}

/** What `import.meta` is in the module that the function comes from. */
function makeMeta(url: string): object {
  if (!url.startsWith('file:')) return { url };
  const filename = fileURLToPath(url);
  const { resolve } = createRequire(url);
  return {
    url,
    filename,
    dirname: dirname(filename),
    resolve: (specifier: string): string => {
      const found = resolve(specifier);
      return isBuiltin(found) ? found : pathToFileURL(found).href;
    },
  };
}
