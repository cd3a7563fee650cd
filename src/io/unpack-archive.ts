import { mkdir, rm } from 'node:fs/promises';
import { EntryWriter } from './archives/entry-writer.ts';

/** How an archive is read, by its name; null: it is none that can be unpacked. Spark: Utils.unpack */
export function archiveKind(name: string): 'zip' | 'tar' | 'tar.gz' | null {
  const lower = name.toLowerCase();
  if (lower.endsWith('.zip') || lower.endsWith('.jar')) return 'zip';
  if (lower.endsWith('.tar.gz') || lower.endsWith('.tgz')) return 'tar.gz';
  return lower.endsWith('.tar') ? 'tar' : null;
}

/**
 * Unpacks into a directory that does not exist yet; nothing is left of it when that fails.
 *
 * @throws IskraError ARCHIVE_CORRUPT, ARCHIVE_UNSAFE.
 */
export async function unpackArchive(
  archive: string,
  kind: NonNullable<ReturnType<typeof archiveKind>>,
  directory: string,
): Promise<void> {
  await mkdir(directory, { recursive: true });
  try {
    const into = new EntryWriter(archive, directory);
    // Few applications have archives.
    if (kind === 'zip') await (await import('./archives/zip-reader.ts')).unpackZip(archive, into);
    else await (await import('./archives/tar-reader.ts')).unpackTar(archive, kind === 'tar.gz', into);
  } catch (error) {
    await rm(directory, { recursive: true, force: true });
    throw error;
  }
}
