import { fileURLToPath, pathToFileURL } from 'node:url';
import { rebaseLiterals } from '../base/rebase-literals.ts';
import type { Wire } from './wire.ts';

/** Where a thread finds copies of the driver's modules. Folders end with a slash. */
export interface ModuleHome {
  /** What the driver's paths begin with. */
  readonly from: string;
  /** Its counterpart here. */
  readonly to: string;
  /** Whether a path that begins with `to` is there. */
  readonly has: (path: string) => boolean;
  /** Iskra itself: on the driver, and here. */
  readonly installation: { readonly from: string; readonly to: string };
  /** Added to what is said of a module that cannot be imported; empty: nothing. */
  readonly hint: string;
}

/** How a thread gets its modules when it needs them first; until then nothing is fetched. */
export interface ModuleHomeOpener {
  open(): Promise<ModuleHome>;
  openSync(): ModuleHome;
}

let opener: ModuleHomeOpener | null = null;
let home: ModuleHome | null = null;

/** For threads that do not see the driver's files. Without it modules are imported where the driver has them. */
export function setModuleHome(how: ModuleHomeOpener | null): void {
  opener = how;
  home = null;
}

/** Makes sure that what the closures import is here. */
export async function openModuleHome(wire: Wire): Promise<void> {
  if (opener !== null && home === null && needsModules(wire)) home = await opener.open();
}

export function openModuleHomeSync(wire: Wire): void {
  if (opener !== null && home === null && needsModules(wire)) home = opener.openSync();
}

/** A literal that may be the path of a file of the application. */
const PATH_LITERAL = /["'`](file:\/\/\/|\/[^/"'`\n]+\/)/;

function needsModules({ modules, nodes, codes }: Wire): boolean {
  return (
    modules.some(({ parent }) => parent !== '') ||
    codes.some(({ dynamicImport, text }) => dynamicImport || PATH_LITERAL.test(text)) ||
    nodes.some(([kind]) => kind === 'meta' || kind === 'require')
  );
}

/** A path of the driver's as it is here. */
export function localPath(path: string): string {
  if (home === null) return path;
  const { from, to, installation } = home;
  if (path.startsWith(installation.from)) return installation.to + path.slice(installation.from.length);
  return path.startsWith(from) && !path.startsWith(to) ? to + path.slice(from.length) : path;
}

/** A file URL of the driver's as it is here; other URLs stay. */
export function localUrl(url: string): string {
  if (home === null || !url.startsWith('file:')) return url;
  const [, plain = url, suffix = ''] = /^([^?#]*)(.*)$/s.exec(url) ?? [];
  return pathToFileURL(localPath(fileURLToPath(plain))).href + suffix;
}

/** The text of a function with the paths of the application's files led to their copies. */
export function localText(text: string): string {
  return home === null ? text : rebaseLiterals(text, home);
}

/** A message or stack with the driver's paths instead of those of the copies, for the user knows no others. */
export function driverText(text: string): string {
  return home === null
    ? text
    : text.replaceAll(home.to, home.from).replaceAll(encodeURI(home.to), encodeURI(home.from));
}

export function homeHint(): string {
  return home === null || home.hint === '' ? '' : `; ${home.hint}`;
}
