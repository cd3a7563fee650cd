import v8 from 'node:v8';
import { codeKey } from './factory.ts';
import { LruMap } from './lru-map.ts';
import { allRefs, coreRefs, type FunctionNode, mapRefs, reach, staticRefs, type Wire, type WireNode } from './wire.ts';

/**
 * Decides what of a graph lives as long as the thread, and what every task gets afresh.
 *
 *     fresh    captured objects and the functions that reach one: a retried task starts from the same values
 *     shared   everything else, and each class with all that it captures
 *
 * Classes are shared because their identity matters: `instanceof` has to hold for records made by an earlier stage. So
 * what a class captures behaves like the state of a module. A class is fresh only when it cannot be told apart: when
 * its static properties hold objects that a function captures as well, or when it needs the context of a task.
 */
export interface Sharing {
  /** 1 for shared nodes. */
  readonly shared: Uint8Array;
  /** Names of shared functions and classes by content, under which the thread keeps them for later stages. */
  readonly interned: readonly Interned[];
}

export interface Interned {
  readonly node: number;
  readonly key: string;
  /** The nodes that come with it, in an order that is the same for equal keys. */
  readonly region: readonly number[];
  /** Content of a class's static properties; empty for functions. */
  readonly staticsKey: string;
}

/** Regions larger than this are not worth naming: a function that reaches so much is built per stage. */
const MAX_REGION = 5000;

export function decideSharing(wire: Wire): Sharing {
  const { nodes } = wire;
  const classes = nodes.flatMap((node, i) => (isClass(node) ? [i] : []));
  const classRegion = new Uint8Array(nodes.length);
  const sharedClasses = classes.length === 0 ? [] : chooseClasses(wire, classes);
  for (const index of sharedClasses) {
    for (const node of reach(wire, [index], coreRefs)) classRegion[node] = 1;
    for (const node of reach(wire, staticRefs(nodes[index] as WireNode), allRefs)) classRegion[node] = 1;
  }
  const shared = markPure(wire, classRegion);
  const interned = nodes.flatMap((node, i) => (node[0] === 'function' && shared[i] === 1 ? intern(wire, i, node) : []));
  return { shared, interned };
}

function isClass(node: WireNode): node is FunctionNode {
  return node[0] === 'function' && node[5] !== null;
}

function chooseClasses(wire: Wire, classes: readonly number[]): number[] {
  const { nodes } = wire;
  const seenByFunctions = new Set(reach(wire, wire.roots, coreRefs));
  const regions = new Map(classes.map((c) => [c, new Set(reach(wire, [c], coreRefs))]));
  const inSomeRegion = new Set<number>();
  for (const region of regions.values()) for (const node of region) inSomeRegion.add(node);
  const statics = new Map(classes.map((c) => [c, reach(wire, staticRefs(nodes[c] as WireNode), allRefs)]));
  const chosen = new Set(
    classes.filter((c) => {
      const region = regions.get(c) ?? new Set();
      if (region.size > MAX_REGION) return false;
      for (const node of region) if (needsContext(nodes[node] as WireNode)) return false;
      return (statics.get(c) ?? []).every((node) => {
        const kind = nodes[node] as WireNode;
        if (kind[0] === 'codec') return false;
        return !holdsState(wire, kind) || inSomeRegion.has(node) || !seenByFunctions.has(node);
      });
    }),
  );
  // A class that builds on a fresh one is fresh.
  for (let changed = true; changed; ) {
    changed = false;
    for (const c of chosen) {
      const reached = [...(regions.get(c) ?? []), ...(statics.get(c) ?? [])];
      if (reached.some((node) => isClass(nodes[node] as WireNode) && !chosen.has(node))) {
        chosen.delete(c);
        changed = true;
      }
    }
  }
  return [...chosen];
}

const needsContext = (node: WireNode): boolean => node[0] === 'codec' || node[0] === 'revive';

/** True for nodes that a task could change and the next one would see. */
function holdsState(wire: Wire, node: WireNode): boolean {
  switch (node[0]) {
    case 'object':
    case 'codec':
    case 'revive':
      return true;
    case 'raw':
      return typeof node[1] === 'object' && node[1] !== null;
    case 'function':
      return wire.codes[node[1]]?.assigns === true || (node[5] === null && node[3] !== null);
    default:
      return false;
  }
}

