import { rm } from 'node:fs/promises';
import { basename, join } from 'node:path';
import type { AddedFile } from '../protocol/added-file.ts';
import { type FetchOptions, fetchFile, isWebUrl, makeFilesDirectory } from './fetch-file.ts';
import { archiveKind, unpackArchive } from './unpack-archive.ts';

/**
 * Brings a file or an archive to where tasks of this process find it.
 *
 * @returns false for an archive of a kind that cannot be unpacked: it was copied as it is.
 * @throws IskraError of fetchFile and unpackArchive.
 */
export async function placeAddedFile(file: AddedFile, directory: string, options: FetchOptions): Promise<boolean> {
  await makeFilesDirectory(directory);
  const to = join(directory, file.name);
  if (file.kind === 'file') {
    await fetchFile(file.source, to, options);
    return true;
  }
  const archiveName = basename(isWebUrl(file.source) ? decodeURIComponent(new URL(file.source).pathname) : file.source);
  const kind = archiveKind(archiveName);
  await rm(to, { recursive: true, force: true });
  if (kind === null) {
    await fetchFile(file.source, to, options);
    return false;
  }
  // Local archives are read where they lie.
  const archive = isWebUrl(file.source) ? `${to}.archive` : file.source;
  if (archive !== file.source) await fetchFile(file.source, archive, { ...options, overwrite: true });
  try {
    await unpackArchive(archive, kind, to);
  } finally {
    if (archive !== file.source) await rm(archive, { force: true });
  }
  return true;
}
