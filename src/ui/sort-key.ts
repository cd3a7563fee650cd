// By what rows of tables are sorted: what a cell shows, as a number where it is one. Pages have these functions, too, by their text:
// they refer to nothing outside of themselves.

/** Of a number, a size, a time, a date, a share: all that pages write. Else the text. */
export function sortKey(text: string): number | string {
  const shown = text.trim();
  if (shown === '') return Number.NEGATIVE_INFINITY;
  if (/^\d{4}\/\d\d\/\d\d \d\d:\d\d:\d\d$/.test(shown)) return Number(shown.replace(/\D/g, ''));
  const match = /^(-?\d+(?:\.\d+)?)(?:\s*([KMGTPE]iB|B|ms|min|s|h|%))?(?![\w.])/.exec(shown);
  if (match === null) return shown;
  const units: Record<string, number> = { s: 1e3, min: 6e4, h: 36e5 };
  'KMGTPE'.split('').forEach((letter, i) => {
    units[`${letter}iB`] = 1024 ** (i + 1);
  });
  return Number(match[1]) * (units[match[2] ?? ''] ?? 1);
}

/** Numbers before texts; numbers in texts count as such: `stage 9` comes before `stage 10`. */
export function compareKeys(a: number | string, b: number | string): number {
  if (typeof a === 'number' && typeof b === 'number') return a === b ? 0 : a - b;
  if (typeof a === 'string' && typeof b === 'string') return a.localeCompare(b, 'en', { numeric: true });
  return typeof a === 'number' ? -1 : 1;
}
