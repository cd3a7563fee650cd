import { createHash, randomBytes } from 'node:crypto';
import {
  copyFileSync,
  existsSync,
  linkSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join, relative, sep } from 'node:path';
import type { EpochMs } from '../base/clock.ts';
import { IskraError } from '../base/errors.ts';
import { type Rebase, rebaseLiterals } from '../base/rebase-literals.ts';
import type { PackageManifest } from '../protocol/app-package.ts';
import { isInnerPath, unpackPart } from './part-file.ts';
import type { PartStore } from './part-store.ts';

/** At the root of every tree: what it is. */
const MARK = '.iskra-package.json';

/** An application as it lies on this machine, with all that it imports. */
export interface PlacedPackage {
  readonly id: string;
  /** The tree's folder. */
  readonly root: string;
  /** The module that is run. */
  readonly entry: string;
  readonly manifest: PackageManifest;
  /** Where its parts are. */
  readonly storeFolder: string;
}

export interface Installation {
  /** Without symbolic links. */
  readonly root: string;
  readonly version: string;
}

/**
 * Puts an application together from parts of the store. Parts are unpacked once for all applications, and their files are linked
 * into trees; a tree is whole or not there.
 *
 * @throws IskraError PACKAGE_VERSION, PACKAGE_MISSING, PACKAGE_CORRUPT.
 */
export function placePackage(store: PartStore, id: string, installation: Installation, now: EpochMs): PlacedPackage {
  const manifest = store.readManifest(id);
  checkVersion(manifest, installation);
  // Two installations of one machine have trees of their own, since trees lead to the installation.
  const key = createHash('sha256').update(`${id}\0${installation.root}`).digest('hex').slice(0, 32);
  const root = join(store.folder, 'trees', key);
  if (!existsSync(join(root, MARK))) buildTree(store, id, manifest, installation, root, now);
  touch(root, now);
  return { id, root, entry: join(root, manifest.entry), manifest, storeFolder: store.folder };
}

/** The package whose tree a file lies in; null: it lies in none. */
export function placedPackageOf(file: string): PlacedPackage | null {
  for (let root = dirname(file); dirname(root) !== root; root = dirname(root)) {
    if (!existsSync(join(root, MARK))) continue;
    const { id, storeFolder, manifest } = JSON.parse(readFileSync(join(root, MARK), 'utf8')) as Mark;
    return { id, root, entry: join(root, manifest.entry), manifest, storeFolder };
  }
  return null;
}

interface Mark {
  readonly id: string;
  readonly storeFolder: string;
  readonly manifest: PackageManifest;
}

/** Notes that a tree, or an unpacked part, is used. */
export function touch(path: string, now: EpochMs): void {
  try {
    utimesSync(path, new Date(now), new Date(now));
  } catch {
    // Not ours to write, or gone: it only ages.
  }
}

function checkVersion({ iskraVersion }: PackageManifest, { version }: Installation): void {
  if (iskraVersion === version) return;
  throw new IskraError(
    'PACKAGE_VERSION',
    `the application was packed by Iskra ${iskraVersion}, and this machine has Iskra ${version}; install the same version on both`,
    { details: { packed: iskraVersion, here: version } },
  );
}

function buildTree(
  store: PartStore,
  id: string,
  manifest: PackageManifest,
  installation: Installation,
  root: string,
  now: EpochMs,
): void {
  const draft = join(store.folder, 'drafts', `tree-${process.pid}-${randomBytes(6).toString('hex')}`);
  try {
    mkdirSync(draft);
    for (const { at, hash } of manifest.parts) linkPart(unpacked(store, hash, now), join(draft, inner(at)));
    // Rebased files are written anew: what they were linked to is for other applications as well.
    const rebase = rebaseTo(manifest, `${root}/`, draft);
    for (const path of manifest.rebased) {
      const file = join(draft, inner(path));
      const text = rebaseLiterals(readFileSync(file, 'utf8'), rebase);
      rmSync(file);
      writeFileSync(file, text, { mode: 0o444 });
    }
    linkInstallation(join(draft, inner(manifest.installation)), installation.root);
    for (const { at, to } of manifest.links) {
      const link = join(draft, inner(at));
      mkdirSync(dirname(link), { recursive: true });
      if (!existsSync(link)) symlinkSync(relative(dirname(link), join(draft, inner(to))), link);
    }
    const mark: Mark = { id, storeFolder: store.folder, manifest };
    writeFileSync(join(draft, MARK), JSON.stringify(mark));
    mkdirSync(dirname(root), { recursive: true });
    try {
      renameSync(draft, root);
    } catch (error) {
      if (!existsSync(join(root, MARK))) throw error; // else somebody was faster
    }
  } finally {
    rmSync(draft, { recursive: true, force: true });
  }
}

/** How texts of the machine that packed become those of a tree. */
function rebaseTo(manifest: PackageManifest, to: string, lies: string = to): Rebase {
  return { from: '/', to, has: (path) => isOfTree(manifest, path.slice(to.length), lies) };
}

/**
 * Files of the tree, and folders of the application's own modules. Others, such as /tmp, are in the tree only because something
 * lies below them.
 */
function isOfTree(manifest: PackageManifest, path: string, lies: string): boolean {
  const stat = statSync(join(lies, path), { throwIfNoEntry: false });
  if (stat === undefined || stat.isFile()) return stat !== undefined;
  return manifest.parts.some(({ at, name }) => name === null && (path === at || path.startsWith(`${at}/`)));
}

function unpacked(store: PartStore, hash: string, now: EpochMs): string {
  const folder = join(store.folder, 'unpacked', hash);
  if (!existsSync(folder)) {
    const part = store.pathOf(hash);
    if (!existsSync(part))
      throw new IskraError('PACKAGE_MISSING', `the part ${hash} of the application is not in ${store.folder}`);
    const draft = join(store.folder, 'drafts', `part-${process.pid}-${randomBytes(6).toString('hex')}`);
    try {
      mkdirSync(draft);
      unpackPart(part, draft);
      mkdirSync(dirname(folder), { recursive: true });
      renameSync(draft, folder);
    } catch (error) {
      if (!existsSync(folder)) throw error; // else somebody was faster
    } finally {
      rmSync(draft, { recursive: true, force: true });
    }
  }
  touch(folder, now);
  return folder;
}

function linkPart(from: string, to: string): void {
  mkdirSync(to, { recursive: true });
  for (const entry of readdirSync(from, { withFileTypes: true })) {
    const source = join(from, entry.name);
    const target = join(to, entry.name);
    if (entry.isDirectory()) linkPart(source, target);
    else if (!existsSync(target)) link(source, target);
  }
}

function link(source: string, target: string): void {
  try {
    linkSync(source, target);
  } catch {
    copyFileSync(source, target); // a file system without hard links, or with too many of this one
  }
}

/** Whatever imports Iskra gets the one of this machine; applications may lie beside it. */
function linkInstallation(at: string, root: string): void {
  mkdirSync(at, { recursive: true });
  for (const name of ['package.json', 'dist']) {
    const link = join(at, name);
    if (existsSync(join(root, name)) && !existsSync(link)) symlinkSync(join(root, name), link);
  }
}

/** @throws IskraError for a path of a manifest that leads out of the tree. */
function inner(path: string): string {
  if (!isInnerPath(path))
    throw new IskraError('PACKAGE_CORRUPT', `${JSON.stringify(path)} is no path inside an application's tree`);
  return path.split('/').join(sep);
}
