import { existsSync, readdirSync } from 'node:fs';

/** Paths below a directory that match, as seen from it; others may be removing some of them. */
export function filesBelow(directory: string, pattern: RegExp): string[] {
  for (;;)
    try {
      return readdirSync(directory, { recursive: true, encoding: 'utf8' }).filter((path) => pattern.test(path));
    } catch (error) {
      // A directory was listed, and was gone when it was to be read. The next listing does not have it.
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT' || !existsSync(directory)) throw error;
    }
}
