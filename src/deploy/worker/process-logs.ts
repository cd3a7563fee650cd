import { closeSync, openSync, writeSync } from 'node:fs';
import { join } from 'node:path';

/** Where a process's logs are, and how they begin. */
export interface ProcessLogs {
  readonly directory: string;
  readonly stderrHeader: string;
}

/** The files to which a process's `stdout` and `stderr` go. */
export const LOG_FILES = ['stdout', 'stderr'] as const;

/** Opens them for appending, in this order. @throws the error of a directory that is not there, say. */
export function openLogs({ directory, stderrHeader }: ProcessLogs): number[] {
  const files: number[] = [];
  try {
    for (const name of LOG_FILES) files.push(openSync(join(directory, name), 'a'));
    writeSync(files[1] as number, stderrHeader); // opened just now
    return files;
  } catch (error) {
    for (const file of files) closeSync(file);
    throw error;
  }
}

/** Leaves them to whoever opens them next. */
export function makeLogs(logs: ProcessLogs): void {
  for (const file of openLogs(logs)) closeSync(file);
}
