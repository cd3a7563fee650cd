import type { AnyNode, Expression, Function as FunctionLike, Pattern, SpreadElement, Super } from 'acorn';
import type { AnyFunction } from './any-function.ts';
import { explicitCaptures } from './explicit-captures.ts';
import { openReader, type ScopeReading } from './inspector-reader.ts';
import { loadParser, PARSE_OPTIONS } from './parser.ts';

/**
 * What some functions do, read from their text: those of which the engine can do the same in another way, or on fewer
 * records. What is not recognised for certain has no form, and is simply called.
 */

/** `line => line.split(' ')`, with `.toLowerCase()` or `.trim()` before it. */
export interface SplitForm {
  readonly separator: string | { readonly source: string; readonly flags: string };
  readonly lowerCase: boolean;
  readonly trim: boolean;
}

/** What a function of one string gives that depends on that string alone, changes nothing and throws nothing. */
export type PureResult = Primitive | readonly [key: Primitive, value: Primitive];
type Primitive = 'string' | 'number' | 'boolean' | 'null';

/** Methods of strings whose results depend on their arguments alone; with these arguments they never throw. */
const STRING_METHODS: Readonly<Record<string, { readonly takes: readonly Primitive[]; readonly gives: Primitive }>> = {
  toLowerCase: { takes: [], gives: 'string' },
  toUpperCase: { takes: [], gives: 'string' },
  trim: { takes: [], gives: 'string' },
  trimStart: { takes: [], gives: 'string' },
  trimEnd: { takes: [], gives: 'string' },
  charAt: { takes: ['number'], gives: 'string' },
  charCodeAt: { takes: ['number'], gives: 'number' },
  slice: { takes: ['number', 'number'], gives: 'string' },
  substring: { takes: ['number', 'number'], gives: 'string' },
  startsWith: { takes: ['string'], gives: 'boolean' },
  endsWith: { takes: ['string'], gives: 'boolean' },
  includes: { takes: ['string'], gives: 'boolean' },
  indexOf: { takes: ['string'], gives: 'number' },
  lastIndexOf: { takes: ['string'], gives: 'number' },
};

const COMPARISONS: ReadonlySet<string> = new Set(['===', '!==', '==', '!=', '<', '>', '<=', '>=']);
const ARITHMETIC: ReadonlySet<string> = new Set(['-', '*', '/', '%']);

/** The form of `line => line.split(separator)`; null when it is something else. */
export function splitFormOf(fn: AnyFunction): SplitForm | null {
  const body = bodyOf(fn, 1);
  if (body === null) return null;
  const [line] = body.parameters;
  const call = methodCall(body.result, 'split');
  const separator = call?.arguments[0];
  if (call === null || separator === undefined || call.arguments.length !== 1) return null;
  let from: AnyNode = call.object;
  let lowerCase = false;
  let trim = false;
  for (;;) {
    const lower = methodCall(from, 'toLowerCase');
    const trimmed = methodCall(from, 'trim');
    const inner = lower ?? trimmed;
    if (inner === null || inner.arguments.length > 0) break;
    if (lower !== null) lowerCase = true;
    else trim = true;
    from = inner.object;
  }
  if (from.type !== 'Identifier' || from.name !== line || separator.type !== 'Literal') return null;
  if (separator.regex)
    return { separator: { source: separator.regex.pattern, flags: separator.regex.flags }, lowerCase, trim };
  return typeof separator.value === 'string' ? { separator: separator.value, lowerCase, trim } : null;
}

/** Whether the function is `(a, b) => a + b`. */
export function isAddition(fn: AnyFunction): boolean {
  const body = bodyOf(fn, 2);
  if (body?.result.type !== 'BinaryExpression' || body.result.operator !== '+') return false;
  const { left, right } = body.result;
  const [a, b] = body.parameters;
  if (left.type !== 'Identifier' || right.type !== 'Identifier' || a === b) return false;
  return (left.name === a && right.name === b) || (left.name === b && right.name === a);
}

/** What a function gives that only looks at the value it gets, which is a `of`; null when it may do more, or is not known. */
export function pureResultOf(fn: AnyFunction, of: Primitive): PureResult | null {
  if (fn === Boolean) return 'boolean';
  const body = bodyOf(fn, 1);
  if (body === null) return null;
  const typer = new Typer(fn, body.parameters[0] as string, of); // there is one
  const { result } = body;
  if (result.type !== 'ArrayExpression') return typer.typeOf(result);
  const [key, value] = result.elements;
  if (result.elements.length !== 2 || !key || !value) return null;
  const types = [typer.typeOf(key), typer.typeOf(value)] as const;
  return types[0] === null || types[1] === null ? null : [types[0], types[1]];
}

interface Body {
  readonly parameters: readonly string[];
  readonly result: Expression;
}

/** The parameters, which are plain names, and the expression that is all of the function; null when it is not like that. */
function bodyOf(fn: AnyFunction, parameters: number): Body | null {
  let node: AnyNode;
  try {
    node = loadParser().parseExpressionAt(`(${Function.prototype.toString.call(fn)})`, 0, PARSE_OPTIONS);
  } catch {
    return null; // a method, or a function of Node itself
  }
  if (node.type !== 'ArrowFunctionExpression' && node.type !== 'FunctionExpression') return null;
  const { params, async, generator, body } = node as FunctionLike & { readonly body: AnyNode };
  if (async || generator || params.length !== parameters) return null;
  const names = params.map((parameter: Pattern) => (parameter.type === 'Identifier' ? parameter.name : null));
  if (names.includes(null)) return null;
  const result = body.type === 'BlockStatement' ? onlyReturn(body.body as readonly AnyNode[]) : body;
  return result === null ? null : { parameters: names as string[], result: result as Expression };
}

