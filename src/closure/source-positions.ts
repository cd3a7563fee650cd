import { readFileSync } from 'node:fs';
import { SourceMap, type SourceMapPayload } from 'node:module';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { LruMap } from './lru-map.ts';
import { type ModuleInfo, NO_MODULE_INFO, readModuleInfo } from './module-info.ts';

/** A script as V8 runs it, which is after any TypeScript transform. */
export class ScriptInfo {
  readonly url: string;
  readonly isModule: boolean;
  readonly sourceMapUrl: string;
  #source: string | null = null;
  #lineStarts: readonly number[] | null = null;
  #strict: boolean | null = null;
  #moduleInfo: ModuleInfo | null = null;
  #map: SourceMap | null | undefined;

  constructor(url: string, isModule: boolean, sourceMapUrl: string) {
    this.url = url;
    this.isModule = isModule;
    this.sourceMapUrl = sourceMapUrl;
  }

  get isOfNode(): boolean {
    return this.url.startsWith('node:');
  }

  get hasSource(): boolean {
    return this.#source !== null;
  }

  get hasSourceMap(): boolean {
    return this.sourceMapUrl !== '';
  }

  get source(): string {
    return this.#source ?? '';
  }

  set source(text: string) {
    this.#source = text;
  }

  /** Whether the whole script is strict. */
  get strict(): boolean {
    this.#strict ??=
      this.isModule || /^(?:\s|\/\/.*|\/\*[\s\S]*?\*\/|#!.*)*(['"])use strict\1/.test(this.source.slice(0, 10_000));
    return this.#strict;
  }

  /** Imports and exports; parsed when first asked for. Empty for scripts that are not ES modules. */
  get moduleInfo(): ModuleInfo {
    if (this.#moduleInfo === null) {
      this.#moduleInfo = NO_MODULE_INFO;
      try {
        if (this.isModule) this.#moduleInfo = readModuleInfo(this.source);
      } catch {
        // Syntax newer than our parser: everything of this module is copied instead of imported.
      }
    }
    return this.#moduleInfo;
  }

  offsetOf(line: number, column: number): number {
    return (this.#lines()[line] ?? this.source.length) + column;
  }

  /** Line and column, from 0. */
  placeOf(offset: number): readonly [line: number, column: number] {
    const lines = this.#lines();
    let low = 0;
    let high = lines.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if ((lines[middle] as number) <= offset)
        low = middle; // 0 <= middle < length
      else high = middle - 1;
    }
    return [low, offset - (lines[low] as number)];
  }

  #lines(): readonly number[] {
    if (this.#lineStarts === null) {
      const starts = [0];
      for (let i = this.source.indexOf('\n'); i >= 0; i = this.source.indexOf('\n', i + 1)) starts.push(i + 1);
      this.#lineStarts = starts;
    }
    return this.#lineStarts;
  }

  /** Writes a place (line and column from 0) as `file:line:column`, of the original source when there is a source map. */
  show(line: number, column: number): string {
    const entry = this.#sourceMap()?.findEntry(line, column);
    if (entry !== undefined && 'originalLine' in entry) {
      let file = entry.originalSource;
      try {
        file = fileURLToPath(new URL(file, this.url));
      } catch {
        // A source that is no file keeps the name that the map gives it.
      }
      return `${file}:${entry.originalLine + 1}:${entry.originalColumn + 1}`;
    }
    return `${this.displayName}:${line + 1}:${column + 1}`;
  }

  get displayName(): string {
    if (this.url.startsWith('file:')) return fileURLToPath(this.url);
    return this.url === '' ? '<anonymous script>' : this.url;
  }

  #sourceMap(): SourceMap | null {
    if (this.#map === undefined) {
      this.#map = null;
      try {
        if (this.hasSourceMap) this.#map = new SourceMap(readSourceMap(this.sourceMapUrl, this.url));
      } catch {
        // No map, no original positions; those of the script itself are still true.
      }
    }
    return this.#map;
  }
}

function readSourceMap(url: string, scriptUrl: string): SourceMapPayload {
  const inline = /^data:application\/json[^,]*?(;base64)?,(.*)$/s.exec(url);
  const [, base64, data = ''] = inline ?? [];
  const text =
    inline === null
      ? readFileSync(new URL(url, scriptUrl), 'utf8')
      : base64 === undefined
        ? decodeURIComponent(data)
        : Buffer.from(data, 'base64').toString();
  return JSON.parse(text) as SourceMapPayload; // a broken map fails in SourceMap and is ignored
}

/** Scripts with a source map whose functions were shipped, by URL. */
const mapped = new LruMap<string, ScriptInfo>(512);

export function rememberMappedScript(script: ScriptInfo): void {
  if (script.hasSourceMap && script.url.startsWith('file:')) mapped.set(script.url, script);
}

/**
 * Rewrites the frames of a stack that came from an executor to the original (TypeScript) positions. The driver has the
 * source maps, executors have only the text of the functions.
 */
export function remapStack(stack: string): string {
  return stack.replace(
    /((?:file:\/\/)?\/[^\s():]+):(\d+):(\d+)/g,
    (frame, file: string, line: string, column: string) => {
      const url = file.startsWith('file:') ? file : pathToFileURL(file).href;
      const script = mapped.get(url) ?? readMappedScript(url);
      return script.hasSourceMap ? script.show(Number(line) - 1, Number(column) - 1) : frame;
    },
  );
}

/** A module that an executor imported by itself: the driver has seen no function of it, but has the file. */
function readMappedScript(url: string): ScriptInfo {
  let map = '';
  try {
    const text = /\.[cm]?js$/.test(url) ? readFileSync(new URL(url), 'utf8') : '';
    map = /\n\/\/# sourceMappingURL=(\S+)\s*$/.exec(text)?.[1] ?? '';
  } catch {
    // Not a file of this machine: its frames stay as they are.
  }
  const script = new ScriptInfo(url, true, map);
  mapped.set(url, script);
  return script;
}
