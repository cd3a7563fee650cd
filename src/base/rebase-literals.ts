/** How paths of one machine become those of a tree that was copied from it. */
export interface Rebase {
  /** What the folder of every path begins with over there: `/`, or a tree's folder with a slash at its end. */
  readonly from: string;
  /** The copy's folder, with a slash at its end. */
  readonly to: string;
  /** Whether the copy has this file or folder; its path begins with `to`. */
  readonly has: (path: string) => boolean;
}

const LITERAL = /(["'`])(file:\/\/)?(\/[^"'`\\\n$]*)\1/g;

/**
 * Leads string literals that are paths, or file URLs, of something that was copied to the copy; all others stay. Nothing but the
 * texts between quotes changes, so lines stay where they are.
 */
export function rebaseLiterals(text: string, rebase: Rebase): string {
  if (!text.includes(rebase.from)) return text;
  return text.replace(LITERAL, (whole: string, quote: string, scheme: string | undefined, path: string) => {
    const [, bare = '', suffix = ''] = scheme === undefined ? ['', path, ''] : (/^([^?#]*)(.*)$/.exec(path) ?? []);
    const found = rebasePath(scheme === undefined ? bare : decoded(bare), rebase);
    if (found === null) return whole;
    return `${quote}${scheme ?? ''}${scheme === undefined ? found : encoded(found)}${suffix}${quote}`;
  });
}

/** The copy's path; null when the path is not of what was copied. */
function rebasePath(path: string, { from, to, has }: Rebase): string | null {
  if (!path.startsWith(from) || path.startsWith(to)) return null;
  const there = to + path.slice(from.length);
  return has(there) ? there : null;
}

function decoded(path: string): string {
  try {
    return decodeURIComponent(path);
  } catch {
    return path;
  }
}

/** As `pathToFileURL` writes a path. */
function encoded(path: string): string {
  return encodeURI(path).replaceAll('?', '%3F').replaceAll('#', '%23');
}
