import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

/** A folder with files, for tests of packing; `link` as `{ link: target }`. */
export class AppFolder {
  readonly folder: string;

  constructor(files: Readonly<Record<string, string | Uint8Array | { readonly link: string }>> = {}) {
    this.folder = realpathSync(mkdtempSync(join(tmpdir(), 'iskra-app-')));
    this.write(files);
  }

  write(files: Readonly<Record<string, string | Uint8Array | { readonly link: string }>>): void {
    for (const [name, content] of Object.entries(files)) {
      const path = this.path(name);
      mkdirSync(dirname(path), { recursive: true });
      if (typeof content === 'string' || content instanceof Uint8Array) writeFileSync(path, content);
      else symlinkSync(content.link, path);
    }
  }

  path(name: string): string {
    return join(this.folder, name);
  }

  remove(): void {
    rmSync(this.folder, { recursive: true, force: true });
  }
}
