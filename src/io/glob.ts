import { IllegalArgumentError } from '../base/errors.ts';
import { childOf, fileSystemOf, showPath, splitRoot } from './file-system.ts';
import { ioError, isSystemError } from './io-error.ts';

// Hadoop's glob language, which is not that of shells: * and ? also match leading dots, ** is *, {1..3} is no range,
// [^a] and [!a] both negate, \ takes the next character as it is. Spark: FileSystem.globStatus

/** True when the path has a character that means something in a glob and is not escaped. */
export function hasGlob(path: string): boolean {
  return /[*?[{]/.test(path.replace(/\\./gs, ''));
}

/** Splits a list at its commas; those between braces belong to a glob. `a,{b,c}` is `a` and `{b,c}`. */
export function splitCommaList(text: string): string[] {
  const items: string[] = [];
  let depth = 0;
  let from = 0;
  for (let i = 0; i < text.length; i++) {
    const c = text[i];
    if (c === '{') depth++;
    else if (c === '}') depth = Math.max(0, depth - 1);
    else if (c === ',' && depth === 0) {
      items.push(text.slice(from, i));
      from = i + 1;
    }
  }
  items.push(text.slice(from));
  return items;
}

/**
 * Lists what a qualified glob matches, sorted by path, each once; also a path that has only escapes.
 *
 * @throws IllegalArgumentError when the pattern is broken; IskraError when a directory on the way cannot be listed.
 */
export function globPaths(pattern: string): string[] {
  const found = new Set<string>();
  for (const plain of expandBracesWithSlash(pattern)) for (const path of walk(plain)) found.add(path);
  return [...found].sort();
}

function walk(pattern: string): string[] {
  const [root, rest] = splitRoot(pattern);
  let paths = [root];
  let needStat = false;
  for (const part of rest.split('/').filter((p) => p !== '')) {
    if (paths.length === 0) return paths;
    if (!hasGlob(part) && !part.endsWith('\\')) {
      const name = part.replace(/\\(.)/gs, '$1');
      paths = paths.map((p) => childOf(p, name));
      needStat = true;
      continue;
    }
    const matcher = compileComponent(part, pattern);
    paths = paths.flatMap((dir) =>
      list(dir)
        .filter((n) => matcher.test(n))
        .map((n) => childOf(dir, n)),
    );
    needStat = false;
  }
  return needStat ? paths.filter(exists) : paths;
}

function list(dir: string): readonly string[] {
  try {
    return fileSystemOf(dir).list(dir);
  } catch (e) {
    if (isSystemError(e, 'ENOENT', 'ENOTDIR')) return [];
    throw ioError('INPUT_NOT_READABLE', `cannot list the directory ${showPath(dir)}`, e, { path: dir });
  }
}

function exists(path: string): boolean {
  try {
    return fileSystemOf(path).status(path) !== null;
  } catch (e) {
    throw ioError('INPUT_NOT_READABLE', `cannot read ${showPath(path)}`, e, { path });
  }
}

/** `/a/{b/c,d}/e` cannot be matched name by name: it becomes `/a/b/c/e` and `/a/d/e`. Other groups stay. */
function expandBracesWithSlash(pattern: string): string[] {
  for (let i = 0; i < pattern.length; i++) {
    if (pattern[i] === '\\') {
      i++;
      continue;
    }
    if (pattern[i] !== '{') continue;
    const group = readGroup(pattern, i);
    if (group === null) return [pattern]; // not closed: compileComponent says so
    if (group.alternatives.some((a) => a.includes('/'))) {
      const head = pattern.slice(0, i);
      const tail = pattern.slice(group.end);
      return group.alternatives.flatMap((a) => expandBracesWithSlash(head + a + tail));
    }
    i = group.end - 1;
  }
  return [pattern];
}

function readGroup(text: string, open: number): { alternatives: string[]; end: number } | null {
  const alternatives: string[] = [];
  let depth = 0;
  let from = open + 1;
  for (let i = open; i < text.length; i++) {
    const c = text[i];
    if (c === '\\') i++;
    else if (c === '{') depth++;
    else if (c === ',' && depth === 1) {
      alternatives.push(text.slice(from, i));
      from = i + 1;
    } else if (c === '}' && --depth === 0) {
      alternatives.push(text.slice(from, i));
      return { alternatives, end: i + 1 };
    }
  }
  return null;
}

/** One name's glob as an anchored regular expression. */
function compileComponent(glob: string, whole: string = glob): RegExp {
  const bad = (why: string, hint: string): IllegalArgumentError =>
    new IllegalArgumentError(`Illegal file pattern ${JSON.stringify(whole)}: ${why} in "${glob}"; ${hint}`);
  const chars = [...glob];
  let source = '';
  let open = 0;
  for (let i = 0; i < chars.length; i++) {
    const c = chars[i] as string; // i < length
    if (c === '\\') {
      const next = chars[++i];
      if (next === undefined) throw bad('Missing escaped character', 'write \\\\ for a backslash');
      source += literal(next);
    } else if (c === '*') source += '.*';
    else if (c === '?') source += '.';
    else if (c === '{') {
      open++;
      source += '(?:';
    } else if (c === ',' && open > 0) source += '|';
    else if (c === '}' && open > 0) {
      open--;
      source += ')';
    } else if (c === '[') {
      const set = readSet(chars, i);
      if (set === null) throw bad('Unclosed character class', 'close the [ or write \\[ for the character');
      try {
        new RegExp(set.source, 'su');
      } catch (cause) {
        throw bad(
          `Bad character class (${(cause as Error).message})`,
          'a range goes from the lower character to the higher',
        );
      }
      source += set.source;
      i = set.end;
    } else source += literal(c);
  }
  if (open > 0) throw bad('Unclosed group', 'close the { or write \\{ for the character');
  return new RegExp(`^${source}$`, 'su');
}

const literal = (c: string): string => (/[\^$\\.*+?()[\]{}|/]/.test(c) ? `\\${c}` : c);

function readSet(chars: readonly string[], open: number): { source: string; end: number } | null {
  let i = open + 1;
  let source = '[';
  if (chars[i] === '^' || chars[i] === '!') {
    source += '^';
    i++;
  }
  for (let first = true; i < chars.length; i++, first = false) {
    const c = chars[i] as string; // i < length
    if (c === ']' && !first) return { source: `${source}]`, end: i };
    if (c === '\\' && i + 1 < chars.length) source += setLiteral(chars[++i] as string);
    else if (c === '-' && !first && chars[i + 1] !== ']') source += '-';
    else source += setLiteral(c);
  }
  return null;
}

const setLiteral = (c: string): string => (/[\\\][^-]/.test(c) ? `\\${c}` : c);
