/**
 * The form in which a graph of functions and values travels: one `v8.serialize` message.
 *
 *     roots ──► nodes ──► codes   source texts, each once however many closures share it
 *                    └──► modules what an executor imports instead of copying
 *
 * Nodes are tuples and point at each other by index. Tuples, because a graph may have 100,000 of them and every object
 * key would be written again for each.
 */
export interface Wire {
  readonly version: 1;
  /** Counts the captures of a thread: of two graphs with the same class, the later one has the newer static state. */
  readonly sequence: number;
  readonly roots: readonly number[];
  readonly nodes: readonly WireNode[];
  readonly codes: readonly Code[];
  readonly modules: readonly ModuleRef[];
  /** Strongly connected component of each node; null when nothing points back. */
  readonly components: Int32Array | null;
  /** True when captured data holds byte views: `v8.deserialize` makes them views of the message itself. */
  readonly hasViews: boolean;
}

export type CodeForm = 'arrow' | 'function' | 'method' | 'class';

export interface Code {
  readonly text: string;
  /** The captured names, which become parameters of the factory around the text. */
  readonly params: readonly string[];
  readonly strict: boolean;
  readonly url: string;
  /** Place of the text in its script, from 0. */
  readonly line: number;
  readonly column: number;
  readonly form: CodeForm;
  /** What makes the text an expression: `(`…`)` or `({`…`})`. */
  readonly prefix: string;
  readonly suffix: string;
  readonly dynamicImport: boolean;
  readonly name: string;
  /** The captured name by which the function knows itself, e.g. `const fact = n => … fact(n - 1)`. */
  readonly self: string | null;
  /** Indexes of the params that are used while the class is being defined, so they must exist before it. */
  readonly early: readonly number[];
  /** True when the function assigns a captured variable: then each task needs its own copy. */
  readonly assigns: boolean;
}

export interface ModuleRef {
  /** URL of the importing file; empty for Node's own modules. */
  readonly parent: string;
  readonly specifier: string;
  readonly attributes: Readonly<Record<string, string>> | null;
  readonly commonJs: boolean;
}

/** Own properties as triples: key (or `[symbol node]`), flags, then a node, a literal or `[getter, setter]` by the flags. */
export type PropertyList = readonly unknown[];
export const HIDDEN = 1;
export const ACCESSOR = 2;
export const LITERAL = 4;

/** No prototype of its own kind to set, and a null prototype. */
export const DEFAULT_PROTO: number = -1;
export const NULL_PROTO: number = -2;

export type ObjectKind =
  | 'object'
  | 'array'
  | 'list'
  | 'map'
  | 'set'
  | 'date'
  | 'regexp'
  | 'error'
  | 'view'
  | 'arguments';

export type FunctionNode = readonly [
  kind: 'function',
  code: number,
  env: readonly number[],
  own: PropertyList | null,
  /** What was put on `.prototype` from outside: [prototype of the prototype, properties]. */
  prototype: readonly [number, PropertyList] | null,
  /** Identity of a class, see identity.ts; null for other functions. */
  classId: string | null,
];

export type ObjectNode = readonly [
  kind: 'object',
  type: ObjectKind,
  prototype: number,
  data: unknown,
  properties: PropertyList | null,
];

export type WireNode =
  | readonly [kind: 'raw', value: unknown]
  | FunctionNode
  | ObjectNode
  | readonly [kind: 'bound', target: number, self: number, args: readonly number[]]
  | readonly [kind: 'get', object: number, key: string]
  | readonly [kind: 'prototype', classNode: number]
  | readonly [kind: 'module', module: number, exportName: string]
  | readonly [kind: 'global', path: string | readonly string[]]
  | readonly [kind: 'symbol', type: 'well-known' | 'registered' | 'unique', description: string | undefined, id: string]
  | readonly [kind: 'codec', name: string, data: number]
  | readonly [kind: 'revive', classNode: number, data: number]
  | readonly [kind: 'meta', url: string]
  | readonly [kind: 'require', url: string];

function propertyRefs(list: PropertyList | null, out: number[]): void {
  if (list === null) return;
  for (let k = 0; k < list.length; k += 3) {
    const key = list[k];
    if (Array.isArray(key)) out.push(key[0] as number); // the encoder writes [symbol node]
    const flags = list[k + 1] as number;
    const value = list[k + 2];
    if ((flags & LITERAL) !== 0) continue;
    if ((flags & ACCESSOR) !== 0) out.push(...(value as readonly number[]).filter((half) => half >= 0));
    else out.push(value as number);
  }
}

