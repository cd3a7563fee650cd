import { join } from 'node:path';
import { IllegalArgumentError, IskraError } from '../base/errors.ts';

let root: string | null = null;

/** Called by a slot, and by a context as it starts and stops: where the files are in this thread. */
export function setSparkFilesRoot(directory: string | null): void {
  root = directory;
}

/** Where a file or archive of `sc.addFile` and `sc.addArchive` lies, in tasks and on the driver. Spark: SparkFiles */
export const SparkFiles: {
  /** The path of the file that was added under this name; an archive's directory. Also of names that nobody added. */
  get(filename: string): string;
  /** The directory that has them all. */
  getRootDirectory(): string;
} = {
  get(filename) {
    if (typeof filename !== 'string' || filename === '')
      throw new IllegalArgumentError(`SparkFiles.get() needs the name of a file, but was given ${String(filename)}`);
    return join(SparkFiles.getRootDirectory(), filename);
  },
  getRootDirectory() {
    if (root === null)
      throw new IskraError(
        'NO_CONTEXT',
        'SparkFiles are there while a SparkContext runs, and in its tasks; create one before',
      );
    return root;
  },
};
