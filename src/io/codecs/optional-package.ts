import { createRequire } from 'node:module';
import { IskraError } from '../../base/errors.ts';

/** Packages that only some jobs need, in the versions that this build is tested with: package.json has them as optional peers. */
const VERSIONS = {
  snappy: '7.4.3',
  fzstd: '0.1.1',
  '@bokuweb/zstd-wasm': '0.0.27',
  hyparquet: '1.31.5',
  'hyparquet-compressors': '1.1.2',
  'hyparquet-writer': '0.17.0',
} as const;

export type OptionalPackage = keyof typeof VERSIONS;

const require = createRequire(import.meta.url);

/**
 * Loads a package that users install when they need it.
 *
 * @param need what needs it, as the message says it: `Reading snappy files`.
 * @throws IskraError PACKAGE_NOT_INSTALLED with the command to type.
 */
export function requirePackage(name: OptionalPackage, need: string): unknown {
  try {
    return require(name);
  } catch (e) {
    throw notInstalled(name, need, e);
  }
}

/** The same for packages that are ES modules. `path`: a file inside, else its main one. */
export async function importPackage(name: OptionalPackage, need: string, path = ''): Promise<unknown> {
  try {
    return await import(name + path);
  } catch (e) {
    throw notInstalled(name, need, e);
  }
}

function notInstalled(name: OptionalPackage, need: string, cause: unknown): unknown {
  const { code, message } = cause as { code?: unknown; message?: string };
  const missing = code === 'MODULE_NOT_FOUND' || code === 'ERR_MODULE_NOT_FOUND';
  const why = missing ? 'which is not installed' : `which cannot be loaded (${message})`;
  return new IskraError(
    'PACKAGE_NOT_INSTALLED',
    `${need} needs the package ${name}, ${why}; type: npm install ${name}@${VERSIONS[name]}`,
    { cause, details: { package: name, version: VERSIONS[name] } },
  );
}
