import type { EpochMs } from '../../base/clock.ts';

/** Something that lies in a work directory. */
export interface WorkDirEntry {
  readonly name: string;
  readonly isDirectory: boolean;
  /** When it, or the newest of all that lies anywhere below it, was changed last. */
  readonly newest: EpochMs;
}

/**
 * Which directories nobody needs any more: those in which nothing is newer, of applications without executors and of
 * drivers that have ended. Plain files stay.
 *
 * @param keep names of applications and drivers that run here.
 * @param olderThan what was changed before that is old.
 *
 * Spark: Worker's WorkDirCleanup
 */
export function oldDirectories(
  entries: readonly WorkDirEntry[],
  keep: ReadonlySet<string>,
  olderThan: EpochMs,
): readonly string[] {
  return entries
    .filter(({ name, isDirectory, newest }) => isDirectory && !keep.has(name) && newest < olderThan)
    .map(({ name }) => name);
}