function markPure(wire: Wire, classRegion: Uint8Array): Uint8Array {
  const { nodes } = wire;
  const pure = new Uint8Array(nodes.length).fill(1);
  const users: number[][] = nodes.map(() => []);
  const stack: number[] = [];
  nodes.forEach((node, i) => {
    if (classRegion[i] === 1) return;
    if (holdsState(wire, node) || isClass(node)) stack.push(i); // a class outside of all regions is fresh
    for (const ref of coreRefs(node)) users[ref]?.push(i);
  });
  for (let node = stack.pop(); node !== undefined; node = stack.pop()) {
    if (pure[node] === 0) continue;
    pure[node] = 0;
    for (const user of users[node] ?? []) stack.push(user); // may be too many for a spread
  }
  return pure;
}

function intern(wire: Wire, index: number, node: FunctionNode): Interned[] {
  const region = reach(wire, [index], coreRefs);
  if (region.length > MAX_REGION) return [];
  // A function that captures objects of a class is only safe to keep together with that class.
  if (!isClass(node) && region.some((n) => holdsState(wire, wire.nodes[n] as WireNode))) return [];
  const key = contentKey(wire, region);
  if (key === null) return [];
  const statics = isClass(node) ? staticRefs(node) : [];
  const staticsKey =
    isClass(node) && node[3] !== null
      ? contentKey(wire, [index, ...reach(wire, statics, allRefs).filter((n) => n !== index)], index)
      : '';
  return [{ node: index, key, region, staticsKey: staticsKey ?? '' }];
}

/** Numbers instead of texts in keys. */
const codeNumbers = new LruMap<string, number>(8192);
let nextCodeNumber = 1;

function codeNumber(wire: Wire, code: number): number {
  const found = wire.codes[code];
  const key = found === undefined ? '' : codeKey(found);
  let number = codeNumbers.get(key);
  if (number === undefined) {
    number = nextCodeNumber++;
    codeNumbers.set(key, number);
  }
  return number;
}

/**
 * Writes a region as a string that is equal for equal content. Static properties of classes count only for the class
 * `withStatics`; otherwise the identity of a class stands for them.
 */
function contentKey(wire: Wire, region: readonly number[], withStatics = -1): string | null {
  const numbers = new Map(region.map((node, i) => [node, i]));
  const content = region.map((index) => {
    let node = wire.nodes[index] as WireNode; // regions hold nodes of the wire
    if (isClass(node) && index !== withStatics) node = ['function', node[1], node[2], null, node[4], node[5]];
    const mapped = mapRefs(node, (ref) => numbers.get(ref) ?? -9);
    if (mapped[0] === 'function') return [...mapped, codeNumber(wire, mapped[1])].toSpliced(1, 1);
    if (mapped[0] === 'module') return [wire.modules[mapped[1]], mapped[2]];
    return mapped;
  });
  try {
    const bytes = v8.serialize(content);
    if (bytes.length <= 512) return bytes.toString('latin1');
    return process.getBuiltinModule('node:crypto').createHash('sha256').update(bytes).digest('base64');
  } catch {
    return null; // data too deep to be named is built per stage
  }
}

interface InternedValue {
  readonly values: readonly unknown[];
  /** Content of the static state of a class, and the capture it came with. */
  staticsKey: string;
  sequence: number;
}

/** Functions and classes of this thread, by content. Bounded: a thread may live for weeks. */
const interned = new LruMap<string, InternedValue>(8192);

export function internedValue(key: string): InternedValue | undefined {
  return interned.get(key);
}

export function keepInterned(key: string, value: InternedValue): void {
  interned.set(key, value);
}

/** Cuts out of a graph what one node needs. */
export function extract(wire: Wire, root: number): Wire {
  const region = reach(wire, [root], allRefs);
  const numbers = new Map(region.map((node, i) => [node, i]));
  return {
    ...wire,
    roots: [0],
    nodes: region.map((node) => mapRefs(wire.nodes[node] as WireNode, (ref) => numbers.get(ref) ?? -9)),
    components: wire.components === null ? null : Int32Array.from(region, (node) => wire.components?.[node] ?? 0),
    ...pruneTables(wire, region),
  };
}

/** Keeps only those codes that the region uses; others are empty places, so that indexes stay. */
function pruneTables(wire: Wire, region: readonly number[]): Pick<Wire, 'codes' | 'modules'> {
  const codes = new Set<number>();
  const modules = new Set<number>();
  for (const index of region) {
    const node = wire.nodes[index] as WireNode;
    if (node[0] === 'function') codes.add(node[1]);
    else if (node[0] === 'module') modules.add(node[1]);
  }
  return {
    codes: wire.codes.map((code, i) => (codes.has(i) ? code : { ...code, text: '' })),
    modules: wire.modules.filter((_, i) => modules.size > 0 && i <= Math.max(...modules)),
  };
}
