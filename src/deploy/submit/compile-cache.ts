import {
  accessSync,
  constants,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { makeDirectory } from '../../base/make-directory.ts';
import { packageRootOf } from './module-resolution.ts';

/** Compiled programs that no run has used for this long are deleted; a running one may load its files late. */
const KEEP_MS = 30 * 24 * 3_600_000;

/** Short and safe as part of a file's name. */
export function hashOf(...parts: readonly string[]): string {
  // Not imported above: slots and commands that need it not start 3 ms sooner.
  const hash = process.getBuiltinModule('node:crypto').createHash('sha256');
  for (const part of parts) hash.update(`${part.length}:`).update(part);
  return hash.digest('hex').slice(0, 24);
}

/**
 * The folders for compiled files.
 *
 *   <package root>/.iskra/.gitignore          *
 *   <package root>/.iskra/cache/units/KEY…    one source file compiled, its imports still as written
 *   <package root>/.iskra/cache/PROGRAM/…     the files of one program, imports leading to each other
 *
 * Inside the package root, so that for Node a compiled file stands where its source does: packages, the package's own
 * name and `#imports` are found. `node_modules/.cache` would not do, since Node ends package scopes at `node_modules`.
 * Where there is no package, or it is read-only, a folder of the user's cache takes its place, with a link to the
 * nearest `node_modules`.
 */
export class CompileCache {
  private readonly byRoot = new Map<string, string>();
  private readonly userCache: string;

  /** @param userCache where programs without a writable package keep their files; `~/.cache/iskra` if absent. */
  constructor(userCache?: string) {
    this.userCache = userCache ?? join(homedir(), '.cache', 'iskra');
  }

  /** The cache folder for a source file. */
  folderFor(source: string): string {
    const folder = dirname(source);
    const root = packageRootOf(folder);
    const owner = root ?? folder;
    const known = this.byRoot.get(owner);
    if (known !== undefined) return known;
    const chosen = (root !== undefined && insidePackage(root)) || outsidePackage(owner, this.userCache);
    this.byRoot.set(owner, chosen);
    return chosen;
  }

  read(folder: string, name: string): string | undefined {
    try {
      return readFileSync(join(folder, name), 'utf8');
    } catch {
      return undefined;
    }
  }

  /** Other runs see the whole file or none. */
  write(folder: string, name: string, text: string): void {
    const file = join(folder, name);
    const draft = `${file}.${process.pid}-${process.getBuiltinModule('node:crypto').randomBytes(4).toString('hex')}.tmp`;
    mkdirSync(dirname(file), { recursive: true });
    try {
      writeFileSync(draft, text);
      renameSync(draft, file);
    } catch (error) {
      rmSync(draft, { force: true });
      throw error;
    }
  }

  /** A symbolic link, unless it is there. */
  link(folder: string, name: string, target: string): void {
    const path = join(folder, name);
    mkdirSync(dirname(path), { recursive: true });
    try {
      symlinkSync(target, path, 'junction');
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    }
  }

  /** Notes that a program was used, and when it is new, deletes what nobody used for long. */
  touch(folder: string, program: string, isNew: boolean, now: Date): void {
    try {
      utimesSync(join(folder, program), now, now);
      if (!isNew) return;
      for (const kind of ['.', 'units']) {
        for (const name of readdirSync(join(folder, kind))) {
          if (name === 'units' || name === 'node_modules') continue;
          const path = join(folder, kind, name);
          if (now.getTime() - statSync(path).mtimeMs > KEEP_MS) rmSync(path, { recursive: true, force: true });
        }
      }
    } catch {
      // another run cleans at the same time, or the clock of the disk is odd: nothing depends on it
    }
  }
}

function insidePackage(root: string): string | undefined {
  const home = join(root, '.iskra');
  const folder = join(home, 'cache');
  try {
    makeDirectory(join(folder, 'units'));
    const ignore = join(home, '.gitignore');
    if (!existsSync(ignore)) writeFileSync(ignore, '*\n');
    accessSync(folder, constants.W_OK); // it may exist and yet be on a read-only disk
    return folder;
  } catch {
    return undefined;
  }
}

function outsidePackage(owner: string, userCache: string): string {
  let folder = join(userCache, hashOf(owner));
  try {
    makeDirectory(join(folder, 'units'), 0o700);
    // What lies here is run as the user's own code, so nobody else may have made it.
    const stat = lstatSync(folder);
    if (!stat.isDirectory() || (process.getuid && stat.uid !== process.getuid())) throw new Error('not ours');
    accessSync(folder, constants.W_OK);
  } catch {
    folder = mkdtempSync(join(tmpdir(), 'iskra-'));
  }
  linkPackages(owner, folder);
  return folder;
}

/** Lets compiled files find the packages that their sources would. */
function linkPackages(owner: string, folder: string): void {
  const link = join(folder, 'node_modules');
  for (let at = owner; ; at = dirname(at)) {
    const packages = join(at, 'node_modules');
    if (existsSync(packages)) {
      try {
        rmSync(link, { force: true });
        symlinkSync(packages, link, 'junction');
      } catch {
        // without the link an import of a package fails with Node's own message
      }
      return;
    }
    if (dirname(at) === at) return;
  }
}