/** Gives the nodes that must exist for this one, static properties of classes left out. */
export function coreRefs(node: WireNode): number[] {
  switch (node[0]) {
    case 'function': {
      const out = node[2].slice();
      if (node[5] === null) propertyRefs(node[3], out);
      if (node[4] !== null) {
        if (node[4][0] >= 0) out.push(node[4][0]);
        propertyRefs(node[4][1], out);
      }
      return out;
    }
    case 'object': {
      const out: number[] = node[2] >= 0 ? [node[2]] : [];
      if (node[1] === 'map' || node[1] === 'set' || node[1] === 'list')
        for (const item of node[3] as readonly number[]) out.push(item); // may be too many for a spread
      propertyRefs(node[4], out);
      return out;
    }
    case 'bound':
      return [node[1], node[2], ...node[3]];
    case 'revive':
      return [node[1], node[2]];
    case 'codec':
      return [node[2]];
    case 'prototype':
    case 'get':
      return [node[1]];
    default:
      return [];
  }
}

/** Gives the nodes that a class holds in its static properties; empty for everything else. */
export function staticRefs(node: WireNode): number[] {
  const out: number[] = [];
  if (node[0] === 'function' && node[5] !== null) propertyRefs(node[3], out);
  return out;
}

export function allRefs(node: WireNode): number[] {
  const out = coreRefs(node);
  const statics = staticRefs(node);
  return statics.length === 0 ? out : out.concat(statics);
}

function mapProperties(list: PropertyList | null, map: (node: number) => number): PropertyList | null {
  if (list === null) return null;
  const out: unknown[] = [];
  for (let k = 0; k < list.length; k += 3) {
    const key = list[k];
    const flags = list[k + 1] as number;
    const value = list[k + 2];
    out.push(Array.isArray(key) ? [map(key[0] as number)] : key, flags);
    if ((flags & LITERAL) !== 0) out.push(value);
    else if ((flags & ACCESSOR) !== 0)
      out.push((value as readonly number[]).map((half) => (half < 0 ? half : map(half))));
    else out.push(map(value as number));
  }
  return out;
}

/** Gives the node with every index of another node replaced. */
export function mapRefs(node: WireNode, map: (node: number) => number): WireNode {
  switch (node[0]) {
    case 'function': {
      const [, code, env, own, prototype, classId] = node;
      const mappedPrototype =
        prototype === null
          ? null
          : ([prototype[0] < 0 ? prototype[0] : map(prototype[0]), mapProperties(prototype[1], map) ?? []] as const);
      return ['function', code, env.map(map), mapProperties(own, map), mappedPrototype, classId];
    }
    case 'object': {
      const [, type, prototype, data, properties] = node;
      const holdsNodes = type === 'map' || type === 'set' || type === 'list';
      const mappedData = holdsNodes ? (data as readonly number[]).map(map) : data;
      return ['object', type, prototype < 0 ? prototype : map(prototype), mappedData, mapProperties(properties, map)];
    }
    case 'bound':
      return ['bound', map(node[1]), map(node[2]), node[3].map(map)];
    case 'get':
      return ['get', map(node[1]), node[2]];
    case 'prototype':
      return ['prototype', map(node[1])];
    case 'codec':
      return ['codec', node[1], map(node[2])];
    case 'revive':
      return ['revive', map(node[1]), map(node[2])];
    default:
      return node;
  }
}

/** Lists the nodes that can be reached, in the order of a depth-first walk, the start first. */
export function reach(
  wire: Pick<Wire, 'nodes'>,
  starts: readonly number[],
  refs: (node: WireNode) => readonly number[],
): number[] {
  const seen = new Set<number>();
  const stack = starts.toReversed();
  for (let index = stack.pop(); index !== undefined; index = stack.pop()) {
    if (seen.has(index)) continue;
    seen.add(index);
    const out = refs(wire.nodes[index] as WireNode); // refs point at nodes of the same wire
    for (let k = out.length - 1; k >= 0; k--) stack.push(out[k] as number);
  }
  return [...seen];
}
