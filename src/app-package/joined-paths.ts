// Which files a module means by paths that it puts together from where it lies.
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';

/** A node of the syntax tree, as far as is looked at here. */
export interface Node {
  readonly type: string;
  readonly [key: string]: unknown;
}

export function isNode(value: unknown): value is Node {
  return typeof value === 'object' && value !== null && typeof (value as { type?: unknown }).type === 'string';
}

/** Of a literal text; null: it is none. */
export function textOf(place: unknown): string | null {
  return isNode(place) && place.type === 'Literal' && typeof place['value'] === 'string' ? place['value'] : null;
}

/** `import.meta.NAME` */
export function isMeta(node: Node, name: string): boolean {
  const { object, property } = node as Node & { object?: unknown; property?: unknown };
  return isNode(object) && object.type === 'MetaProperty' && isNode(property) && property['name'] === name;
}

/** The path of a file URL; null: it is none. */
export function pathOfUrl(url: string): string | null {
  try {
    return fileURLToPath(url);
  } catch {
    return null;
  }
}

export interface JoinedPath {
  /** Null: the module's own. Compiled modules have their source's instead. */
  readonly folder: string | null;
  readonly steps: readonly string[];
}

/** How a path begins: a folder, or a variable that may have one. */
type Start = { readonly folder: string | null } | { readonly variable: string };

/**
 * `join(__dirname, 'a', 'b.txt')`, `resolve(…)`, `__dirname + '/b.txt'`, and the same in a template; for `__dirname` also
 * `import.meta.dirname`, `dirname(fileURLToPath(import.meta.url))`, or a variable that is set to one of these. Two variables of one
 * name in one module count as one: it is only about what may be needed.
 */
export class JoinedPaths {
  readonly #variables = new Map<string, Start>();
  readonly #joins: { readonly start: Start; readonly steps: readonly string[] }[] = [];

  see(node: Node): void {
    switch (node.type) {
      case 'VariableDeclarator': {
        const { id, init } = node as Node & { id?: unknown; init?: unknown };
        const start = startOf(init);
        if (isNode(id) && id.type === 'Identifier' && start !== null) this.#variables.set(String(id['name']), start);
        break;
      }
      case 'CallExpression': {
        if (!['join', 'resolve'].includes(calleeOf(node))) break;
        const [first, ...rest] = argumentsOf(node);
        this.#add(first, rest.map(textOf));
        break;
      }
      case 'BinaryExpression':
        if (node['operator'] === '+') this.#add(node['left'], [textOf(node['right'])]);
        break;
      case 'TemplateLiteral': {
        const { expressions, quasis } = node as Node & { expressions?: unknown; quasis?: unknown };
        if (!Array.isArray(expressions) || !Array.isArray(quasis) || expressions.length !== 1) break;
        const [before, after] = (quasis as { value?: { cooked?: unknown } }[]).map((one) => one.value?.cooked);
        if (before === '' && typeof after === 'string') this.#add((expressions as unknown[])[0], [after]);
      }
    }
  }

  /** To be asked when all nodes were seen. */
  found(): JoinedPath[] {
    return this.#joins.flatMap(({ start, steps }) => {
      const known = 'variable' in start ? this.#variables.get(start.variable) : start;
      return known === undefined || 'variable' in known ? [] : [{ folder: known.folder, steps }];
    });
  }

  #add(from: unknown, steps: readonly (string | null)[]): void {
    const start = startOf(from);
    const texts = steps.filter((step) => step !== null);
    if (start !== null && steps.length > 0 && texts.length === steps.length) this.#joins.push({ start, steps: texts });
  }
}

function startOf(node: unknown): Start | null {
  if (!isNode(node)) return null;
  const text = textOf(node);
  if (text !== null) return text.startsWith('/') ? { folder: text } : null;
  if (node.type === 'Identifier') {
    const variable = String(node['name']);
    return variable === '__dirname' ? { folder: null } : { variable };
  }
  if (isMeta(node, 'dirname')) return { folder: null };
  return node.type === 'CallExpression' && calleeOf(node) === 'dirname' ? folderOf(argumentsOf(node)[0]) : null;
}

/** The folder of what is named: the module itself. */
function folderOf(node: unknown): Start | null {
  if (!isNode(node)) return null;
  const text = textOf(node);
  if (text?.startsWith('/') === true) return { folder: dirname(text) };
  if (text?.startsWith('file:///') === true) {
    const path = pathOfUrl(text);
    return path === null ? null : { folder: dirname(path) };
  }
  if (node['name'] === '__filename' || isMeta(node, 'filename') || isMeta(node, 'url')) return { folder: null };
  return node.type === 'CallExpression' && calleeOf(node) === 'fileURLToPath' ? folderOf(argumentsOf(node)[0]) : null;
}

/** `f` of `f(…)` and `a.f(…)`. */
function calleeOf(node: Node): string {
  const callee = node['callee'];
  if (!isNode(callee)) return '';
  const name = callee.type === 'MemberExpression' ? callee['property'] : callee;
  return isNode(name) && typeof name['name'] === 'string' ? name['name'] : '';
}

function argumentsOf(node: Node): readonly unknown[] {
  return Array.isArray(node['arguments']) ? (node['arguments'] as unknown[]) : [];
}
