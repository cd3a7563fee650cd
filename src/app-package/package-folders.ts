import { readdirSync, realpathSync, type Stats, statSync } from 'node:fs';
import { basename, dirname, join, sep } from 'node:path';
import { IskraError } from '../base/errors.ts';
import { platformsOf } from './native-addons.ts';
import type { SourceFile } from './part-file.ts';
import { manifestOf, type PackageImport } from './trace-modules.ts';

/** A package that the application needs. */
export interface PackageFolder {
  readonly name: string;
  readonly version: string | null;
  /** Without symbolic links. */
  readonly folder: string;
}

export interface FoundPackages {
  readonly packages: readonly PackageFolder[];
  /** Where a package is found by a symbolic link: path of the link, folder of the package. */
  readonly links: ReadonlyMap<string, string>;
  /** What a package says it needs and does not have. */
  readonly missing: readonly { readonly name: string; readonly by: string }[];
}

/**
 * Finds packages as Node does, from the folder of the module that imports them upwards, and all that they depend on: dependencies,
 * optional and peer dependencies. Symbolic links are kept, so layouts of workspaces and pnpm are found as they are.
 *
 * @param installation where Iskra stands: it is on every machine already.
 * @throws IskraError PACKAGE_MODULE_MISSING for a package that a module imports at its top and that is nowhere.
 */
export function findPackages(imports: readonly PackageImport[], installation: string): FoundPackages {
  const packages = new Map<string, PackageFolder>();
  const links = new Map<string, string>();
  const missing: { name: string; by: string }[] = [];
  const open: PackageImport[] = [...imports];
  const asked = new Set<string>();
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    const { name, folder, by, required } = next;
    const key = `${name}\0${folder}`;
    if (asked.has(key)) continue;
    asked.add(key);
    const at = findPackage(name, folder);
    if (at === null) {
      if (required)
        throw new IskraError(
          'PACKAGE_MODULE_MISSING',
          `${by} imports the package '${name}', which is in no node_modules at or above ${folder}; install it`,
          { details: { name, by } },
        );
      missing.push({ name, by });
      continue;
    }
    const real = realpathSync(at);
    if (real !== at) links.set(at, real);
    if (real === installation || packages.has(real)) continue;
    const manifest = manifestOf(real);
    const version = typeof manifest['version'] === 'string' ? manifest['version'] : null;
    packages.set(real, { name, version, folder: real });
    for (const dependency of dependenciesOf(manifest))
      open.push({ name: dependency, folder: real, by: `${name} in ${real}`, required: false });
  }
  const isNeeded = neededBy(packages);
  return {
    packages: [...packages.values()].sort((a, b) => (a.folder < b.folder ? -1 : 1)),
    links,
    missing: missing.filter(({ name, by }) => isNeeded(name, by)),
  };
}

/** Optional and peer dependencies may well be missing. */
function neededBy(packages: ReadonlyMap<string, PackageFolder>): (name: string, by: string) => boolean {
  const byText = new Map([...packages.values()].map((one) => [`${one.name} in ${one.folder}`, one]));
  return (name, by) => {
    const owner = byText.get(by);
    if (owner === undefined) return false;
    const { dependencies, optionalDependencies } = manifestOf(owner.folder);
    return namesOf(dependencies).includes(name) && !namesOf(optionalDependencies).includes(name);
  };
}

function findPackage(name: string, folder: string): string | null {
  for (let at = folder; ; at = dirname(at)) {
    if (basename(at) !== 'node_modules') {
      const candidate = join(at, 'node_modules', ...name.split('/'));
      if (statSync(candidate, { throwIfNoEntry: false })?.isDirectory() === true) return candidate;
    }
    if (dirname(at) === at) return null;
  }
}

function dependenciesOf(manifest: Readonly<Record<string, unknown>>): string[] {
  return ['dependencies', 'optionalDependencies', 'peerDependencies'].flatMap((field) => namesOf(manifest[field]));
}

function namesOf(table: unknown): string[] {
  // A name is a path here: what npm would not take as a name is none.
  const isName = /^(@[\w.~-]+\/)?[\w.~-]+$/;
  return typeof table === 'object' && table !== null
    ? Object.keys(table).filter((name) => isName.test(name) && !/(^|\/)\.{1,2}$/.test(name))
    : [];
}

/** Never of use to a program that runs. */
const LEFT_OUT = ['.git', '.iskra', '.hg', '.svn', '.DS_Store'];

export function sourceFile(path: string, source: string, stat: Stats): SourceFile {
  return { path, source, bytes: stat.size, mtimeMs: stat.mtimeMs, executable: (stat.mode & 0o111) !== 0 };
}

/** All files of a package, sorted, but for the packages below it. @throws IskraError PACKAGE_UNREADABLE */
export function filesOfPackage({ name, folder }: PackageFolder): { files: SourceFile[]; native: string[] } {
  const files: SourceFile[] = [];
  const native = new Set<string>();
  const isInstalled = folder.split(sep).includes('node_modules');
  const visit = (directory: string, prefix: string): void => {
    for (const entry of readdirSync(directory).sort()) {
      // A package that is developed here has node_modules of its own further down, too.
      if (LEFT_OUT.includes(entry) || (entry === 'node_modules' && (prefix === '' || !isInstalled))) continue;
      const source = join(directory, entry);
      const path = prefix + entry;
      const stat = statSync(source, { throwIfNoEntry: false });
      if (stat?.isDirectory() === true) {
        // A link to a folder above would have no end.
        if (!`${directory}${sep}`.startsWith(`${realpathSync(source)}${sep}`)) visit(source, `${path}/`);
      } else if (stat?.isFile() === true) {
        files.push(sourceFile(path, source, stat));
        if (entry.endsWith('.node')) for (const platform of platformsOf(source)) native.add(platform);
      }
    }
  };
  try {
    visit(folder, '');
  } catch (cause) {
    throw new IskraError(
      'PACKAGE_UNREADABLE',
      `the package '${name}' cannot be packed: ${(cause as Error).message}; install it again`,
      { cause, details: { name, folder } },
    );
  }
  return { files, native: [...native].sort() };
}
