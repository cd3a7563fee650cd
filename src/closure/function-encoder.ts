import { types } from 'node:util';
import { ownExportOf } from '../base/own-modules.ts';
import { applyReplacements, type FunctionAnalysis, PRIVATE_METHOD } from './analyze.ts';
import type { AnyFunction } from './any-function.ts';
import { type CapturedNames, encodeCaptures } from './capture-encoder.ts';
import { encodeClassParts, encodeOwnParts } from './class-encoder.ts';
import { explicitCaptures } from './explicit-captures.ts';
import type { FunctionSource } from './function-source.ts';
import type { Graph } from './graph.ts';
import { NOSHIP, safeGet } from './hooks.ts';
import { identityOf } from './identity.ts';
import type { FunctionReading, ScopeReading } from './inspector-reader.ts';
import { addRealm, builtinOf, globalPathOf, lazyGlobalPathOf } from './known-values.ts';
import { exportOf, isJobScript, isLibrary } from './module-refs.ts';
import { encodeUserPrototype } from './object-encoder.ts';

/** Fills the node of a function: by name, by import, or by its text and what it captures. */
export function encodeFunction(graph: Graph, fn: AnyFunction, node: number): void {
  const path = globalPathOf(fn);
  if (path !== undefined && isOfPlatform(graph, fn)) {
    graph.nodes[node] = ['global', path];
    return;
  }
  if (types.isProxy(fn)) graph.fail('a Proxy of a function cannot be copied');
  const noship = safeGet(fn, NOSHIP);
  if (noship !== undefined && noship !== null && noship !== false) graph.fail(String(noship));
  const own = graph.inlineRoots.has(fn) ? null : ownExportOf(fn);
  if (own !== null) {
    graph.nodes[node] = ['module', graph.module('', own.specifier), own.exportName];
    return;
  }
  const { reading, source } = graph.locate(fn);
  addScopeRealm(reading);
  if (reading.bound !== null) {
    encodeBound(graph, reading.bound, node);
    return;
  }
  if (source === null || source.script.isOfNode) {
    encodeNative(graph, fn, source, node);
    return;
  }
  const isRoot = graph.inlineRoots.has(fn);
  if (!isRoot && encodeImported(graph, fn, source, node)) return;
  const encode = (): void => encodeText(graph, fn, source, reading, node);
  if (isRoot) encode();
  else graph.within(() => `function ${fn.name || '(anonymous)'} (${source.where})`, encode);
}

const NATIVE = /\{\s*\[native code\]\s*\}$/;

/** False for functions that the user put on a standard object (`Math.sum = …`): executors do not have those. */
function isOfPlatform(graph: Graph, fn: AnyFunction): boolean {
  if (NATIVE.test(Function.prototype.toString.call(fn))) return true;
  const { reading, source } = graph.locate(fn);
  return reading.blind || source === null || source.script.isOfNode;
}

/** Functions of a vm context bring the globals of that context with them. */
function addScopeRealm(reading: FunctionReading): void {
  const outermost = reading.scopes.at(-1);
  if (outermost?.description === 'Global' && outermost.object !== (globalThis as unknown)) addRealm(outermost.object);
}

function encodeBound(graph: Graph, bound: NonNullable<FunctionReading['bound']>, node: number): void {
  graph.within('(bound)', () => {
    // `object.method.bind(object)`: the method comes from the class of the object, so that `super` works in it.
    const home = homeOf(bound.self, bound.target);
    const target =
      home === null
        ? graph.ref(bound.target, null)
        : graph.add(['get', encodeUserPrototype(graph, home.prototype), home.key]);
    const self = graph.ref(bound.self, '[this]');
    const args = bound.args.map((arg, i) => graph.ref(arg, `[argument ${i}]`));
    graph.nodes[node] = ['bound', target, self, args];
  });
}

function homeOf(self: unknown, method: unknown): { readonly prototype: object; readonly key: string } | null {
  if (typeof self !== 'object' || self === null) return null;
  let prototype = Object.getPrototypeOf(self) as object | null;
  for (; prototype !== null && prototype !== Object.prototype; prototype = Object.getPrototypeOf(prototype)) {
    const ctor: unknown = Object.getOwnPropertyDescriptor(prototype, 'constructor')?.value;
    if (typeof ctor !== 'function' || ctor.prototype !== prototype) continue;
    for (const key of Object.getOwnPropertyNames(prototype))
      if (key !== 'constructor' && Object.getOwnPropertyDescriptor(prototype, key)?.value === method)
        return { prototype, key };
  }
  return null;
}

function encodeNative(graph: Graph, fn: AnyFunction, source: FunctionSource | null, node: number): void {
  const builtin = builtinOf(fn);
  if (builtin !== undefined) {
    graph.nodes[node] = ['module', graph.module('', builtin.module), builtin.exportName];
    return;
  }
  if (fn.name === 'require' && typeof safeGet(fn, 'resolve') === 'function') {
    graph.nodes[node] = ['require', graph.scriptUrl];
    return;
  }
  const path = lazyGlobalPathOf(fn);
  if (path !== undefined) {
    graph.nodes[node] = ['global', path];
    return;
  }
  const name = fn.name || '(anonymous)';
  if (source !== null) graph.fail(`the function ${name} is internal to Node.js (${source.script.url})`);
  graph.fail(`the native function ${name} has no source text and is not a known global`);
}