function onlyReturn(statements: readonly AnyNode[]): AnyNode | null {
  const [only] = statements;
  return statements.length === 1 && only?.type === 'ReturnStatement' ? (only.argument ?? null) : null;
}

interface MethodCall {
  readonly object: Expression | Super;
  readonly arguments: readonly (Expression | SpreadElement)[];
}

function methodCall(node: AnyNode, name: string | null): (MethodCall & { readonly name: string }) | null {
  if (node.type !== 'CallExpression' || node.optional || node.callee.type !== 'MemberExpression') return null;
  const { object, property, computed, optional } = node.callee;
  if (computed || optional || property.type !== 'Identifier') return null;
  if (name !== null && property.name !== name) return null;
  return { object, arguments: node.arguments, name: property.name };
}

/** Finds the types of expressions over one value; null for all that is not known to be pure. */
class Typer {
  readonly #fn: AnyFunction;
  readonly #parameter: string;
  readonly #of: Primitive;
  #scopes: readonly ScopeReading[] | null = null;

  constructor(fn: AnyFunction, parameter: string, of: Primitive) {
    this.#fn = fn;
    this.#parameter = parameter;
    this.#of = of;
  }

  typeOf(node: AnyNode): Primitive | null {
    switch (node.type) {
      case 'Literal':
        return primitiveOf(node.value);
      case 'Identifier':
        return node.name === this.#parameter ? this.#of : primitiveOf(this.#captured(node.name));
      case 'TemplateLiteral':
        return node.expressions.every((part) => this.typeOf(part) !== null) ? 'string' : null;
      case 'UnaryExpression': {
        const type = this.typeOf(node.argument);
        if (type === null) return null;
        if (node.operator === '!') return 'boolean';
        return (node.operator === '-' || node.operator === '+') && type === 'number' ? 'number' : null;
      }
      case 'BinaryExpression':
        return this.#binary(node.operator, this.typeOf(node.left), this.typeOf(node.right));
      case 'LogicalExpression': {
        const [left, right] = [this.typeOf(node.left), this.typeOf(node.right)];
        return left !== null && left === right ? left : null;
      }
      case 'ConditionalExpression': {
        const [then, otherwise] = [this.typeOf(node.consequent), this.typeOf(node.alternate)];
        return this.typeOf(node.test) !== null && then === otherwise ? then : null;
      }
      case 'MemberExpression':
        return !node.computed &&
          !node.optional &&
          node.property.type === 'Identifier' &&
          node.property.name === 'length' &&
          this.typeOf(node.object) === 'string'
          ? 'number'
          : null;
      case 'CallExpression':
        return this.#call(node);
      default:
        return null;
    }
  }

  #binary(operator: string, left: Primitive | null, right: Primitive | null): Primitive | null {
    if (left === null || right === null) return null;
    if (COMPARISONS.has(operator)) return 'boolean';
    if (operator === '+') return left === right && (left === 'string' || left === 'number') ? left : null;
    return ARITHMETIC.has(operator) && left === 'number' && right === 'number' ? 'number' : null;
  }

  #call(node: AnyNode): Primitive | null {
    const call = methodCall(node, null);
    if (call === null) return null;
    const { object, name } = call;
    const types = call.arguments.map((argument) => this.typeOf(argument));
    if (name === 'has' && object.type === 'Identifier' && object.name !== this.#parameter)
      return types.length === 1 && types[0] !== null && isPlainSet(this.#captured(object.name)) ? 'boolean' : null;
    // A pattern that is made anew for each call remembers nothing.
    if (name === 'test' && object.type === 'Literal' && object.regex)
      return types.length === 1 && types[0] === 'string' ? 'boolean' : null;
    const method = Object.hasOwn(STRING_METHODS, name) ? STRING_METHODS[name] : undefined;
    if (method === undefined || this.typeOf(object) !== 'string' || types.length > method.takes.length) return null;
    return types.every((type, i) => type === method.takes[i]) ? method.gives : null;
  }

  #captured(name: string): unknown {
    const explicit = explicitCaptures(this.#fn);
    if (explicit !== undefined) return Object.hasOwn(explicit, name) ? explicit[name] : undefined;
    if (this.#scopes === null) {
      const reader = openReader();
      try {
        this.#scopes = reader.read(this.#fn).scopes;
      } finally {
        reader.close();
      }
    }
    for (const { object } of this.#scopes)
      try {
        if (Object.hasOwn(object, name)) return object[name];
      } catch {
        return undefined; // not initialised yet
      }
    return undefined;
  }
}

function primitiveOf(value: unknown): Primitive | null {
  if (value === null) return 'null';
  const type = typeof value;
  return type === 'string' || type === 'number' || type === 'boolean' ? type : null;
}

/** Only reading it: functions that are recognised change nothing. */
function isPlainSet(value: unknown): boolean {
  if (typeof value !== 'object' || value === null || Object.hasOwn(value, 'has')) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Set.prototype || prototype === Map.prototype;
}
