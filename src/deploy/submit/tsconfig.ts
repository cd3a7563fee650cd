import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, isAbsolute, join, resolve } from 'node:path';
import { IskraError } from '../../base/errors.ts';

/** What of a `tsconfig.json` matters when single files are compiled. */
export interface Tsconfig {
  /** Options that change the output, by TypeScript's names. */
  readonly compilerOptions: Readonly<Record<string, unknown>>;
  /** Import aliases, the most specific first; targets are absolute and may have one `*`. */
  readonly paths: readonly { readonly pattern: string; readonly targets: readonly string[] }[];
}

/** Only these reach the compiler; the rest of a tsconfig is for checking and for emitting whole projects. */
const OUTPUT_OPTIONS = [
  'alwaysStrict',
  'experimentalDecorators',
  'importsNotUsedAsValues',
  'jsx',
  'jsxFactory',
  'jsxFragmentFactory',
  'jsxImportSource',
  'preserveValueImports',
  'strict',
  'target',
  'useDefineForClassFields',
  'verbatimModuleSyntax',
];

const NONE: Tsconfig = { compilerOptions: {}, paths: [] };

interface RawTsconfig {
  readonly extends?: string | readonly string[];
  readonly compilerOptions?: Readonly<Record<string, unknown>>;
}

/** Finds the nearest `tsconfig.json` at or above a folder and reads it with all that it extends. */
export class TsconfigReader {
  private readonly byFolder = new Map<string, Tsconfig>();

  of(folder: string): Tsconfig {
    const known = this.byFolder.get(folder);
    if (known) return known;
    const file = join(folder, 'tsconfig.json');
    const parent = dirname(folder);
    let found = NONE;
    if (existsSync(file)) found = summarise(readWithBases(file, []));
    else if (parent !== folder) found = this.of(parent);
    this.byFolder.set(folder, found);
    return found;
  }
}

/** Options of the file over those of its bases; `paths` and `baseUrl` become absolute where they are written. */
function readWithBases(file: string, path: readonly string[]): Record<string, unknown> {
  if (path.includes(file)) return {};
  let raw: RawTsconfig;
  try {
    raw = JSON.parse(withoutComments(readFileSync(file, 'utf8'))) as RawTsconfig;
  } catch (cause) {
    throw new IskraError('TSCONFIG', `cannot read ${file}: ${cause instanceof Error ? cause.message : cause}`, {
      cause,
    });
  }
  const options: Record<string, unknown> = {};
  for (const base of [raw.extends ?? []].flat()) {
    const baseFile = findBase(base, file);
    // A base from a package that is not installed matters to editors only.
    if (baseFile !== undefined) Object.assign(options, readWithBases(baseFile, [...path, file]));
  }
  const own = { ...raw.compilerOptions };
  if (typeof own['baseUrl'] === 'string') own['baseUrl'] = resolve(dirname(file), own['baseUrl']);
  Object.assign(options, own);
  if (own['paths'] !== undefined) options['pathsBase'] = options['baseUrl'] ?? dirname(file);
  return options;
}

function findBase(base: string, from: string): string | undefined {
  if (base.startsWith('.') || isAbsolute(base)) {
    const file = resolve(dirname(from), base);
    return [file, `${file}.json`].find((candidate) => existsSync(candidate) && candidate.endsWith('.json'));
  }
  const { resolve: find } = createRequire(from);
  for (const candidate of [base, `${base}.json`, `${base}/tsconfig.json`]) {
    try {
      const file = find(candidate);
      if (file.endsWith('.json')) return file;
    } catch {
      // the next form
    }
  }
  return undefined;
}

function summarise(options: Readonly<Record<string, unknown>>): Tsconfig {
  const compilerOptions: Record<string, unknown> = {};
  for (const name of OUTPUT_OPTIONS) if (options[name] !== undefined) compilerOptions[name] = options[name];
  const base = String(options['pathsBase'] ?? '');
  const paths: { pattern: string; targets: string[] }[] = [];
  const declared = options['paths'];
  if (typeof declared === 'object' && declared !== null) {
    for (const [pattern, targets] of Object.entries(declared)) {
      if (Array.isArray(targets))
        paths.push({ pattern, targets: targets.map((target) => resolve(base, String(target))) });
    }
  }
  // TypeScript prefers exact patterns, then the longest text before the star.
  const weight = (pattern: string): number => (pattern.includes('*') ? pattern.indexOf('*') : Number.POSITIVE_INFINITY);
  paths.sort((a, b) => weight(b.pattern) - weight(a.pattern));
  return { compilerOptions, paths };
}

/** JSON from JSON with comments and commas before closing brackets. */
export function withoutComments(text: string): string {
  // A string, or a comment, or a comma that only blanks and comments part from a closing bracket.
  const pattern = /"(?:[^"\\]|\\.)*"|\/\/[^\n]*|\/\*[\s\S]*?\*\/|,(?=(?:\s|\/\/[^\n]*|\/\*[\s\S]*?\*\/)*[\]}])/g;
  return text.replace(/^\uFEFF/, '').replace(pattern, (match) => (match.startsWith('"') ? match : ' '));
}
