import type { AnyNode, Class, Function as FunctionLike } from 'acorn';
import { loadParser, PARSE_OPTIONS } from './parser.ts';
import { type ClassPlan, type Replacement, type ScopeFindings, ScopeWalker } from './scope-analysis.ts';
import type { CodeForm } from './wire.ts';

export interface ComputedKey {
  /** The parameter that stands for the key in the shipped text. */
  readonly name: string;
  readonly static: boolean;
  /** Text of the method as V8 gives it, by which the key is found on the class. */
  readonly text: string;
}

export interface ClassAnalysis {
  readonly extends: boolean;
  readonly methods: ReadonlySet<string>;
  readonly staticMethods: ReadonlySet<string>;
  readonly staticFields: ReadonlyMap<string, { readonly isFunction: boolean }>;
  readonly computedKeys: readonly ComputedKey[];
  readonly privateMembers: readonly string[];
}

export interface FunctionAnalysis extends ScopeFindings {
  readonly form: CodeForm;
  readonly prefix: string;
  readonly suffix: string;
  /** Name inside the text, with its offset: `function name() {}`. */
  readonly selfName: string | null;
  readonly selfAt: number;
  readonly class: ClassAnalysis | null;
  /** True when the function has a 'use strict' of its own. */
  readonly ownStrict: boolean;
}

/** The text of a private method, `#name() {}`, cannot stand anywhere outside of its class. */
export const PRIVATE_METHOD = 'private method';

interface Parsed {
  readonly node: AnyNode & (FunctionLike | Class);
  readonly form: CodeForm;
  readonly prefix: string;
  readonly suffix: string;
  readonly computedKey: { readonly start: number; readonly end: number } | null;
}

