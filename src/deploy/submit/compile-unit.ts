import { dirname, extname } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Loader, Message, TransformFailure } from 'esbuild';
import { IskraError } from '../../base/errors.ts';

/** An import in compiled code. `start` and `end` are the positions of what is replaced. */
export interface UnitImport {
  /** `computed`: `import(expression)`; positions are the expression's. The others: positions of the quoted text. */
  readonly kind: 'static' | 'dynamic' | 'require' | 'resolve' | 'require.resolve' | 'computed';
  readonly start: number;
  readonly end: number;
  readonly specifier: string;
  /** It says itself what kind of module it wants: `with { type: 'json' }`. */
  readonly hasAttributes: boolean;
}

/** One source file, compiled, its imports still as they were written. */
export interface CompiledUnit {
  readonly code: string;
  readonly imports: readonly UnitImport[];
}

export interface UnitSource {
  readonly path: string;
  readonly source: string;
  readonly format: 'esm' | 'cjs';
  readonly isMain: boolean;
  readonly compilerOptions: Readonly<Record<string, unknown>>;
}

/** What a file says of itself is replaced by what holds for its source: programs read data that lies beside them. */
export function placeOf(path: string, isMain: boolean): Record<string, string> {
  const file = JSON.stringify(path);
  const folder = JSON.stringify(dirname(path));
  return {
    'import.meta.url': JSON.stringify(pathToFileURL(path).href),
    'import.meta.filename': file,
    'import.meta.dirname': folder,
    'import.meta.main': String(isMain),
    __filename: file,
    __dirname: folder,
  };
}

const LOADERS: Readonly<Record<string, Loader>> = {
  '.tsx': 'tsx',
  '.jsx': 'jsx',
  '.js': 'js',
  '.mjs': 'js',
  '.cjs': 'js',
};

/**
 * Compiles one file by itself: types are removed, nothing is bundled and nothing renamed, so that the functions in it
 * still read as the user wrote them.
 *
 * @throws IskraError APPLICATION_SYNTAX with file, line, column and the line itself.
 */
export async function compileUnit(unit: UnitSource): Promise<CompiledUnit> {
  const { transform } = await import('esbuild');
  const { code, map } = await transform(unit.source, {
    loader: LOADERS[extname(unit.path)] ?? 'ts',
    format: unit.format,
    target: 'node20.19',
    sourcemap: 'external',
    sourcefile: unit.path,
    define: placeOf(unit.path, unit.isMain),
    tsconfigRaw: { compilerOptions: unit.compilerOptions },
    logLevel: 'silent',
  }).catch((failure: TransformFailure) => {
    throw syntaxError(unit.path, failure);
  });
  const place = { ...(JSON.parse(map) as object), sources: [pathToFileURL(unit.path).href] };
  const inline = Buffer.from(JSON.stringify(place)).toString('base64');
  return {
    code: `${code}//# sourceMappingURL=data:application/json;base64,${inline}\n`,
    imports: await importsOf(code, unit.format),
  };
}

/** Ends the compiler's process, which would otherwise stay until ours ends. */
export async function stopCompiler(): Promise<void> {
  const { stop } = await import('esbuild');
  await stop();
}

function syntaxError(path: string, failure: TransformFailure): IskraError {
  const shown = (failure.errors ?? []).slice(0, 3).map((error) => showMessage(path, error));
  const message = shown.length > 0 ? shown.join('\n') : `${path}: error: ${failure.message}`;
  return new IskraError('APPLICATION_SYNTAX', message, { cause: failure, details: { path } });
}

function showMessage(path: string, { text, location }: Message): string {
  if (!location) return `${path}: error: ${text}`;
  const { line, column, length, lineText } = location;
  // Tabs stay tabs, so that the mark stands below what it marks.
  const indent = lineText.slice(0, column).replace(/[^\t]/g, ' ');
  const mark = '^'.repeat(Math.max(1, Math.min(length, lineText.length - column)));
  return `${path}:${line}:${column + 1}: error: ${text}\n    ${lineText}\n    ${indent}${mark}`;
}

/** A node of the syntax tree, as far as is looked at here. */
interface Node {
  readonly type: string;
  readonly start: number;
  readonly end: number;
  readonly [key: string]: unknown;
}

function isNode(value: unknown): value is Node {
  return typeof value === 'object' && value !== null && typeof (value as { type?: unknown }).type === 'string';
}

/** All imports in the order of their positions. */
async function importsOf(code: string, format: 'esm' | 'cjs'): Promise<UnitImport[]> {
  if (!/\b(import|export|require)\b/.test(code)) return [];
  const { parse } = await import('acorn');
  const tree: unknown = parse(code, {
    ecmaVersion: 'latest',
    sourceType: format === 'esm' ? 'module' : 'script',
    allowReturnOutsideFunction: true,
    allowHashBang: true,
  });
  const found: UnitImport[] = [];
  const open: unknown[] = [tree]; // a stack of our own: trees of long expressions are deep
  while (open.length > 0) {
    const value = open.pop();
    if (Array.isArray(value)) {
      // One by one: a list of data may have more elements than a call has room for arguments.
      for (const element of value) open.push(element);
    } else if (isNode(value)) {
      const one = importOf(value, format);
      if (one) found.push(one);
      for (const key in value) if (typeof value[key] === 'object') open.push(value[key]);
    }
  }
  return found.sort((a, b) => a.start - b.start);
}

function importOf(node: Node, format: 'esm' | 'cjs'): UnitImport | undefined {
  const from = (kind: UnitImport['kind'], place: unknown, hasAttributes: boolean): UnitImport | undefined => {
    if (!isNode(place)) return undefined;
    const text = place.type === 'Literal' && typeof place['value'] === 'string' ? place['value'] : undefined;
    if (text === undefined && kind !== 'dynamic') return undefined;
    const { start, end } = place;
    return { kind: text === undefined ? 'computed' : kind, start, end, specifier: text ?? '', hasAttributes };
  };
  switch (node.type) {
    case 'ImportDeclaration':
    case 'ExportNamedDeclaration':
    case 'ExportAllDeclaration': {
      const attributes = node['attributes'];
      return from('static', node['source'], Array.isArray(attributes) && attributes.length > 0);
    }
    case 'ImportExpression':
      return from('dynamic', node['source'], isNode(node['options']));
    case 'CallExpression': {
      const callee = node['callee'];
      const first = Array.isArray(node['arguments']) ? node['arguments'][0] : undefined;
      if (!isNode(callee)) return undefined;
      if (format === 'cjs' && callee.type === 'Identifier' && callee['name'] === 'require') {
        return from('require', first, false);
      }
      const object = callee['object'];
      const property = callee['property'];
      const isResolve = isNode(property) && property['name'] === 'resolve';
      if (!isNode(object) || !isResolve) return undefined;
      if (object.type === 'MetaProperty') return from('resolve', first, false);
      return format === 'cjs' && object['name'] === 'require' ? from('require.resolve', first, false) : undefined;
    }
    default:
      return undefined;
  }
}
