import { processWide } from './process-wide.ts';

type Exports = Readonly<Record<string, unknown>>;

/** How an export of Iskra's own is named where its modules have no file each: `iskra:broadcast/broadcast.js` and its name. */
export interface OwnExport {
  readonly specifier: string;
  readonly exportName: string;
}

const SCHEME = 'iskra:';

/** The modules of one copy of Iskra whose modules are joined into one script, so that none has a URL that could be imported. */
export class OwnModules {
  readonly #exports = new Map<string, () => Exports>();
  readonly #runAll: () => void;
  readonly #names = new Map<unknown, OwnExport>();
  #numNamed = 0;

  /** @param runAll runs the modules that applications can reach, as far as they have not run. */
  constructor(runAll: () => void) {
    this.#runAll = runAll;
  }

  /** Called by each module when it has run. */
  add(path: string, exports: () => Exports): void {
    this.#exports.set(path, exports);
  }

  nameOf(value: unknown): OwnExport | null {
    if (this.#numNamed < this.#exports.size) {
      this.#numNamed = this.#exports.size;
      for (const [path, exports] of this.#exports)
        for (const [exportName, exported] of Object.entries(exports()))
          if (typeof exported === 'function') this.#names.set(exported, { specifier: SCHEME + path, exportName });
    }
    return this.#names.get(value) ?? null;
  }

  /** @returns undefined: there is no such module. */
  get(path: string): Exports | undefined {
    if (!this.#exports.has(path)) this.#runAll();
    return this.#exports.get(path)?.();
  }
}

const copies = processWide('ownModules', () => new Map<string, OwnModules>());

/** @param script URL of the script. */
export function registerOwnModules(script: string, modules: OwnModules): void {
  copies.set(script, modules);
}

/** @returns null also where each module is a file, which the usual way finds. */
export function ownExportOf(value: unknown): OwnExport | null {
  return copies.get(import.meta.url)?.nameOf(value) ?? null;
}

/** @returns the exports of a module by the specifier of an `OwnExport`, or the URL to import it from; null: it is of another kind. */
export function findOwnModule(specifier: string): Exports | string | null {
  if (!specifier.startsWith(SCHEME)) return null;
  const path = specifier.slice(SCHEME.length);
  return copies.get(import.meta.url)?.get(path) ?? new URL(`../${path}`, import.meta.url).href;
}
