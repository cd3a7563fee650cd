import { readFileSync, realpathSync, statSync } from 'node:fs';
import { createRequire, isBuiltin } from 'node:module';
import { basename, dirname, extname, isAbsolute, join, resolve, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import { IskraError } from '../base/errors.ts';
import { isMeta, isNode, type JoinedPath, JoinedPaths, type Node, pathOfUrl, textOf } from './joined-paths.ts';

/** Modules that are run. */
const PARSED = ['.js', '.mjs', '.cjs', '.ts', '.mts', '.cts'];

/** What the modules of an application need. */
export interface TracedModules {
  /** The application's own files, without symbolic links. */
  readonly files: ReadonlySet<string>;
  /** Those that say where they lie: paths in them are led to where they lie then. */
  readonly rebased: ReadonlySet<string>;
  /** Packages that they import: a name, and the folder of the module that asks for it. */
  readonly packages: readonly PackageImport[];
}

export interface PackageImport {
  readonly name: string;
  readonly folder: string;
  /** Who asks, for messages. */
  readonly by: string;
  /** An import that runs later may be meant to fail. */
  readonly required: boolean;
}

interface Import {
  readonly kind: 'static' | 'dynamic' | 'require';
  readonly specifier: string;
}

/**
 * Follows the imports of modules through the application's own files: `import`, `export … from`, and `import()` and `require()` of
 * a literal. Files that a module names by an absolute path or a file URL, as compiled modules name their sources, by
 * `new URL('…', import.meta.url)`, or by a path joined to `__dirname` or `import.meta.dirname`, belong to the application as well.
 * What is named by `new URL` may be modules of workers, and is followed.
 *
 * @throws IskraError PACKAGE_MODULE_MISSING for a static import that leads nowhere, PACKAGE_SYNTAX.
 */
export async function traceModules(entries: readonly string[], installation: string): Promise<TracedModules> {
  const files = new Set<string>();
  const rebased = new Set<string>();
  const packages = new Map<string, PackageImport>();
  const followed = new Set<string>();
  const open = entries.map((entry) => ({ path: realpathSync(entry), isNeeded: true }));
  const isOurs = (path: string): boolean => path.startsWith(installation + sep) && isOwnCode(path, installation);
  const add = (path: string, isNeeded: boolean): void => {
    if (!isOurs(path)) open.push({ path, isNeeded });
  };
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    const { path, isNeeded } = next;
    if (followed.has(path)) continue;
    followed.add(path);
    files.add(path);
    const scope = packageFolderOf(dirname(path));
    if (scope !== null) files.add(join(scope, 'package.json'));
    if (!PARSED.includes(extname(path)) || /\.d\.[mc]?ts$/.test(path)) continue;
    const module = await readModule(path);
    for (const literal of module.literals) {
      const named = fileNamedBy(literal, scope ?? dirname(path));
      if (named === null) continue;
      rebased.add(path);
      if (named.isFile && !isOurs(named.path)) files.add(named.path);
    }
    for (const joined of module.joined) {
      const folder = joined.folder === null ? dirname(path) : joined.folder;
      if (folder !== dirname(path) && fileNamedBy(folder, scope ?? dirname(path)) === null) continue;
      const target = join(folder, ...joined.steps);
      if (isFile(target) && !isOurs(target)) files.add(realpathSync(target));
    }
    for (const beside of module.beside) {
      const isUrl = beside.startsWith('file:');
      const target = isUrl ? pathOfUrl(beside) : resolve(dirname(path), beside);
      if (target === null || !isFile(target)) continue;
      if (isUrl) rebased.add(path);
      // The source of a compiled module is not what runs.
      if (/\.[cm]?js$/.test(target)) add(realpathSync(target), false);
      else if (!isOurs(target)) files.add(realpathSync(target));
    }
    for (const one of module.imports) {
      const target = targetOf(isNeeded ? one : { ...one, kind: one.kind === 'static' ? 'dynamic' : one.kind }, path);
      if (target.kind === 'file') {
        if (isAbsolute(one.specifier) || one.specifier.startsWith('file:')) rebased.add(path);
        add(target.path, isNeeded);
      } else if (target.kind === 'files') for (const each of target.paths) add(each, isNeeded);
      else if (target.kind === 'package') {
        const key = `${target.name}\0${dirname(path)}`;
        const required = (isNeeded && one.kind === 'static') || packages.get(key)?.required === true;
        packages.set(key, { name: target.name, folder: dirname(path), by: path, required });
      }
    }
  }
  return { files, rebased, packages: [...packages.values()] };
}

