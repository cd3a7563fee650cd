import { readFileSync, realpathSync, statSync } from 'node:fs';
import { basename, dirname, join, sep } from 'node:path';
import { findSource, isFile } from './module-resolution.ts';

/**
 * The file that an import of a package means, when the package is developed here: a link in `node_modules` leads to a folder that
 * lies in none, as workspaces have it. Such a package may be TypeScript, which Node itself would not compile.
 *
 * @returns null: it is no such package, or does not export that; Node then finds it, or says so.
 */
export function workspaceSource(specifier: string, from: string, condition: 'import' | 'require'): string | null {
  const [, name, rest = ''] = /^((?:@[^/]+\/)?[^/@:#][^/:]*)(\/.*)?$/.exec(specifier) ?? [];
  const folder = name === undefined ? null : linkedPackage(name, dirname(from));
  if (folder === null) return null;
  const { exports: table, main } = manifestOf(folder);
  if (table !== undefined && table !== null) {
    const target = exported(table, `.${rest}`, new Set(['node', condition, 'module-sync', 'default']));
    const path = target === null ? null : join(folder, target);
    return path !== null && isFile(path) ? realpathSync(path) : null;
  }
  const path = rest !== '' ? rest : typeof main === 'string' ? main : 'index';
  return findSource(join(folder, path), false) ?? null;
}

function linkedPackage(name: string, from: string): string | null {
  for (let at = from; ; at = dirname(at)) {
    const candidate = join(at, 'node_modules', ...name.split('/'));
    if (basename(at) !== 'node_modules' && statSync(candidate, { throwIfNoEntry: false })?.isDirectory() === true) {
      const real = realpathSync(candidate);
      return real.split(sep).includes('node_modules') ? null : real;
    }
    if (dirname(at) === at) return null;
  }
}

function manifestOf(folder: string): Readonly<Record<string, unknown>> {
  try {
    const manifest: unknown = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
    return isTable(manifest) ? manifest : {};
  } catch {
    return {};
  }
}

function isTable(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** By Node's rules for `exports`: the exact subpath, else the pattern with the longest beginning; the first condition that holds. */
function exported(table: unknown, subpath: string, conditions: ReadonlySet<string>): string | null {
  const hasSubpaths = isTable(table) && Object.keys(table).some((key) => key.startsWith('.'));
  if (!hasSubpaths) return subpath === '.' ? targetOf(table, '', conditions) : null;
  if (subpath in table && !subpath.includes('*')) return targetOf(table[subpath], '', conditions);
  const patterns = Object.keys(table)
    .filter((key) => {
      const [before = '', after] = key.split('*');
      return (
        after !== undefined &&
        subpath.length >= key.length &&
        subpath.startsWith(before) &&
        subpath !== before &&
        subpath.endsWith(after)
      );
    })
    .sort((a, b) => b.indexOf('*') - a.indexOf('*') || b.length - a.length);
  const [pattern] = patterns;
  if (pattern === undefined) return null;
  const [before = '', after = ''] = pattern.split('*');
  return targetOf(table[pattern], subpath.slice(before.length, subpath.length - after.length), conditions);
}

function targetOf(target: unknown, star: string, conditions: ReadonlySet<string>): string | null {
  if (typeof target === 'string') return target.startsWith('./') ? target.replaceAll('*', () => star) : null;
  const choices = Array.isArray(target)
    ? (target as unknown[])
    : isTable(target)
      ? Object.entries(target).flatMap(([key, value]) => (conditions.has(key) ? [value] : []))
      : [];
  for (const choice of choices) {
    const found = targetOf(choice, star, conditions);
    if (found !== null) return found;
  }
  return null;
}
