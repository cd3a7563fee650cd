import { basename, join } from 'node:path';
import type { Clock } from '../base/clock.ts';
import { IskraError } from '../base/errors.ts';
import type { Logger } from '../base/logger.ts';
import { fetchFile } from '../io/fetch-file.ts';
import { type AskPackages, PACKAGE_SCHEME, PACKAGES_ENDPOINT } from '../protocol/app-package.ts';
import { formatAddress, type RpcAddress } from '../rpc/rpc-address.ts';
import type { RpcEnv } from '../rpc/rpc-env.ts';
import { type CacheLimits, cleanPackageCache, ownInstallation } from './package-cache.ts';
import { placeFiles } from './packaged-files.ts';
import { isInnerPath } from './part-file.ts';
import { PartStore } from './part-store.ts';
import { placePackage } from './place-package.ts';
import { fetchParts } from './transfer-parts.ts';

export interface FetchApplicationOptions {
  /** `<work dir>/cache`: parts and trees that all drivers and executors of the worker share. */
  readonly cacheFolder: string;
  readonly limits: CacheLimits;
  readonly rpc: RpcEnv;
  /** Any of them may have the package. */
  readonly masters: readonly RpcAddress[];
  /** The longest wait for bytes of a download, ms. spark.files.fetchTimeout */
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
  readonly clock: Clock;
  readonly log: Logger;
}

/** Whether an application has to come from elsewhere. */
export function isFetched(appResource: string): boolean {
  return appResource.startsWith(PACKAGE_SCHEME) || /^https?:/i.test(appResource);
}

/**
 * Gets a driver's application onto this machine. `iskra-package:<sha256>` comes from a master, part by part, with files for the
 * directory; an http(s) URL is downloaded into it.
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
  if (appResource.startsWith(PACKAGE_SCHEME)) return fetchPackage(appResource, directory, options);
  const to = join(directory, fileNameOf(appResource));
  await fetchFile(appResource, to, { overwrite: true, timeoutMs: options.timeoutMs, signal: options.signal });
  return to;
}

/** Of a URL that comes from whoever submitted it. */
function fileNameOf(url: string): string {
  let name = '';
  try {
    name = basename(decodeURIComponent(new URL(url).pathname));
  } catch {
    // It is no URL, or has a % that is none.
  }
  if (isInnerPath(name)) return name;
  throw new IskraError('APPLICATION_NOT_FOUND', `the application ${withoutUser(url)} names no file`);
}

function withoutUser(url: string): string {
  return url.replace(/\/\/[^/?#]*@/, '//');
}

async function fetchPackage(appResource: string, directory: string, options: FetchApplicationOptions): Promise<string> {
  const { rpc, masters, signal, clock, log, limits } = options;
  const id = appResource.slice(PACKAGE_SCHEME.length);
  const store = new PartStore(options.cacheFolder);
  const failures: unknown[] = [];
  for (const master of masters) {
    signal.throwIfAborted();
    try {
      await fetchParts(() => rpc.connect<never, AskPackages>(master, PACKAGES_ENDPOINT), id, store, {
        signal,
        files: true,
      });
      const placed = placePackage(store, id, ownInstallation(), clock.now());
      await placeFiles(store, placed.manifest, directory, clock.now());
      void cleanPackageCache(store, limits, clock.now(), log);
      return placed.entry;
    } catch (error) {
      if (IskraError.is(error) && error.code === 'PACKAGE_VERSION') throw error; // of every master the same
      log.debug(`${formatAddress(master)} did not give ${appResource}`, { error: String(error) });
      failures.push(error);
    }
  }
  const why = failures.map((error) => (error instanceof Error ? error.message : String(error))).join('; ');
  throw new IskraError('PACKAGE_MISSING', `cannot get the application ${appResource}: ${why}`, {
    cause: failures[0],
    details: { appResource },
  });
}