/** Iskra's own modules are on every machine. An application may well lie in its folder: the examples do. */
function isOwnCode(path: string, installation: string): boolean {
  return /^(dist|bin)[\\/]/.test(path.slice(installation.length + 1));
}

type Target =
  | { readonly kind: 'file'; readonly path: string }
  | { readonly kind: 'files'; readonly paths: readonly string[] }
  | { readonly kind: 'package'; readonly name: string }
  | { readonly kind: 'none' };

function targetOf({ kind, specifier }: Import, from: string): Target {
  if (specifier === '' || isBuiltin(specifier) || /^(node|data|https?):/.test(specifier)) return { kind: 'none' };
  if (/^\.{1,2}(\/|$)/.test(specifier) || isAbsolute(specifier) || specifier.startsWith('file:')) {
    const path = findFile(specifier, from, kind);
    if (path !== null) return { kind: 'file', path: realpathSync(path) };
    if (kind !== 'static') return { kind: 'none' }; // fails when it runs, as it would at home
    throw new IskraError('PACKAGE_MODULE_MISSING', `${from} imports '${specifier}', which is not there`, {
      details: { path: from, specifier },
    });
  }
  const scope = packageFolderOf(dirname(from));
  if (specifier.startsWith('#'))
    return { kind: 'files', paths: scope === null ? [] : mapped(scope, 'imports', specifier) };
  const name = packageNameOf(specifier);
  if (scope !== null && manifestOf(scope)['name'] === name) {
    const own = mapped(scope, 'exports', specifier === name ? '.' : `.${specifier.slice(name.length)}`);
    if (own.length > 0) return { kind: 'files', paths: own };
  }
  return { kind: 'package', name };
}

