import { readFileSync, realpathSync } from 'node:fs';
import { basename, dirname, extname, join, resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { type Clock, systemClock } from '../../base/clock.ts';
import { IskraError } from '../../base/errors.ts';
import { CompileCache, hashOf } from './compile-cache.ts';
import type { CompiledUnit, UnitImport } from './compile-unit.ts';
import { findsInstallation, formatOf, isFile, resolveImport } from './module-resolution.ts';
import { TsconfigReader } from './tsconfig.ts';
import { workspaceSource } from './workspace-source.ts';

/** Part of every key of the cache; raise it when the same source has to be compiled differently. */
const CACHE_FORMAT = '2';

const TYPESCRIPT = ['.ts', '.mts', '.cts', '.tsx'];
const COMPILED = [...TYPESCRIPT, '.jsx'];
const PLAIN = ['.js', '.mjs', '.cjs'];

/** The Iskra that runs, which is the one that its applications are to import. */
export interface Installation {
  /** Its folder, without symbolic links. */
  readonly root: string;
  /** Part of the cache's keys: its compiler comes with it. */
  readonly version: string;
  /** The URL of `iskra`, `iskra/testing`…; undefined when it exports no such thing. */
  resolve(specifier: string): string | undefined;
}

export interface LoaderOptions {
  readonly installation: Installation;
  /** What a relative name of the application starts from. */
  readonly workingFolder: string;
  /** Where compiled files are kept that cannot be kept in a package. */
  readonly userCache?: string;
  /** A folder whose `node_modules` come first for the application's modules: `--packages`. */
  readonly packages?: string;
  readonly clock?: Clock;
}

/** An application that is ready to be imported. */
export interface PreparedApplication {
  /** What to import: the application's own file, or its compiled form. */
  readonly url: string;
  /** The application as it was named, absolute. */
  readonly path: string;
  /** How many files had to be compiled; 0 when the cache had all. */
  readonly numCompiled: number;
  /** Source files by their compiled forms, both as paths: for messages that name the latter. */
  readonly sources: ReadonlyMap<string, string>;
}

/** A file of the program that is not used in place. */
interface Unit extends CompiledUnit {
  readonly path: string;
  readonly key: string;
  readonly format: 'esm' | 'cjs';
  readonly folder: string;
  /** By position in `imports`: what the specifier is replaced by. */
  readonly targets: readonly Target[];
}

type Target =
  | { readonly kind: 'keep' }
  | { readonly kind: 'unit'; readonly path: string; readonly suffix: string }
  | { readonly kind: 'url'; readonly url: string };

/**
 * Makes an application importable: TypeScript files are compiled one by one into a cache, imports among them are led
 * to their compiled forms and `iskra` to the running installation; JavaScript is used in place, but with packages of its own. What has not changed
 * since the last run is not compiled again, and then no compiler is loaded.
 *
 * @throws IskraError APPLICATION_NOT_FOUND, APPLICATION_SYNTAX, APPLICATION_IMPORT, APPLICATION_KIND.
 */
export async function prepareApplication(name: string, options: LoaderOptions): Promise<PreparedApplication> {
  const path = resolve(options.workingFolder, name);
  if (!isFile(path)) {
    throw new IskraError('APPLICATION_NOT_FOUND', `cannot find the application ${name} (looked for ${path})`, {
      details: { path },
    });
  }
  const extension = extname(path);
  if (![...COMPILED, ...PLAIN].includes(extension) || /\.d\.[mc]?ts$/.test(path)) {
    throw new IskraError(
      'APPLICATION_KIND',
      `${name} is not a TypeScript or JavaScript module; give a file that ends in ${[...TYPESCRIPT, ...PLAIN].join(', ')}`,
      { details: { path } },
    );
  }
  const main = realpathSync(path);
  const placed = await placedApplication(main);
  if (placed !== null) return placed;
  const program = new Program(options, main);
  if (!program.needsCompiling(main)) {
    return { url: pathToFileURL(main).href, path, numCompiled: 0, sources: new Map() };
  }
  return { url: await program.build(), path, numCompiled: program.numCompiled, sources: program.sources };
}

/** A module that came to this machine in a package is ready as it is. */
async function placedApplication(main: string): Promise<PreparedApplication | null> {
  if (!main.includes('/trees/')) return null;
  const { placedPackageOf } = await import('../../app-package/place-package.ts');
  const placed = placedPackageOf(main);
  if (placed === null) return null;
  return { url: pathToFileURL(main).href, path: placed.manifest.application, numCompiled: 0, sources: new Map() };
}

/** All compiled files of one application. */
class Program {
  numCompiled = 0;
  readonly sources: Map<string, string> = new Map();
  private readonly installation: Installation;
  private readonly packages: string | undefined;
  private readonly clock: Clock;
  private readonly main: string;
  private readonly cache: CompileCache;
  private readonly tsconfigs = new TsconfigReader();
  private readonly units = new Map<string, Unit>();
  private readonly plainFolders = new Map<string, boolean>();

  constructor(options: LoaderOptions, main: string) {
    this.installation = options.installation;
    this.packages = options.packages;
    this.clock = options.clock ?? systemClock;
    this.cache = new CompileCache(options.userCache);
    this.main = main;
  }

  /** JavaScript needs a rewritten copy only where `iskra` would not be found, or would be another copy of it. */
  needsCompiling(path: string): boolean {
    const extension = extname(path);
    if (COMPILED.includes(extension)) return true;
    if (!PLAIN.includes(extension) || path.includes('/node_modules/')) return false;
    if (this.packages !== undefined) return true;
    const folder = dirname(path);
    let inPlace = this.plainFolders.get(folder);
    if (inPlace === undefined) {
      inPlace = findsInstallation(folder, this.installation.root);
      this.plainFolders.set(folder, inPlace);
    }
    return !inPlace;
  }

  /** @returns the URL of the main file's compiled form. */
  async build(): Promise<string> {
    const open = [this.main];
    try {
      for (let path = open.pop(); path !== undefined; path = open.pop()) {
        if (this.units.has(path)) continue;
        const unit = await this.unitOf(path);
        this.units.set(path, unit);
        for (const target of unit.targets) if (target.kind === 'unit') open.push(target.path);
      }
    } finally {
      if (this.numCompiled > 0) await (await import('./compile-unit.ts')).stopCompiler();
    }
    return this.link();
  }

  /** From the cache, or else compiled. */
  private async unitOf(path: string): Promise<Unit> {
    const source = readFileSync(path, 'utf8');
    const format = formatOf(path, source);
    const tsconfig = this.tsconfigs.of(dirname(path));
    const compilerOptions = TYPESCRIPT.includes(extname(path)) || path.endsWith('x') ? tsconfig.compilerOptions : {};
    const isMain = path === this.main;
    const settings = JSON.stringify([CACHE_FORMAT, this.installation.version, path, isMain, format, compilerOptions]);
    const key = hashOf(settings, source);
    const folder = this.cache.folderFor(path);
    const code = this.cache.read(folder, `units/${key}.code`);
    const imports = this.cache.read(folder, `units/${key}.json`);
    let compiled: CompiledUnit;
    if (code !== undefined && imports !== undefined) {
      compiled = { code, imports: JSON.parse(imports) as UnitImport[] };
    } else {
      const { compileUnit } = await import('./compile-unit.ts');
      this.numCompiled++;
      compiled = await compileUnit({ path, source, format, isMain, compilerOptions });
      this.cache.write(folder, `units/${key}.code`, compiled.code);
      this.cache.write(folder, `units/${key}.json`, JSON.stringify(compiled.imports));
    }
    const targets = compiled.imports.map((one) => this.targetOf(one, path, source));
    return { ...compiled, path, key, format, folder, targets };
  }

  private targetOf({ kind, specifier }: UnitImport, from: string, source: string): Target {
    if (kind === 'computed') return { kind: 'keep' };
    if (specifier === 'iskra' || specifier.startsWith('iskra/')) {
      const url = this.installation.resolve(specifier);
      return url === undefined ? { kind: 'keep' } : { kind: 'url', url };
    }
    if (kind === 'resolve' || kind === 'require.resolve') {
      return /^\.{1,2}\//.test(specifier) ? { kind: 'url', url: originalUrl(specifier, from) } : { kind: 'keep' };
    }
    const found = resolveImport(specifier, from, this.tsconfigs.of(dirname(from)));
    switch (found.kind) {
      case 'bare': {
        const path = workspaceSource(specifier, from, kind === 'require' ? 'require' : 'import');
        return path !== null && COMPILED.includes(extname(path))
          ? { kind: 'unit', path, suffix: '' }
          : { kind: 'keep' };
      }
      case 'missing':
        // An import that runs later may be meant to fail; then Node says so.
        if (kind !== 'static') return { kind: 'url', url: originalUrl(specifier, from) };
        throw new IskraError(
          'APPLICATION_IMPORT',
          `${from}:${positionOf(specifier, source)}: error: cannot find '${specifier}' (looked for ${found.tried})`,
          { details: { path: from, specifier } },
        );
      case 'file':
        return this.needsCompiling(found.path)
          ? { kind: 'unit', path: found.path, suffix: found.suffix }
          : { kind: 'url', url: pathToFileURL(found.path).href + found.suffix };
    }
  }

  /** Writes the files with their imports led to each other, unless a run before did. */
  private link(): string {
    const units = [...this.units.values()].sort((a, b) => (a.path < b.path ? -1 : 1));
    const id = hashOf(
      ...units.map((unit) => JSON.stringify([unit.path, unit.key, unit.targets])),
      ...(this.packages === undefined ? [] : [this.packages]),
    );
    const fileOf = ({ path, format }: Unit): string => {
      const stem = basename(path, extname(path));
      return `${id}/${stem}.${hashOf(path).slice(0, 6)}${format === 'cjs' ? '.cjs' : '.mjs'}`;
    };
    const urlOf = (path: string): string => {
      const unit = this.units.get(path);
      if (!unit) throw new Error(`${path} was not compiled`); // build() follows every import
      return pathToFileURL(join(unit.folder, fileOf(unit))).href;
    };
    let isNew = false;
    for (const unit of units) {
      const file = fileOf(unit);
      this.sources.set(join(unit.folder, file), unit.path);
      if (isFile(join(unit.folder, file))) continue;
      this.cache.write(unit.folder, file, linkedCode(unit, urlOf));
      isNew = true;
    }
    if (this.packages !== undefined)
      for (const folder of new Set(units.map((unit) => unit.folder)))
        this.cache.link(folder, `${id}/node_modules`, join(this.packages, 'node_modules'));
    const now = new Date(this.clock.now());
    for (const folder of new Set(units.map((unit) => unit.folder))) this.cache.touch(folder, id, isNew, now);
    return urlOf(this.main);
  }
}

function linkedCode(unit: Unit, urlOf: (path: string) => string): string {
  let code = '';
  let at = 0;
  unit.imports.forEach((one, i) => {
    const target = unit.targets[i];
    const text = target && replacement(one, target, unit, urlOf);
    if (text === undefined) return;
    code += unit.code.slice(at, one.start) + text;
    at = one.end;
  });
  return code + unit.code.slice(at);
}

function replacement(one: UnitImport, target: Target, unit: Unit, urlOf: (path: string) => string): string | undefined {
  if (one.kind === 'computed') {
    // What it will be is not known yet; a relative one means a file beside the source, as it does everywhere else.
    const base = JSON.stringify(pathToFileURL(unit.path).href);
    const expression = unit.code.slice(one.start, one.end);
    return `((s) => /^\\.{1,2}\\//.test(s) ? new URL(s, ${base}).href : s)(${expression})`;
  }
  if (target.kind === 'keep') return undefined;
  const url = target.kind === 'unit' ? urlOf(target.path) + target.suffix : target.url;
  if (one.kind === 'require' || one.kind === 'require.resolve')
    return JSON.stringify(url.startsWith('file:') ? fileURLToPath(url) : url);
  const text = JSON.stringify(url);
  if (one.hasAttributes || one.kind === 'resolve' || !/\.json($|\?)/.test(url)) return text;
  return one.kind === 'static' ? `${text} with { type: "json" }` : `${text}, { with: { type: "json" } }`;
}

function originalUrl(specifier: string, from: string): string {
  return new URL(specifier, pathToFileURL(from)).href;
}

/** `line:column` of the import in the source; of its start when it is not found as written. */
function positionOf(specifier: string, source: string): string {
  const at = ["'", '"'].map((quote) => source.indexOf(quote + specifier + quote)).find((index) => index >= 0) ?? 0;
  const before = source.slice(0, at).split('\n');
  return `${before.length}:${(before.at(-1)?.length ?? 0) + 1}`;
}
