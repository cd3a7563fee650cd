import { analyze, type FunctionAnalysis, PRIVATE_METHOD } from './analyze.ts';
import type { AnyFunction } from './any-function.ts';
import type { FunctionReader, FunctionReading } from './inspector-reader.ts';
import { LruMap } from './lru-map.ts';
import { rememberMappedScript, type ScriptInfo } from './source-positions.ts';

/** One function literal of a script. All closures made from it share this. */
export class FunctionSource {
  readonly text: string;
  readonly script: ScriptInfo;
  readonly scriptId: string;
  /** Place of the text in the script, from 0; `start` is -1 when the text is not found there. */
  readonly start: number;
  readonly line: number;
  readonly column: number;
  readonly strict: boolean;
  /** Null for functions of Node itself and when the text cannot be parsed. */
  readonly analysis: FunctionAnalysis | typeof PRIVATE_METHOD | null;
  readonly parseFailure: Error | null;
  #where: string | null = null;

  constructor(fn: AnyFunction, text: string, script: ScriptInfo, location: NonNullable<FunctionReading['location']>) {
    this.text = text;
    this.script = script;
    this.scriptId = location.scriptId;
    let { lineNumber: line, columnNumber: column } = location;
    let start = -1;
    let analysis: FunctionSource['analysis'] = null;
    let failure: Error | null = null;
    let strict = true;
    if (!script.isOfNode) {
      // V8 gives the `(` of a plain function; its text begins before.
      const at = script.offsetOf(line, column);
      const found = script.source.lastIndexOf(text, at);
      if (found >= 0 && found + text.length > at) {
        start = found;
        [line, column] = script.placeOf(found);
      }
      strict = script.strict || isStrict(fn);
      try {
        analysis = analyze(text, strict);
        if (analysis !== PRIVATE_METHOD) strict ||= analysis.form === 'class' || analysis.ownStrict;
      } catch (error) {
        failure = error instanceof Error ? error : new Error(String(error));
      }
    }
    this.start = start;
    this.line = line;
    this.column = column;
    this.strict = strict;
    this.analysis = analysis;
    this.parseFailure = failure;
  }

  /** `file:line:column` in the user's own source. */
  get where(): string {
    this.#where ??= this.script.show(this.line, this.column);
    return this.#where;
  }

  /** `file:line:column` of an offset in the text. */
  placeOf(offset: number): string {
    const before = this.text.slice(0, offset).split('\n');
    const last = before.at(-1) ?? '';
    return this.script.show(this.line + before.length - 1, (before.length === 1 ? this.column : 0) + last.length);
  }
}

/** Only plain functions tell: V8 gives the sloppy ones an own `arguments`, also when a function around them decides. */
function isStrict(fn: AnyFunction): boolean {
  return Object.prototype.toString.call(fn) === '[object Function]' && Object.hasOwn(fn, 'prototype')
    ? !Object.hasOwn(fn, 'arguments')
    : false;
}

const cache = new LruMap<string, FunctionSource>(4096);

/** Finds and analyses the literal of a function; null for native functions. */
export function sourceOf(fn: AnyFunction, reading: FunctionReading, reader: FunctionReader): FunctionSource | null {
  const { location } = reading;
  const text = Function.prototype.toString.call(fn);
  if (location === null || /\{\s*\[native code\]\s*\}$/.test(text)) return null;
  const key = `${location.scriptId}:${location.lineNumber}:${location.columnNumber}`;
  let source = cache.get(key);
  if (source === undefined || source.text !== text) {
    source = new FunctionSource(fn, text, reader.script(location.scriptId), location);
    if (!reading.blind) cache.set(key, source);
    rememberMappedScript(source.script);
  }
  return source;
}
