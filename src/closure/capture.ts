import { types } from 'node:util';
import v8 from 'node:v8';
import type { AnyFunction } from './any-function.ts';
import { refuseSharedAssignments } from './capture-encoder.ts';
import { encodeFunction } from './function-encoder.ts';
import type { FunctionSource } from './function-source.ts';
import { type CaptureOptions, closureError, excerptOf, Graph, labelsOf, type RootDescription } from './graph.ts';
import { openReader } from './inspector-reader.ts';
import { globalPathOf } from './known-values.ts';
import { LruMap } from './lru-map.ts';
import { exportOf, isJobScript, isLibrary, isOnStack, markJobScript } from './module-refs.ts';
import { encodeObject } from './object-encoder.ts';
import { DeepDataError } from './plain-data.ts';
import { stronglyConnected } from './strongly-connected.ts';
import { allRefs, type Wire, type WireNode } from './wire.ts';

export interface CaptureAllOptions extends CaptureOptions {
  /** What each root is, for messages; `what` stands for those without. */
  readonly whats?: readonly string[];
}

const DEFAULT_WARN_BYTES = 1 << 20;

let captures = 0;

interface Captured {
  readonly graph: Graph;
  readonly wire: Wire;
}

/** Walks a graph. `flat` writes all data as nodes of its own, for data that `v8.serialize` cannot carry whole. */
function captureGraph(roots: readonly unknown[], options: CaptureAllOptions, isJob: boolean, flat: boolean): Captured {
  const reader = openReader();
  try {
    const graph = new Graph(reader, options, flat, fill);
    if (isJob) for (const root of roots) if (typeof root === 'function') planRoot(graph, root);
    const indexes = roots.map((root, i) => {
      graph.root = describeRoot(graph, root, options.whats?.[i] ?? options.what, options.isTask !== false);
      graph.step = null;
      const index = graph.ref(root, null);
      graph.drain();
      return index;
    });
    refuseSharedAssignments(graph);
    const nodes = graph.nodes as readonly WireNode[]; // the queue is empty, so every node is filled
    const wire: Wire = {
      version: 1,
      sequence: ++captures,
      roots: indexes,
      nodes,
      codes: graph.codes,
      modules: graph.modules,
      components: stronglyConnected(nodes.length, (node) => allRefs(nodes[node] as WireNode)),
      hasViews: graph.plain.hasViews,
    };
    return { graph, wire };
  } catch (error) {
    if (error instanceof DeepDataError && !flat) return captureGraph(roots, options, isJob, true);
    throw error;
  } finally {
    reader.close();
  }
}

function fill(graph: Graph, value: object, node: number): void {
  if (typeof value === 'function') encodeFunction(graph, value, node);
  else encodeObject(graph, value, node);
}

/** Functions that are exported by a module which does not use them in a job itself: executors import them. */
const importedRoots = new WeakMap<AnyFunction, boolean>();

/**
 * Decides whether a root function is copied, and remembers its script as one that holds jobs: executors must not
 * import it, also not for other functions.
 */
function planRoot(graph: Graph, fn: AnyFunction): void {
  if (types.isProxy(fn) || globalPathOf(fn) !== undefined) return;
  const { source } = graph.locate(fn);
  if (source === null || source.script.isOfNode || source.text.startsWith('class')) return;
  let isImported = importedRoots.get(fn);
  if (isImported === undefined) {
    isImported = isOfAnotherModule(graph, fn, source);
    importedRoots.set(fn, isImported);
  }
  if (isImported) return;
  markJobScript(source.script.url);
  graph.inlineRoots.add(fn);
}

function isOfAnotherModule(graph: Graph, fn: AnyFunction, source: FunctionSource): boolean {
  const { url } = source.script;
  if (isLibrary(url)) return true;
  if (!url.startsWith('file:') || isJobScript(url) || !graph.mayImport(url)) return false;
  // A launcher may import a module that exports its functions and runs them as well: then it is on the stack now.
  return exportOf(fn, source) !== null && !isOnStack(url);
}

