import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** A program that comes with Iskra. */
export interface Example {
  readonly name: string;
  readonly file: string;
  /** The first line of its file: what it does, and its arguments. */
  readonly about: string;
}

/** The examples of an installation, by name. */
export function listExamples(root: string): Example[] {
  const folder = join(root, 'examples');
  let files: string[];
  try {
    files = readdirSync(folder);
  } catch {
    return []; // an installation may do without
  }
  return files
    .filter((file) => file.endsWith('.ts') && !file.endsWith('.d.ts'))
    .sort()
    .map((name) => {
      const file = join(folder, name);
      const about = /^\/\/ (.*)/.exec(readFileSync(file, 'utf8'))?.[1] ?? '';
      return { name: name.slice(0, -'.ts'.length), file, about };
    });
}