/** Parses the text of a function as V8 gives it: an expression, or a method that only an object literal can hold. */
function parseFunction(source: string): Parsed | typeof PRIVATE_METHOD {
  const { parseExpressionAt } = loadParser();
  let failure: unknown;
  try {
    const node = parseExpressionAt(`(${source})`, 0, PARSE_OPTIONS) as AnyNode;
    const whole = { node, prefix: '(', suffix: ')', computedKey: null };
    if (node.end === source.length + 1) {
      if (node.type === 'FunctionExpression') return { ...whole, node, form: 'function' };
      if (node.type === 'ArrowFunctionExpression') return { ...whole, node, form: 'arrow' };
      if (node.type === 'ClassExpression') return { ...whole, node, form: 'class' };
    }
  } catch (error) {
    failure = error;
  }
  try {
    const node = parseExpressionAt(`({${source}})`, 0, PARSE_OPTIONS);
    const property = node.type === 'ObjectExpression' && node.properties.length === 1 ? node.properties[0] : undefined;
    if (property?.type === 'Property' && (property.method || property.kind !== 'init'))
      return {
        node: property.value as AnyNode & FunctionLike, // the value of a method or accessor is a function
        form: 'method',
        prefix: '({',
        suffix: '})',
        computedKey: property.computed ? property.key : null,
      };
  } catch {
    // The first failure says more about the text.
  }
  if (/^(async\s*)?\*?\s*(get |set )?#/.test(source)) return PRIVATE_METHOD;
  throw failure ?? new SyntaxError('not a function');
}

/**
 * Analyses the text of one function or class.
 *
 * @param strict whether the script around it is strict.
 * @throws SyntaxError when the text is not one function.
 */
export function analyze(source: string, strict: boolean): FunctionAnalysis | typeof PRIVATE_METHOD {
  const parsed = parseFunction(source);
  if (parsed === PRIVATE_METHOD) return PRIVATE_METHOD;
  const { node, form, prefix, suffix } = parsed;
  const offset = prefix.length;
  const replacements: Replacement[] = [];
  let classAnalysis: ClassAnalysis | null = null;
  let walker: ScopeWalker;
  let ownStrict = false;
  if ('superClass' in node) {
    const planned = planClass(node, source, offset, replacements);
    classAnalysis = planned.analysis;
    walker = new ScopeWalker(offset, strict, planned.plan);
    walker.walkRootClass(node);
  } else {
    const fn = node as FunctionLike; // parseFunction gives functions and classes only
    if (parsed.computedKey !== null) {
      const { start, end } = parsed.computedKey;
      replacements.push({ start: start - offset - 1, end: end - offset + 1, text: 'computed' }); // the brackets as well
    }
    ownStrict = fn.body.type === 'BlockStatement' && hasUseStrict(fn.body.body);
    walker = new ScopeWalker(offset, strict || ownStrict, null);
    walker.walkRootFunction(fn);
  }
  walker.findings.replacements.push(...replacements);
  const id = 'id' in node ? node.id : null;
  return {
    ...walker.findings,
    form,
    prefix,
    suffix,
    selfName: id?.name ?? null,
    selfAt: id ? id.start - offset : -1,
    class: classAnalysis,
    ownStrict,
  };
}

function hasUseStrict(body: readonly AnyNode[]): boolean {
  for (const statement of body) {
    if (statement.type !== 'ExpressionStatement' || statement.directive === undefined) return false;
    if (statement.directive === 'use strict') return true;
  }
  return false;
}

/**
 * Decides what of a class is shipped as text and what as values.
 *
 * Static initialisers and static blocks are blanked, as their results are copied and must not be computed a second
 * time; only private statics are made anew, since nobody outside can read them. Computed method keys become parameters.
 */
function planClass(
  node: AnyNode & Class,
  source: string,
  offset: number,
  replacements: Replacement[],
): { plan: ClassPlan; analysis: ClassAnalysis } {
  const blanked = new Set<AnyNode>();
  const keyNames = new Map<AnyNode, string>();
  const methods = new Set<string>();
  const staticMethods = new Set<string>();
  const staticFields = new Map<string, { isFunction: boolean }>();
  const computedKeys: ComputedKey[] = [];
  const privateMembers: string[] = [];
  let privateStatics = false;
  const replace = (range: { start: number; end: number }, text: string): void => {
    replacements.push({ start: range.start - offset, end: range.end - offset, text });
  };

  for (const member of node.body.body) {
    if (member.type === 'StaticBlock') continue;
    const { key } = member;
    if (key.type === 'PrivateIdentifier') {
      if (member.static) privateStatics = true;
      else privateMembers.push(`#${key.name}`);
      continue;
    }
    const name = member.computed
      ? null
      : key.type === 'Identifier'
        ? key.name
        : String('value' in key ? key.value : '');
    if (member.type === 'MethodDefinition') {
      if (name !== null) (member.static ? staticMethods : methods).add(name);
      else {
        const parameter = `__iskra_key${computedKeys.length}`;
        const text = source.slice(member.start - offset, member.end - offset).replace(/^static\s+/, '');
        computedKeys.push({ name: parameter, static: member.static, text });
        keyNames.set(member, parameter);
        replace(key, parameter);
      }
    } else if (member.static && name !== null && member.value) {
      const isFunction = /^(ArrowFunction|Function|Class)Expression$/.test(member.value.type);
      staticFields.set(name, { isFunction });
      if (!isFunction) {
        blanked.add(member);
        replace(member.value, 'undefined');
      }
    }
  }
  if (!privateStatics)
    for (const member of node.body.body)
      if (member.type === 'StaticBlock') {
        blanked.add(member);
        replace(member, 'static{}');
      }
  return {
    plan: { root: node, blanked, keyNames },
    analysis: {
      extends: Boolean(node.superClass),
      methods,
      staticMethods,
      staticFields,
      computedKeys,
      privateMembers,
    },
  };
}

/** Writes the replacements into the text. The number of lines stays, so the lines after keep their numbers. */
export function applyReplacements(source: string, replacements: readonly Replacement[]): string {
  if (replacements.length === 0) return source;
  let out = '';
  let at = 0;
  for (const { start, end, text } of replacements.toSorted((a, b) => a.start - b.start)) {
    const lines = source.slice(start, end).split('\n').length - 1;
    out += source.slice(at, start) + text + '\n'.repeat(lines);
    at = end;
  }
  return out + source.slice(at);
}
