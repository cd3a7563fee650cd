import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import type { Installation } from '../deploy/submit/submit.ts';

interface Manifest {
  readonly version: string;
  readonly exports: Readonly<Record<string, string | { readonly default: string }>>;
}

/** This very copy of Iskra. Node has resolved symbolic links in the URL of this module. */
export function thisInstallation(): Installation {
  const root = fileURLToPath(new URL('../../../', import.meta.url)).replace(/[\\/]$/, '');
  const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as Manifest;
  return {
    root,
    version: manifest.version,
    resolve(specifier) {
      const target = manifest.exports[`.${specifier.slice('iskra'.length)}`];
      if (target === undefined) return undefined;
      return pathToFileURL(join(root, typeof target === 'string' ? target : target.default)).href;
    },
  };
}
