import { createRequire } from 'node:module';
import type { Options, Program } from 'acorn';

type Acorn = typeof import('acorn');

let acorn: Acorn | undefined;

/** Loads the parser when the first function is analysed: executors and most commands never need it. */
export function loadParser(): Acorn {
  acorn ??= createRequire(import.meta.url)('acorn') as Acorn;
  return acorn;
}

/** Lenient on purpose: the text already runs in V8, which knows better what is allowed where. */
export const PARSE_OPTIONS: Options = {
  ecmaVersion: 'latest',
  sourceType: 'script',
  allowSuperOutsideMethod: true,
  checkPrivateFields: false,
  allowImportExportEverywhere: true,
  allowReturnOutsideFunction: true,
  allowHashBang: true,
};

export function parseScript(source: string, isModule: boolean): Program {
  return loadParser().parse(source, {
    ...PARSE_OPTIONS,
    sourceType: isModule ? 'module' : 'script',
    allowAwaitOutsideFunction: true,
  });
}
