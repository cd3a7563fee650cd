/**
 * A value that all copies of Iskra in a process share: the command and the application may have loaded different ones,
 * bundled and not, or of two installations.
 *
 * @param name says the shape of the value too; change it when that changes.
 */
export function processWide<T>(name: string, make: () => T): T {
  const key = Symbol.for(`iskra.${name}`);
  const holder = globalThis as { [key]?: T };
  holder[key] ??= make();
  return holder[key];
}