/** A function that another module exports is imported by executors, if they may import that module. */
function encodeImported(graph: Graph, fn: AnyFunction, source: FunctionSource, node: number): boolean {
  const { url } = source.script;
  if (!url.startsWith('file:') || isJobScript(url) || !graph.mayImport(url)) return false;
  // A script that captures its own export keeps its own copy, as do the functions around it.
  if (url === graph.scriptUrl && !isLibrary(url)) return false;
  const found = exportOf(fn, source);
  if (found === null) return false;
  graph.nodes[node] = ['module', graph.module(url, found.specifier, null, found.commonJs), found.exportName];
  return true;
}

/** Fails for text that means something else, or nothing, outside of the place where it stands. */
function textOf(graph: Graph, fn: AnyFunction, source: FunctionSource): FunctionAnalysis {
  const { analysis } = source;
  if (analysis === null)
    graph.fail(`cannot parse the source text of function ${fn.name}: ${source.parseFailure?.message}`);
  const foreign = analysis === PRIVATE_METHOD ? '#method' : analysis.foreignPrivateNames[0];
  if (analysis === PRIVATE_METHOD || foreign !== undefined)
    graph.fail(
      `uses the private name ${foreign} of the class around it; the text of the function alone is not valid outside the class`,
    );
  if (analysis.outerThis >= 0) {
    const members = [...analysis.thisMembers].join(', ');
    graph.fail(
      `uses \`this\` of the function around it (${source.placeOf(analysis.outerThis)}); V8 does not show a captured \`this\``,
      members === ''
        ? 'assign it before: const self = this'
        : `copy what it needs before: const { ${members} } = this – or ship the whole object: const self = this`,
    );
  }
  if (analysis.outerSuper >= 0 || (analysis.form === 'method' && analysis.usesSuper))
    graph.fail('uses `super` and is not shipped as a part of its class');
  if (analysis.outerNewTarget >= 0) graph.fail('uses new.target of the function around it');
  if (analysis.directEval >= 0)
    graph.fail(
      `calls eval() directly (${source.placeOf(analysis.directEval)}); what it captures cannot be known`,
      'use (0, eval)(…) or new Function',
    );
  if (analysis.withStatement >= 0) graph.fail('uses a with statement');
  return analysis;
}

function encodeText(
  graph: Graph,
  fn: AnyFunction,
  source: FunctionSource,
  reading: FunctionReading,
  node: number,
): void {
  const analysis = textOf(graph, fn, source);
  const scriptUrlBefore = graph.scriptUrl;
  graph.scriptUrl = source.script.url;
  const names = encodeCaptures(graph, fn, source, analysis, readScopes(fn, reading));
  if (analysis.class !== null) encodeClassParts(graph, fn, analysis.class, names);
  const name = nameOf(fn, analysis);
  const code = graph.code(`${codeKey(source, names)}:${name}`, () => ({
    text: applyReplacements(source.text, [...analysis.replacements, ...names.replacements]),
    params: names.params,
    strict: source.strict,
    url: source.script.url,
    line: source.line,
    column: source.column,
    form: analysis.form,
    prefix: analysis.prefix,
    suffix: analysis.suffix,
    dynamicImport: analysis.dynamicImport,
    name,
    self: names.self,
    early: names.early,
    assigns: [...analysis.free.values()].some((free) => free.write),
  }));
  const parts = encodeOwnParts(graph, fn, analysis);
  const classId = analysis.form === 'class' ? identityOf(fn) : null;
  graph.nodes[node] = ['function', code, names.env, parts.own, parts.prototype, classId];
  graph.scriptUrl = scriptUrlBefore;
}

/** The name to restore: bundlers set it after the fact. Empty when the class has a static `name` of its own. */
function nameOf(fn: AnyFunction, analysis: FunctionAnalysis): string {
  if (analysis.class?.staticFields.has('name') || analysis.class?.staticMethods.has('name')) return '';
  const name: unknown = fn.name;
  return typeof name === 'string' ? name : '';
}

function codeKey(source: FunctionSource, names: CapturedNames): string {
  const { scriptId, line, column, text } = source;
  return `${scriptId}:${line}:${column}:${names.params.join()}:${names.self}:${names.replacements.length}:${text.length}`;
}

/** `ship()` wins over what the runtime shows. */
function readScopes(fn: AnyFunction, reading: FunctionReading): Pick<FunctionReading, 'scopes' | 'blind'> {
  const explicit = explicitCaptures(fn);
  if (explicit === undefined) return reading;
  const scopes: readonly ScopeReading[] = [
    { description: 'Closure (ship)', object: explicit },
    { description: 'Global', object: globalThis as unknown as Record<string, unknown> },
  ];
  return { scopes, blind: true };
}