function describeRoot(graph: Graph, root: unknown, what: string | undefined, isTask: boolean): RootDescription {
  if (typeof root !== 'function' || types.isProxy(root))
    return { isTask, what: what ?? 'the value', where: '', excerpt: '' };
  const source = globalPathOf(root) === undefined ? graph.locate(root).source : null;
  return {
    isTask,
    what: what ?? 'the function',
    // Only asked for in messages: the first position of a script decodes its source map.
    get where() {
      return source?.where ?? (root.name || '(anonymous)');
    },
    get excerpt() {
      return excerptOf(source?.text ?? Function.prototype.toString.call(root));
    },
  };
}

const warned = new LruMap<string, true>(1024);

function warn(options: CaptureOptions, message: string): void {
  if (options.onWarning !== undefined) options.onWarning(message);
  else if (warned.get(message) === undefined) {
    warned.set(message, true);
    process.emitWarning(message, 'ClosureWarning');
  }
}

/**
 * Checks that a function can be shipped, without shipping it: for calling in the user's own line.
 *
 * Also warns of captured variables that the function assigns.
 *
 * @throws ClosureError naming the place, the path to the value that cannot be copied, and what to do instead.
 */
export function checkClosure(root: unknown, options: CaptureOptions = {}): void {
  const { graph } = captureGraph([root], options, true, false);
  for (const message of graph.assignments) warn(options, message);
}

/**
 * Captures functions and values as one graph, so that classes, helpers and objects that they share stay shared.
 * Variables have the values of now.
 *
 * @param roots functions, or any values: comparators, partitioners, zero values. `undefined` and `null` are kept.
 * @returns the message for `loadClosures`.
 * @throws ClosureError when something cannot be copied.
 */
export function captureAll(roots: readonly unknown[], options: CaptureAllOptions = {}): Uint8Array {
  return captureBytes(roots, options, true);
}

/** @param isJob false for classes of records, which say nothing about where jobs are. */
export function captureBytes(roots: readonly unknown[], options: CaptureAllOptions, isJob: boolean): Uint8Array {
  let captured = captureGraph(roots, options, isJob, false);
  let bytes: Uint8Array;
  try {
    bytes = v8.serialize(captured.wire);
  } catch {
    // Too deep for the serializer's recursion, or an oddity inside of plain data: our own nodes may still carry it.
    captured = captureGraph(roots, options, isJob, true);
    try {
      bytes = v8.serialize(captured.wire);
    } catch (error) {
      throw dataError(captured, error);
    }
  }
  const limit = options.warnBytes ?? DEFAULT_WARN_BYTES;
  if (bytes.length > limit) warnLarge(captured, bytes.length, options);
  return bytes;
}

function dataError({ graph, wire }: Captured, error: unknown): Error {
  for (const [node, { step, root }] of graph.rawSteps)
    try {
      v8.serialize(wire.nodes[node]?.[1]);
    } catch (cause) {
      const message = cause instanceof Error ? cause.message : String(cause);
      return closureError(root, step, `the captured data cannot be copied: ${message}`, undefined, cause);
    }
  const message = error instanceof Error ? error.message : String(error);
  return closureError(graph.root, null, `the captured data cannot be copied: ${message}`, undefined, error);
}

function warnLarge({ graph, wire }: Captured, size: number, options: CaptureOptions): void {
  const megabytes = (bytes: number): string => `${(bytes / 1e6).toFixed(1)} MB`;
  let { root } = graph;
  let largest = 0;
  let label = '';
  for (const [node, from] of graph.rawSteps) {
    const bytes = v8.serialize(wire.nodes[node]?.[1]).length;
    if (bytes <= largest) continue;
    largest = bytes;
    label = labelsOf(from.step).join(' ') || 'the value itself';
    root = from.root;
  }
  const where = root.where === '' ? '' : ` at ${root.where}`;
  const part = largest === 0 ? '' : `; the largest part is ${label} (${megabytes(largest)})`;
  warn(options, `${root.what}${where} ships ${megabytes(size)} to every executor${part}. Use a broadcast variable.`);
}