function findFile(specifier: string, from: string, kind: Import['kind']): string | null {
  if (kind === 'require') {
    try {
      return createRequire(from).resolve(specifier);
    } catch {
      return null;
    }
  }
  const bare = specifier.startsWith('file:') ? null : (/^[^?#]*/.exec(specifier)?.[0] ?? '');
  let path: string;
  try {
    path = bare === null ? fileURLToPath(new URL(specifier)) : resolve(dirname(from), decodeURIComponent(bare));
  } catch {
    return null;
  }
  return isFile(path) ? path : null;
}

export function isFile(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isFile() ?? false;
}

function packageNameOf(specifier: string): string {
  const [first = '', second = ''] = specifier.split('/');
  return first.startsWith('@') ? `${first}/${second}` : first;
}

/** The nearest folder at or above that has a `package.json`, as Node finds package scopes; null: none. */
export function packageFolderOf(folder: string): string | null {
  for (let at = folder; basename(at) !== 'node_modules'; at = dirname(at)) {
    if (isFile(join(at, 'package.json'))) return at;
    if (dirname(at) === at) break;
  }
  return null;
}

/** A package.json; what is none is empty, and Node complains of it. */
export function manifestOf(folder: string): Readonly<Record<string, unknown>> {
  try {
    const manifest: unknown = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
    return typeof manifest === 'object' && manifest !== null ? (manifest as Record<string, unknown>) : {};
  } catch {
    return {};
  }
}

/** Files that `exports` or `imports` of a package lead to under any condition. */
function mapped(folder: string, field: 'exports' | 'imports', key: string): string[] {
  const table = manifestOf(folder)[field];
  const isTable = typeof table === 'object' && table !== null && !Array.isArray(table);
  const subpaths = isTable && Object.keys(table).some((name) => name.startsWith('.') || name.startsWith('#'));
  const entries = subpaths ? Object.entries(table) : field === 'exports' ? [['.', table] as const] : [];
  const found: string[] = [];
  for (const [pattern, target] of entries) {
    const [before = '', after] = pattern.split('*');
    const fits = after === undefined ? key === pattern : key.startsWith(before) && key.endsWith(after);
    if (!fits) continue;
    const star = after === undefined ? '' : key.slice(before.length, key.length - after.length);
    for (const leaf of leavesOf(target)) {
      const path = join(folder, leaf.replaceAll('*', star));
      if (leaf.startsWith('./') && isFile(path)) found.push(realpathSync(path));
    }
  }
  return found;
}

function leavesOf(target: unknown): string[] {
  if (typeof target === 'string') return [target];
  return typeof target === 'object' && target !== null ? Object.values(target).flatMap(leavesOf) : [];
}

/** A literal that is the path, or the file URL, of something of the same package. */
function fileNamedBy(literal: string, scope: string): { path: string; isFile: boolean } | null {
  const path = literal.startsWith('file:') ? pathOfUrl(literal) : literal;
  if (path === null) return null;
  if (path !== scope && !path.startsWith(scope + sep)) return null;
  const stat = statSync(path, { throwIfNoEntry: false });
  if (stat === undefined) return null;
  return { path: stat.isFile() ? realpathSync(path) : path, isFile: stat.isFile() };
}

interface ParsedModule {
  readonly imports: readonly Import[];
  /** Absolute paths and file URLs. */
  readonly literals: readonly string[];
  /** Of `new URL('…', import.meta.url)`: relative ones, and file URLs. */
  readonly beside: readonly string[];
  /** Of `join(__dirname, 'data.txt')` and its like. */
  readonly joined: readonly JoinedPath[];
}

async function readModule(path: string): Promise<ParsedModule> {
  const code = readFileSync(path, 'utf8');
  try {
    if (!/ts$/.test(path)) {
      try {
        return walk(await parseModule(code, path));
      } catch {
        // Newer than the parser, or no module: the compiler knows.
      }
    }
    // TypeScript is run as it is by a Node that strips types.
    const { transform, stop } = await import('esbuild');
    const loader = /ts$/.test(path) ? 'ts' : 'js';
    const lowered = await transform(code, { loader, target: 'es2022', logLevel: 'silent', sourcefile: path }).finally(
      stop,
    );
    return walk(await parseModule(lowered.code, path));
  } catch (cause) {
    throw new IskraError('PACKAGE_SYNTAX', `cannot read the imports of ${path}: ${(cause as Error).message}`, {
      cause,
      details: { path },
    });
  }
}

async function parseModule(code: string, path: string): Promise<unknown> {
  const { parse } = await import('acorn');
  const common = {
    ecmaVersion: 'latest',
    allowReturnOutsideFunction: true,
    allowHashBang: true,
    allowAwaitOutsideFunction: true,
  } as const;
  try {
    return parse(code, { ...common, sourceType: 'module' });
  } catch (error) {
    if (!/\.(js|c[jt]s)$/.test(path)) throw error;
    return parse(code, { ...common, sourceType: 'script' });
  }
}

function walk(tree: unknown): ParsedModule {
  const imports: Import[] = [];
  const literals: string[] = [];
  const beside: string[] = [];
  const joins = new JoinedPaths();
  const open: unknown[] = [tree]; // a stack of our own: trees of long expressions are deep
  while (open.length > 0) {
    const value = open.pop();
    // One by one: a list of data may have more elements than a call has room for arguments.
    if (Array.isArray(value)) for (const element of value as unknown[]) open.push(element);
    if (!isNode(value)) continue;
    joins.see(value);
    const text = textOf;
    const add = (kind: Import['kind'], place: unknown): void => {
      const specifier = text(place);
      if (specifier !== null) imports.push({ kind, specifier });
    };
    const first = Array.isArray(value['arguments']) ? (value['arguments'][0] as unknown) : undefined;
    const callee = value['callee'];
    switch (value.type) {
      case 'ImportDeclaration':
      case 'ExportNamedDeclaration':
      case 'ExportAllDeclaration':
        add('static', value['source']);
        break;
      case 'ImportExpression':
        add('dynamic', value['source']);
        break;
      case 'CallExpression':
        if (isNode(callee) && (callee['name'] === 'require' || isResolve(callee))) add('require', first);
        break;
      case 'NewExpression': {
        const base: unknown = Array.isArray(value['arguments']) ? value['arguments'][1] : undefined;
        const relative = text(first);
        if (!isNode(callee) || callee['name'] !== 'URL' || relative === null || !isNode(base)) break;
        const at = text(base);
        if (at?.startsWith('file:') === true && URL.canParse(relative, at)) beside.push(new URL(relative, at).href);
        else if (isMeta(base, 'url')) beside.push(relative);
        break;
      }
      case 'Literal': {
        const literal = text(value);
        if (literal !== null && /^(\/|file:\/\/\/)/.test(literal)) literals.push(literal);
      }
    }
    for (const key in value) if (typeof value[key] === 'object') open.push(value[key]);
  }
  return { imports, literals, beside, joined: joins.found() };
}

/** `require.resolve`, `import.meta.resolve` */
function isResolve(callee: Node): boolean {
  const { object, property } = callee as Node & { object?: unknown; property?: unknown };
  return (
    isNode(object) &&
    isNode(property) &&
    property['name'] === 'resolve' &&
    (object['name'] === 'require' || object.type === 'MetaProperty')
  );
}
