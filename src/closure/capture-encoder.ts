import { isBuiltin } from 'node:module';
import { types } from 'node:util';
import type { FunctionAnalysis } from './analyze.ts';
import type { AnyFunction } from './any-function.ts';
import type { FunctionSource } from './function-source.ts';
import type { Graph } from './graph.ts';
import { safeGet } from './hooks.ts';
import type { FunctionReading } from './inspector-reader.ts';
import { builtinOf, isStandardGlobal } from './known-values.ts';
import { type ImportBinding, nameContext } from './module-info.ts';
import { isJobScript, isTypeScript } from './module-refs.ts';
import { ARGUMENTS_NAME, type FreeName, META_NAME, type Replacement } from './scope-analysis.ts';
import { DEFAULT_PROTO } from './wire.ts';

/** The captured names of a function, which become the parameters of its factory, and their nodes. */
export interface CapturedNames {
  readonly params: string[];
  readonly env: number[];
  /** Indexes of the params needed while a class is defined. */
  readonly early: number[];
  /** The captured name that holds the function itself. */
  self: string | null;
  readonly replacements: Replacement[];
}

type Scopes = Pick<FunctionReading, 'scopes' | 'blind'>;

interface Found {
  readonly owner: Readonly<Record<string, unknown>>;
  readonly scope: string;
  /** Counted from the global scope, which is the same for all functions that share the scope. */
  readonly height: number;
}

/** Finds the innermost scope with the name; `standard` for a global that executors have as well. */
function find(scopes: FunctionReading['scopes'], name: string): Found | 'standard' | null {
  for (const [i, { description, object }] of scopes.entries()) {
    if (typeof object !== 'object' && typeof object !== 'function') continue;
    if (!(name in object)) continue;
    if (description === 'Global' && isStandardGlobal(name)) return 'standard';
    return { owner: object, scope: description, height: scopes.length - i };
  }
  return null;
}

export function encodeCaptures(
  graph: Graph,
  fn: AnyFunction,
  source: FunctionSource,
  analysis: FunctionAnalysis,
  { scopes, blind }: Scopes,
): CapturedNames {
  const names: CapturedNames = { params: [], env: [], early: [], self: null, replacements: [] };
  for (const [name, use] of analysis.free) {
    const found = find(scopes, name);
    if (name === analysis.selfName && isOwnName(fn, source, name, found, use)) continue;
    if (found === null && !use.typeofOnly) refuseInvisible(graph, source, name, use, blind);
    if (found === null || found === 'standard') continue;
    if (name === '__vite_ssr_import_meta__') {
      names.params.push(name); // what vite makes of import.meta
      names.env.push(graph.add(['meta', source.script.url]));
      continue;
    }
    graph.within(`captures \`${name}\``, () => {
      const value = readVariable(graph, found, name);
      // `const fact = n => … fact(n - 1)`: the factory gives the function this very name.
      if (value === fn && !use.write && analysis.form !== 'method' && names.self === null) {
        names.self = name;
        return;
      }
      if (name === analysis.selfName)
        // A declaration whose variable was assigned since: the text must not see its own name.
        names.replacements.push({
          start: analysis.selfAt,
          end: analysis.selfAt + name.length,
          text: `__iskra_self_${name}`,
        });
      if (use.write)
        graph.assignments.push(
          `${source.placeOf(use.writeAt)}: assigns the captured variable \`${name}\`; only the executor's copy changes. Use an accumulator or an aggregation.`,
        );
      graph.variables.push({
        key: `${source.scriptId}:${name}:${found.scope}:${found.height}`,
        name,
        value,
        assigned: use.write,
        functionName: fn.name || '(anonymous)',
        literal: source,
      });
      if (use.early) names.early.push(names.params.length);
      names.params.push(name);
      names.env.push(encodeVariable(graph, name, value, use, found, source));
    });
  }
  if (analysis.outerArguments >= 0) {
    const found = find(scopes, 'arguments');
    if (found === null || found === 'standard') graph.fail('uses `arguments` of the function around it');
    names.params.push(ARGUMENTS_NAME);
    names.env.push(graph.ref(Array.from(found.owner['arguments'] as ArrayLike<unknown>), '`arguments`'));
  }
  if (analysis.importMeta) {
    names.params.push(META_NAME);
    names.env.push(graph.add(['meta', source.script.url]));
  }
  return names;
}

function readVariable(graph: Graph, found: Found, name: string): unknown {
  try {
    return found.owner[name];
  } catch {
    return graph.fail(`\`${name}\` is used before its declaration ran (temporal dead zone)`);
  }
}

/**
 * Whether the own name of a function, used inside of it, is the function itself. Of a function expression it always
 * is; of a declaration it is the variable around, which may hold something else by now.
 */
function isOwnName(
  fn: AnyFunction,
  source: FunctionSource,
  name: string,
  found: ReturnType<typeof find>,
  use: FreeName,
) {
  if (found === null || found === 'standard') return true;
  let value: unknown;
  try {
    value = found.owner[name];
  } catch {
    return true;
  }
  if (value === fn && !use.write) return true;
  const { script, start } = source;
  return start < 0 || !nameContext(script.source, script.isModule, start, name).isDeclaration;
}

