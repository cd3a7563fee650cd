import { createWriteStream, existsSync, mkdirSync, realpathSync } from 'node:fs';
import { chmod, link, rm, symlink } from 'node:fs/promises';
import { dirname, join, relative, resolve, sep } from 'node:path';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { IskraError } from '../../base/errors.ts';

/**
 * Writes what comes out of an archive below one directory, and nowhere else: a name or a link that leads out of it is an
 * error, whatever was written before.
 */
export class EntryWriter {
  readonly #archive: string;
  /** Without symbolic links. */
  readonly #root: string;

  /** @param directory exists. */
  constructor(archive: string, directory: string) {
    this.#archive = archive;
    this.#root = realpathSync(directory);
  }

  directory(name: string): void {
    this.#place(`${name}/.`);
  }

  /** @param content begins to read: only when somebody hears of its errors. */
  async file(name: string, mode: number, content: () => Readable): Promise<void> {
    const path = this.#place(name);
    await rm(path, { force: true }); // never through a link that an earlier entry made
    await pipeline(content(), createWriteStream(path, { flags: 'wx' }));
    if ((mode & 0o111) !== 0) await chmod(path, 0o755);
  }

  async symbolicLink(name: string, target: string): Promise<void> {
    const path = this.#place(name);
    if (!this.#isInside(resolve(dirname(path), target))) throw this.#outside(`${name} -> ${target}`);
    await rm(path, { force: true });
    await symlink(target, path);
  }

  /** @param target the name of another entry. */
  async hardLink(name: string, target: string): Promise<void> {
    const path = this.#place(name);
    const from = this.#place(target);
    await rm(path, { force: true });
    await link(from, path);
  }

  /** Where an entry belongs; the directory above it exists afterwards. */
  #place(name: string): string {
    // Windows tools write backslashes; absolute names count from the root of the archive.
    const parts = name.split(/[\\/]/).filter((part) => part !== '' && part !== '.');
    if (parts.includes('..')) throw this.#outside(name);
    const path = join(this.#root, ...parts);
    const parent = name.endsWith('/.') ? path : dirname(path);
    let above = parent;
    while (!existsSync(above)) above = dirname(above);
    if (!this.#isInside(realpathSync(above))) throw this.#outside(name); // through a link
    try {
      mkdirSync(parent, { recursive: true });
    } catch (cause) {
      throw new IskraError('ARCHIVE_CORRUPT', `${this.#archive} has ${name}, which another entry is in the way of`, {
        cause,
      });
    }
    return path;
  }

  #isInside(path: string): boolean {
    const way = relative(this.#root, path);
    return way !== '..' && !way.startsWith(`..${sep}`);
  }

  #outside(name: string): IskraError {
    return new IskraError(
      'ARCHIVE_UNSAFE',
      `${this.#archive} has an entry that leads outside of the directory it is unpacked in: ${name}`,
      { details: { archive: this.#archive, entry: name } },
    );
  }
}
