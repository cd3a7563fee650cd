import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, realpathSync, renameSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join, relative, sep } from 'node:path';
import { IskraError } from '../base/errors.ts';
import { PACKAGE_SCHEME, type PackagedFile, type PackageManifest, type PackagePart } from '../protocol/app-package.ts';
import { includedFiles } from './include-files.ts';
import { filesOfPackage, findPackages, type PackageFolder, sourceFile } from './package-folders.ts';
import { type GivenFile, lookAtFiles, type SeenFile } from './packaged-files.ts';
import type { SourceFile } from './part-file.ts';
import { type PartStore, partsOf } from './part-store.ts';
import { packageFolderOf, type TracedModules, traceModules } from './trace-modules.ts';

export interface PackOptions {
  /** The module that is run: a path. For TypeScript its compiled form. Null: a program that is no file, such as a console. */
  readonly entry: string | null;
  /** The application's file as the user named it, absolute; the entry if absent. */
  readonly application?: string;
  /** Iskra that runs here: its folder without symbolic links, and its version. */
  readonly installation: { readonly root: string; readonly version: string };
  /** spark.iskra.package.include */
  readonly include?: readonly string[];
  /** What travels to the driver besides its modules; absent: nothing. */
  readonly files?: readonly GivenFile[];
  /** spark.iskra.package.maxSize, bytes; absent: no limit. */
  readonly maxBytes?: number;
  readonly store: PartStore;
}

/** A package in a store. */
export interface PackedApplication {
  /** sha-256 of the manifest. */
  readonly id: string;
  /** For `DriverDescription.appResource`. */
  readonly resource: string;
  readonly manifest: PackageManifest;
  /** Every part with the manifest: what a store has to have. */
  readonly hashes: readonly string[];
  readonly store: PartStore;
  /** For the user: what was not found and may not be needed. */
  readonly warnings: readonly string[];
}

/**
 * Packs an application into a store: its modules, and each npm package that they need as a part of its own. What has not changed
 * since it was packed last is not read again.
 *
 * @throws IskraError PACKAGE_MODULE_MISSING, PACKAGE_SYNTAX, PACKAGE_UNREADABLE, PACKAGE_INCLUDE, PACKAGE_TOO_LARGE,
 * PACKAGE_FILE_CHANGED; FILE_NOT_FOUND, DIRECTORY_NOT_ADDED for its files.
 */
export async function packApplication(options: PackOptions): Promise<PackedApplication> {
  const { installation, store } = options;
  const entry = options.entry === null ? null : realpathSync(options.entry);
  const application = options.application ?? entry ?? '';
  const traced = await traceModules(entry === null ? [] : [entry], installation.root);
  const own = new Set([...traced.files].filter((path) => path !== join(installation.root, 'package.json')));
  if (options.include !== undefined && options.include.length > 0) {
    const folder = dirname(application === '' ? join(process.cwd(), '-') : application);
    for (const path of includedFiles(packageFolderOf(folder) ?? folder, options.include)) own.add(realpathSync(path));
  }
  const { packages, links, missing } = findPackages(traced.packages, installation.root);
  const wanted: Wanted[] = [
    ...ownParts(own),
    ...packages.map((one) => ({ at: one.folder, package: one, ...filesOfPackage(one) })),
  ];
  const given = lookAtFiles(options.files ?? []);
  checkSize([...sizesOf(wanted), ...given.map(({ source, bytes }) => ({ what: source, bytes }))], options.maxBytes);
  const parts: PackagePart[] = [];
  for (const one of wanted) parts.push(await packPart(one, store));
  const files: PackagedFile[] = [];
  for (const one of given) files.push(await packFile(one, store));
  const manifest: PackageManifest = {
    format: 1,
    iskraVersion: installation.version,
    node: {
      version: process.versions.node,
      platform: process.platform,
      arch: process.arch,
      abi: process.versions.modules,
    },
    entry: entry === null ? '' : inTree(entry),
    application,
    installation: inTree(installation.root),
    parts,
    ...(files.length === 0 ? {} : { files }),
    links: [...links].map(([at, to]) => ({ at: inTree(at), to: inTree(to) })),
    rebased: rebasedOf(traced, own),
  };
  const id = store.put(Buffer.from(JSON.stringify(manifest)));
  return {
    id,
    resource: PACKAGE_SCHEME + id,
    manifest,
    hashes: [id, ...partsOf(manifest, true)],
    store,
    warnings: missing.map(({ name, by }) => `${by} depends on '${name}', which is not installed`),
  };
}

