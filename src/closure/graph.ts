import { inspect } from 'node:util';
import type { AnyFunction } from './any-function.ts';
import { ClosureError } from './errors.ts';
import { type FunctionSource, sourceOf } from './function-source.ts';
import { identityOf } from './identity.ts';
import type { FunctionReader, FunctionReading } from './inspector-reader.ts';
import { defaultImportable } from './module-refs.ts';
import { PlainDataScanner } from './plain-data.ts';
import type { Code, ModuleRef, WireNode } from './wire.ts';

export interface CaptureOptions {
  /** What is captured, for messages: `the function passed to map()`. */
  readonly what?: string;
  /** False: it is no part of a task, and errors do not speak of one. */
  readonly isTask?: boolean;
  /** Whether an executor can import this file. */
  readonly importable?: (url: string) => boolean;
  /** Size above which a warning advises a broadcast variable, in bytes; 1 MiB by default. */
  readonly warnBytes?: number;
  readonly onWarning?: (message: string) => void;
}

/** One step from a root towards a value. Linked backwards, so that a step costs one small object. */
export interface Step {
  readonly before: Step | null;
  readonly label: string | (() => string);
}

export interface RootDescription {
  readonly isTask: boolean;
  readonly what: string;
  readonly where: string;
  readonly excerpt: string;
}

/** A captured variable, to find those that two functions share. */
export interface CapturedVariable {
  readonly key: string;
  readonly name: string;
  readonly value: unknown;
  readonly assigned: boolean;
  readonly functionName: string;
  readonly literal: FunctionSource;
}

export interface LocatedFunction {
  readonly reading: FunctionReading;
  readonly source: FunctionSource | null;
}

type Fill = (graph: Graph, value: object, node: number) => void;

const WELL_KNOWN_SYMBOLS = new Map<symbol, string>(
  Object.getOwnPropertyNames(Symbol)
    .map((name) => [(Symbol as unknown as Record<string, unknown>)[name], name] as const)
    .filter((entry): entry is readonly [symbol, string] => typeof entry[0] === 'symbol'),
);

/**
 * The graph while it is being captured. Values get their node at once and are filled from a queue, so neither long
 * chains nor cycles recurse, and the path in an error is the shortest one.
 */
export class Graph {
  readonly nodes: (WireNode | null)[] = [];
  readonly codes: Code[] = [];
  readonly modules: ModuleRef[] = [];
  readonly reader: FunctionReader;
  readonly options: CaptureOptions;
  readonly plain: PlainDataScanner;
  readonly variables: CapturedVariable[] = [];
  readonly assignments: string[] = [];
  /** Root functions that are copied even if their module exports them. */
  readonly inlineRoots: Set<AnyFunction> = new Set();
  /** Raw nodes of objects, for the warning about large data. */
  readonly rawSteps: Map<number, { readonly step: Step | null; readonly root: RootDescription }> = new Map();
  /** Steps to what is being filled. */
  step: Step | null = null;
  /** Script of the function being filled. */
  scriptUrl = '';
  root: RootDescription = { isTask: true, what: 'the value', where: '', excerpt: '' };
  readonly #fill: Fill;
  readonly #ids = new Map<unknown, number>();
  readonly #codeIds = new Map<string, number>();
  readonly #moduleIds = new Map<string, number>();
  readonly #located = new Map<AnyFunction, LocatedFunction>();
  readonly #queue: (() => void)[] = [];

  constructor(reader: FunctionReader, options: CaptureOptions, flat: boolean, fill: Fill) {
    this.reader = reader;
    this.options = options;
    this.plain = new PlainDataScanner(flat);
    this.#fill = fill;
  }

  mayImport(url: string): boolean {
    return (this.options.importable ?? defaultImportable)(url);
  }

  /** Reads and analyses a function, once per capture. */
  locate(fn: AnyFunction): LocatedFunction {
    let located = this.#located.get(fn);
    if (located === undefined) {
      const reading = this.reader.read(fn);
      located = { reading, source: reading.bound === null ? sourceOf(fn, reading, this.reader) : null };
      this.#located.set(fn, located);
    }
    return located;
  }

  add(node: WireNode): number {
    return this.nodes.push(node) - 1;
  }

  /** Gives the node of a value that one more step leads to; what it holds is filled later. */
  ref(value: unknown, label: Step['label'] | null): number {
    if (typeof value === 'symbol') return this.symbol(value);
    if ((typeof value !== 'object' && typeof value !== 'function') || value === null) return this.add(['raw', value]);
    const known = this.#ids.get(value);
    if (known !== undefined) return known;
    const node = this.nodes.push(null) - 1;
    this.#ids.set(value, node);
    const step = label === null ? this.step : { before: this.step, label };
    const { scriptUrl } = this;
    this.#queue.push(() => this.#fillAt(value, node, step, scriptUrl));
    return node;
  }

