import { processWide } from '../base/process-wide.ts';

/**
 * What the command line and the defaults file say, for the context that the application creates in the same process.
 * The application calls `SparkContext.create()` itself, and nothing of ours stands between, so it cannot be an argument.
 * A value that the program sets wins over it.
 */
const holder = processWide('submitDefaults.1', (): { values: Readonly<Record<string, string>> } => ({ values: {} }));

/** Called once, by `iskra submit`, before the application is loaded. */
export function setSubmitDefaults(defaults: Readonly<Record<string, string>>): void {
  holder.values = { ...defaults };
}

/** The values by full key; empty when the program was started by plain `node`. */
export function submitDefaults(): Readonly<Record<string, string>> {
  return holder.values;
}
