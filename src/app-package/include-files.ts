import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { IskraError } from '../base/errors.ts';

/**
 * Files below a folder that patterns name: paths relative to it with `*`, `**` and `?`. A folder means all that is in it. Names
 * that begin with a dot, and node_modules, are meant only when the pattern says so.
 *
 * @throws IskraError PACKAGE_INCLUDE for a pattern that leads out of the folder or names nothing.
 */
export function includedFiles(folder: string, patterns: readonly string[]): string[] {
  const found = new Set<string>();
  for (const pattern of patterns) {
    const steps = pattern.split('/').filter((step) => step !== '' && step !== '.');
    const refuse = (why: string): never => {
      throw new IskraError('PACKAGE_INCLUDE', `spark.iskra.package.include has '${pattern}', which ${why} ${folder}`, {
        details: { pattern, folder },
      });
    };
    if (pattern.startsWith('/') || steps.includes('..')) refuse('leads out of');
    const before = found.size;
    let any = false;
    walk(folder, steps, (path) => {
      any = true;
      found.add(path);
    });
    if (!any && found.size === before) refuse('names no file in');
  }
  return [...found].sort();
}

function walk(folder: string, steps: readonly string[], add: (path: string) => void): void {
  const [step, ...rest] = steps;
  if (step === undefined) {
    addAll(folder, add);
    return;
  }
  if (step === '**') {
    if (rest.length === 0) {
      addAll(folder, add);
      return;
    }
    walk(folder, rest, add);
    for (const name of visible(folder)) if (isFolder(join(folder, name))) walk(join(folder, name), steps, add);
    return;
  }
  const isPattern = /[*?]/.test(step);
  const names = !isPattern ? [step] : step.startsWith('.') ? readdirSync(folder) : visible(folder);
  const matcher = isPattern ? matcherOf(step) : null;
  for (const name of names) {
    if (matcher !== null && !matcher.test(name)) continue;
    const path = join(folder, name);
    const stat = statSync(path, { throwIfNoEntry: false });
    if (stat?.isDirectory() === true) walk(path, rest, add);
    else if (stat?.isFile() === true && rest.length === 0) add(path);
  }
}

function addAll(folder: string, add: (path: string) => void): void {
  for (const name of visible(folder)) {
    const path = join(folder, name);
    if (isFolder(path)) addAll(path, add);
    else if (statSync(path, { throwIfNoEntry: false })?.isFile() === true) add(path);
  }
}

function visible(folder: string): string[] {
  return readdirSync(folder)
    .filter((name) => !name.startsWith('.') && name !== 'node_modules')
    .sort();
}

function isFolder(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() === true;
}

function matcherOf(step: string): RegExp {
  const text = step
    .replace(/[.+^${}()|[\]\\]/g, '\\$&')
    .replaceAll('*', '.*')
    .replaceAll('?', '.');
  return new RegExp(`^${text}$`);
}