/** A name that is neither captured nor global: V8 keeps no trace of a few kinds. Others fail when run, as they would here. */
function refuseInvisible(graph: Graph, source: FunctionSource, name: string, use: FreeName, blind: boolean): void {
  if (use.early)
    graph.fail(
      `\`${name}\` is used where the class is defined (computed key, private static initialiser) and V8 keeps no trace of it`,
      'use it in a method, or move it to the top level of the module',
    );
  if (blind) graph.fail(`uses \`${name}\`, which this runtime cannot read`, `name it: ship(fn, { ${name} })`);
  const { script, start } = source;
  if (start >= 0 && nameContext(script.source, script.isModule, start, name).isEnclosingExpression)
    graph.fail(
      `\`${name}\` is the name of the function expression around it; V8 does not show it to the inspector`,
      `assign it to a const first: const ${name} = function …`,
    );
}

function encodeVariable(
  graph: Graph,
  name: string,
  value: unknown,
  use: FreeName,
  found: Found,
  source: FunctionSource,
): number {
  const binding = found.scope === 'Module' ? source.script.moduleInfo.imports.get(name) : undefined;
  // Whatever it is here: `threadId`, `parentPort`, `env` are of the thread or process that looks at them.
  if (binding !== undefined && isBuiltin(binding.specifier))
    return graph.add(['module', graph.module('', binding.specifier), binding.name]);
  if ((typeof value !== 'object' && typeof value !== 'function') || value === null) return graph.ref(value, null);
  if (binding !== undefined && isCode(graph, value)) {
    const node = encodeImportBinding(graph, binding, value, source);
    if (node !== null) return node;
  }
  if (use.members !== null && isNamespaceLike(value) && builtinOf(value) === undefined) {
    // `import * as x`, bundlers' `import_util.f`: only the members in use travel.
    const properties: unknown[] = [];
    for (const member of use.members)
      properties.push(member, 0, graph.ref((value as Record<string, unknown>)[member], `.${member}`));
    return graph.add(['object', 'object', DEFAULT_PROTO, undefined, properties]);
  }
  return graph.ref(value, null);
}

/** Imported functions, classes and live objects are imported again; imported constants and tables are copied. */
function isCode(graph: Graph, value: object): boolean {
  return typeof value === 'function' || types.isModuleNamespaceObject(value) || !graph.plain.isPlain(value);
}

function isNamespaceLike(value: object): boolean {
  return (
    types.isModuleNamespaceObject(value) ||
    (typeof value === 'object' &&
      (safeGet(value, '__esModule') === true || safeGet(value, Symbol.toStringTag) === 'Module'))
  );
}

/** Gives a node that imports the value on the executor as the capturing module did; null when that must not happen. */
function encodeImportBinding(
  graph: Graph,
  binding: ImportBinding,
  value: object,
  source: FunctionSource,
): number | null {
  const { specifier, name, attributes } = binding;
  const { url } = source.script;
  if (!url.startsWith('file:')) return null;
  const isPath = /^[./]/.test(specifier);
  let target = isPath ? new URL(specifier, url).href : specifier;
  if (isPath) {
    // A loader may have found util.ts for './util.js'.
    const actual = scriptOfAny(graph, value, name);
    if (actual !== null && isTypeScript(actual)) target = actual;
    else if (isTypeScript(url)) target = target.replace(/\.([cm]?)js$/, '.$1ts');
  }
  if (isJobScript(target) || !graph.mayImport(target)) return null;
  return graph.add(['module', graph.module(url, specifier, attributes), name]);
}

/** URL of the script that a function, or some function of a namespace, comes from. */
function scriptOfAny(graph: Graph, value: object, name: string): string | null {
  const members = name === '*' ? Object.values(value) : [value];
  const fn: unknown = members.find((member) => typeof member === 'function');
  if (typeof fn !== 'function' || types.isProxy(fn)) return null;
  const url = graph.locate(fn).source?.script.url;
  return url?.startsWith('file:') ? url : null;
}

/** Two shipped functions would each get a variable of their own: wrong as soon as one of them assigns it. */
export function refuseSharedAssignments(graph: Graph): void {
  const byKey = new Map<string, typeof graph.variables>();
  for (const variable of graph.variables) {
    const list = byKey.get(variable.key);
    if (list === undefined) byKey.set(variable.key, [variable]);
    else list.push(variable);
  }
  for (const list of byKey.values()) {
    const writer = list.find((variable) => variable.assigned);
    if (writer === undefined) continue;
    // Closures of one literal, and variables of different values, belong to different calls of the function around.
    const sharing = list.filter((v) => v.literal !== writer.literal && Object.is(v.value, writer.value));
    if (sharing.length === 0) continue;
    graph.step = null;
    graph.fail(
      `the functions ${[writer, ...sharing].map((v) => v.functionName).join(', ')} share the variable \`${writer.name}\`, and ${writer.functionName} assigns it; each shipped function has its own copy of its variables`,
      'keep the shared state in an object (const state = { … }) or a class',
    );
  }
}
