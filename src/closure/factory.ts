import vm from 'node:vm';
import type { AnyFunction } from './any-function.ts';
import { LruMap } from './lru-map.ts';
import { localText, localUrl } from './module-home.ts';
import { DEFAULT_LOADER, withoutExperimentalWarnings } from './module-loader.ts';
import type { Code } from './wire.ts';

/** Makes one function from captured values. The setter assigns names whose values did not exist yet. */
export type Factory = (
  ...captured: readonly unknown[]
) => readonly [AnyFunction, (name: string, value: unknown) => void];

/** A slot meets the same literals again and again; each is compiled once per thread. */
const factories = new LruMap<string, Factory>(2048);

/** Names one literal with its factory's signature; equal for equal code. */
export function codeKey(code: Code): string {
  return `${code.url}:${code.line}:${code.column}|${code.params.join()}|${code.self}|${code.name}|${code.text}`;
}

/**
 * Compiles the factory of a literal.
 *
 * Captured values are parameters, so they cost what they cost in the original. Only names in a cycle go through a
 * setter. The text starts at its original line and column, so stack traces point at the user's file.
 */
export function factoryFor(code: Code, late: readonly string[]): Factory {
  const key = `${late.join()}|${codeKey(code)}`;
  let factory = factories.get(key);
  if (factory === undefined) {
    factory = compile(code, late);
    factories.set(key, factory);
  }
  return factory;
}

function compile(code: Code, late: readonly string[]): Factory {
  const indent = ' '.repeat(Math.max(0, code.column - code.prefix.length));
  const cases = late.map((name) => `case ${JSON.stringify(name)}:${name}=__iskra_v;break;`).join('');
  const setter = late.length === 0 ? '0' : `function(__iskra_n,__iskra_v){switch(__iskra_n){${cases}}}`;
  // A constant would give its name to an anonymous function, in stack traces as well; an array literal does not.
  const [before, after] =
    code.self === null ? ['return [', `,${setter}]`] : [`const ${code.self}=`, `;return [${code.self},${setter}]`];
  const text = [
    `(function(${code.params.join()}){${code.strict ? '"use strict";' : ''}${before}`,
    `${indent}${code.prefix}${localText(code.text)}${code.suffix}`,
    `${after}})`,
  ].join('\n');
  const options: vm.ScriptOptions = {
    // What it imports is found from where the copy lies; else errors show the driver's file as it is.
    filename: code.url === '' ? 'closure' : code.dynamicImport ? localUrl(code.url) : code.url,
    lineOffset: code.line - 1,
    ...(code.dynamicImport ? { importModuleDynamically: DEFAULT_LOADER } : {}),
  };
  return withoutExperimentalWarnings(() => new vm.Script(text, options).runInThisContext() as Factory);
}