  /** As `ref`, but the node itself is filled on return; what it holds still comes later. */
  refNow(value: object, label: Step['label']): number {
    const known = this.#ids.get(value);
    if (known !== undefined && this.nodes[known] !== null) return known;
    const node = known ?? this.nodes.push(null) - 1;
    this.#ids.set(value, node);
    this.#fillAt(value, node, { before: this.step, label }, this.scriptUrl);
    return node;
  }

  #fillAt(value: object, node: number, step: Step | null, scriptUrl: string): void {
    if (this.nodes[node] !== null) return; // filled early by refNow
    const before = [this.step, this.scriptUrl] as const;
    this.step = step;
    this.scriptUrl = scriptUrl;
    this.#fill(this, value, node);
    [this.step, this.scriptUrl] = before;
  }

  /** Fills everything that is waiting. */
  drain(): void {
    for (let i = 0; i < this.#queue.length; i++) (this.#queue[i] as () => void)(); // i < length
    this.#queue.length = 0;
  }

  /** Makes a node stand for a value besides the one that `ref` gave it. */
  identify(value: object, node: number): void {
    this.#ids.set(value, node);
  }

  idOf(value: unknown): number | undefined {
    return this.#ids.get(value);
  }

  symbol(symbol: symbol): number {
    const known = this.#ids.get(symbol);
    if (known !== undefined) return known;
    const wellKnown = WELL_KNOWN_SYMBOLS.get(symbol);
    const registered = Symbol.keyFor(symbol);
    const node = this.add(
      wellKnown !== undefined
        ? ['symbol', 'well-known', wellKnown, '']
        : registered !== undefined
          ? ['symbol', 'registered', registered, '']
          : ['symbol', 'unique', symbol.description, identityOf(symbol)],
    );
    this.#ids.set(symbol, node);
    return node;
  }

  module(
    parent: string,
    specifier: string,
    attributes: Readonly<Record<string, string>> | null = null,
    commonJs = false,
  ): number {
    const key = `${parent}\0${specifier}\0${commonJs}`;
    let id = this.#moduleIds.get(key);
    if (id === undefined) {
      id = this.modules.push({ parent, specifier, attributes, commonJs }) - 1;
      this.#moduleIds.set(key, id);
    }
    return id;
  }

  code(key: string, make: () => Code): number {
    let id = this.#codeIds.get(key);
    if (id === undefined) {
      id = this.codes.push(make()) - 1;
      this.#codeIds.set(key, id);
    }
    return id;
  }

  /** Runs `body` with one more step in the path of errors. */
  within<T>(label: Step['label'], body: () => T): T {
    const before = this.step;
    this.step = { before, label };
    const result = body();
    this.step = before;
    return result;
  }

  fail(why: string, hint?: string): never {
    throw closureError(this.root, this.step, why, hint);
  }
}

export function labelsOf(step: Step | null): string[] {
  const labels: string[] = [];
  for (let s = step; s !== null; s = s.before) labels.push(typeof s.label === 'string' ? s.label : s.label());
  return labels.reverse();
}

/** Above this, the middle of a path says nothing any more. */
const MAX_STEPS = 40;

export function closureError(
  root: RootDescription,
  step: Step | null,
  why: string,
  hint?: string,
  cause?: unknown,
): ClosureError {
  const path = labelsOf(step);
  const place = root.where === '' ? '' : ` at ${root.where}`;
  const lines = [`${root.isTask ? 'Task not serializable: ' : ''}cannot ship ${root.what}${place}`];
  if (root.excerpt !== '') lines.push(`    ${root.excerpt}`);
  let indent = '  ';
  path.forEach((label, i) => {
    if (path.length > MAX_STEPS && i >= MAX_STEPS / 2 && i < path.length - MAX_STEPS / 2) {
      if (i === MAX_STEPS / 2) lines.push(`${indent}… ${path.length - MAX_STEPS} more`);
      return;
    }
    lines.push(indent + label);
    if (/^(captures|function) /.test(label)) indent += '  ';
  });
  lines.push(`  → ${why}`);
  if (hint !== undefined) lines.push(`  hint: ${hint}`);
  return new ClosureError(lines.join('\n'), { where: root.where, path, why }, cause);
}

/** The beginning of a function's text, on one line. */
export function excerptOf(text: string): string {
  const line = text.replace(/\s+/g, ' ');
  return line.length > 100 ? `${line.slice(0, 97)}...` : line;
}

export function show(value: unknown): string {
  return inspect(value, { depth: 0, maxStringLength: 20, breakLength: Number.POSITIVE_INFINITY });
}
