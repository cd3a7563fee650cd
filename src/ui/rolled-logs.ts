// Names of the files that a log was rolled into: `stdout--2026-11-21--07-00`, `stdout--2026-11-21--07-00--0`, each perhaps packed.

/** What a packed file ends with. Spark: RollingFileAppender.GZIP_LOG_SUFFIX */
export const PACKED = '.gz';

/**
 * The files that the log `name` was rolled into, the oldest first. One that is there packed and plain is being packed, and
 * counts as plain.
 *
 * @param entries all names of its directory.
 */
export function rolledLogs(entries: readonly string[], name: string): string[] {
  const all = new Set(entries.filter((entry) => entry.startsWith(`${name}--`)));
  const one = (entry: string): boolean => !entry.endsWith(PACKED) || !all.has(entry.slice(0, -PACKED.length));
  return [...all].filter(one).sort(byAge);
}

/** Parts of a name are of one length each, but for the last, which counts files of the same time. */
function byAge(a: string, b: string): number {
  const as = partsOf(a);
  const bs = partsOf(b);
  for (const [i, part] of as.entries()) {
    const other = bs[i];
    if (other === undefined) return 1;
    if (part !== other) return part.length - other.length || (part < other ? -1 : 1);
  }
  return as.length - bs.length;
}

function partsOf(name: string): string[] {
  return (name.endsWith(PACKED) ? name.slice(0, -PACKED.length) : name).split('--');
}
