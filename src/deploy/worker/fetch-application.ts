import { stat } from 'node:fs/promises';
import { isAbsolute } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type FetchApplicationOptions, fetchApplication, isFetched } from '../../app-package/fetch-application.ts';
import { IskraError } from '../../base/errors.ts';

/**
 * Gets an application onto this machine.
 *
 * @param directory of the driver, where it may put what it fetches.
 * @param signal aborts when the worker stops.
 * @returns the path of what is to be run.
 */
export type FetchApplication = (appResource: string, directory: string, signal: AbortSignal) => Promise<string>;

/**
 * Gets packages from masters, downloads http(s) URLs, and takes what lies on this machine where it is.
 *
 * @throws IskraError naming what is missing.
 */
export function applicationFetcher(options: Omit<FetchApplicationOptions, 'signal'>): FetchApplication {
  return (appResource, directory, signal) =>
    isFetched(appResource)
      ? fetchApplication(appResource, directory, { ...options, signal })
      : fetchLocalApplication(appResource, directory, signal);
}

/**
 * Takes applications that lie on this machine, where they are: a path, or a URL that begins with `file:` or `local:`.
 *
 * @throws IskraError naming what is missing.
 */
export const fetchLocalApplication: FetchApplication = async (appResource) => {
  const path = localPath(appResource);
  try {
    await stat(path);
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    throw new IskraError(
      'APPLICATION_NOT_FOUND',
      code === 'ENOENT'
        ? `File ${path} does not exist on this worker`
        : `File ${path} cannot be read on this worker: ${message}`,
      { cause: error, details: { appResource } },
    );
  }
  return path;
};

function localPath(appResource: string): string {
  if (isAbsolute(appResource)) return appResource;
  try {
    const url = new URL(appResource.replace(/^local:/, 'file:'));
    if (url.protocol === 'file:') return fileURLToPath(url);
  } catch {
    // said below
  }
  throw new IskraError(
    'APPLICATION_NOT_FOUND',
    `${JSON.stringify(appResource)} cannot be fetched: give an absolute path, or a file: URL, of something that lies on every worker`,
    { details: { appResource } },
  );
}