/** What a part is to hold. */
interface Wanted {
  readonly at: string;
  /** Null: the application's own modules. */
  readonly package: PackageFolder | null;
  readonly files: readonly SourceFile[];
  readonly native: readonly string[];
}

/** One part a package that is developed here, and one a folder outside of any. */
function ownParts(files: ReadonlySet<string>): Wanted[] {
  const byFolder = new Map<string, SourceFile[]>();
  for (const path of [...files].sort()) {
    const folder = packageFolderOf(dirname(path)) ?? dirname(path);
    const list = byFolder.get(folder) ?? [];
    byFolder.set(folder, list);
    const stat = statSync(path);
    list.push(sourceFile(relative(folder, path).split(sep).join('/'), path, stat));
  }
  return [...byFolder].map(([at, list]) => ({ at, package: null, files: list, native: [] }));
}

function rebasedOf(traced: TracedModules, own: ReadonlySet<string>): string[] {
  return [...traced.rebased]
    .filter((path) => own.has(path))
    .map(inTree)
    .sort();
}

function inTree(path: string): string {
  return path.replace(/^\/+/, '');
}

/** Packs files, unless a pack before had the very same. */
async function packPart(wanted: Wanted, store: PartStore): Promise<PackagePart> {
  const { at, files, native } = wanted;
  const state = files.map(({ path, bytes, mtimeMs, executable }) => [path, bytes, mtimeMs, executable]);
  const packed = await unlessKnown(at, state, store, () => store.pack(files));
  const { name = null, version = null } = wanted.package ?? {};
  return { at: inTree(at), hash: packed.hash, bytes: packed.bytes, name, version, native };
}

async function packFile(file: SeenFile, store: PartStore): Promise<PackagedFile> {
  const { kind, given, name, suffix, source, bytes, mtimeMs } = file;
  const packed = await unlessKnown(`file ${source}`, [bytes, mtimeMs], store, () => store.packFile(source));
  return { kind, given, name, suffix, ...packed };
}

/** @param state of what lies there: another one is packed anew. */
async function unlessKnown(
  what: string,
  state: readonly unknown[],
  store: PartStore,
  pack: () => Promise<{ hash: string; bytes: number }>,
): Promise<{ hash: string; bytes: number }> {
  const signature = createHash('sha256').update(JSON.stringify(state)).digest('hex');
  const note = join(store.folder, 'packed', createHash('sha256').update(what).digest('hex'));
  const known = readNote(note, signature, store);
  if (known !== null) return known;
  const packed = await pack();
  mkdirSync(dirname(note), { recursive: true });
  writeFileSync(`${note}.${process.pid}`, JSON.stringify({ signature, ...packed }));
  renameSync(`${note}.${process.pid}`, note);
  return packed;
}

function readNote(path: string, signature: string, store: PartStore): { hash: string; bytes: number } | null {
  try {
    const note = JSON.parse(readFileSync(path, 'utf8')) as { signature: string; hash: string; bytes: number };
    const { signature: known, hash, bytes } = note;
    return known === signature && store.bytesOf(hash) === bytes ? { hash, bytes } : null;
  } catch {
    return null;
  }
}

interface Size {
  readonly what: string;
  readonly bytes: number;
}

function sizesOf(wanted: readonly Wanted[]): Size[] {
  return wanted.map(({ at, package: one, files }) => ({
    what: one === null ? at : one.name,
    bytes: files.reduce((sum, file) => sum + file.bytes, 0),
  }));
}

function checkSize(sizes: readonly Size[], maxBytes: number | undefined): void {
  const total = sizes.reduce((sum, { bytes }) => sum + bytes, 0);
  if (maxBytes === undefined || total <= maxBytes) return;
  const largest = [...sizes]
    .sort((a, b) => b.bytes - a.bytes)
    .slice(0, 3)
    .map(({ what, bytes }) => `${what} (${mib(bytes)})`);
  throw new IskraError(
    'PACKAGE_TOO_LARGE',
    `the application with its packages and files takes ${mib(total)}, more than the ${mib(maxBytes)} of spark.iskra.package.maxSize; the largest are ${largest.join(', ')}`,
    { details: { total, maxBytes } },
  );
}

function mib(bytes: number): string {
  return `${(bytes / (1 << 20)).toFixed(1)} MiB`;
}
