import { accessSync, constants, existsSync } from 'node:fs';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Clock } from '../base/clock.ts';
import { IskraError } from '../base/errors.ts';
import { fetchFile } from '../io/fetch-file.ts';
import { type AskPackages, PACKAGE_SCHEME, PACKAGES_ENDPOINT } from '../protocol/app-package.ts';
import type { RpcAddress } from '../rpc/rpc-address.ts';
import type { RpcEnv } from '../rpc/rpc-env.ts';
import { PartStore } from './part-store.ts';
import { type Installation, placePackage } from './place-package.ts';
import { fetchParts } from './transfer-parts.ts';

export interface FetchApplicationOptions {
  /** `<work dir>/cache`: parts and trees that all drivers and executors of the worker share. */
  readonly cacheFolder: string;
  readonly installation: Installation;
  readonly rpc: RpcEnv;
  /** The master that has the package. */
  readonly master: RpcAddress;
  /** The longest wait for bytes of a download, ms. spark.files.fetchTimeout */
  readonly timeoutMs: number;
  readonly clock: Clock;
}

/**
 * Gets a driver's application onto this machine. `iskra-package:<sha256>` comes from the master, part by part; an http(s) URL is
 * downloaded into the directory; a path or a file: URL is used where it lies, since modules lie beside it.
 *
 * @param directory of the driver; exists.
 * @returns the path of the module to run.
 * @throws IskraError that says why it cannot be had.
 *
 * Spark: DriverRunner.downloadUserJar
 */
export async function fetchApplication(
  appResource: string,
  directory: string,
  options: FetchApplicationOptions,
): Promise<string> {
  if (appResource.startsWith(PACKAGE_SCHEME)) {
    const id = appResource.slice(PACKAGE_SCHEME.length);
    const store = new PartStore(options.cacheFolder);
    store.pathOf(id); // an id that is none is found here
    const connect = () => options.rpc.connect<never, AskPackages>(options.master, PACKAGES_ENDPOINT);
    await fetchParts(connect, id, store);
    const placed = placePackage(store, id, options.installation, options.clock.now());
    return checked(placed.entry, appResource);
  }
  const scheme = /^([a-z][a-z0-9+.-]*):/i.exec(appResource)?.[1]?.toLowerCase();
  switch (scheme) {
    case 'http':
    case 'https': {
      const name = basename(decodeURIComponent(new URL(appResource).pathname));
      if (name === '') throw new IskraError('APPLICATION_NOT_FOUND', `${appResource} names no file`);
      const to = join(directory, name);
      await fetchFile(appResource, to, { overwrite: true, timeoutMs: options.timeoutMs });
      return checked(to, appResource);
    }
    case undefined:
      return checked(appResource, appResource);
    case 'file':
    case 'local':
      return checked(fromFileUrl(appResource), appResource);
    default:
      throw new IskraError(
        'APPLICATION_NOT_FOUND',
        `cannot get the application ${appResource}: No FileSystem for scheme "${scheme}"; use a path that workers see, an http(s) URL, or let submit pack it`,
        { details: { appResource } },
      );
  }
}

function fromFileUrl(url: string): string {
  try {
    return fileURLToPath(url.replace(/^local:/i, 'file:'));
  } catch (cause) {
    throw new IskraError('APPLICATION_NOT_FOUND', `${url} is not the URL of a file`, { cause });
  }
}

/** Spark: "Did not see expected jar … in driver directory" */
function checked(path: string, appResource: string): string {
  try {
    if (!existsSync(path)) throw new Error('it is not there');
    accessSync(path, constants.R_OK);
    return path;
  } catch (cause) {
    throw new IskraError(
      'APPLICATION_NOT_FOUND',
      `Did not see expected application ${path} of ${appResource}: ${(cause as Error).message}`,
      { cause, details: { path, appResource } },
    );
  }
}
