import type { AnyNode, Expression, VariableDeclarator } from 'acorn';
import { parseScript } from './parser.ts';

export interface ImportBinding {
  readonly specifier: string;
  /** Name of the export, `default`, or `*` for the namespace. */
  readonly name: string;
  readonly attributes: Readonly<Record<string, string>> | null;
}

/** What an ES module imports and exports, as V8 sees it (after any TypeScript transform). */
export interface ModuleInfo {
  /** By local name. */
  readonly imports: ReadonlyMap<string, ImportBinding>;
  /** Export name of each exported function or class, by the offset where its text starts. */
  readonly exports: ReadonlyMap<number, string>;
}

export const NO_MODULE_INFO: ModuleInfo = { imports: new Map(), exports: new Map() };

const text = (node: { readonly name?: string; readonly value?: unknown }): string => node.name ?? String(node.value);

export function readModuleInfo(source: string): ModuleInfo {
  const imports = new Map<string, ImportBinding>();
  const exports = new Map<number, string>();
  /** Where the function or class of a top-level name starts. */
  const starts = new Map<string, number>();
  const exportsOfLocal = new Map<string, string[]>();
  const exportLocal = (local: string, exported: string): void => {
    const names = exportsOfLocal.get(local);
    if (names === undefined) exportsOfLocal.set(local, [exported]);
    else names.push(exported);
  };
  const declare = (node: AnyNode): void => {
    if (node.type === 'VariableDeclaration')
      for (const { id, init } of node.declarations) {
        if (id.type === 'Identifier' && init) starts.set(id.name, unwrapName(init).start);
      }
    else if (node.type === 'FunctionDeclaration' || node.type === 'ClassDeclaration')
      if (node.id) starts.set(node.id.name, node.start);
  };

  for (const node of parseScript(source, true).body)
    switch (node.type) {
      case 'ImportDeclaration': {
        const attributes =
          node.attributes.length === 0
            ? null
            : Object.fromEntries(node.attributes.map((a) => [text(a.key), String(a.value.value)]));
        for (const one of node.specifiers) {
          const name =
            one.type === 'ImportNamespaceSpecifier'
              ? '*'
              : one.type === 'ImportDefaultSpecifier'
                ? 'default'
                : text(one.imported as { name?: string });
          imports.set(one.local.name, { specifier: String(node.source.value), name, attributes });
        }
        break;
      }
      case 'ExportNamedDeclaration':
        if (node.declaration) {
          declare(node.declaration);
          const declared: readonly Pick<VariableDeclarator, 'id'>[] =
            node.declaration.type === 'VariableDeclaration' ? node.declaration.declarations : [node.declaration];
          for (const { id } of declared) if (id.type === 'Identifier') exportLocal(id.name, id.name);
        } else if (!node.source)
          for (const one of node.specifiers)
            exportLocal(text(one.local as { name?: string }), text(one.exported as { name?: string }));
        break;
      case 'ExportDefaultDeclaration': {
        const value = node.declaration;
        if (value.type === 'Identifier') exportLocal(value.name, 'default');
        else exports.set(value.start, 'default');
        break;
      }
      default:
        declare(node);
    }
  for (const [local, names] of exportsOfLocal) {
    const start = starts.get(local);
    const name = names.find((n) => n !== 'default') ?? names[0];
    if (start !== undefined && name !== undefined) exports.set(start, name);
  }
  return { imports, exports };
}

/** Bundlers that keep names write `const f = __name((x) => …, 'f')`. */
function unwrapName(init: Expression): Expression {
  if (init.type !== 'CallExpression' || init.callee.type !== 'Identifier' || init.callee.name !== '__name') return init;
  const first = init.arguments[0];
  return first !== undefined && first.type !== 'SpreadElement' ? first : init;
}

/** What the script says about the name of a function that starts at `start`: only asked where V8 keeps no trace. */
export interface NameContext {
  /** True when a function *declaration* stands there, so its name is a variable of the scope around. */
  readonly isDeclaration: boolean;
  /** True when `name` is the own name of a function expression around it. */
  readonly isEnclosingExpression: boolean;
}

export function nameContext(source: string, isModule: boolean, start: number, name: string): NameContext {
  let isDeclaration = false;
  let isEnclosingExpression = false;
  const visit = (node: AnyNode): void => {
    if (node.start > start || node.end < start) return;
    if (node.type === 'FunctionDeclaration' && node.start === start) isDeclaration = true;
    if (node.type === 'FunctionExpression' && node.id?.name === name && node.start < start)
      isEnclosingExpression = true;
    for (const value of Object.values(node))
      for (const child of Array.isArray(value) ? value : [value])
        if (typeof child?.type === 'string') visit(child as AnyNode); // only nodes have a `type`
  };
  try {
    visit(parseScript(source, isModule));
  } catch {
    // A script that our parser does not know: nothing is known about the name.
  }
  return { isDeclaration, isEnclosingExpression };
}
