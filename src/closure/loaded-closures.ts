import v8 from 'node:v8';
import type { AnyFunction } from './any-function.ts';
import { rememberOrigin } from './class-origins.ts';
import { reviveError } from './errors.ts';
import { openModuleHome, openModuleHomeSync } from './module-home.ts';
import { loadModules, loadModulesSync } from './module-loader.ts';
import { Builder } from './revive.ts';
import { decideSharing, extract, internedValue, keepInterned, type Sharing } from './sharing.ts';
import type { Wire, WireNode } from './wire.ts';

/** The closures of one stage in one thread. */
export interface LoadedClosures {
  /**
   * Gives the roots for one task: captured objects are new each time, functions that reach none are the same.
   *
   * @param context handed to the `decode` of codecs and to `[REVIVE]`.
   */
  make(context?: unknown): unknown[];
  /** True when `make()` always gives the same values, so that callers may keep them. */
  readonly stateless: boolean;
}

export function parseWire(bytes: Uint8Array): Wire {
  // Views in the message would share its memory, and tasks would see what others wrote: hence the copy.
  const wire = v8.deserialize(Buffer.from(bytes)) as Partial<Wire>;
  if (wire.version !== 1)
    throw reviveError(
      `closures of wire version ${wire.version} cannot be read by this executor, which knows version 1`,
    );
  return wire as Wire; // written by captureAll of this version
}

/** Imports what the closures need and gets them ready. Once per stage and thread. */
export async function loadClosures(bytes: Uint8Array): Promise<LoadedClosures> {
  const wire = parseWire(bytes);
  await openModuleHome(wire);
  await loadModules(wire.modules);
  return new StageClosures(bytes, wire);
}

/** As `loadClosures`, for places that cannot wait: modules are imported by `require`. */
export function loadClosuresSync(bytes: Uint8Array): LoadedClosures {
  const wire = parseWire(bytes);
  openModuleHomeSync(wire);
  loadModulesSync(wire.modules);
  return new StageClosures(bytes, wire);
}

class StageClosures implements LoadedClosures {
  readonly stateless: boolean;
  readonly #bytes: Uint8Array;
  readonly #sharing: Sharing;
  /** The graph as it came; used up by the first task when its objects must not be seen by a second one. */
  #wire: Wire | null;
  readonly #hasViews: boolean;
  /** Values of shared nodes; null before the first task. */
  #shared: Map<number, unknown> | null = null;
  #made: unknown[] | null = null;

  constructor(bytes: Uint8Array, wire: Wire) {
    this.#bytes = bytes;
    this.#wire = wire;
    this.#hasViews = wire.hasViews;
    this.#sharing = decideSharing(wire);
    this.stateless = wire.roots.every((root) => this.#sharing.shared[root] === 1);
  }

  make(context?: unknown): unknown[] {
    if (this.#made !== null) return this.#made;
    const wire = this.#wire ?? this.#parseAgain();
    const made = this.#shared === null ? this.#makeFirst(wire, context) : this.#makeNext(wire, context, this.#shared);
    this.#wire = null;
    if (this.stateless) this.#made = made;
    return made;
  }

  #parseAgain(): Wire {
    return this.#hasViews ? parseWire(this.#bytes) : (v8.deserialize(this.#bytes) as Wire); // checked when loaded
  }

  #makeFirst(wire: Wire, context: unknown): unknown[] {
    const known = new Map<number, unknown>();
    const { interned, shared } = this.#sharing;
    const stale: number[] = [];
    const found = interned.map(({ node, key, region, staticsKey }) => {
      const value = internedValue(key);
      if (value === undefined) return false;
      for (const [i, n] of region.entries()) known.set(n, value.values[i]);
      // What tasks of this thread wrote stays, unless the driver has something newer to say.
      if (value.staticsKey !== staticsKey && value.sequence < wire.sequence) {
        value.staticsKey = staticsKey;
        value.sequence = wire.sequence;
        stale.push(node);
      }
      return true;
    });
    const builder = new Builder(wire, context, known);
    for (const node of stale) builder.refreshStatics(node);
    const made = builder.build(wire.roots);
    interned.forEach(({ node, key, region, staticsKey }, i) => {
      if (found[i] === true || !builder.isBuilt(node)) return;
      keepInterned(key, { values: builder.build(region), staticsKey, sequence: wire.sequence });
      if (isClassNode(wire, node)) rememberOrigin(builder.values[node] as AnyFunction, extract(wire, node));
    });
    shared.forEach((isShared, node) => {
      if (isShared === 1 && builder.isBuilt(node)) known.set(node, builder.values[node]);
    });
    this.#shared = known;
    this.#rememberFresh(wire, builder);
    return made;
  }

  #makeNext(wire: Wire, context: unknown, shared: ReadonlyMap<number, unknown>): unknown[] {
    const builder = new Builder(wire, context, shared);
    const made = builder.build(wire.roots);
    this.#rememberFresh(wire, builder);
    return made;
  }

  /** Classes made for one task only, and those of modules, may be described to other threads as well. */
  #rememberFresh(wire: Wire, builder: Builder): void {
    wire.nodes.forEach((node, index) => {
      const isModule = node[0] === 'module';
      if (!isModule && (node[0] !== 'function' || node[5] === null || this.#sharing.shared[index] === 1)) return;
      const value = builder.values[index];
      if (typeof value === 'function' && !(isModule && wire.modules[node[1]]?.parent === ''))
        rememberOrigin(value, () => extract(wire, index));
    });
  }
}

function isClassNode(wire: Wire, index: number): boolean {
  const node = wire.nodes[index] as WireNode;
  return node[0] === 'function' && node[5] !== null;
}
