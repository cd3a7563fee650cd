import { readFileSync, realpathSync, statSync } from 'node:fs';
import { basename, dirname, extname, isAbsolute, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Tsconfig } from './tsconfig.ts';

/** For a specifier that names the output, the sources it may mean; TypeScript looks for them in this order. */
const SOURCES_OF: Readonly<Record<string, readonly string[]>> = {
  '.js': ['.ts', '.tsx', '.js', '.jsx'],
  '.jsx': ['.tsx', '.jsx'],
  '.mjs': ['.mts', '.mjs'],
  '.cjs': ['.cts', '.cjs'],
};
const EXTENSIONS = ['.ts', '.tsx', '.mts', '.cts', '.js', '.mjs', '.cjs', '.jsx', '.json'];

/** Where an import leads. */
export type Resolution =
  | { readonly kind: 'file'; readonly path: string /** `?query` and `#hash`, kept. */; readonly suffix: string }
  /** Left to Node: packages, `node:`, `data:`. */
  | { readonly kind: 'bare' }
  | { readonly kind: 'missing'; readonly tried: string };

/** Resolves an import of an application's file as TypeScript does, packages excepted. */
export function resolveImport(specifier: string, from: string, tsconfig: Tsconfig): Resolution {
  if (/^(\.{1,2}(\/|$)|file:)/.test(specifier) || isAbsolute(specifier)) {
    const [, name = specifier, suffix = ''] = /^([^?#]*)([?#].*)?$/.exec(specifier) ?? [];
    const target = name.startsWith('file:') ? fileURLToPath(name) : resolve(dirname(from), decode(name));
    const path = findSource(target, /\/$|(^|\/)\.{1,2}$/.test(name));
    return path === undefined ? { kind: 'missing', tried: target } : { kind: 'file', path, suffix };
  }
  for (const { pattern, targets } of tsconfig.paths) {
    const star = starOf(pattern, specifier);
    if (star === undefined) continue;
    for (const target of targets) {
      const path = findSource(
        target.replace('*', () => star),
        false,
      );
      if (path !== undefined) return { kind: 'file', path, suffix: '' };
    }
  }
  return { kind: 'bare' };
}

/** What the `*` of the pattern stands for, `''` for an exact match. */
function starOf(pattern: string, specifier: string): string | undefined {
  const at = pattern.indexOf('*');
  if (at < 0) return pattern === specifier ? '' : undefined;
  const before = pattern.slice(0, at);
  const after = pattern.slice(at + 1);
  if (specifier.length < before.length + after.length) return undefined;
  if (!specifier.startsWith(before) || !specifier.endsWith(after)) return undefined;
  return specifier.slice(before.length, specifier.length - after.length);
}

function decode(name: string): string {
  try {
    return decodeURIComponent(name); // ESM specifiers are URLs
  } catch {
    return name;
  }
}

/** The source that a path means, with or without its extension, or a folder's index. */
export function findSource(target: string, folderOnly: boolean): string | undefined {
  if (!folderOnly) {
    const extension = extname(target);
    const stem = target.slice(0, target.length - extension.length);
    for (const source of SOURCES_OF[extension] ?? []) if (isFile(stem + source)) return realpathSync(stem + source);
    if (isFile(target)) return realpathSync(target);
    for (const added of EXTENSIONS) if (isFile(target + added)) return realpathSync(target + added);
  }
  for (const added of EXTENSIONS) {
    const index = join(target, `index${added}`);
    if (isFile(index)) return realpathSync(index);
  }
  return undefined;
}

export function isFile(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isFile() ?? false;
}

/** The nearest folder at or above that has a `package.json`, as Node finds package scopes. */
export function packageRootOf(folder: string): string | undefined {
  for (let at = folder; ; at = dirname(at)) {
    if (basename(at) === 'node_modules') return undefined;
    if (isFile(join(at, 'package.json'))) return at;
    if (dirname(at) === at) return undefined;
  }
}

/** True when a plain `import 'iskra'` in the folder leads to the installation at `root`. */
export function findsInstallation(folder: string, root: string): boolean {
  if (packageRootOf(folder) === root) return true; // by the package's own name
  for (let at = folder; ; at = dirname(at)) {
    const installed = join(at, 'node_modules', 'iskra');
    if (isFile(join(installed, 'package.json'))) return realpathSync(installed) === root;
    if (dirname(at) === at) return false;
  }
}

/** `esm` or `cjs`, by Node's rules: the extension, the package's type, and else the syntax. */
export function formatOf(path: string, source: string): 'esm' | 'cjs' {
  const extension = extname(path);
  if (extension === '.cts' || extension === '.cjs') return 'cjs';
  if (extension !== '.js' && extension !== '.jsx') return 'esm';
  const root = packageRootOf(dirname(path));
  if (root !== undefined) {
    try {
      const { type } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { type?: unknown };
      if (type === 'module') return 'esm';
      if (type === 'commonjs') return 'cjs';
    } catch {
      // Node complains of a broken package.json itself
    }
  }
  return /^\s*(import\b(?!\s*\()|export\b)|\bimport\.meta\b|^await\b/m.test(source) ? 'esm' : 'cjs';
}
