import { readFileSync } from 'node:fs';
import { SourceMap, type SourceMapPayload } from 'node:module';
import { pathToFileURL } from 'node:url';
import { inspect } from 'node:util';
import { IskraError } from '../../base/errors.ts';
import { splitStack } from '../../base/stack-frames.ts';

export interface ReportOptions {
  /** The folder of the installation: its own frames say nothing to the user. */
  readonly root: string;
  /** Files in it are shown relative to it. */
  readonly workingFolder: string;
  /** Whole stacks. */
  readonly verbose: boolean;
  /** Source files by their compiled forms: messages are to name the former. */
  readonly sources?: ReadonlyMap<string, string>;
}

/** Errors whose message says all; a stack would only lead into our code. */
const NO_STACK: readonly string[] = [
  'APPLICATION_IMPORT',
  'APPLICATION_KIND',
  'APPLICATION_NOT_FOUND',
  'APPLICATION_SYNTAX',
  'ENVIRONMENT_FILE',
  'FILE_NOT_FOUND',
  'MASTER_NOT_FOUND',
  'PROPERTIES_FILE',
  'REST_CONNECTION',
  'REST_PROTOCOL',
  'TSCONFIG',
  'USAGE',
];

/** What is shown when an application fails: message, the user's own lines of the stack, and the causes. */
export function reportError(thrown: unknown, options: ReportOptions): string {
  const { verbose, workingFolder } = options;
  if (IskraError.is(thrown) && NO_STACK.includes(thrown.code) && !verbose) {
    const here = `${workingFolder}/`;
    const lines = thrown.message.split('\n').map((line) => (line.startsWith(here) ? line.slice(here.length) : line));
    return `${lines.join('\n')}\n`;
  }
  const parts: string[] = [];
  let hidden = false;
  let error: unknown = thrown;
  for (let depth = 0; depth < 8 && error !== undefined && error !== null; depth++) {
    const lead = depth === 0 ? '' : 'Caused by: ';
    if (!(error instanceof Error)) {
      parts.push(lead + (depth === 0 ? 'thrown, but not an Error: ' : '') + inspect(error, { depth: 3 }));
      break;
    }
    const { head, frames } = headAndFrames(error);
    const shown = verbose ? frames : frames.filter((frame) => isOfUser(frame, options.root));
    hidden ||= shown.length < frames.length;
    // A failed job's message has the stack of the task's error, and is the first of the parts.
    if (verbose || !parts[0]?.includes(error.message) || error.message === '')
      parts.push([lead + head, ...shown].join('\n'));
    if (head.includes('does not provide an export named')) {
      parts.push("If it is a type, say so: 'import type { … }', 'export type { … }'.");
    }
    error = error.cause;
  }
  if (hidden) parts.push('(--verbose shows the whole stack)');
  return `${withSources(parts.join('\n'), options.sources)}\n`;
}

/** The text before the frames, and the frames. */
function headAndFrames(error: Error): { head: string; frames: string[] } {
  const title = `${error.name}: ${error.message}`;
  const { head, frames } = splitStack(typeof error.stack === 'string' ? error.stack : '', error.message);
  const before = head.trim();
  // For code that Node could not link or parse, the place stands before the message and nowhere else.
  return { head: /^\S+:\d+\n/.test(before) && before.includes(error.message) ? before : title, frames };
}

function isOfUser(frame: string, root: string): boolean {
  if (/\(?node:|<anonymous>\)?$|\/node_modules\//.test(frame)) return false;
  // The examples of the installation are programs like any other.
  return !['dist', 'src', 'bin'].some((folder) => frame.includes(`${root}/${folder}/`));
}

/** Places in compiled files become places in their sources: errors that slots send have theirs as the slot saw it. */
function withSources(text: string, sources: ReadonlyMap<string, string> | undefined): string {
  let shown = text;
  for (const [compiled, source] of sources ?? []) {
    let map: SourceMap | null | undefined;
    for (const name of [pathToFileURL(compiled).href, compiled]) {
      const [before = '', ...parts] = shown.split(name);
      shown = parts.reduce((done, part) => {
        const [position, line, column] = /^:(\d+):(\d+)/.exec(part) ?? [];
        if (position === undefined) return done + source + part;
        if (map === undefined) map = sourceMapIn(compiled);
        const entry = map?.findEntry(Number(line) - 1, Number(column) - 1);
        if (entry === undefined || !('originalLine' in entry)) return done + source + part;
        return `${done}${source}:${entry.originalLine + 1}:${entry.originalColumn + 1}${part.slice(position.length)}`;
      }, before);
    }
  }
  return shown;
}

/** The map that the compiler wrote at the end of the file. */
function sourceMapIn(file: string): SourceMap | null {
  try {
    const inline = /\/\/# sourceMappingURL=data:application\/json;base64,(\S+)\s*$/.exec(readFileSync(file, 'utf8'));
    if (inline?.[1] === undefined) return null;
    return new SourceMap(JSON.parse(Buffer.from(inline[1], 'base64').toString()) as SourceMapPayload);
  } catch {
    return null; // gone, or not ours: the place as it is says more than none
  }
}
