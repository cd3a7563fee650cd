/**
 * What the command line and the defaults file say, for the context that the application creates in the same process.
 * It is the one thing handed on by a module: the application calls `SparkContext.create()` itself, and nothing of ours
 * stands between. A value that the program sets wins over it.
 */
let values: Readonly<Record<string, string>> = {};

/** Called once, by `iskra submit`, before the application is loaded. */
export function setSubmitDefaults(defaults: Readonly<Record<string, string>>): void {
  values = { ...defaults };
}

/** The values by full key; empty when the program was started by plain `node`. */
export function submitDefaults(): Readonly<Record<string, string>> {
  return values;
}
